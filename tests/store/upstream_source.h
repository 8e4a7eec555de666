/* upstream_source.h - the source behind the vault of public_vault_test.c: it writes down what it is asked and answers
 * at once, or later where there are threads. SPDX-License-Identifier: MIT */
#ifndef TESTS_STORE_UPSTREAM_SOURCE_H
#define TESTS_STORE_UPSTREAM_SOURCE_H

#include "vault_fixture.h"

static int workers; /* the whole list of tests runs twice; with threads the source answers later */

typedef struct source {
    fixture *fixture;
    text log; /* what it was asked, a line each */
    ll_status refuse;
    const char *why;
    unsigned made;
    bool silent;    /* answer without ids: they stay */
    bool says_same; /* the id of the last message again */
    text content;   /* of the last message */
} source;

typedef struct answer {
    ll_task *task;
    ll_status status;
} answer;

static void answer_late(void *arg)
{
    answer a = *(answer *)arg;
    free(arg);
    ll_task_done(a.task, a.status);
}

static ll_status reply(source *s, ll_task *task)
{
    if (s->refuse && s->why)
        ll_task_text(task, span_str(s->why));
    if (!workers)
        return s->refuse;
    answer *a = malloc(sizeof *a);
    *a = (answer){task, s->refuse};
    fixture_done(s->fixture, answer_late, a);
    return LL_LATER;
}

static void give_id(source *s, ll_task *task, const char *kind)
{
    char id[32];
    if (s->refuse)
        return;
    int size = snprintf(id, sizeof id, "%s%u", kind, s->says_same ? s->made : ++s->made);
    assert_int_equal(ll_task_id(task, span_of(id, (size_t)size)), LL_OK);
}

static ll_status mailbox_create(void *self, ll_task *task, ll_span name, unsigned attributes)
{
    source *s = self;
    text_print(&s->log, "create %.*s %x\n", SPAN_PRINT(name), attributes);
    give_id(s, task, "B");
    return reply(s, task);
}

static ll_status mailbox_rename(void *self, ll_task *task, ll_span mailbox, ll_span name, ll_span new_name)
{
    source *s = self;
    text_print(&s->log, "rename %.*s %.*s %.*s\n", SPAN_PRINT(mailbox), SPAN_PRINT(name), SPAN_PRINT(new_name));
    return reply(s, task);
}

static ll_status mailbox_delete(void *self, ll_task *task, ll_span mailbox)
{
    source *s = self;
    text_print(&s->log, "delete %.*s\n", SPAN_PRINT(mailbox));
    return reply(s, task);
}

static ll_status message_create(void *self, ll_task *task, ll_span mailbox, const ll_upstream_message *message)
{
    source *s = self;
    size_t got = 0;
    text_print(&s->log, "message %.*s %u bytes flags %x", SPAN_PRINT(mailbox), (unsigned)message->size, message->flags);
    for (size_t i = 0; i < message->keywords_count; i++)
        text_print(&s->log, " %.*s", SPAN_PRINT(message->keywords[i]));
    text_add_str(&s->log, "\n");
    text_clear(&s->content);
    char *room = text_grow(&s->content, message->size);
    assert_int_equal(ll_upload_read(message->content, 0, message->size, room, &got), LL_OK);
    text_grown(&s->content, got);
    assert_int_equal(got, message->size);
    give_id(s, task, "M");
    return reply(s, task);
}

static void log_ids(source *s, const char *verb, ll_span from, ll_span to, const ll_span *ids, size_t count)
{
    text_print(&s->log, "%s %.*s %.*s:", verb, SPAN_PRINT(from), SPAN_PRINT(to));
    for (size_t i = 0; i < count; i++)
        text_print(&s->log, " %.*s", SPAN_PRINT(ids[i]));
    text_add_str(&s->log, "\n");
}

static ll_status messages_add(void *self, ll_task *task, ll_span from, ll_span to, const ll_span *ids, size_t count)
{
    source *s = self;
    log_ids(s, "add", from, to, ids, count);
    for (size_t i = 0; i < count && !s->silent; i++)
        give_id(s, task, "M");
    return reply(s, task);
}

static ll_status messages_move(void *self, ll_task *task, ll_span from, ll_span to, const ll_span *ids, size_t count)
{
    source *s = self;
    log_ids(s, "move", from, to, ids, count);
    for (size_t i = 0; i < count && !s->silent; i++)
        give_id(s, task, "M");
    return reply(s, task);
}

static ll_status messages_remove(void *self, ll_task *task, ll_span mailbox, const ll_span *ids, size_t count)
{
    source *s = self;
    log_ids(s, "remove", mailbox, SPAN("-"), ids, count);
    return reply(s, task);
}

static ll_status messages_flag(void *self, ll_task *task, ll_span mailbox, const ll_span *ids, size_t count,
                               ll_flags_op op, unsigned flags, const ll_span *keywords, size_t keywords_count)
{
    source *s = self;
    log_ids(s, "flag", mailbox, SPAN("-"), ids, count);
    text_cut(&s->log, s->log.size - 1);
    text_print(&s->log, " op %d %x", op, flags);
    for (size_t i = 0; i < keywords_count; i++)
        text_print(&s->log, " %.*s", SPAN_PRINT(keywords[i]));
    text_add_str(&s->log, "\n");
    return reply(s, task);
}

static ll_status account_quota(void *self, ll_task *task)
{
    source *s = self;
    if (!s->refuse) {
        assert_int_equal(ll_task_quota(task, &(ll_quota){SPAN("STORAGE"), 12, 100}), LL_OK);
        assert_int_equal(ll_task_quota(task, &(ll_quota){SPAN("MAILBOX"), 3, 7}), LL_OK);
    }
    return reply(s, task);
}

static const ll_upstream upstream_methods_of_source = {
    sizeof(ll_upstream), mailbox_create, mailbox_rename,  mailbox_delete, message_create,
    messages_add,        messages_move,  messages_remove, messages_flag,  account_quota};

#endif
