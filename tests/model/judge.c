/* judge.c - see judge.h: from a step to bytes, and when its replies are due.
 * SPDX-License-Identifier: MIT
 *
 * Commands whose connector answers at once are one moment: the model runs them, in order, when their replies are there.
 * With a connector that answers later others come in between; then the model runs the parts of a command at the very
 * moments at which the connector was asked. It never sees with what. */
#include "judge.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

bool judge_fault(judge *j, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    if (!*j->fault)
        vsnprintf(j->fault, sizeof j->fault, format, args);
    va_end(args);
    return false;
}

/* The connector was asked by a command that is under way. */
static void event(void *context, unsigned n, rig_event what)
{
    judge *j = context;
    act *a = &j->acts[n];
    j->saw[n] |= what == RIG_LOOKED;
    j->saw_news[n] |= what == RIG_NEWS;
    if (!j->busy[n])
        return;
    if (what == RIG_CHANGED && !a->changed)
        act_change(j, a, n);
    else if (what == RIG_LOOKED)
        act_look(j, a, n);
    else if (what == RIG_READ && !a->read)
        act_read(j, a, n);
}

void judge_init(judge *j, rig_kind kind, FILE *trace)
{
    memset(j, 0, sizeof *j);
    j->trace = trace;
    j->numbers = calloc(2 * REPLY_NUMBERS, sizeof *j->numbers);
    if (!j->numbers)
        abort();
    text_init(&j->pipe_bytes, NULL, 1 << 20);
    world_init(&j->w, kind == RIG_VAULT);
    j->w.subscribed[0] = true; /* as a new account has it */
    rig_init(&j->r, kind);
    j->r.event = event;
    j->r.context = j;
}

void judge_fini(judge *j)
{
    j->r.event = event;
    memset(j->busy, 0, sizeof j->busy);
    rig_fini(&j->r);
    text_fini(&j->pipe_bytes);
    free(j->numbers);
}

/* ----------------------------------------------------------------------------------------------- To bytes */

static void add_flags(text *out, unsigned flags)
{
    bool first = true;
    text_add_byte(out, '(');
    for (unsigned i = 0; i < 8; i++)
        if (flags & 1u << i) {
            text_print(out, "%s%s", first ? "" : " ", flag_names[i]);
            first = false;
        }
    text_add_byte(out, ')');
}

static void add_fetch(const act *a, text *out)
{
    static const struct {
        unsigned item;
        const char *name;
    } items[] = {{ITEM_FLAGS, "FLAGS"},       {ITEM_UID, "UID"},          {ITEM_DATE, "INTERNALDATE"},
                 {ITEM_SIZE, "RFC822.SIZE"},  {ITEM_PEEK, "BODY.PEEK[]"}, {ITEM_BODY, "BODY[]"},
                 {ITEM_ENVELOPE, "ENVELOPE"}, {ITEM_MODSEQ, "MODSEQ"}};
    bool first = true;
    text_print(out, "FETCH %s (", a->st.set);
    for (size_t i = 0; i < sizeof items / sizeof *items; i++)
        if (a->st.items & items[i].item) {
            text_print(out, "%s%s", first ? "" : " ", items[i].name);
            first = false;
        }
    text_add_byte(out, ')');
    if (a->since.modseq || *a->range)
        text_add_str(out, " (");
    if (*a->range)
        text_print(out, "PARTIAL %s%s", a->range, a->since.modseq ? " " : ")");
    if (a->since.modseq)
        text_print(out, "CHANGEDSINCE %" PRIu64 "%s)", a->since.modseq, a->st.resync ? " VANISHED" : "");
}

static void add_search(const act *a, text *out)
{
    static const char *const sorts[SORTS] = {"ARRIVAL",         "SIZE",    "REVERSE SIZE",
                                             "REVERSE ARRIVAL", "SUBJECT", "REVERSE SUBJECT SIZE"};
    static const char *const options[] = {"", "MIN", "MAX", "ALL", "COUNT", "SAVE", "PARTIAL", "UPDATE", "CONTEXT"};
    bool first = true;
    if (a->st.op == OP_ESEARCH)
        text_print(out, "ESEARCH%s ", sources[a->st.n].text);
    else if (a->st.op == OP_THREAD)
        text_print(out, "THREAD %s UTF-8 ", a->st.how & 1u ? "REFERENCES" : "ORDEREDSUBJECT");
    else
        text_add_str(out, a->st.op == OP_SORT ? "SORT " : "SEARCH ");
    for (unsigned i = 1; i < sizeof options / sizeof *options; i++)
        if (a->st.ret & 1u << i) {
            text_print(out, "%s%s", first ? "RETURN (" : " ", options[i]);
            if (1u << i == RETURN_PARTIAL)
                text_print(out, " %s", a->range);
            first = false;
        }
    if (a->st.ret)
        text_add_str(out, first ? "RETURN () " : ") ");
    if (a->st.op == OP_SORT)
        text_print(out, "(%s) UTF-8 ", sorts[a->st.how % SORTS]);
    for (const char *k = a->st.keys; *k; k++)
        if (*k != '_' || (k[-1] != '(' && k[1] != ')'))
            text_add_byte(out, *k == '_' || *k == '~' ? ' ' : *k);
    if (a->since.modseq)
        text_print(out, " MODSEQ %" PRIu64, a->since.modseq + 1);
}

/* RFC 4469: the same message, from pieces or from URLs. */
static void add_catenate(const judge *j, const act *a, text *out)
{
    const char *name = j->w.boxes[(a->st.resync - 1) % WORLD_BOXES].name;
    size_t size;
    const char *bytes = content_of(a->st.items, &size);
    text_add_byte(out, ' ');
    add_flags(out, a->st.flags);
    text_print(out, " \"%s\" CATENATE (", dates[a->st.date % DATES]);
    if (a->st.how == 0)
        text_print(out, "TEXT {%zu+}\r\n%.*s TEXT {%zu+}\r\n%s", size / 3, (int)(size / 3), bytes, size - size / 3,
                   bytes + size / 3);
    else if (a->st.how == 1)
        text_print(out, "URL \"/%s/;UID=%u\"", name, a->st.n);
    else
        text_print(out, "URL \"/%s/;UID=%u/;SECTION=HEADER\" URL \"/%s/;UID=%u/;SECTION=TEXT\"", name, a->st.n, name,
                   a->st.n);
    text_add_byte(out, ')');
}

static void add_append(const judge *j, const act *a, text *out)
{
    bool replace = a->st.op == OP_REPLACE;
    text_print(out, "%s%s %s", replace ? "REPLACE " : "APPEND", replace ? a->st.set : "", j->w.boxes[a->st.box].name);
    if (a->st.op == OP_APPEND && a->st.resync) {
        add_catenate(j, a, out);
        return;
    }
    for (unsigned i = 0; i < (replace ? 1 : a->st.n); i++) {
        size_t size;
        const char *bytes = content_of(a->st.items + i, &size);
        text_add_byte(out, ' ');
        add_flags(out, a->st.flags);
        text_print(out, " \"%s\" {%zu+}\r\n", dates[a->st.date % DATES], size);
        text_add(out, span_of(bytes, size));
    }
}

/* The known UIDs (what is not given is not known then), and numbers with their UIDs. */
static void add_known(viewer *v, act *a, text *out)
{
    size_t every = v->kept.count / JUDGE_MATCHES + 1, left = 0;
    for (size_t i = every - 1; a->st.how & 4u && !v->uidonly && !v->kept.some && i < v->kept.count; i += every) {
        a->matches[a->matches_count][0] = (uint32_t)i + 1;
        a->matches[a->matches_count++][1] = v->kept.at[i].uid;
    }
    for (size_t i = 0; a->known_given && i < v->kept.count; i += a->st.how & 2u ? 2 : 1) {
        text_print(out, "%c%u", left ? ',' : ' ', v->kept.at[i].uid);
        v->kept.at[left++] = v->kept.at[i];
    }
    v->kept.some |= a->known_given && left < v->kept.count;
    if (a->known_given)
        v->kept.count = left;
    for (unsigned side = 0; side < 2 && a->matches_count; side++)
        for (size_t i = 0; i < a->matches_count; i++)
            text_print(out, "%s%u", i ? "," : side ? " " : " (", a->matches[i][side]);
    if (a->matches_count)
        text_add_byte(out, ')');
}

static void add_select(judge *j, act *a, unsigned n, text *out)
{
    viewer *v = &j->w.viewers[n];
    const box *b = &j->w.boxes[a->st.box];
    text_print(out, "%s %s", a->st.op == OP_SELECT ? "SELECT" : "EXAMINE", b->name);
    a->resync = a->st.resync == 2 && v->qresync && v->kept.there && v->kept.box == (int)a->st.box && b->exists &&
                v->kept.generation == b->generation && b->uidvalidity && v->kept.highest;
    if (!a->resync && a->st.resync)
        text_add_str(out, " (CONDSTORE)");
    if (!a->resync)
        return;
    bool other = a->st.how & 8u; /* then it is as without (RFC 7162 section 3.2.5) */
    text_print(out, " (QRESYNC (%u %" PRIu64, b->uidvalidity + other, v->kept.highest);
    a->known_given = a->st.how & 1u && v->kept.count;
    add_known(v, a, out);
    text_add_str(out, "))");
    a->resync = !other;
}

static void add_store(const act *a, text *out)
{
    text_print(out, "STORE %s ", a->st.set);
    if (a->since.modseq)
        text_print(out, "(UNCHANGEDSINCE %" PRIu64 ") ", a->since.modseq);
    text_print(out, "%sFLAGS%s ", a->st.how == 1 ? "+" : a->st.how == 2 ? "-" : "", a->st.silent ? ".SILENT" : "");
    add_flags(out, a->st.flags);
}

static void add_notify(const act *a, text *out)
{
    const step *st = &a->st;
    if (!st->how) {
        text_add_str(out, "NOTIFY NONE");
        return;
    }
    text_print(out, "NOTIFY SET%s", st->silent ? " STATUS" : "");
    if (st->how != 3)
        text_print(out, " (%s (MessageNew%s MessageExpunge%s))", st->how == 1 ? "selected" : "selected-delayed",
                   st->items & ITEM_FLAGS  ? " (UID FLAGS)"
                   : st->items & ITEM_SIZE ? " (UID RFC822.SIZE)"
                   : st->items             ? " (UID)"
                                           : "",
                   st->flags ? " FlagChange" : "");
    text_add_str(out, wishes[st->n].text);
}

static void add_cancel(const judge *j, const act *a, unsigned n, text *out)
{
    const viewer *v = &j->w.viewers[n];
    text_add_str(out, "CANCELUPDATE");
    for (unsigned i = 0; i < 1 + (a->st.how & 1u); i++)
        text_print(out, " \"%s\"", v->contexts_count ? v->contexts[(a->st.n + i) % v->contexts_count].tag : "none");
}

static void add_command(judge *j, act *a, unsigned n, text *out)
{
    static const char *const plain[OPS] = {[OP_NOOP] = "NOOP",   [OP_CHECK] = "CHECK", [OP_UNSELECT] = "UNSELECT",
                                           [OP_CLOSE] = "CLOSE", [OP_IDLE] = "IDLE",   [OP_LOGOUT] = "LOGOUT"};
    const char *name = j->w.boxes[a->st.box].name;
    text_print(out, "%s %s", a->tag, a->st.uid && a->st.op != OP_ESEARCH ? "UID " : "");
    switch (a->st.op) {
    case OP_SELECT:
    case OP_EXAMINE:
        add_select(j, a, n, out);
        break;
    case OP_FETCH:
        add_fetch(a, out);
        break;
    case OP_STORE:
        add_store(a, out);
        break;
    case OP_SEARCH:
    case OP_SORT:
    case OP_ESEARCH:
    case OP_THREAD:
        add_search(a, out);
        break;
    case OP_COPY:
    case OP_MOVE:
        text_print(out, "%s %s %s", a->st.op == OP_COPY ? "COPY" : "MOVE", a->st.set, name);
        break;
    case OP_EXPUNGE:
        text_print(out, "EXPUNGE%s%s", a->st.uid ? " " : "", a->st.uid ? a->st.set : "");
        break;
    case OP_APPEND:
    case OP_REPLACE:
        add_append(j, a, out);
        break;
    case OP_STATUS:
        text_print(out, "STATUS %s (MESSAGES %sUNSEEN UIDNEXT UIDVALIDITY SIZE)", name,
                   j->w.viewers[n].rev2 ? "" : "RECENT ");
        break;
    case OP_RENAME:
        text_print(out, "RENAME %s %s", name, j->w.boxes[a->st.n % WORLD_BOXES].name);
        break;
    case OP_CREATE:
    case OP_DELETE:
        text_print(out, "%s %s", a->st.op == OP_CREATE ? "CREATE" : "DELETE", name);
        break;
    case OP_NOTIFY:
        add_notify(a, out);
        break;
    case OP_LIST:
        text_print(out, "LIST %s\"\" %s%s%s%s", a->st.how == 2 ? "(SUBSCRIBED) " : "",
                   a->st.how == 3 ? "(A INBOX)" : "*", a->st.how ? " RETURN (" : "",
                   a->st.how == 3 ? "SUBSCRIBED " : "",
                   a->st.how ? "STATUS (MESSAGES UNSEEN UIDNEXT UIDVALIDITY DELETED SIZE))" : "");
        break;
    case OP_SUBSCRIBE:
        text_print(out, "%sSUBSCRIBE %s", a->st.how & 1u ? "UN" : "", name);
        break;
    case OP_CANCEL:
        add_cancel(j, a, n, out);
        break;
    case OP_ENABLE:
        text_print(out, "ENABLE %s",
                   a->st.resync == 4   ? "UIDONLY"
                   : a->st.resync == 3 ? "IMAP4rev2"
                   : a->st.resync == 2 ? "QRESYNC"
                                       : "CONDSTORE");
        break;
    default:
        text_add_str(out, plain[a->st.op]);
    }
    text_add_str(out, "\r\n");
}

/* --------------------------------------------------------------------------------------------------- Runs */

static void trace(judge *j, unsigned n, const char *who, const char *bytes, size_t size)
{
    if (!j->trace)
        return;
    fprintf(j->trace, "%u %s ", n, who);
    for (size_t i = 0; i < size; i++) {
        fputc(bytes[i], j->trace);
        if (bytes[i] == '\n' && i + 1 < size)
            fprintf(j->trace, "%u %s ", n, who);
    }
    if (size && bytes[size - 1] != '\n')
        fputc('\n', j->trace);
}

/* As a client that has lost its connection: what it knew stays for QRESYNC. */
static void keep(viewer *v, const world *w)
{
    bool there = v->selected && v->qresync && v->highest && !viewer_dead(w, v) && (!v->notify.set || v->notify.flags);
    if (!there)
        return;
    v->kept.there = true;
    v->kept.some = false;
    v->kept.box = v->box;
    v->kept.generation = v->generation;
    v->kept.highest = v->highest;
    v->kept.count = v->count;
    memcpy(v->kept.at, v->at, sizeof v->at);
}

static void leave(judge *j, unsigned n)
{
    viewer *v = &j->w.viewers[n];
    keep(v, &j->w);
    viewer_unselect(v);
    v->idle = v->condstore = v->qresync = v->rev2 = v->uidonly = false;
    memset(&v->notify, 0, sizeof v->notify);
    rig_drop(&j->r, n);
}

/* The replies of a command are there: what the model has not done yet happens now. */
static bool conclude(judge *j, act *a, unsigned n)
{
    text *said = &j->r.sessions[n].said;
    trace(j, n, "S:", said->size ? said->data : "", said->size);
    if (!a->begun)
        act_begin(j, a, n);
    if (!a->read && (a->st.op == OP_STATUS || a->st.op == OP_APPEND || a->st.op == OP_REPLACE))
        act_read(j, a, n);
    if (!a->changed)
        act_change(j, a, n);
    if (!a->looked)
        act_look(j, a, n);
    bool good = act_check(j, a, n);
    j->commands++;
    j->saw[n] = false;
    bool stays =
        a->dead && j->w.viewers[n].notify.set; /* without news of the mailbox the client may hear of it later */
    if (good && (a->dead || a->st.op == OP_LOGOUT) && !(stays && !rig_ended(&j->r, n))) {
        if (!rig_ended(&j->r, n))
            return judge_fault(j, "session %u %s: the connection does not end", n, a->tag);
        leave(j, n);
    }
    return good;
}

static bool check_idlers(judge *j)
{
    for (unsigned n = 0; n < RIG_SESSIONS; n++) {
        text *said = &j->r.sessions[n].said;
        bool idle = j->w.viewers[n].idle, watch = j->w.viewers[n].notify.set && !j->busy[n] && j->r.sessions[n].session;
        if (!idle && !watch)
            continue;
        trace(j, n, "S:", said->size ? said->data : "", said->size);
        if (!(idle ? idle_check : watch_check)(j, &j->acts[n], n))
            return false;
        j->saw[n] = j->saw_news[n] = false;
        if (j->acts[n].dead && rig_ended(&j->r, n))
            leave(j, n);
    }
    return true;
}

static bool flush(judge *j)
{
    unsigned n = j->pipe_session;
    size_t count = j->pipe_count;
    if (!count)
        return true;
    j->pipe_count = 0;
    j->r.tag[n] = j->tags;
    trace(j, n, "C:", j->pipe_bytes.data, j->pipe_bytes.size);
    rig_send(&j->r, n, j->pipe_bytes.data, j->pipe_bytes.size);
    text_clear(&j->pipe_bytes);
    for (size_t i = 0; i < count; i++) {
        if (!conclude(j, &j->pipe[i], n))
            return false;
        if (!j->r.sessions[n].session) /* BYE: the rest was not heard */
            break;
    }
    return check_idlers(j);
}

/* A command under way goes on, by one answer of the connector. */
static bool go(judge *j, unsigned n)
{
    rig_go(&j->r, n);
    if (rig_waits(&j->r, n))
        return check_idlers(j);
    j->busy[n] = j->r.later[n] = false;
    return conclude(j, &j->acts[n], n) && check_idlers(j);
}

static bool finish_one(judge *j, unsigned n)
{
    while (j->busy[n])
        if (!go(j, n))
            return false;
    return true;
}

static bool take_plus(judge *j, unsigned n)
{
    text *said = &j->r.sessions[n].said;
    reply r = {.numbers = j->numbers};
    const char *why = "no reply";
    trace(j, n, "S:", said->size ? said->data : "", said->size);
    long size = reply_read(said->data, said->size, &r, &why);
    if (size <= 0 || r.kind != REPLY_PLUS)
        return judge_fault(j, "session %u: IDLE is not continued: %s", n, why);
    text_drop(said, (size_t)size);
    return true;
}

static bool start_idle(judge *j, act *a, unsigned n, text *bytes)
{
    act_begin(j, a, n);
    rig_send(&j->r, n, bytes->data, bytes->size);
    if (!take_plus(j, n))
        return false;
    j->w.viewers[n].idle = true;
    j->acts[n] = *a;
    return check_idlers(j);
}

static bool end_idle(judge *j, unsigned n)
{
    act *a = &j->acts[n];
    j->w.viewers[n].idle = false;
    a->looked = a->dead = false;
    trace(j, n, "C:", "DONE\r\n", 6);
    rig_send(&j->r, n, "DONE\r\n", 6);
    return conclude(j, a, n) && check_idlers(j);
}

static void make(judge *j, act *a, const step *st, text *bytes)
{
    unsigned n = st->session;
    const viewer *v = &j->w.viewers[n];
    memset(a, 0, sizeof *a);
    a->st = *st;
    snprintf(a->tag, sizeof a->tag, "t%lu", ++j->tags);
    bool search = st->op == OP_SEARCH || st->op == OP_SORT || st->op == OP_ESEARCH;
    if (search && st->op != OP_ESEARCH && st->n && st->n <= v->contexts_count && st->ret & RETURN_UPDATE)
        snprintf(a->tag, sizeof a->tag, "%s", v->contexts[st->n - 1].tag);
    snprintf(a->range, sizeof a->range, "%s",
             search && st->ret & RETURN_PARTIAL ? st->set
             : st->op == OP_FETCH               ? st->keys
                                                : "");
    if (st->op == OP_FETCH && *a->range)
        a->st.uid = 1;
    const box *b = &j->w.boxes[v->box];
    if (st->point && v->selected && !viewer_dead(&j->w, v) && st->point <= b->points_count)
        a->since = b->points[st->point - 1];
    if (a->since.modseq && a->st.items & ITEM_BODY)
        a->st.items = (a->st.items & ~(unsigned)ITEM_BODY) | ITEM_PEEK;
    if (v->notify.set && v->notify.selected == 1) /* RFC 5465 section 5.3: numbers mean nothing */
        a->st.uid = st->op == OP_FETCH || st->op == OP_STORE || st->op == OP_SEARCH || st->op == OP_SORT ||
                    st->op == OP_THREAD || st->op == OP_COPY || st->op == OP_MOVE || st->op == OP_REPLACE || st->uid;
    if (st->op == OP_ESEARCH) {
        a->st.n = st->n % SOURCES;
        a->st.uid = 1; /* that is what it gives */
    }
    if (st->op == OP_NOTIFY) {
        a->st.how %= 4;
        a->st.n = a->st.how == 3 && !(st->n % WISHES) ? 1 : st->n % WISHES;
    }
    if (st->op == OP_APPEND && st->resync && st->how) {
        box *from = &j->w.boxes[(st->resync - 1) % WORLD_BOXES];
        const message *m = from->exists ? messages_find(&from->here, st->n) : NULL;
        a->bad_url = !m;
        a->st.items = m ? m->content : st->items;
    }
    if (st->op == OP_SUBSCRIBE && j->r.kind == RIG_MEMORY) /* it takes no names without a mailbox */
        a->st.op = OP_NOOP;
    if (st->op == OP_FETCH && !st->items)
        a->st.items = ITEM_FLAGS;
    if (!v->qresync && st->op == OP_FETCH)
        a->st.resync = 0;
    add_command(j, a, n, bytes);
}

static bool start_later(judge *j, const step *st)
{
    unsigned n = st->session;
    act *a = &j->acts[n];
    text bytes;
    text_init(&bytes, NULL, 1 << 20);
    make(j, a, st, &bytes);
    act_begin(j, a, n);
    j->r.tag[n] = j->tags;
    j->busy[n] = j->r.later[n] = true;
    trace(j, n, "C:", bytes.data, bytes.size);
    rig_send(&j->r, n, bytes.data, bytes.size);
    text_fini(&bytes);
    if (rig_waits(&j->r, n))
        return check_idlers(j);
    j->busy[n] = j->r.later[n] = false;
    return conclude(j, a, n) && check_idlers(j);
}

static bool start(judge *j, const step *st)
{
    unsigned n = st->session;
    if (st->op == OP_IDLE) {
        act a;
        text bytes;
        text_init(&bytes, NULL, 1024);
        make(j, &a, st, &bytes);
        trace(j, n, "C:", bytes.data, bytes.size);
        bool good = start_idle(j, &a, n, &bytes);
        text_fini(&bytes);
        return good;
    }
    bool at_once = st->op == OP_ESEARCH || (st->op == OP_LIST && st->how) || (st->op == OP_APPEND && st->resync);
    if (st->later && !at_once && st->op != OP_LOGOUT && st->op != OP_NOTIFY && !(st->ret & RETURN_UPDATE && st->n))
        return start_later(j, st);
    j->pipe_session = n;
    make(j, &j->pipe[j->pipe_count++], st, &j->pipe_bytes);
    const viewer *v = &j->w.viewers[n];
    bool more = st->pipe && st->op != OP_NOTIFY && (!v->notify.set || v->notify.selected == 1) &&
                j->pipe_count < JUDGE_PIPE && st->op != OP_LOGOUT;
    return more || flush(j);
}

bool judge_step(judge *j, const step *st)
{
    unsigned n = st->session;
    viewer *v = &j->w.viewers[n];
    bool alone = st->op == OP_GO || st->op == OP_DONE || st->op == OP_DROP || st->op == OP_IDLE || st->later ||
                 st->point || st->resync || st->op == OP_NOTIFY || st->op == OP_CANCEL;
    if (j->pipe_count && (n != j->pipe_session || alone) && !flush(j))
        return false;
    if (st->op == OP_GO)
        return !j->busy[n] || go(j, n);
    if (st->op == OP_DROP) {
        bool busy = j->busy[n];
        leave(j, n); /* what was asked is still done, and the model hears of it */
        j->busy[n] = j->r.later[n] = false;
        if (busy)
            v->kept.there = false;
        return check_idlers(j);
    }
    if (!finish_one(j, n) || (v->idle && !end_idle(j, n)))
        return false;
    if (st->op == OP_DONE)
        return true;
    if (!j->r.sessions[n].session)
        rig_connect(&j->r, n);
    return start(j, st);
}

bool judge_finish(judge *j)
{
    bool good = flush(j);
    for (unsigned n = 0; good && n < RIG_SESSIONS; n++) {
        good = finish_one(j, n);
        if (good && j->w.viewers[n].idle)
            good = end_idle(j, n);
        step last = {.session = n, .op = OP_NOOP};
        if (good && j->r.sessions[n].session)
            good = start(j, &last);
    }
    return good;
}
