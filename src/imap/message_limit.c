/* message_limit.c - see message_limit.h
 * SPDX-License-Identifier: MIT */
#include "imap/message_limit.h"

#include <inttypes.h>

/* message-limit = nz-number: what does not fit is more than a mailbox can hold, so none. */
static uint64_t limit_of(uint64_t limit)
{
    return limit <= UINT32_MAX ? limit : 0;
}

static bool is_over(uint64_t limit, uint64_t count)
{
    return limit && count > limit;
}

/* Of COPY and APPEND: the smaller of the two. */
static uint64_t limit_of_saving(const ll_session *s)
{
    uint64_t limit = limit_of(s->limits.message_limit), save = limit_of(s->limits.save_limit);
    return limit && (!save || limit < save) ? limit : save;
}

/* The lowest UID of the highest `limit`. */
static uint32_t lowest(uint64_t limit, const uidset *uids)
{
    return uidset_select(uids, uidset_count(uids) - (uint32_t)limit + 1);
}

bool message_limit_cut(const ll_session *s, command *c, uidset *uids)
{
    uint64_t limit = limit_of(s->limits.message_limit);
    if (!is_over(limit, uidset_count(uids)))
        return false;
    c->limited = lowest(limit, uids);
    uidset_remove_range(uids, (ll_range){1, c->limited - 1});
    return true;
}

static ll_status refused(command *c)
{
    c->text = "Too many messages at once, try a smaller set";
    return c->code ? LL_ELIMIT : LL_ENOMEM;
}

ll_status message_limit_copy(const ll_session *s, command *c, const uidset *uids)
{
    uint64_t limit = limit_of_saving(s);
    if (!is_over(limit, uidset_count(uids)))
        return LL_OK;
    c->code = command_print(c, "MESSAGELIMIT %" PRIu64 " %u", limit, lowest(limit, uids));
    return refused(c);
}

static ll_status refuse_over(command *c, uint64_t limit, uint64_t count)
{
    if (!is_over(limit, count))
        return LL_OK;
    c->code = command_print(c, "MESSAGELIMIT %" PRIu64, limit);
    return refused(c);
}

ll_status message_limit_append(const ll_session *s, command *c, uint64_t count)
{
    return refuse_over(c, limit_of_saving(s), count);
}

ll_status message_limit_whole(const ll_session *s, command *c, uint64_t count)
{
    return refuse_over(c, limit_of(s->limits.message_limit), count);
}

const char *message_limit_code(const ll_session *s, command *c)
{
    if (!c->limited)
        return NULL;
    if (!(c->row->flags & COMMAND_SELECTED)) /* of several mailboxes: no UID can be named */
        return command_print(c, "MESSAGELIMIT %" PRIu64, s->limits.message_limit);
    return command_print(c, "MESSAGELIMIT %" PRIu64 " %u", s->limits.message_limit, c->limited);
}

void message_limit_capabilities(const ll_session *s, text *out)
{
    uint64_t limit = limit_of(s->limits.message_limit), save = limit_of_saving(s);
    if (limit)
        text_print(out, " MESSAGELIMIT=%" PRIu64, limit);
    if (save)
        text_print(out, " SAVELIMIT=%" PRIu64, save);
}
