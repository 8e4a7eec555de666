/* old_name.c - see old_name.h
 * SPDX-License-Identifier: MIT */
#include "imap/old_name.h"

void old_name_add(ll_session *s, ll_span written)
{
    session_add(s, SPAN(" (\"OLDNAME\" ("));
    session_add_name(s, &s->output, written);
    session_add(s, SPAN("))"));
}

bool old_name_differs(const ll_session *s, ll_span name, ll_span written)
{
    return s->enabled & SESSION_ENABLED_REV2 && !span_equal(name, written);
}

void old_name_say(ll_session *s, const char *attributes, ll_span name, ll_span written)
{
    if (!old_name_differs(s, name, written))
        return;
    session_say(s, "* LIST (%s) \"/\" ", attributes);
    session_add_name(s, &s->output, name);
    old_name_add(s, written);
    session_add(s, SPAN("\r\n"));
}
