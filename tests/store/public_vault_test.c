/* public_vault_test.c - ll_vault: its own life, what clients do by way of an upstream, what the source pushes. At once
 * and through threads with answers that come later.
 * SPDX-License-Identifier: MIT */
#include "upstream_source.h"
#include "vault_fixture.h"

/* --------------------------------------------------------------------------------------------------- Rig */

typedef struct rig {
    fixture f; /* only its scratch folder and its threads */
    ll_executor executor;
    ll_vault_config config;
    ll_vault *vault;
    source source;
    client c;
    unsigned pushed;
    ll_status pushed_status;
} rig;

static void rig_open(rig *r)
{
    assert_int_equal(ll_vault_open(&r->vault, r->f.path, r->f.key, &r->config), LL_OK);
}

static void rig_client(rig *r, client *c)
{
    memset(c, 0, sizeof *c);
    c->fixture = &r->f;
    assert_int_equal(ll_vault_connector(r->vault, client_notify, c, &c->methods, &c->self), LL_OK);
    assert_int_equal(call_new(&c->call, NULL, client_call_done, c), LL_OK);
}

static void rig_init(rig *r, bool upstream)
{
    memset(r, 0, sizeof *r);
    fixture *f = &r->f;
    if (!access("/dev/shm", W_OK))
        setenv("TMPDIR", "/dev/shm", 0);
    scratch_init(&f->scratch);
    snprintf(f->path, sizeof f->path, "%s/v.sqlite", f->scratch.dir);
    memset(f->key, 7, sizeof f->key);
    r->config = (ll_vault_config){.size = sizeof r->config};
    if (workers) {
        pool_line_init(&f->workers, workers);
        pool_line_init(&f->done, 0);
        f->executor = (executor){fixture_work, fixture_done, f};
        r->executor = (ll_executor){fixture_work, fixture_done, f};
        r->config.executor = &r->executor;
    }
    r->source.fixture = f;
    text_init(&r->source.log, NULL, 1 << 20);
    text_init(&r->source.content, NULL, 1 << 20);
    if (upstream) {
        r->config.upstream = &upstream_methods_of_source;
        r->config.upstream_self = &r->source;
    }
    assert_int_equal(ll_vault_create(f->path, f->key, upstream), LL_OK);
    rig_open(r);
    rig_client(r, &r->c);
}

static void rig_close(rig *r)
{
    for (int i = 0; i < 20000; i++) {
        fixture_pump_ready(&r->f);
        if (ll_vault_close(&r->vault) == LL_OK)
            return;
        usleep(100);
    }
    fail_msg("the vault stays in use");
}

static void rig_fini(rig *r)
{
    client_fini(&r->c);
    rig_close(r);
    if (workers) {
        pool_line_fini(&r->f.workers);
        fixture_pump_ready(&r->f);
        pool_line_fini(&r->f.done);
    }
    fixture_check(&r->f);
    text_fini(&r->source.log);
    text_fini(&r->source.content);
    scratch_fini(&r->f.scratch);
}

static void push_done(void *context, ll_status status)
{
    rig *r = context;
    r->pushed++;
    r->pushed_status = status;
}

static ll_status push(rig *r, ll_update u)
{
    unsigned before = r->pushed;
    u.size = sizeof u;
    ll_vault_push(r->vault, &u, push_done, r);
    while (r->pushed == before)
        assert_true(fixture_pump(&r->f));
    return r->pushed_status;
}

static ll_status push_mailbox(rig *r, const char *id, const char *name)
{
    return push(r, (ll_update){.kind = LL_UPDATE_MAILBOX_CREATED, .mailbox = span_str(id), .name = span_str(name)});
}

static ll_status push_message(rig *r, const char *id, const char *one, const char *two, unsigned flags)
{
    ll_span mailboxes[] = {span_str(one), span_str(two ? two : "")}, keywords[] = {SPAN("work")};
    ll_remote_message m = {.id = span_str(id),
                           .mailboxes = mailboxes,
                           .mailboxes_count = two ? 2 : 1,
                           .content = SPAN("Subject: pushed\r\n\r\ntext\r\n"),
                           .internaldate = 1500000000,
                           .flags = flags,
                           .keywords = keywords,
                           .keywords_count = 1};
    return push(r, (ll_update){.kind = LL_UPDATE_MESSAGES_CREATED, .messages = &m, .messages_count = 1});
}

/* What the source has heard since the last time. */
#define HEARD(r, expected)                                                                                             \
    do {                                                                                                               \
        assert_string_equal(text_str(&(r)->source.log), expected);                                                     \
        text_clear(&(r)->source.log);                                                                                  \
        text_add_str(&(r)->source.log, "");                                                                            \
        if ((r)->source.log.data)                                                                                      \
            (r)->source.log.data[0] = 0;                                                                               \
    } while (0)

static bool listed(client *c, const char *name, unsigned *attributes)
{
    assert_int_equal(ASK(c, list), LL_OK);
    for (size_t i = 0; i < c->call->mailboxes_count; i++)
        if (span_equal(c->call->mailboxes[i].name, span_str(name))) {
            if (attributes)
                *attributes = c->call->mailboxes[i].attributes;
            return !(c->call->mailboxes[i].attributes & LL_MAILBOX_NONEXISTENT);
        }
    return false;
}

static unsigned messages(client *c, const char *name)
{
    assert_int_equal(ASK(c, status, span_str(name)), LL_OK);
    return c->call->numbers.messages;
}

/* All ids of a mailbox with their flags, as ll_vault_known says them. */
typedef struct known {
    text text;
    unsigned done;
    ll_status status;
} known;

static ll_status known_each(void *context, const ll_known_message *m)
{
    known *k = context;
    text_print(&k->text, "%u=%.*s/%x", m->uid, SPAN_PRINT(m->id), m->flags);
    for (size_t i = 0; i < m->keywords_count; i++)
        text_print(&k->text, "/%.*s", SPAN_PRINT(m->keywords[i]));
    text_add_str(&k->text, " ");
    return LL_OK;
}

static void known_done(void *context, ll_status status)
{
    known *k = context;
    k->done++;
    k->status = status;
}

static void assert_known(rig *r, const char *mailbox, const char *expected)
{
    known k = {.done = 0};
    text_init(&k.text, NULL, 1 << 16);
    ll_vault_known(r->vault, span_str(mailbox), known_each, known_done, &k);
    while (!k.done)
        assert_true(fixture_pump(&r->f));
    assert_int_equal(k.status, LL_OK);
    assert_string_equal(text_str(&k.text), expected);
    text_fini(&k.text);
}

/* ------------------------------------------------------------------------------------------------- Tests */

static void test_alone(void **state)
{
    (void)state;
    rig r;
    uint8_t wrong[LL_VAULT_KEY] = {1};
    ll_vault *other = NULL;
    rig_init(&r, false);
    assert_true(listed(&r.c, "Drafts", NULL));
    assert_int_equal(client_append(&r.c, "INBOX", "a: b\r\n\r\nhello", 0, NULL), LL_OK);
    assert_int_equal(ll_vault_close(&r.vault), LL_EBUSY);
    assert_int_equal(ll_vault_create(r.f.path, r.f.key, false), LL_EEXISTS);
    client_fini(&r.c);
    rig_close(&r);
    assert_int_equal(ll_vault_open(&other, r.f.path, wrong, &r.config), LL_ECORRUPT);
    assert_null(other);
    assert_int_equal(ll_vault_open(&other, "/nowhere/x", r.f.key, &r.config), LL_ENOTFOUND);
    rig_open(&r);
    rig_client(&r, &r.c);
    assert_int_equal(messages(&r.c, "INBOX"), 1);
    rig_fini(&r);
}

static void test_upstream_incomplete(void **state)
{
    (void)state;
    rig r;
    rig_init(&r, true);
    ll_upstream half = upstream_methods_of_source;
    ll_vault_config config = r.config;
    ll_vault *other = NULL;
    half.messages_flag = NULL;
    config.upstream = &half;
    assert_int_equal(ll_vault_open(&other, r.f.path, r.f.key, &config), LL_EINVAL);
    assert_false(listed(&r.c, "Drafts", NULL)); /* a vault that will have an upstream begins empty */
    assert_true(listed(&r.c, "INBOX", NULL));
    rig_fini(&r);
}

static void test_mailboxes(void **state)
{
    (void)state;
    rig r;
    rig_init(&r, true);
    assert_int_equal(ASK(&r.c, create, SPAN("a/b"), LL_MAILBOX_SENT), LL_OK);
    HEARD(&r, "create a 0\ncreate a/b 2000\n");
    assert_int_equal(r.c.call->mailbox_id.size > 0, 1);
    assert_int_equal(ASK(&r.c, create, SPAN("a/b"), 0), LL_EEXISTS);
    HEARD(&r, "");
    assert_int_equal(ASK(&r.c, rename, SPAN("a"), SPAN("x/y")), LL_OK);
    HEARD(&r, "create x 0\nrename B1 a x/y\n"); /* its child moves with it */
    assert_true(listed(&r.c, "x/y/b", NULL));
    assert_int_equal(ASK(&r.c, rename, SPAN("x"), SPAN("x/z")), LL_EINVAL);
    r.source.refuse = LL_EDENIED;
    r.source.why = "not today";
    assert_int_equal(ASK(&r.c, remove, SPAN("x/y")), LL_EDENIED);
    assert_true(span_equal(r.c.call->text, SPAN("not today")));
    assert_true(listed(&r.c, "x/y", NULL));
    assert_int_equal(ASK(&r.c, create, SPAN("new"), 0), LL_EDENIED);
    assert_false(listed(&r.c, "new", NULL));
    r.source.refuse = LL_OK;
    HEARD(&r, "delete B1\ncreate new 0\n");
    assert_int_equal(ASK(&r.c, remove, SPAN("x/y")), LL_OK);
    HEARD(&r, "delete B1\n");
    unsigned attributes = 0;
    assert_true(listed(&r.c, "x/y", &attributes)); /* has a child: stays as a name, the source does not know it */
    assert_true(attributes & LL_MAILBOX_NOSELECT);
    assert_int_equal(ASK(&r.c, rename, SPAN("x/y"), SPAN("z")), LL_OK);
    HEARD(&r, "rename B2 x/y/b z/b\n");
    assert_int_equal(ASK(&r.c, remove, SPAN("INBOX")), LL_EDENIED);
    assert_int_equal(ASK(&r.c, create, SPAN(LL_RECOVERED_NAME), 0), LL_EDENIED);
    assert_int_equal(ASK(&r.c, rename, SPAN("z"), SPAN(LL_RECOVERED_NAME)), LL_EDENIED);
    rig_fini(&r);
}

static void test_messages(void **state)
{
    (void)state;
    rig r;
    uint32_t uid = 0;
    ll_span keywords[] = {SPAN("work"), SPAN("$Label1")};
    ll_range all = {1, UINT32_MAX};
    rig_init(&r, true);
    assert_int_equal(client_append(&r.c, "INBOX", "a: b\r\n\r\nown", 0, NULL), LL_OK); /* INBOX has no id yet */
    HEARD(&r, "");
    assert_int_equal(push_mailbox(&r, "in", "inbox"), LL_OK);
    assert_int_equal(push_mailbox(&r, "other", "Other"), LL_OK);
    assert_int_equal(
        client_append_full(&r.c, "INBOX", SPAN("a: b\r\n\r\nnew"), F(SEEN) | F(DRAFT), keywords, 2, 5, &uid), LL_OK);
    HEARD(&r, "message in 11 bytes flags 11 work $Label1\n");
    assert_string_equal(text_str(&r.source.content), "a: b\r\n\r\nnew");
    assert_known(&r, "in", "1=/0 2=M1/11/work/$Label1 ");

    assert_int_equal(client_open(&r.c, "INBOX", false), LL_OK);
    assert_int_equal(ASK(&r.c, store, r.c.mailbox, &all, 1, LL_FLAGS_ADD, F(ANSWERED) | F(FLAGGED), keywords, 1),
                     LL_OK);
    HEARD(&r, "flag in -: M1 op 1 6 work\n");
    assert_known(&r, "in", "1=/6/work 2=M1/17/work/$Label1 ");

    r.source.refuse = LL_EUNAVAILABLE;
    assert_int_equal(client_store(&r.c, 1, 2, LL_FLAGS_REPLACE, 0), LL_EUNAVAILABLE);
    assert_int_equal(client_copy(&r.c, 1, 2, "Other", false), LL_EUNAVAILABLE);
    r.source.refuse = LL_OK;
    assert_known(&r, "in", "1=/6/work 2=M1/17/work/$Label1 ");
    text_clear(&r.source.log);

    assert_int_equal(client_copy(&r.c, 1, 2, "Other", false), LL_OK); /* 1 is new to the source, 2 gets an id */
    HEARD(&r, "add in other: M1\nmessage other 11 bytes flags 6 work\n");
    assert_int_equal(r.c.call->placed_count, 2);
    assert_known(&r, "other", "1=M3/6/work 2=M2/17/work/$Label1 ");

    r.source.silent = true; /* labels: the same id in both mailboxes */
    assert_int_equal(client_copy(&r.c, 2, 2, "Other", false), LL_OK);
    assert_known(&r, "other", "1=M3/6/work 2=M2/17/work/$Label1 3=M1/17/work/$Label1 ");
    assert_int_equal(client_copy(&r.c, 2, 2, "Other", false), LL_OK); /* it is there already */
    assert_int_equal(r.c.call->placed_count, 1);
    assert_int_equal(r.c.call->placed[0].uid, 3);
    assert_int_equal(messages(&r.c, "Other"), 3);
    assert_int_equal(client_copy(&r.c, 2, 2, "Other", true), LL_OK); /* and a move only leaves */
    assert_int_equal(messages(&r.c, "Other"), 3);
    assert_known(&r, "in", "1=/6/work ");
    text_clear(&r.source.log);
    r.source.silent = false;

    assert_int_equal(client_store(&r.c, 1, 1, LL_FLAGS_ADD, F(DELETED)), LL_OK);
    assert_int_equal(client_expunge(&r.c, 1, 9), LL_OK);
    HEARD(&r, ""); /* the source does not know it */
    client_close(&r.c);
    assert_int_equal(client_open(&r.c, "Other", false), LL_OK);
    assert_int_equal(client_store(&r.c, 1, 2, LL_FLAGS_ADD, F(DELETED)), LL_OK);
    text_clear(&r.source.log);
    assert_int_equal(client_expunge(&r.c, 2, 9), LL_OK);
    HEARD(&r, "remove other -: M2\n");
    assert_known(&r, "other", "1=M3/e/work 3=M1/17/work/$Label1 ");
    assert_int_equal(client_copy(&r.c, 3, 3, "INBOX", true), LL_OK);
    HEARD(&r, "move other in: M1\n");
    assert_known(&r, "in", "3=M4/17/work/$Label1 ");
    client_close(&r.c);
    assert_int_equal(ASK(&r.c, rename, SPAN("INBOX"), SPAN("old/in")), LL_OK);
    HEARD(&r, "create old 0\ncreate old/in 0\nmove in B6: M4\n");
    assert_int_equal(messages(&r.c, "INBOX"), 0);
    assert_int_equal(messages(&r.c, "old/in"), 1);
    rig_fini(&r);
}

static void test_append_known_id(void **state)
{
    (void)state;
    rig r;
    uint32_t uid = 0;
    rig_init(&r, true);
    push_mailbox(&r, "in", "INBOX");
    assert_int_equal(client_append(&r.c, "INBOX", "a: b\r\n\r\none", 0, &uid), LL_OK);
    r.source.says_same = true; /* the source has it already */
    assert_int_equal(client_append(&r.c, "INBOX", "a: b\r\n\r\none", 0, &uid), LL_OK);
    assert_int_equal(uid, 1);
    assert_int_equal(messages(&r.c, "INBOX"), 1);
    rig_fini(&r);
}

static void test_recovered(void **state)
{
    (void)state;
    rig r;
    rig_init(&r, true);
    push_mailbox(&r, "in", "INBOX");
    r.source.refuse = LL_EIO;
    r.source.why = NULL;
    assert_false(listed(&r.c, LL_RECOVERED_NAME, NULL));
    for (int i = 0; i < 3; i++) /* a client that tries again and again */
        assert_int_equal(client_append(&r.c, "INBOX", "a: b\r\n\r\nprecious", F(SEEN), NULL), LL_EIO);
    assert_non_null(strstr(r.c.call->text.data, LL_RECOVERED_NAME));
    assert_int_equal(client_append(&r.c, "INBOX", "a: b\r\n\r\nother", 0, NULL), LL_EIO);
    assert_int_equal(messages(&r.c, "INBOX"), 0);
    assert_true(listed(&r.c, LL_RECOVERED_NAME, NULL));
    assert_int_equal(messages(&r.c, LL_RECOVERED_NAME), 2);
    r.source.refuse = LL_ELIMIT; /* too large: the client's own affair */
    assert_int_equal(client_append(&r.c, "INBOX", "a: b\r\n\r\nlarge", 0, NULL), LL_ELIMIT);
    assert_int_equal(messages(&r.c, LL_RECOVERED_NAME), 2);
    assert_int_equal(client_append(&r.c, LL_RECOVERED_NAME, "a: b\r\n\r\nno", 0, NULL), LL_EDENIED);
    assert_int_equal(client_open(&r.c, LL_RECOVERED_NAME, false), LL_OK);
    assert_int_equal(client_copy(&r.c, 1, 1, LL_RECOVERED_NAME, false), LL_EDENIED);
    r.source.refuse = LL_OK;
    text_clear(&r.source.log);
    assert_int_equal(client_copy(&r.c, 1, 2, "INBOX", true), LL_OK); /* now it is taken */
    HEARD(&r, "message in 16 bytes flags 1\nmessage in 13 bytes flags 0\n");
    assert_known(&r, "in", "1=M1/1 2=M2/0 ");
    assert_false(listed(&r.c, LL_RECOVERED_NAME, NULL));
    assert_int_equal(push_mailbox(&r, "q", LL_RECOVERED_NAME), LL_EEXISTS);
    rig_fini(&r);
}

static void test_push_mailboxes(void **state)
{
    (void)state;
    rig r;
    unsigned attributes = 0;
    rig_init(&r, true);
    assert_int_equal(push(&r, (ll_update){.kind = LL_UPDATE_MAILBOX_CREATED,
                                          .mailbox = SPAN("s"),
                                          .name = SPAN("Gesendet/Cafe\xcc\x81"),
                                          .attributes = LL_MAILBOX_SENT}),
                     LL_OK);
    assert_true(listed(&r.c, "Gesendet/Caf\xc3\xa9", &attributes));
    assert_int_equal(attributes, LL_MAILBOX_SENT | LL_MAILBOX_SUBSCRIBED);
    assert_int_equal(push_mailbox(&r, "s", "Sent"), LL_OK); /* the same again under another name: renamed */
    assert_true(listed(&r.c, "Sent", NULL));
    assert_int_equal(push_mailbox(&r, "t", "Sent"), LL_EEXISTS);
    assert_int_equal(push_mailbox(&r, "t", "a//b"), LL_EINVAL);
    assert_int_equal(push_mailbox(&r, "t", "\xff"), LL_EINVAL);
    assert_int_equal(push_mailbox(&r, "", "b"), LL_EINVAL);
    assert_int_equal(push(&r, (ll_update){.kind = LL_UPDATE_MAILBOX_ID, .mailbox = SPAN("s"), .new_id = SPAN("s2")}),
                     LL_OK);
    assert_int_equal(push(&r, (ll_update){.kind = LL_UPDATE_MAILBOX_ID, .mailbox = SPAN("s"), .new_id = SPAN("s3")}),
                     LL_ENOTFOUND);
    assert_int_equal(
        push(&r,
             (ll_update){.kind = LL_UPDATE_MAILBOX_UPDATED, .mailbox = SPAN("s2"), .visibility = LL_HIDDEN_IF_EMPTY}),
        LL_OK);
    assert_false(listed(&r.c, "Sent", NULL));
    assert_int_equal(push_message(&r, "m", "s2", NULL, 0), LL_OK);
    assert_true(listed(&r.c, "Sent", NULL));
    assert_int_equal(
        push(&r, (ll_update){.kind = LL_UPDATE_MAILBOX_UPDATED, .mailbox = SPAN("s2"), .visibility = LL_HIDDEN}),
        LL_OK);
    assert_false(listed(&r.c, "Sent", NULL));
    assert_int_equal(messages(&r.c, "Sent"), 1);
    assert_int_equal(push(&r, (ll_update){.kind = LL_UPDATE_MAILBOX_DELETED, .mailbox = SPAN("s2")}), LL_OK);
    assert_int_equal(push(&r, (ll_update){.kind = LL_UPDATE_MAILBOX_DELETED, .mailbox = SPAN("s2")}), LL_OK);
    assert_int_equal(ASK(&r.c, status, SPAN("Sent")), LL_ENOTFOUND);
    push_mailbox(&r, "in", "INBOX");
    push_message(&r, "m", "in", NULL, 0);
    assert_int_equal(push(&r, (ll_update){.kind = LL_UPDATE_MAILBOX_DELETED, .mailbox = SPAN("in")}), LL_OK);
    assert_int_equal(messages(&r.c, "INBOX"), 0);
    assert_int_equal(push(&r, (ll_update){.kind = LL_UPDATE_NOOP}), LL_OK);
    assert_int_equal(push(&r, (ll_update){.kind = (ll_update_kind)99}), LL_EUNSUPPORTED);
    HEARD(&r, ""); /* the source is not told what it has said */
    rig_fini(&r);
}

static void test_push_messages(void **state)
{
    (void)state;
    rig r;
    client idle;
    ll_span one[] = {SPAN("b")}, both[] = {SPAN("in"), SPAN("b")}, work[] = {SPAN("later")};
    rig_init(&r, true);
    push_mailbox(&r, "in", "INBOX");
    push_mailbox(&r, "b", "B");
    rig_client(&r, &idle);
    assert_int_equal(client_open(&idle, "INBOX", false), LL_OK);
    assert_int_equal(push_message(&r, "m", "in", "b", F(FLAGGED)), LL_OK);
    assert_true(client_latest(&idle));
    assert_int_equal(ll_view_count(idle.view), 1);
    assert_true(idle.notified > 0);
    assert_int_equal(client_read(&idle, 1, 0, 100), LL_OK);
    assert_true(span_equal(call_read(idle.call), SPAN("Subject: pushed\r\n\r\ntext\r\n")));
    assert_int_equal(push_message(&r, "m", "in", "b", F(SEEN)), LL_OK); /* an echo with other flags */
    assert_known(&r, "in", "1=m/1/work ");
    assert_known(&r, "b", "1=m/1/work ");
    assert_int_equal(push_message(&r, "n", "nowhere", NULL, 0), LL_ENOTFOUND);

    ll_update flags = {.kind = LL_UPDATE_MESSAGE_FLAGS,
                       .message = SPAN("m"),
                       .flags_op = LL_FLAGS_ADD,
                       .flags = F(ANSWERED),
                       .keywords = work,
                       .keywords_count = 1};
    assert_int_equal(push(&r, flags), LL_OK);
    assert_known(&r, "b", "1=m/3/work/later ");
    flags.mailbox = SPAN("in");
    flags.flags_op = LL_FLAGS_REPLACE;
    assert_int_equal(push(&r, flags), LL_OK);
    assert_known(&r, "in", "1=m/2/later ");
    assert_known(&r, "b", "1=m/3/work/later ");
    flags.message = SPAN("x");
    assert_int_equal(push(&r, flags), LL_ENOTFOUND);

    ll_remote_message there = {.mailboxes = one, .mailboxes_count = 1};
    ll_update where = {
        .kind = LL_UPDATE_MESSAGE_MAILBOXES, .message = SPAN("m"), .messages = &there, .messages_count = 1};
    assert_int_equal(push(&r, where), LL_OK);
    assert_known(&r, "in", "");
    there.mailboxes = both;
    there.mailboxes_count = 2;
    there.flags = F(DRAFT);
    assert_int_equal(push(&r, where), LL_OK);
    assert_known(&r, "in", "2=m/10 ");
    assert_known(&r, "b", "1=m/3/work/later ");

    ll_remote_message fresh = {
        .id = SPAN("m"), .mailboxes = one, .mailboxes_count = 1, .content = SPAN("a: b\r\n\r\n2")};
    ll_update other = {.kind = LL_UPDATE_MESSAGE_UPDATED, .messages = &fresh, .messages_count = 1};
    assert_int_equal(push(&r, other), LL_OK);
    assert_known(&r, "in", "");
    assert_known(&r, "b", "2=m/0 ");
    fresh.id = SPAN("fresh");
    assert_int_equal(push(&r, other), LL_ENOTFOUND);
    other.create = true;
    assert_int_equal(push(&r, other), LL_OK);
    assert_int_equal(push(&r, (ll_update){.kind = LL_UPDATE_MESSAGE_ID, .message = SPAN("m"), .new_id = SPAN("fresh")}),
                     LL_EEXISTS);
    assert_int_equal(push(&r, (ll_update){.kind = LL_UPDATE_MESSAGE_ID, .message = SPAN("m"), .new_id = SPAN("m2")}),
                     LL_OK);
    assert_known(&r, "b", "2=m2/0 3=fresh/0 ");
    assert_int_equal(push(&r, (ll_update){.kind = LL_UPDATE_MESSAGE_DELETED, .message = SPAN("m2")}), LL_OK);
    assert_int_equal(push(&r, (ll_update){.kind = LL_UPDATE_MESSAGE_DELETED, .message = SPAN("m2")}), LL_OK);
    assert_known(&r, "b", "3=fresh/0 ");

    assert_int_equal(push(&r, (ll_update){.kind = LL_UPDATE_UIDVALIDITY}), LL_OK);
    assert_false(client_latest(&idle)); /* its session says BYE */
    client_fini(&idle);
    assert_int_equal(messages(&r.c, "B"), 1);
    rig_fini(&r);
}

static void test_batch(void **state)
{
    (void)state;
    rig r;
    enum { COUNT = 500 };
    static ll_remote_message batch[COUNT];
    static char ids[COUNT][8];
    ll_span in[] = {SPAN("in")};
    rig_init(&r, true);
    push_mailbox(&r, "in", "INBOX");
    for (int i = 0; i < COUNT; i++) {
        snprintf(ids[i], sizeof ids[i], "%d", i);
        batch[i] = (ll_remote_message){
            .id = span_str(ids[i]), .mailboxes = in, .mailboxes_count = 1, .content = SPAN("a: b\r\n\r\nx")};
    }
    ll_update u = {.kind = LL_UPDATE_MESSAGES_CREATED, .messages = batch, .messages_count = COUNT};
    assert_int_equal(push(&r, u), LL_OK);
    assert_int_equal(messages(&r.c, "INBOX"), COUNT);
    assert_int_equal(push(&r, u), LL_OK); /* a source that says everything twice */
    assert_int_equal(messages(&r.c, "INBOX"), COUNT);
    batch[COUNT - 1].id = SPAN("");
    batch[0].id = SPAN("not to stay");
    assert_int_equal(push(&r, u), LL_EINVAL); /* all or nothing */
    assert_int_equal(messages(&r.c, "INBOX"), COUNT);
    rig_fini(&r);
}

typedef struct value {
    text text;
    unsigned done;
    ll_status status;
} value;

static void value_done(void *context, ll_status status, ll_span bytes)
{
    value *v = context;
    v->done++;
    v->status = status;
    text_add(&v->text, bytes);
}

static ll_status get_setting(rig *r, const char *name, value *v)
{
    *v = (value){.done = 0};
    text_init(&v->text, NULL, 4096);
    ll_vault_setting(r->vault, span_str(name), value_done, v);
    while (!v->done)
        assert_true(fixture_pump(&r->f));
    return v->status;
}

static void test_settings(void **state)
{
    (void)state;
    rig r;
    value v;
    rig_init(&r, true);
    assert_int_equal(get_setting(&r, "cursor", &v), LL_ENOTFOUND);
    text_fini(&v.text);
    ll_update u = {.kind = LL_UPDATE_SETTING, .name = SPAN("cursor"), .content = SPAN("17")};
    assert_int_equal(push(&r, u), LL_OK);
    u.content = SPAN("18");
    assert_int_equal(push(&r, u), LL_OK);
    client_fini(&r.c);
    rig_close(&r);
    rig_open(&r);
    rig_client(&r, &r.c);
    assert_int_equal(get_setting(&r, "cursor", &v), LL_OK);
    assert_string_equal(text_str(&v.text), "18");
    text_fini(&v.text);
    rig_fini(&r);
}

/* The source's numbers, its refusal, and of a host that knows no such method the vault's own. */
static void test_quota(void **state)
{
    (void)state;
    rig r;
    rig_init(&r, true);
    assert_int_equal(ASK(&r.c, quota), LL_OK);
    assert_int_equal(r.c.call->quotas_count, 2);
    assert_true(span_equal(r.c.call->quotas[1].resource, SPAN("MAILBOX")));
    assert_int_equal(r.c.call->quotas[0].used, 12);
    assert_int_equal(r.c.call->quotas[0].limit, 100);
    r.source.refuse = LL_EUNAVAILABLE;
    r.source.why = "the source sleeps";
    assert_int_equal(ASK(&r.c, quota), LL_EUNAVAILABLE);
    r.source.refuse = LL_OK;
    client_fini(&r.c);
    rig_close(&r);
    ll_upstream old = upstream_methods_of_source;
    old.size = offsetof(ll_upstream, quota);
    r.config.upstream = &old;
    r.config.quota = 1 << 20;
    rig_open(&r);
    rig_client(&r, &r.c);
    assert_int_equal(ASK(&r.c, quota), LL_OK);
    assert_true(span_equal(r.c.call->quotas[0].resource, SPAN("STORAGE")));
    assert_int_equal(r.c.call->quotas[0].limit, 1024);
    rig_fini(&r);
}

static uint32_t chosen(void *context, uint32_t least)
{
    (void)least;
    return *(uint32_t *)context;
}

static uint32_t uidvalidity_of(client *c, const char *name)
{
    assert_int_equal(ASK(c, status, span_str(name)), LL_OK);
    return c->call->numbers.uidvalidity;
}

/* The host's number if it is above all before, else the next. */
static void test_uidvalidity(void **state)
{
    (void)state;
    rig r;
    uint32_t wanted = 4000000000;
    rig_init(&r, false);
    client_fini(&r.c);
    rig_close(&r);
    r.config.uidvalidity = chosen;
    r.config.context = &wanted;
    rig_open(&r);
    rig_client(&r, &r.c);
    assert_int_equal(ASK(&r.c, create, SPAN("one"), 0), LL_OK);
    assert_int_equal(uidvalidity_of(&r.c, "one"), 4000000000);
    assert_int_equal(ASK(&r.c, create, SPAN("two"), 0), LL_OK); /* the same again is not taken */
    assert_int_equal(uidvalidity_of(&r.c, "two"), 4000000001);
    wanted = 5;
    assert_int_equal(ASK(&r.c, remove, SPAN("one")), LL_OK);
    assert_int_equal(ASK(&r.c, create, SPAN("one"), 0), LL_OK);
    assert_int_equal(uidvalidity_of(&r.c, "one"), 4000000002);
    assert_int_equal(push(&r, (ll_update){.kind = LL_UPDATE_UIDVALIDITY}), LL_OK);
    assert_true(uidvalidity_of(&r.c, "one") > 4000000002);
    rig_fini(&r);
}

static int threads(void **state)
{
    (void)state;
    workers = 3;
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_alone),           cmocka_unit_test(test_upstream_incomplete),
        cmocka_unit_test(test_mailboxes),       cmocka_unit_test(test_messages),
        cmocka_unit_test(test_append_known_id), cmocka_unit_test(test_recovered),
        cmocka_unit_test(test_push_mailboxes),  cmocka_unit_test(test_push_messages),
        cmocka_unit_test(test_batch),           cmocka_unit_test(test_settings),
        cmocka_unit_test(test_quota),           cmocka_unit_test(test_uidvalidity),
    };
    int failed = cmocka_run_group_tests_name("at once", tests, NULL, NULL);
    return failed + cmocka_run_group_tests_name("threads", tests, threads, NULL);
}
