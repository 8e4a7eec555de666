/* smtp_message.c - the content of a message under way: DATA, BDAT, the checks, and how it ends.
 * SPDX-License-Identifier: MIT
 *
 * A message that is refused while it comes (bare CR or LF, too large, the host's error) is read to its end, because
 * only there may the client be told; the host has forgotten it by then. */
#include "wire/smtp_server_state.h"

#include <stdio.h>

/* ------------------------------------------------------------------------------------------------------------- Refusal
 */

void smtp_message_keep_refusal(smtp_server *s, int code, const char *enhanced, ll_span words)
{
    smtp_refusal *r = &s->refusal;
    if (r->code)
        return;
    r->code = code;
    snprintf(r->enhanced, sizeof r->enhanced, "%s", enhanced ? enhanced : "");
    text_clear(&r->words);
    text_add(&r->words, span_first(words, SMTP_REPLY_TEXT_MAX));
}

void smtp_message_refuse(smtp_server *s, int code, const char *enhanced, ll_span words)
{
    if (s->refusal.code)
        return;
    smtp_message_keep_refusal(s, code, enhanced, words);
    smtp_server_log(s, "smtp.refuse code=%d enhanced=%s bytes=%llu", code, s->refusal.enhanced,
                    (unsigned long long)s->size);
    if (s->open) {
        s->open = false;
        s->host->reset(s->context);
    }
}

static void refuse_bare(smtp_server *s)
{
    const char *words = s->content.bare_lf
                            ? "Bare LF in the message: lines must end with CRLF (RFC 5321 section 2.3.8)"
                            : "Bare CR in the message: lines must end with CRLF (RFC 5321 section 2.3.8)";
    smtp_message_refuse(s, 550, "5.6.0", span_str(words));
}

static void refuse_size(smtp_server *s)
{
    char words[80];
    snprintf(words, sizeof words, "Message larger than %llu bytes", (unsigned long long)s->limits.message_bytes);
    smtp_message_refuse(s, 552, "5.3.4", span_str(words));
}

/* The end of a refused message: RFC 2033 section 4.2 wants as many replies as for a good one. */
static void say_refusal(smtp_server *s, size_t times)
{
    const smtp_refusal *r = &s->refusal;
    for (size_t i = 0; i < times; i++)
        smtp_reply_add(&s->output, r->code, r->enhanced[0] ? r->enhanced : NULL, text_span(&r->words),
                       smtp_server_utf8(s));
}

static void end_refused(smtp_server *s)
{
    say_refusal(s, s->lmtp ? s->recipients : 1);
    smtp_server_reset(s);
}

/* ------------------------------------------------------------------------------------------------------- Begin and end
 */

void smtp_message_data(smtp_server *s)
{
    s->by_chunk = false;
    smtp_answer_ask(s, SMTP_ASK_BEGIN);
}

/* What makes a chunk belong to no message. RFC 3030 section 2: it must be read all the same. */
static void chunk_judge(smtp_server *s)
{
    s->chunk_void = 503;
    if (s->state == SMTP_STATE_BROKEN)
        s->chunk_void_words = "An earlier chunk was refused: RSET first";
    else if (s->state != SMTP_STATE_MAIL && s->state != SMTP_STATE_BDAT)
        s->chunk_void_words = "BDAT before MAIL";
    else if (s->recipients == 0) {
        s->chunk_void = s->lmtp ? 503 : 554; /* RFC 2033 section 4.2 */
        s->chunk_void_words = "No valid recipients";
    } else
        s->chunk_void = 0;
}

static void chunk_end(smtp_server *s)
{
    s->mode = SMTP_MODE_COMMAND;
    if (s->chunk_void) {
        if (s->state == SMTP_STATE_BROKEN && s->chunk_last)
            smtp_server_reset(s);
        smtp_server_fault(s, s->chunk_void, "5.5.1", s->chunk_void_words);
        return;
    }
    if (s->chunk_last && !s->refusal.code) {
        smtp_content_last(&s->content);
        if (smtp_content_bare(&s->content))
            refuse_bare(s);
    }
    if (s->refusal.code && s->chunk_last)
        end_refused(s);
    else if (s->refusal.code) {
        say_refusal(s, 1);
        s->state = SMTP_STATE_BROKEN;
    } else if (s->chunk_last)
        smtp_answer_ask(s, SMTP_ASK_END);
    else {
        char words[48];
        snprintf(words, sizeof words, "%llu bytes received", (unsigned long long)s->chunk_size);
        smtp_server_say(s, 250, "2.0.0", words);
        s->state = SMTP_STATE_BDAT;
    }
}

/* Read the chunk, if it has any bytes. */
static void chunk_read(smtp_server *s)
{
    s->mode = SMTP_MODE_CHUNK;
    if (!s->chunk_void && !s->refusal.code && s->chunk_size > s->limits.message_bytes - s->size)
        refuse_size(s);
    if (s->chunk_left == 0)
        chunk_end(s);
}

void smtp_message_chunk(smtp_server *s, uint64_t size, bool last)
{
    s->by_chunk = true;
    s->chunk_size = s->chunk_left = size;
    s->chunk_last = last;
    chunk_judge(s);
    if (s->chunk_void || s->begun)
        chunk_read(s);
    else
        smtp_answer_ask(s, SMTP_ASK_BEGIN);
}

void smtp_message_begun(smtp_server *s, bool accepted)
{
    s->begun = accepted;
    smtp_content_init(&s->content);
    if (s->by_chunk)
        chunk_read(s);
    else if (accepted) {
        s->mode = SMTP_MODE_DATA;
        smtp_server_say(s, 354, NULL, "End data with <CR><LF>.<CR><LF>");
    }
}

void smtp_message_done(smtp_server *s, bool accepted)
{
    if (accepted)
        s->errors = s->idle_commands = 0;
    smtp_server_forget(s);
}

static void data_end(smtp_server *s)
{
    s->mode = SMTP_MODE_COMMAND;
    if (s->refusal.code)
        end_refused(s);
    else
        smtp_answer_ask(s, SMTP_ASK_END);
}

/* --------------------------------------------------------------------------------------------------------------- Bytes
 */

static void refuse_status(smtp_server *s, ll_status status)
{
    char words[80];
    snprintf(words, sizeof words, "Message: %s", ll_status_text(status));
    smtp_message_refuse(s, ll_status_smtp(status), ll_status_enhanced(status), span_str(words));
}

/* Content for the host. What is beyond the ceiling dooms the message. */
static void give(smtp_server *s, ll_span content)
{
    uint64_t left = s->limits.message_bytes - s->size;
    bool over = content.size > left;
    if (over)
        content = span_first(content, (size_t)left);
    if (content.size) {
        ll_status status = s->host->data(s->context, content);
        s->size += content.size;
        if (status < LL_OK)
            refuse_status(s, status);
    }
    if (over)
        refuse_size(s);
    else if (smtp_content_bare(&s->content))
        refuse_bare(s);
}

static size_t data_input(smtp_server *s, ll_span bytes)
{
    size_t taken;
    ll_span content;
    bool refused = s->refusal.code;
    ll_status status = smtp_content_data(&s->content, bytes, &taken, &content);
    if (refused)
        s->swallowed += taken;
    else
        give(s, content);
    if (status == LL_OK)
        data_end(s);
    return taken;
}

static size_t chunk_input(smtp_server *s, ll_span bytes)
{
    size_t taken = bytes.size;
    if (s->chunk_void || s->refusal.code)
        s->swallowed += taken;
    else {
        ll_span content;
        smtp_content_chunk(&s->content, bytes, &content);
        taken = content.size; /* less than all if it ended at a bare CR or LF: the rest is swallowed next */
        give(s, content);
    }
    s->chunk_left -= taken;
    if (s->chunk_left == 0)
        chunk_end(s);
    return taken;
}

/* The piece is cut so that both ceilings fall on the same byte however the input was cut. */
size_t smtp_message_input(smtp_server *s, ll_span bytes)
{
    bool chunk = s->mode == SMTP_MODE_CHUNK;
    bool dead = s->refusal.code || (chunk && s->chunk_void);
    uint64_t most = dead ? s->limits.swallow_bytes - s->swallowed : s->limits.message_bytes - s->size + 1;
    if (most == 0) {
        smtp_server_leave(s, "4.7.0", "Too much was sent of refused messages");
        return 0;
    }
    if (chunk && most > s->chunk_left)
        most = s->chunk_left;
    if (bytes.size > most)
        bytes = span_first(bytes, (size_t)most);
    return chunk ? chunk_input(s, bytes) : data_input(s, bytes);
}
