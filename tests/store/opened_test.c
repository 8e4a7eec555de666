/* opened_test.c - sessions that open, close, change and read mailboxes at the same time as others: whatever a session's
 * version of a mailbox has can be fetched and read, byte for byte, until it was told otherwise; and all sessions end
 * with the same version. SPDX-License-Identifier: MIT */
#include "vault_fixture.h"

#include "store/opened.h"

enum { MAILBOXES = OPENED_IDLE_MAX + 3, CLIENTS = 6, STEPS = 20000, UIDS_MAX = 4096 };

typedef enum verb { IDLE, OPENING, APPEND_OPENING, APPENDING, STORING, EXPUNGING, FETCHING, READING } verb;

typedef struct actor {
    client c;
    verb verb;
    int mailbox; /* opened, or appended to */
    uint32_t uid;
    unsigned tag;
    char bytes[40];
    ll_range range;
    void *upload;
    struct world *world;
} actor;

typedef struct world {
    fixture f;
    actor actors[CLIENTS];
    unsigned tags[MAILBOXES][UIDS_MAX]; /* content of each UID, once it is known; 0: not yet */
    unsigned tag;
    uint32_t seed;
    unsigned opened, reads, fetched;
} world;

static unsigned roll(world *w, unsigned limit)
{
    w->seed = w->seed * 1664525u + 1013904223u;
    return (w->seed >> 8) % limit;
}

static const char *name_of(int mailbox)
{
    static const char *const names[MAILBOXES] = {"INBOX", "Archive", "Sent", "Trash", "Junk", "Drafts", "More"};
    return names[mailbox];
}

static void finished(ll_call *call, void *ctx);

/* The method's answer: at once or later. */
static void asked(actor *a, verb next, ll_status status)
{
    a->verb = next;
    if (status == LL_LATER) {
        a->c.call->pending = true;
        return;
    }
    a->c.call->status = status;
    finished(a->c.call, a);
}

static bool row_has(const ll_call *call, uint32_t uid)
{
    for (size_t i = 0; i < call->rows_count; i++)
        if (call->rows[i].uid == uid)
            return true;
    return false;
}

static void look(actor *a)
{
    ll_view_unref(&a->c.view);
    a->c.view = a->c.methods->latest(a->c.self, a->c.mailbox, &a->c.recent_first);
    assert_non_null(a->c.view);
    client_told(&a->c);
}

static void commit_append(actor *a)
{
    ll_call *call = a->c.call;
    a->upload = call->upload;
    call->upload = NULL;
    a->tag = ++a->world->tag;
    int size = snprintf(a->bytes, sizeof a->bytes, "content %u", a->tag);
    memset(a->bytes + size, ' ', 20 - (size_t)size);
    assert_int_equal(a->c.methods->append_data(a->c.self, a->upload, span_of(a->bytes, 20)), LL_OK);
    asked(a, APPENDING, a->c.methods->append_commit(a->c.self, call_begin(call), &a->upload, 1));
}

static void check_read(actor *a)
{
    unsigned tag = a->world->tags[a->mailbox][a->uid];
    char want[40];
    assert_int_equal(call_read(a->c.call).size, 20);
    if (!tag)
        return;
    int size = snprintf(want, sizeof want, "content %u", tag);
    assert_memory_equal(call_read(a->c.call).data, want, (size_t)size);
    a->world->reads++;
}

static void check_rows(actor *a)
{
    for (uint32_t uid = 1; uid < ll_view_uidnext(a->c.view); uid++)
        if (ll_view_has(a->c.view, uid))
            assert_true(row_has(a->c.call, uid));
    a->world->fetched++;
}

static void finished(ll_call *call, void *ctx)
{
    actor *a = ctx;
    verb was = a->verb;
    a->verb = IDLE;
    assert_int_equal(call->status, LL_OK);
    if (was == OPENING) {
        a->c.mailbox = call->mailbox;
        call->mailbox = NULL;
        a->c.view = ll_view_ref(call->view);
        a->world->opened++;
    } else if (was == APPEND_OPENING) {
        commit_append(a);
    } else if (was == APPENDING) {
        a->world->tags[a->mailbox][call->placed[0].uid] = a->tag;
    } else if (was == FETCHING) {
        check_rows(a);
    } else if (was == READING) {
        check_read(a);
    }
}

/* A UID of the client's version, 0 if it is empty. */
static uint32_t any_uid(world *w, const actor *a)
{
    uint32_t uidnext = ll_view_uidnext(a->c.view), uid = 1 + roll(w, uidnext);
    for (uint32_t i = 0; i < uidnext; i++, uid = uid >= uidnext ? 1 : uid + 1)
        if (ll_view_has(a->c.view, uid))
            return uid;
    return 0;
}

static void act(world *w, actor *a)
{
    client *c = &a->c;
    unsigned what = roll(w, 100);
    if (!c->mailbox && what < 70) {
        a->mailbox = (int)roll(w, MAILBOXES);
        asked(a, OPENING, c->methods->open(c->self, call_begin(c->call), span_str(name_of(a->mailbox)), false));
    } else if (!c->mailbox) {
        ll_append how = {.size = 20, .internaldate = 0, .flags = F(DELETED)};
        a->mailbox = (int)roll(w, MAILBOXES);
        asked(a, APPEND_OPENING,
              c->methods->append_open(c->self, call_begin(c->call), span_str(name_of(a->mailbox)), &how));
    } else if (what < 10) {
        client_close(c);
    } else if (what < 30) {
        look(a);
    } else if (what < 40) {
        a->range = (ll_range){1, UINT32_MAX};
        asked(a, FETCHING, c->methods->fetch(c->self, call_begin(c->call), c->mailbox, &a->range, 1, 10000, 0));
    } else if (what < 75) {
        a->uid = any_uid(w, a);
        if (a->uid)
            asked(a, READING, c->methods->read(c->self, call_begin(c->call), c->mailbox, a->uid, 0, 100));
    } else if (what < 85) {
        uint32_t first = 1 + roll(w, ll_view_uidnext(c->view));
        a->range = (ll_range){first, first + 3};
        asked(
            a, STORING,
            c->methods->store(c->self, call_begin(c->call), c->mailbox, &a->range, 1, LL_FLAGS_ADD, F(SEEN), NULL, 0));
    } else if (what < 90) {
        uint32_t first = 1 + roll(w, ll_view_uidnext(c->view));
        a->range = (ll_range){first, first + 5};
        asked(a, EXPUNGING, c->methods->expunge(c->self, call_begin(c->call), c->mailbox, &a->range, 1));
    } else {
        ll_append how = {.size = 20, .internaldate = 0, .flags = F(DELETED)};
        asked(a, APPEND_OPENING,
              c->methods->append_open(c->self, call_begin(c->call), span_str(name_of(a->mailbox)), &how));
    }
}

static bool views_equal(const ll_view *a, const ll_view *b)
{
    ll_flags x, y;
    if (ll_view_count(a) != ll_view_count(b) || ll_view_uidnext(a) != ll_view_uidnext(b) ||
        ll_view_modseq(a) != ll_view_modseq(b))
        return false;
    for (uint32_t uid = 1; uid < ll_view_uidnext(a); uid++)
        if (ll_view_flags(a, uid, &x) != ll_view_flags(b, uid, &y) || !ll_flags_equal(&x, &y))
            return false;
    return true;
}

/* The version that grew change by change is the one that a fresh scan of the rows gives. */
static void compare_with_scan(world *w)
{
    ll_view *grown[MAILBOXES];
    client c;
    client_init(&c, &w->f);
    for (int i = 0; i < MAILBOXES; i++) {
        assert_int_equal(client_open(&c, name_of(i), true), LL_OK);
        grown[i] = ll_view_ref(c.view);
        client_close(&c);
    }
    client_fini(&c);
    fixture_close(&w->f);
    fixture_open(&w->f);
    client_init(&c, &w->f);
    for (int i = 0; i < MAILBOXES; i++) {
        assert_int_equal(client_open(&c, name_of(i), true), LL_OK);
        assert_true(views_equal(grown[i], c.view));
        client_close(&c);
        ll_view_unref(&grown[i]);
    }
    client_fini(&c);
}

static void test_many_sessions(void **state)
{
    (void)state;
    world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    fixture_init(&w->f, 3);
    w->seed = 7;
    client c;
    client_init(&c, &w->f);
    assert_int_equal(ASK(&c, create, SPAN("More"), 0), LL_OK);
    client_fini(&c);
    for (int i = 0; i < CLIENTS; i++) {
        actor *a = &w->actors[i];
        client_init(&a->c, &w->f);
        a->c.call->done = finished;
        a->c.call->context = a;
        a->world = w;
    }
    for (int step = 0; step < STEPS; step++) {
        actor *a = &w->actors[roll(w, CLIENTS)];
        if (a->verb == IDLE)
            act(w, a);
        else
            assert_true(fixture_pump(&w->f));
        if (roll(w, 3) == 0)
            fixture_pump_ready(&w->f);
    }
    for (int i = 0; i < CLIENTS; i++) {
        while (w->actors[i].verb != IDLE)
            assert_true(fixture_pump(&w->f));
    }
    for (int i = 0; i < CLIENTS; i++)
        client_fini(&w->actors[i].c);
    assert_true(w->opened > 50 && w->reads > 100 && w->fetched > 20);
    compare_with_scan(w);
    fixture_fini(&w->f);
    free(w);
}

static void test_idle_views(void **state)
{
    (void)state;
    fixture f;
    client c;
    fixture_init(&f, 0);
    client_init(&c, &f);
    for (int i = 0; i < MAILBOXES - 1; i++) {
        assert_int_equal(client_open(&c, name_of(i), true), LL_OK);
        client_close(&c);
    }
    assert_int_equal(vault_count(f.vault).views, OPENED_IDLE_MAX);
    client_fini(&c);
    fixture_fini(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_many_sessions), cmocka_unit_test(test_idle_views)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
