/* trace.c - see trace.h
 * SPDX-License-Identifier: MIT */
#include "post/trace.h"

#include "base/clock.h"

/* What a client said goes into a header: printable ASCII and UTF-8 only, no parentheses (they would end our comment).
 */
static void add_clean(text *out, ll_span said)
{
    for (size_t i = 0; i < said.size && i < 255; i++) {
        char c = said.data[i];
        bool bad =
            (unsigned char)c <= 32 || c == 127 || c == '(' || c == ')' || c == ';' || c == '<' || c == '>' || c == '\\';
        text_add_byte(out, bad ? '?' : c);
    }
}

/* RFC 3848, RFC 6531 section 4.3. */
static void add_protocol(const trace *t, text *out)
{
    text_add_str(out, t->utf8 ? "UTF8" : "");
    text_add_str(out, t->lmtp ? "LMTP" : t->extended ? (t->utf8 ? "SMTP" : "ESMTP") : "SMTP");
    text_add_str(out, t->secure && (t->extended || t->lmtp) ? "S" : "");
}

static void add_peer(const trace *t, text *out)
{
    if (span_equal(t->peer, SPAN("unix"))) {
        text_add_str(out, "local");
        return;
    }
    text_add_str(out, span_find(t->peer, ':') < t->peer.size ? "[IPv6:" : "[");
    add_clean(out, t->peer);
    text_add_byte(out, ']');
}

void trace_write(const trace *t, text *out)
{
    text_add_str(out, "Return-Path: <");
    smtp_path_text(t->from, out);
    text_add_str(out, ">\r\nReceived: from ");
    add_clean(out, t->helo.size ? t->helo : SPAN("unknown"));
    text_add_str(out, " (");
    add_peer(t, out);
    text_add_str(out, ")\r\n\tby ");
    add_clean(out, t->host);
    text_add_str(out, " (Letterlock) with ");
    add_protocol(t, out);
    text_add_str(out, " id ");
    add_clean(out, t->id);
    if (t->to) {
        text_add_str(out, "\r\n\tfor <");
        smtp_path_text(t->to, out);
        text_add_byte(out, '>');
    }
    text_add_str(out, ";\r\n\t");
    clock_add_rfc5322(out, t->now);
    text_add_str(out, "\r\n");
}
