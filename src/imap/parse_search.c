/* parse_search.c - see parse_search.h
 * SPDX-License-Identifier: MIT */
#include "imap/parse_search.h"

#include "base/charset.h"
#include "base/clock.h"
#include "base/regex_literal.h"

enum {
    fuzzy_words_max = 16 /* of one text looked for fuzzily: what people type has under 10 */
};

typedef enum argument {
    NONE,
    TEXT,
    DATE,
    NUMBER,
    INTERVAL,
    MODSEQ,
    KEYWORD,
    OBJECT,
    HEADER,
    UIDS,
    UID_AFTER,
    UID_BEFORE,
    FUZZY,
    REGEX,
    FILTER,
    KEYS /* other keys: 1 or 2 */
} argument;

static const struct key_word {
    const char *name;
    search_kind kind;
    unsigned value; /* flag or fact */
    argument argument;
    bool negated;
} key_words[] = {
    {"ALL", SEARCH_ALL, 0, NONE, false},
    {"ANSWERED", SEARCH_FLAG, LL_FLAG_ANSWERED, NONE, false},
    {"BCC", SEARCH_ENVELOPE, SEARCH_BCC, TEXT, false},
    {"BEFORE", SEARCH_BEFORE, 0, DATE, false},
    {"BODY", SEARCH_BODY, 0, TEXT, false},
    {"CC", SEARCH_ENVELOPE, SEARCH_CC, TEXT, false},
    {"DELETED", SEARCH_FLAG, LL_FLAG_DELETED, NONE, false},
    {"DRAFT", SEARCH_FLAG, LL_FLAG_DRAFT, NONE, false},
    {"EMAILID", SEARCH_EMAILID, 0, OBJECT, false},
    {"FILTER", SEARCH_AND, 0, FILTER, false},
    {"FLAGGED", SEARCH_FLAG, LL_FLAG_FLAGGED, NONE, false},
    {"FROM", SEARCH_ENVELOPE, SEARCH_FROM, TEXT, false},
    {"FUZZY", SEARCH_AND, 0, FUZZY, false},
    {"HEADER", SEARCH_HEADER, 0, HEADER, false},
    {"KEYWORD", SEARCH_KEYWORD, 0, KEYWORD, false},
    {"LARGER", SEARCH_LARGER, 0, NUMBER, false},
    {"MODSEQ", SEARCH_MODSEQ, 0, MODSEQ, false},
    {"NEW", SEARCH_AND, 0, NONE, false}, /* (RECENT UNSEEN) */
    {"NOT", SEARCH_NOT, 0, KEYS, false},
    {"OLD", SEARCH_RECENT, 0, NONE, true},
    {"OLDER", SEARCH_OLDER, 0, INTERVAL, false},
    {"ON", SEARCH_ON, 0, DATE, false},
    {"OR", SEARCH_OR, 0, KEYS, false},
    {"RECENT", SEARCH_RECENT, 0, NONE, false},
    {"SAVEDATESUPPORTED", SEARCH_SAVEDATE, 0, NONE, false},
    {"SAVEDBEFORE", SEARCH_SAVEDBEFORE, 0, DATE, false},
    {"SAVEDON", SEARCH_SAVEDON, 0, DATE, false},
    {"SAVEDSINCE", SEARCH_SAVEDSINCE, 0, DATE, false},
    {"SEEN", SEARCH_FLAG, LL_FLAG_SEEN, NONE, false},
    {"SENTBEFORE", SEARCH_SENTBEFORE, 0, DATE, false},
    {"SENTON", SEARCH_SENTON, 0, DATE, false},
    {"SENTSINCE", SEARCH_SENTSINCE, 0, DATE, false},
    {"SINCE", SEARCH_SINCE, 0, DATE, false},
    {"SMALLER", SEARCH_SMALLER, 0, NUMBER, false},
    {"SUBJECT", SEARCH_ENVELOPE, SEARCH_SUBJECT, TEXT, false},
    {"TEXT", SEARCH_TEXT, 0, TEXT, false},
    {"THREADID", SEARCH_THREADID, 0, OBJECT, false},
    {"TO", SEARCH_ENVELOPE, SEARCH_TO, TEXT, false},
    {"UID", SEARCH_UID_SET, 0, UIDS, false},
    {"UIDAFTER", SEARCH_UID_SET, 0, UID_AFTER, false},
    {"UIDBEFORE", SEARCH_UID_SET, 0, UID_BEFORE, false},
    {"UNANSWERED", SEARCH_FLAG, LL_FLAG_ANSWERED, NONE, true},
    {"UNDELETED", SEARCH_FLAG, LL_FLAG_DELETED, NONE, true},
    {"UNDRAFT", SEARCH_FLAG, LL_FLAG_DRAFT, NONE, true},
    {"UNFLAGGED", SEARCH_FLAG, LL_FLAG_FLAGGED, NONE, true},
    {"UNKEYWORD", SEARCH_KEYWORD, 0, KEYWORD, true},
    {"UNSEEN", SEARCH_FLAG, LL_FLAG_SEEN, NONE, true},
    {"XREGEX", SEARCH_BODY, 0, REGEX, false},
    {"YOUNGER", SEARCH_YOUNGER, 0, INTERVAL, false},
};

/* Fields of HEADER that the index has. */
static const struct {
    const char *name;
    search_fact fact;
} fact_fields[] = {
    {"Message-ID", SEARCH_MESSAGE_ID}, {"In-Reply-To", SEARCH_IN_REPLY_TO}, {"References", SEARCH_REFERENCES}};

/* A key that holds others, of which some have not come yet. Frames lie in the arena and not on the stack: clients join
 * 50 addresses with nested OR, and strangers write what they like. */
typedef struct frame frame;
struct frame {
    frame *up;
    search_key *key; /* what they become children of */
    unsigned wanted; /* so many more; of a list: 0 */
    bool list;       /* "(" keys ")", or all of the input */
    bool fuzzy;      /* of what is around it */
};

typedef struct parser {
    search_keys *out;
    lexer *in;
    ll_span charset;
    size_t keys_max, ranges_max;
    unsigned passes;
    bool fuzzy;
    frame *top, *spare;
    size_t open; /* frames */
} parser;

static ll_status take_all(parser *p, search_key **out);

static ll_status new_key(parser *p, search_kind kind, search_key **out)
{
    if (p->out->keys_count >= p->keys_max)
        return LL_ELIMIT;
    p->out->keys_count++;
    search_key *key = arena_new(p->in->memory, sizeof *key);
    *out = key;
    if (!key)
        return arena_status(p->in->memory) == LL_ELIMIT ? LL_ELIMIT : LL_ENOMEM;
    key->kind = kind;
    return LL_OK;
}

static ll_status add_leaf(parser *p, search_key *key)
{
    search_keys *out = p->out;
    if (out->leaves_count == out->leaves_room) {
        size_t room = out->leaves_room ? out->leaves_room * 2 : 8;
        search_key **more = arena_array(p->in->memory, room, sizeof *more);
        if (!more)
            return arena_status(p->in->memory);
        if (out->leaves_count)
            memcpy(more, out->leaves, out->leaves_count * sizeof *more);
        out->leaves = more;
        out->leaves_room = room;
    }
    out->leaves[out->leaves_count++] = key;
    out->rows = out->rows || key->kind >= SEARCH_BEFORE;
    out->index = out->index || key->kind >= SEARCH_SENTBEFORE;
    out->header =
        out->header || (key->kind >= SEARCH_ENVELOPE && key->kind <= SEARCH_HEADER) || key->kind == SEARCH_TEXT;
    out->ids = out->ids || key->kind == SEARCH_EMAILID || key->kind == SEARCH_THREADID;
    out->modseq = out->modseq || key->kind == SEARCH_MODSEQ;
    out->numbers = out->numbers || (key->kind == SEARCH_SET && !key->set.saved);
    out->body = out->body || key->kind == SEARCH_BODY || key->kind == SEARCH_TEXT;
    return LL_OK;
}

/* "SP astring" in the charset of the command, folded. */
static ll_status take_text(parser *p, search_key *key)
{
    ll_span written;
    text folded;
    if (!lexer_space(p->in) || !lexer_astring(p->in, &written))
        return LL_ESYNTAX;
    text_init(&folded, p->in->memory->allocator, 18 * written.size + 64); /* see search_text.c, fold_growth */
    ll_status status = search_text_fold(p->charset, written, &folded);
    if (!status) {
        key->needle.folded = arena_copy(p->in->memory, text_span(&folded));
        status = arena_status(p->in->memory);
    }
    text_fini(&folded);
    if (!key->needle.folded.size && (key->kind == SEARCH_BODY || key->kind == SEARCH_TEXT))
        key->kind = SEARCH_ALL; /* the empty string is in every text */
    return status;
}

/* "SP date": with or without quotes. */
static ll_status take_date(parser *p, search_key *key)
{
    ll_span date;
    int64_t seconds;
    if (!lexer_space(p->in) || !lexer_astring(p->in, &date) || !clock_parse_imap_date(date, &seconds))
        return LL_ESYNTAX;
    key->number = (seconds - (seconds % 86400 + 86400) % 86400) / 86400;
    return LL_OK;
}

static ll_status take_number(parser *p, search_key *key)
{
    uint64_t number;
    if (!lexer_space(p->in) || !lexer_number64(p->in, &number))
        return LL_ESYNTAX;
    key->number = (int64_t)number;
    return LL_OK;
}

/* nz-number */
static ll_status take_interval(parser *p, search_key *key)
{
    uint32_t number;
    if (!lexer_space(p->in) || !lexer_nz_number(p->in, &number))
        return LL_ESYNTAX;
    key->number = number;
    return LL_OK;
}

/* [SP entry-name SP entry-type-req] SP mod-sequence-valzer. One mod-sequence is kept for all flags of a message, so the
 * entry makes no difference (RFC 7162 section 3.1.5). */
static ll_status take_modseq(parser *p, search_key *key)
{
    ll_span entry;
    if (!lexer_space(p->in))
        return LL_ESYNTAX;
    if (lexer_quoted(p->in, &entry)) {
        if (!lexer_space(p->in) ||
            !(lexer_is_word(p->in, "priv") || lexer_is_word(p->in, "shared") || lexer_is_word(p->in, "all")))
            return LL_ESYNTAX;
        return take_number(p, key);
    }
    uint64_t number;
    if (!lexer_number64(p->in, &number))
        return LL_ESYNTAX;
    key->number = (int64_t)number;
    return LL_OK;
}

/* objectid, RFC 8474 section 7: letters, digits, "_" and "-". */
static ll_status take_object(parser *p, search_key *key)
{
    if (!lexer_space(p->in) || !lexer_atom(p->in, &key->name))
        return LL_ESYNTAX;
    for (size_t i = 0; i < key->name.size; i++) {
        char c = ascii_lower(key->name.data[i]);
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-'))
            return LL_ESYNTAX;
    }
    return LL_OK;
}

static ll_status take_header(parser *p, search_key *key)
{
    if (!lexer_space(p->in) || !lexer_astring(p->in, &key->name))
        return LL_ESYNTAX;
    for (size_t i = 0; i < sizeof fact_fields / sizeof fact_fields[0]; i++)
        if (span_equal_nocase(key->name, span_str(fact_fields[i].name))) {
            key->kind = SEARCH_ENVELOPE;
            key->fact = fact_fields[i].fact;
        }
    return take_text(p, key);
}

/* --- XREGEX --- */

/* The field becomes the kind (and fact or name) of the key that looks in the same text. */
static void name_field(search_key *key, ll_span field)
{
    static const struct {
        const char *name;
        search_kind kind;
        search_fact fact;
    } fields[] = {{"SUBJECT", SEARCH_ENVELOPE, SEARCH_SUBJECT},
                  {"FROM", SEARCH_ENVELOPE, SEARCH_FROM},
                  {"TO", SEARCH_ENVELOPE, SEARCH_TO},
                  {"CC", SEARCH_ENVELOPE, SEARCH_CC},
                  {"BCC", SEARCH_ENVELOPE, SEARCH_BCC},
                  {"BODY", SEARCH_BODY, SEARCH_FROM},
                  {"TEXT", SEARCH_TEXT, SEARCH_FROM}};
    key->kind = SEARCH_HEADER;
    key->name = field;
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        if (span_equal_nocase(field, span_str(fields[i].name))) {
            key->kind = fields[i].kind;
            key->fact = fields[i].fact;
        }
}

/* What the connector can be asked for. */
static ll_status take_literal(parser *p, search_key *key, ll_span pattern)
{
    text literal;
    text_init(&literal, p->in->memory->allocator, regex_pattern_max);
    regex_literal(pattern, &literal);
    ll_status status = text_status(&literal);
    if (!status && literal.size)
        key->needle.literal = arena_copy(p->in->memory, text_span(&literal));
    text_fini(&literal);
    return status ? status : arena_status(p->in->memory);
}

static ll_status compile_pattern(parser *p, search_key *key, ll_span written)
{
    text utf8;
    regex *pattern = NULL;
    text_init(&utf8, p->in->memory->allocator, 4 * written.size + 16);
    ll_status status = search_text_decode(p->charset, written, &utf8);
    if (!status)
        status = regex_new(&pattern, p->in->memory, text_span(&utf8), &p->out->why);
    if (!status)
        status = take_literal(p, key, text_span(&utf8));
    text_fini(&utf8);
    key->needle.pattern = pattern;
    return status;
}

/* SP astring SP astring: the field and the pattern */
static ll_status take_regex(parser *p, search_key *key)
{
    ll_span field, written;
    if (!lexer_space(p->in) || !lexer_astring(p->in, &field) || !field.size || !lexer_space(p->in) ||
        !lexer_astring(p->in, &written))
        return LL_ESYNTAX;
    if (p->out->patterns++ == search_patterns_max)
        return LL_ELIMIT;
    if (!p->out->budget) {
        p->out->budget = arena_new(p->in->memory, sizeof *p->out->budget);
        if (!p->out->budget)
            return arena_status(p->in->memory);
        regex_budget_init(p->out->budget);
    }
    name_field(key, field);
    key->needle.budget = p->out->budget;
    return compile_pattern(p, key, written);
}

bool search_keys_tired(search_keys *keys)
{
    if (!keys->budget || keys->budget->used_ns < search_tired_ns)
        return false;
    keys->budget->used_ns = 0;
    return true;
}

/* --- FILTER --- */

/* filter-name = 1*<any ATOM-CHAR except "/">, without regard to case */
static ll_status take_filter(parser *p, search_key *key)
{
    search_keys *out = p->out;
    ll_span written;
    if (!lexer_space(p->in) || !lexer_atom(p->in, &written) || span_find(written, '/') < written.size)
        return LL_ESYNTAX;
    if (!span_equal_nocase(p->charset, SPAN("us-ascii")) && !span_equal_nocase(p->charset, SPAN("utf-8"))) {
        out->wrong_charset = true;
        return LL_EINVAL;
    }
    if (out->filters_count == search_filters_max)
        return LL_ELIMIT;
    if (!out->filters)
        out->filters = arena_array(p->in->memory, search_filters_max, sizeof *out->filters);
    key->name = arena_copy(p->in->memory, written);
    if (!out->filters || !key->name.data)
        return arena_status(p->in->memory);
    key->passes = p->passes;
    key->fuzzy = p->fuzzy;
    out->filters[out->filters_count++] = key;
    return LL_OK;
}

ll_status search_keys_insert(search_keys *keys, search_key *filter, ll_span value, arena *memory, unsigned depth,
                             size_t keys_max, size_t ranges_max)
{
    lexer in;
    filter->value = arena_copy(memory, value);
    if (!filter->value.data)
        return arena_status(memory);
    lexer_init(&in, filter->value, memory, depth);
    parser p = {.out = keys,
                .in = &in,
                .charset = SPAN("utf-8"),
                .keys_max = keys_max,
                .ranges_max = ranges_max,
                .passes = filter->passes + 1,
                .fuzzy = filter->fuzzy};
    ll_status status = take_all(&p, &filter->child);
    if (status)
        return status;
    return lexer_end(&in) ? LL_OK : LL_ESYNTAX;
}

static ll_status take_set(parser *p, search_key *key)
{
    ll_span set;
    if (!lexer_set(p->in, &set))
        return LL_ESYNTAX;
    return sequence_parse(&key->set, set, p->ranges_max, p->in->memory);
}

/* SP uniqueid: those above, or below, it (RFC 9738 section 3.2). */
static ll_status take_uid_bound(parser *p, search_key *key, bool after)
{
    uint32_t uid;
    if (!lexer_space(p->in) || !lexer_nz_number(p->in, &uid))
        return LL_ESYNTAX;
    if (uid == (after ? UINT32_MAX : 1)) /* none */
        return LL_OK;
    key->set.ranges = arena_new(p->in->memory, sizeof *key->set.ranges);
    if (!key->set.ranges)
        return arena_status(p->in->memory);
    *key->set.ranges = after ? (ll_range){uid + 1, UINT32_MAX} : (ll_range){1, uid - 1};
    key->set.count = 1;
    return LL_OK;
}

/* NEW is (RECENT UNSEEN). */
static ll_status make_new(parser *p, search_key *key)
{
    search_key *recent, *unseen, *seen;
    ll_status status = new_key(p, SEARCH_RECENT, &recent);
    if (!status)
        status = new_key(p, SEARCH_NOT, &unseen);
    if (!status)
        status = new_key(p, SEARCH_FLAG, &seen);
    if (status)
        return status;
    seen->flag = LL_FLAG_SEEN;
    key->child = recent;
    recent->next = key->last = unseen;
    unseen->child = unseen->last = seen;
    unseen->height = 1;
    key->height = 2;
    status = add_leaf(p, recent);
    return status ? status : add_leaf(p, seen);
}

static ll_status take_argument(parser *p, search_key *key, argument wanted)
{
    switch (wanted) {
    case NONE:
        return key->kind == SEARCH_AND ? make_new(p, key) : LL_OK;
    case TEXT:
        return take_text(p, key);
    case DATE:
        return take_date(p, key);
    case NUMBER:
        return take_number(p, key);
    case INTERVAL:
        return take_interval(p, key);
    case MODSEQ:
        return take_modseq(p, key);
    case OBJECT:
        return take_object(p, key);
    case KEYWORD:
        return lexer_space(p->in) && lexer_atom(p->in, &key->name) ? LL_OK : LL_ESYNTAX;
    case HEADER:
        return take_header(p, key);
    case REGEX:
        return take_regex(p, key);
    case FILTER:
        return take_filter(p, key);
    case UIDS:
        return lexer_space(p->in) ? take_set(p, key) : LL_ESYNTAX;
    case UID_AFTER:
    case UID_BEFORE:
        return take_uid_bound(p, key, wanted == UID_AFTER);
    default:
        return LL_ESYNTAX; /* not here */
    }
}

/* One more leaf that looks for this word where the key looks for its text. */
static ll_status add_word(parser *p, const search_key *key, ll_span word, search_key **out)
{
    search_key *leaf;
    ll_status status = new_key(p, key->kind, &leaf);
    if (status)
        return status;
    leaf->fact = key->fact;
    leaf->name = key->name;
    leaf->needle.folded = word;
    *out = leaf;
    return add_leaf(p, leaf);
}

/* (OR key (word word ...)) in place of a key whose text has more than one word. */
static ll_status make_fuzzy(parser *p, search_key **key)
{
    search_key *either, *words, **at;
    ll_span rest = (*key)->needle.folded;
    (*key)->fuzzy = true;
    if (!memchr(rest.data ? rest.data : "", ' ', rest.size))
        return LL_OK;
    ll_status status = new_key(p, SEARCH_OR, &either);
    if (!status)
        status = new_key(p, SEARCH_AND, &words);
    if (status)
        return status;
    at = &words->child;
    for (unsigned n = 0; rest.size && n < fuzzy_words_max;) {
        ll_span word = span_cut(&rest, ' ');
        if (!word.size)
            continue;
        status = add_word(p, *key, word, at);
        if (status)
            return status;
        at = &(*at)->next;
        n++;
    }
    if (!words->child) /* nothing but spaces */
        return LL_OK;
    (*key)->words = words;
    (*key)->next = either->last = words;
    either->child = *key;
    words->height = 1;
    either->height = 2;
    *key = either;
    return LL_OK;
}

static bool is_text(search_kind kind)
{
    return kind == SEARCH_ENVELOPE || kind == SEARCH_HEADER || kind == SEARCH_BODY || kind == SEARCH_TEXT;
}

/* --- keys that hold others --- */

/* A frame with a key. Such keys are not counted: those that stay have two children or are a NOT of what is none, so
 * there are not many more of them than of the others. Open ones are. */
static ll_status push(parser *p, search_kind kind, unsigned wanted, bool list)
{
    frame *f = p->spare;
    if (p->open == p->keys_max)
        return LL_ELIMIT;
    if (f) {
        p->spare = f->up;
        *f->key = (search_key){.child = NULL};
    } else {
        f = arena_new(p->in->memory, sizeof *f);
        search_key *key = f ? arena_new(p->in->memory, sizeof *key) : NULL;
        if (!key)
            return arena_status(p->in->memory);
        f->key = key;
    }
    *f = (frame){.up = p->top, .key = f->key, .wanted = wanted, .list = list, .fuzzy = p->fuzzy};
    f->key->kind = kind;
    p->top = f;
    p->open++;
    return LL_OK;
}

/* FUZZY says something of the key behind it: a list of that one. */
static ll_status push_fuzzy(parser *p)
{
    ll_status status = push(p, SEARCH_AND, 1, false);
    p->fuzzy = p->out->fuzzy = true;
    return status;
}

/* What is at home in `of` of the same kind: its children become the other's. A FILTER stays, its child is yet to come.
 */
static bool is_same(const search_key *of, const search_key *key)
{
    return key->kind == of->kind && (key->kind == SEARCH_OR || key->kind == SEARCH_AND) && key->child;
}

/* One more child. */
static void adopt(search_key *of, search_key *key)
{
    bool same = is_same(of, key);
    search_key *first = same ? key->child : key;
    unsigned height = same ? key->height : key->height + 1;
    if (of->last)
        of->last->next = first;
    else
        of->child = first;
    of->last = same ? key->last : key;
    if (height > of->height)
        of->height = height;
}

/* All children are there: what they make is what the frame above gets. NOT NOT a is a, (a) is a. */
static search_key *pop(parser *p)
{
    frame *f = p->top;
    search_key *key = f->key, *only = NULL;
    p->top = f->up;
    p->fuzzy = f->fuzzy;
    p->open--;
    if (key->kind == SEARCH_NOT && key->child->kind == SEARCH_NOT)
        only = key->child->child;
    else if (key->kind == SEARCH_AND && key->child == key->last)
        only = key->child;
    if (!only)
        return key;
    f->up = p->spare;
    p->spare = f;
    return only;
}

/* Give a whole key to the frame on top. *key: what has become whole by that, or NULL: another key comes next. */
static ll_status hand_up(parser *p, search_key **key)
{
    frame *f = p->top;
    adopt(f->key, *key);
    *key = NULL;
    if (f->list ? lexer_space(p->in) : --f->wanted > 0)
        return f->list || lexer_space(p->in) ? LL_OK : LL_ESYNTAX;
    if (f->list && f->up && !lexer_byte(p->in, ')'))
        return LL_ESYNTAX;
    *key = pop(p);
    return (*key)->height > p->in->depth_max ? LL_ELIMIT : LL_OK;
}

/* "OR" in an OR is one key more of it. */
static ll_status push_keys(parser *p, search_kind kind)
{
    if (kind == SEARCH_NOT)
        return push(p, kind, 1, false);
    if (p->top->key->kind != SEARCH_OR)
        return push(p, kind, 2, false);
    p->top->wanted++;
    return LL_OK;
}

/* --- */

static ll_status take_word(parser *p, const struct key_word *word, search_key **out)
{
    search_key *key;
    ll_status status = new_key(p, word->kind, &key);
    if (status)
        return status;
    key->flag = word->value;
    key->fact = (search_fact)word->value;
    status = take_argument(p, key, word->argument);
    if (!status && key->kind < SEARCH_NOT)
        status = add_leaf(p, key);
    if (!status && p->fuzzy && is_text(key->kind))
        status = make_fuzzy(p, &key);
    *out = key;
    if (status || !word->negated)
        return status;
    status = new_key(p, SEARCH_NOT, out);
    if (!status) {
        (*out)->child = (*out)->last = key;
        (*out)->height = 1;
    }
    return status;
}

/* *out stays NULL: the key holds others, which come next. */
static ll_status take_named(parser *p, ll_span name, search_key **out)
{
    const struct key_word *word = NULL;
    for (size_t i = 0; i < sizeof key_words / sizeof key_words[0] && !word; i++)
        if (span_equal_nocase(name, span_str(key_words[i].name)))
            word = &key_words[i];
    if (!word)
        return LL_ESYNTAX;
    if (word->argument != FUZZY && word->argument != KEYS)
        return take_word(p, word, out);
    ll_status status = word->argument == FUZZY ? push_fuzzy(p) : push_keys(p, word->kind);
    return status || lexer_space(p->in) ? status : LL_ESYNTAX;
}

static ll_status take_one(parser *p, search_key **out)
{
    ll_span word;
    int c = lexer_peek(p->in);
    if (lexer_byte(p->in, '('))
        return push(p, SEARCH_AND, 0, true);
    if ((c >= '0' && c <= '9') || c == '*' || c == '$') {
        ll_status status = new_key(p, SEARCH_SET, out);
        if (!status)
            status = take_set(p, *out);
        return status ? status : add_leaf(p, *out);
    }
    return lexer_word(p->in, &word) ? take_named(p, word, out) : LL_ESYNTAX;
}

/* search-key *(SP search-key) */
static ll_status take_all(parser *p, search_key **out)
{
    ll_status status = push(p, SEARCH_AND, 0, true);
    search_key *key = NULL;
    while (!status && p->top) {
        key = NULL;
        status = take_one(p, &key);
        while (!status && key && p->top)
            status = hand_up(p, &key);
    }
    *out = key;
    return status;
}

static ll_status parse_in(search_keys *out, lexer *in, ll_span charset, size_t keys_max, size_t ranges_max)
{
    parser p = {.out = out, .in = in, .charset = charset, .keys_max = keys_max, .ranges_max = ranges_max};
    *out = (search_keys){.root = NULL};
    if (!charset_known(charset))
        return LL_ECHARSET;
    ll_status status = take_all(&p, &out->root);
    if (status)
        return status;
    return lexer_end(in) ? LL_OK : LL_ESYNTAX;
}

ll_status search_keys_parse(search_keys *out, lexer *in, size_t keys_max, size_t ranges_max)
{
    ll_span charset = SPAN("us-ascii"); /* 8-bit bytes without CHARSET are read as UTF-8, if they are */
    if (lexer_is_word(in, "CHARSET") && (!lexer_space(in) || !lexer_astring(in, &charset) || !lexer_space(in)))
        return LL_ESYNTAX;
    return parse_in(out, in, charset, keys_max, ranges_max);
}

ll_status search_criteria_parse(search_keys *out, lexer *in, size_t keys_max, size_t ranges_max)
{
    ll_span charset;
    if (!lexer_astring(in, &charset) || !lexer_space(in))
        return LL_ESYNTAX;
    return parse_in(out, in, charset, keys_max, ranges_max);
}

search_verdict search_keys_verdict(const search_key *key)
{
    if (key->kind < SEARCH_NOT)
        return key->verdict;
    if (key->kind == SEARCH_NOT) {
        search_verdict verdict = search_keys_verdict(key->child);
        return verdict == SEARCH_OPEN ? SEARCH_OPEN : verdict == SEARCH_YES ? SEARCH_NO : SEARCH_YES;
    }
    search_verdict ends = key->kind == SEARCH_AND ? SEARCH_NO : SEARCH_YES; /* one of these decides */
    search_verdict verdict = ends == SEARCH_NO ? SEARCH_YES : SEARCH_NO;
    for (const search_key *child = key->child; child; child = child->next) {
        search_verdict one = search_keys_verdict(child);
        if (one == ends)
            return ends;
        if (one == SEARCH_OPEN)
            verdict = SEARCH_OPEN;
    }
    return verdict;
}

unsigned search_keys_score(const search_keys *keys)
{
    unsigned sum = 0, count = 0;
    for (size_t i = 0; i < keys->leaves_count; i++) {
        const search_key *leaf = keys->leaves[i];
        if (!leaf->fuzzy)
            continue;
        unsigned most = leaf->kind == SEARCH_ENVELOPE ? 100 : leaf->kind == SEARCH_HEADER ? 80 : 60;
        count++;
        if (leaf->verdict == SEARCH_YES)
            sum += most;
        else if (leaf->words && search_keys_verdict(leaf->words) == SEARCH_YES)
            sum += most / 2;
    }
    if (!count)
        return 100;
    return sum / count ? sum / count : 1;
}
