/* thread_id.c - see thread_id.h
 * SPDX-License-Identifier: MIT */
#include "imap/thread_id.h"

/* What stands behind a "<", up to its ">". False: it is no msg-id; *rest is behind what was looked at, so that time is
 * linear: after a quote that is not closed nothing is left. */
static bool take(ll_span *rest, text *id)
{
    bool quoted = false;
    size_t at_sign = 0, i = 0;
    text_clear(id);
    for (; i < rest->size && (quoted || rest->data[i] != '>'); i++) {
        char c = rest->data[i];
        if (c == '"') {
            quoted = !quoted;
            continue;
        }
        if (c == '\\' && quoted && i + 1 < rest->size)
            c = rest->data[++i];
        else if (!quoted && (c == ' ' || c == '\t'))
            continue;
        else if (!quoted && c == '<') /* another one begins */
            break;
        else if (!quoted && c == '@')
            at_sign = id->size;
        if (id->size < thread_id_max + 1)
            text_add_byte(id, c);
    }
    bool closed = i < rest->size && rest->data[i] == '>';
    *rest = span_from(*rest, closed ? i + 1 : i);
    return closed && at_sign && at_sign + 1 < id->size && id->size <= thread_id_max;
}

bool thread_id_next(ll_span *rest, text *id)
{
    for (;;) {
        size_t at = span_find(*rest, '<');
        if (at == rest->size)
            return false;
        *rest = span_from(*rest, at + 1);
        if (take(rest, id))
            return true;
    }
}
