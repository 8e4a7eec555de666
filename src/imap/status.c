/* status.c - see status.h
 * SPDX-License-Identifier: MIT */
#include "imap/status.h"

#include "imap/response.h"

#include <assert.h>

typedef enum status_item {
    ITEM_MESSAGES,
    ITEM_RECENT,
    ITEM_UIDNEXT,
    ITEM_UIDVALIDITY,
    ITEM_UNSEEN,
    ITEM_DELETED,
    ITEM_SIZE,
    ITEM_HIGHESTMODSEQ,
    ITEM_DELETED_STORAGE,
    ITEM_MAILBOXID,
    ITEM_APPENDLIMIT,
    ITEM_COUNT
} status_item;

static const char *const names[ITEM_COUNT] = {
    [ITEM_MESSAGES] = "MESSAGES",
    [ITEM_RECENT] = "RECENT",
    [ITEM_UIDNEXT] = "UIDNEXT",
    [ITEM_UIDVALIDITY] = "UIDVALIDITY",
    [ITEM_UNSEEN] = "UNSEEN",
    [ITEM_DELETED] = "DELETED",
    [ITEM_SIZE] = "SIZE",
    [ITEM_HIGHESTMODSEQ] = "HIGHESTMODSEQ",
    [ITEM_DELETED_STORAGE] = "DELETED-STORAGE",
    [ITEM_MAILBOXID] = "MAILBOXID",
    [ITEM_APPENDLIMIT] = "APPENDLIMIT",
};

static bool is_offered(const ll_session *s, status_item item)
{
    if (item == ITEM_HIGHESTMODSEQ)
        return session_can(s, changes);
    if (item == ITEM_MAILBOXID)
        return session_offers(s, LL_OFFERS_OBJECTID);
    return true;
}

static bool has(const status_items *items, status_item item)
{
    return memchr(items->items, (int)item, items->count) != NULL;
}

static bool take_item(const ll_session *s, lexer *in, status_items *items)
{
    for (unsigned i = 0; i < ITEM_COUNT; i++)
        if (is_offered(s, (status_item)i) && lexer_is_word(in, names[i])) {
            if (!has(items, (status_item)i))
                items->items[items->count++] = (unsigned char)i;
            return true;
        }
    return false;
}

bool status_take_items(const ll_session *s, lexer *in, status_items *items)
{
    static_assert((int)ITEM_COUNT == (int)status_items_max, "room for all");
    size_t start = in->at;
    items->count = 0;
    bool good = lexer_byte(in, '(');
    while (good) {
        good = take_item(s, in, items);
        if (good && lexer_byte(in, ')'))
            return true;
        good = good && lexer_space(in);
    }
    in->at = start;
    return false;
}

bool status_enables_condstore(const status_items *items)
{
    return has(items, ITEM_HIGHESTMODSEQ);
}

static void say_item(ll_session *s, status_item item, const ll_call *call)
{
    const ll_mailbox_status *numbers = &call->numbers;
    const uint64_t values[ITEM_COUNT] = {
        [ITEM_MESSAGES] = numbers->messages,
        [ITEM_RECENT] = numbers->recent,
        [ITEM_UIDNEXT] = numbers->uidnext,
        [ITEM_UIDVALIDITY] = numbers->uidvalidity,
        [ITEM_UNSEEN] = numbers->unseen,
        [ITEM_DELETED] = numbers->deleted,
        [ITEM_SIZE] = numbers->bytes,
        [ITEM_HIGHESTMODSEQ] = numbers->highest_modseq,
        [ITEM_DELETED_STORAGE] = numbers->deleted_bytes,
        [ITEM_APPENDLIMIT] = status_append_limit(s),
    };
    if (item != ITEM_MAILBOXID)
        text_add_u64(&s->output, values[item]);
    else
        session_say(s, "(%.*s)", SPAN_PRINT(call->mailbox_id));
}

void status_say(ll_session *s, ll_span name, const status_items *items, const ll_call *call)
{
    const char *between = "";
    session_add(s, SPAN("* STATUS "));
    session_add_name(s, &s->output, name);
    session_add(s, SPAN(" ("));
    for (size_t i = 0; i < items->count; i++) {
        status_item item = (status_item)items->items[i];
        if (item == ITEM_MAILBOXID && !call->mailbox_id.data)
            continue; /* a connector that has ids has forgotten this one */
        session_say(s, "%s%s ", between, names[item]);
        say_item(s, item, call);
        between = " ";
    }
    session_add(s, SPAN(")\r\n"));
}
