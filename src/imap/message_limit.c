/* message_limit.c - see message_limit.h
 * SPDX-License-Identifier: MIT */
#include "imap/message_limit.h"

#include <inttypes.h>

static bool is_over(uint64_t limit, const uidset *uids)
{
    return limit && uidset_count(uids) > limit;
}

bool message_limit_cut(const ll_session *s, command *c, uidset *uids)
{
    if (!is_over(s->limits.message_limit, uids))
        return false;
    uint32_t left_out = uidset_count(uids) - (uint32_t)s->limits.message_limit;
    c->limited = uidset_select(uids, left_out + 1);
    uidset_remove_range(uids, (ll_range){1, c->limited - 1});
    return true;
}

static ll_status refuse(command *c, uint64_t limit, const char *why)
{
    c->code = command_print(c, "MESSAGELIMIT %" PRIu64, limit);
    c->text = why;
    return c->code ? LL_ELIMIT : LL_ENOMEM;
}

ll_status message_limit_check(const ll_session *s, command *c, const uidset *uids)
{
    if (!is_over(s->limits.message_limit, uids))
        return LL_OK;
    return refuse(c, s->limits.message_limit, "Too many messages at once, try a smaller set");
}

ll_status message_limit_save(ll_session *s, command *c, uidset **found)
{
    if (is_over(s->limits.save_limit, *found)) {
        uidset_del(found);
        uidset_del(&s->snap.saved); /* RFC 5182 section 2.1 */
        return refuse(c, s->limits.save_limit, "Too many messages to be kept");
    }
    uidset_del(&s->snap.saved);
    s->snap.saved = *found;
    *found = NULL;
    return LL_OK;
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
    if (s->limits.message_limit)
        text_print(out, " MESSAGELIMIT=%" PRIu64, s->limits.message_limit);
    if (s->limits.save_limit)
        text_print(out, " SAVELIMIT=%" PRIu64, s->limits.save_limit);
}
