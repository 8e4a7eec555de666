/* smtp_server.c - an SMTP or LMTP connection: bytes in and out, time, and the end. See smtp_server.h.
 * SPDX-License-Identifier: MIT */
#include "wire/smtp_server_state.h"

#include "base/memory.h"

#include <assert.h>

enum {
    NAME_MAX_BYTES = 255, /* our name, the client's name (RFC 5321 section 4.5.3.1.2), its address */
    LOG_MAX_BYTES = 512,  /* one log line */
    /* What a configuration may raise its limits to: each bounds memory. */
    RECIPIENTS_MAX = 100000, /* times SMTP_REPLY_MAX is the output of one LMTP answer */
    LINE_BYTES_MAX = 1 << 20,
    OUTPUT_BYTES_MAX = 1 << 20
};

void smtp_limits_init(smtp_limits *limits)
{
#define X(field, value, reason) limits->field = (value);
    SMTP_LIMITS_TABLE(X)
#undef X
}

static bool host_is_whole(const smtp_host *h)
{
    return h && h->size >= sizeof *h && h->helo && h->mail && h->rcpt && h->data_begin && h->data && h->data_end &&
           h->reset && h->wake && h->log;
}

/* Beyond these a ceiling would be none, and sums of ceilings could overflow. */
static void limits_clamp(smtp_limits *limits)
{
    if (limits->message_bytes > INT64_MAX)
        limits->message_bytes = INT64_MAX;
    if (limits->recipients > RECIPIENTS_MAX)
        limits->recipients = RECIPIENTS_MAX;
    if (limits->line_bytes > LINE_BYTES_MAX)
        limits->line_bytes = LINE_BYTES_MAX;
    if (limits->output_bytes > OUTPUT_BYTES_MAX)
        limits->output_bytes = OUTPUT_BYTES_MAX;
}

/* Pauses at output_bytes; above it stands what one answer may add at worst: LMTP says one reply for each recipient. */
static size_t output_max(const smtp_limits *limits)
{
    return (size_t)(limits->output_bytes + (limits->recipients + 4) * SMTP_REPLY_MAX);
}

static void server_init(smtp_server *s, const smtp_server_config *config)
{
    s->allocator = config->allocator;
    s->host = config->host;
    s->context = config->context;
    if (config->limits)
        s->limits = *config->limits;
    else
        smtp_limits_init(&s->limits);
    limits_clamp(&s->limits);
    s->lmtp = config->flags & SMTP_SERVER_LMTP;
    s->secure = config->flags & SMTP_SERVER_SECURE;
    s->chunking = !(config->flags & SMTP_SERVER_NO_CHUNKING);
    s->mode = SMTP_MODE_COMMAND;
    s->state = SMTP_STATE_START;
    line_init(&s->line, s->allocator, (size_t)s->limits.line_bytes, s->limits.line_dropped_bytes);
    text_init(&s->output, s->allocator, output_max(&s->limits));
    text_init(&s->name, s->allocator, NAME_MAX_BYTES);
    text_init(&s->peer, s->allocator, NAME_MAX_BYTES);
    text_init(&s->helo, s->allocator, NAME_MAX_BYTES);
    text_init(&s->refusal.words, s->allocator, SMTP_REPLY_TEXT_MAX);
    text_add(&s->name, config->name);
    text_add(&s->peer, config->peer);
    text_print(&s->output, "220 %s %s Letterlock\r\n", text_str(&s->name), s->lmtp ? "LMTP" : "ESMTP");
}

ll_status smtp_server_new(smtp_server **out, const smtp_server_config *config)
{
    assert(config->size >= sizeof *config);
    *out = NULL;
    if (!host_is_whole(config->host) || config->name.size == 0 || config->name.size > NAME_MAX_BYTES ||
        config->peer.size > NAME_MAX_BYTES)
        return LL_EINVAL;
    smtp_server *s = memory_new(config->allocator, sizeof *s);
    if (!s)
        return LL_ENOMEM;
    server_init(s, config);
    if (text_status(&s->name) || text_status(&s->peer) || text_status(&s->output)) {
        smtp_server_del(&s);
        return LL_ENOMEM;
    }
    *out = s;
    return LL_OK;
}

void smtp_server_del(smtp_server **server)
{
    smtp_server *s = *server;
    *server = NULL;
    if (!s)
        return;
    s->open |= s->asking != SMTP_ASK_NONE; /* a question is open: the host must be told to forget it */
    smtp_server_reset(s);
    line_fini(&s->line);
    text_fini(&s->output);
    text_fini(&s->name);
    text_fini(&s->peer);
    text_fini(&s->helo);
    text_fini(&s->refusal.words);
    memory_free(s->allocator, s);
}

/* -------------------------------------------------------------------------------------------------------- What is said
 */

void smtp_server_say(smtp_server *s, int code, const char *enhanced, const char *words)
{
    smtp_reply_add(&s->output, code, enhanced, span_str(words), smtp_server_utf8(s));
}

void smtp_server_log(smtp_server *s, const char *format, ...)
{
    text line;
    text_init(&line, s->allocator, LOG_MAX_BYTES);
    va_list args;
    va_start(args, format);
    text_vprint(&line, format, args);
    va_end(args);
    text_print(&line, " peer=%s", text_str(&s->peer));
    if (text_status(&line) == LL_OK)
        s->host->log(s->context, text_span(&line));
    text_fini(&line);
}

void smtp_server_fault(smtp_server *s, int code, const char *enhanced, const char *words)
{
    if (++s->errors > s->limits.errors) {
        smtp_server_leave(s, "4.7.0", "Too many errors");
        return;
    }
    smtp_server_say(s, code, enhanced, words);
}

void smtp_server_leave(smtp_server *s, const char *enhanced, const char *words)
{
    if (s->mode == SMTP_MODE_ENDED)
        return;
    smtp_server_log(s, "smtp.leave reason=\"%s\"", words);
    if (s->mode == SMTP_MODE_TLS) { /* a handshake is under way: there is no way to say anything */
        smtp_server_end(s);
        return;
    }
    text line;
    text_init(&line, s->allocator, SMTP_REPLY_TEXT_MAX);
    text_print(&line, "%s %s, closing", text_str(&s->name), words);
    smtp_reply_add(&s->output, 421, enhanced, text_span(&line), false);
    text_fini(&line);
    smtp_server_end(s);
}

void smtp_server_end(smtp_server *s)
{
    s->mode = SMTP_MODE_ENDED;
    smtp_server_reset(s);
}

void smtp_server_forget(smtp_server *s)
{
    s->open = s->begun = false;
    s->recipients = 0;
    s->size = 0;
    s->refusal.code = 0;
    text_clear(&s->refusal.words);
    s->mail = (smtp_mail){0};
    if (s->state != SMTP_STATE_START)
        s->state = SMTP_STATE_READY;
}

void smtp_server_reset(smtp_server *s)
{
    bool open = s->open;
    smtp_server_forget(s);
    if (open)
        s->host->reset(s->context);
}

bool smtp_server_utf8(const smtp_server *s)
{
    return s->mail.utf8;
}

/* --------------------------------------------------------------------------------------------------------------- Input
 */

/* A stranger's bytes are counted one by one, so that the limit falls in the same place however the input is cut. */
static ll_span stranger_share(smtp_server *s, ll_span bytes)
{
    if (s->mailed)
        return bytes;
    uint64_t left = s->limits.stranger_bytes - s->stranger_bytes;
    return bytes.size > left ? span_first(bytes, (size_t)left) : bytes;
}

static size_t input_command(smtp_server *s, ll_span bytes)
{
    bytes = stranger_share(s, bytes);
    if (bytes.size == 0) {
        smtp_server_leave(s, "4.7.0", "Too much was said without mail");
        return 0;
    }
    size_t taken;
    ll_span line;
    unsigned wrong;
    ll_status status = line_take(&s->line, bytes, &taken, &line, &wrong);
    if (!s->mailed)
        s->stranger_bytes += taken;
    if (status == LL_OK)
        smtp_command(s, line, wrong);
    else if (status == LL_ELIMIT)
        smtp_server_leave(s, "4.7.0", "Line far too long");
    else if (status != LL_MORE)
        s->broken = status;
    return taken;
}

static bool output_is_full(const smtp_server *s)
{
    return s->mode == SMTP_MODE_COMMAND && s->output.size >= s->limits.output_bytes;
}

ll_status smtp_server_input(smtp_server *s, ll_span bytes, size_t *taken)
{
    assert(!s->inside);
    *taken = 0;
    while (*taken < bytes.size && !s->broken && s->asking == SMTP_ASK_NONE && !output_is_full(s)) {
        ll_span rest = span_from(bytes, *taken);
        if (s->mode == SMTP_MODE_COMMAND)
            *taken += input_command(s, rest);
        else if (s->mode == SMTP_MODE_DATA || s->mode == SMTP_MODE_CHUNK)
            *taken += smtp_message_input(s, rest);
        else
            *taken = bytes.size; /* in clear behind STARTTLS, or after the end: dropped */
        if (text_status(&s->output))
            s->broken = LL_ENOMEM;
    }
    if (s->broken)
        return s->broken;
    return s->mode == SMTP_MODE_ENDED ? LL_ECLOSED : LL_OK;
}

/* -------------------------------------------------------------------------------------------------------------- Output
 */

ll_span smtp_server_output(smtp_server *s)
{
    return text_span(&s->output);
}

void smtp_server_sent(smtp_server *s, size_t size)
{
    text_drop(&s->output, size);
}

unsigned smtp_server_wants(const smtp_server *s)
{
    unsigned wants = s->output.size ? LL_WANTS_OUTPUT : 0;
    if (s->mode == SMTP_MODE_ENDED || s->broken || text_status(&s->output))
        return wants ? wants : LL_WANTS_CLOSE;
    if (s->mode == SMTP_MODE_TLS)
        return wants | LL_WANTS_TLS;
    if (s->asking == SMTP_ASK_NONE && !output_is_full(s))
        wants |= LL_WANTS_INPUT;
    return wants;
}

/* ---------------------------------------------------------------------------------------------------------------- Time
 */

uint64_t smtp_server_timeout_ms(const smtp_server *s)
{
    if (s->asking != SMTP_ASK_NONE || s->mode == SMTP_MODE_TLS)
        return 0;
    if (s->mode == SMTP_MODE_DATA || s->mode == SMTP_MODE_CHUNK)
        return s->limits.data_timeout_ms;
    return s->known && s->mode != SMTP_MODE_ENDED ? s->limits.command_timeout_ms : s->limits.stranger_timeout_ms;
}

void smtp_server_expire(smtp_server *s)
{
    if (s->asking != SMTP_ASK_NONE)
        return;
    if (s->mode == SMTP_MODE_ENDED)
        text_clear(&s->output); /* not even the last word was read */
    smtp_server_leave(s, "4.4.2", "Timeout");
}

void smtp_server_shutdown(smtp_server *s)
{
    if (s->asking != SMTP_ASK_NONE)
        s->leaving = true;
    else
        smtp_server_leave(s, "4.3.2", "Going down");
}

void smtp_server_secured(smtp_server *s)
{
    assert(!s->inside); /* not from inside start_tls: input in clear is still being dropped */
    if (s->mode != SMTP_MODE_TLS)
        return;
    /* RFC 3207 section 4.2: what was learnt before is discarded. */
    s->secure = true;
    s->extended = false;
    s->state = SMTP_STATE_START;
    s->mode = SMTP_MODE_COMMAND;
    text_clear(&s->helo);
    line_clear(&s->line);
}

/* --------------------------------------------------------------------------------------------------------------- Facts
 */

bool smtp_server_is_secure(const smtp_server *s)
{
    return s->secure;
}

bool smtp_server_is_extended(const smtp_server *s)
{
    return s->extended;
}

ll_span smtp_server_helo(const smtp_server *s)
{
    return text_span(&s->helo);
}

size_t smtp_server_recipients(const smtp_server *s)
{
    return s->recipients;
}
