/* run_idle.c - IDLE, RFC 2177: news go out as they come, until the client says DONE.
 * SPDX-License-Identifier: MIT */
#include "imap/input.h"
#include "imap/notify.h"
#include "imap/sync.h"

ll_status parse_idle(ll_session *s, command *c, lexer *in)
{
    return parse_none(s, c, in);
}

/* One version's news. LL_OK: the client knows all of it. */
static ll_status tell_news(ll_session *s)
{
    bool nothing;
    if (!s->sync) {
        ll_status status = sync_begin(s, true, NULL, NULL, false, &nothing);
        if (status == LL_ECLOSED) {
            session_bye(s, "The mailbox was deleted");
            return LL_MORE;
        }
        if (status || nothing)
            return status;
    }
    return sync_step(s);
}

ll_status run_idle(ll_session *s, command *c)
{
    if (c->phase == 0) {
        c->phase = 1;
        session_add(s, SPAN("+ idling\r\n"));
        input_want_line(s);
        s->notified = true; /* what happened before goes out at once */
        notify_changed(s);
    }
    /* RFC 5465 section 4: with NOTIFY, exactly what it asked for */
    while (s->notify ? notify_due(s) : s->mailbox && (s->notified || s->sync)) {
        ll_status status = s->notify ? notify_step(s, true) : tell_news(s);
        if (status)
            return status;
    }
    if (!s->line_ready)
        return LL_MORE;
    if (!s->line_overflow && span_equal_nocase(text_span(&s->line), SPAN("DONE")))
        return LL_OK;
    c->text = "DONE expected";
    return LL_EINVAL;
}
