/* smtp_command.c - one command line of an SMTP or LMTP client: the table of commands, their checks, their deeds.
 * SPDX-License-Identifier: MIT
 *
 * A row's `check` reads the arguments and says what is wrong with them (then it answers false); `proceed` acts. */
#include "wire/smtp_server_state.h"

typedef struct command {
    const char *name;
    unsigned flags;
    unsigned states; /* SMTP_STATE_* in which it is legal */
    bool (*check)(smtp_server *s, ll_span args);
    void (*proceed)(smtp_server *s, ll_span args);
} command;

enum {
    IN_SMTP = 1u << 0,
    IN_LMTP = 1u << 1,
    IN_BOTH = IN_SMTP | IN_LMTP,
    IDLE = 1u << 2, /* brings no mail: counted against idle_commands */
    ANY = SMTP_STATE_START | SMTP_STATE_READY | SMTP_STATE_MAIL | SMTP_STATE_BDAT | SMTP_STATE_BROKEN
};

static bool check_any(smtp_server *s, ll_span args)
{
    (void)s, (void)args;
    return true;
}

static bool check_none(smtp_server *s, ll_span args)
{
    if (args.size)
        smtp_server_fault(s, 501, "5.5.4", "No arguments are allowed here");
    return args.size == 0;
}

static bool check_some(smtp_server *s, ll_span args)
{
    if (args.size == 0)
        smtp_server_fault(s, 501, "5.5.4", "An argument is missing");
    return args.size != 0;
}

/* ------------------------------------------------------------------------------------------------------------ Greeting
 */

/* The name is kept and told, not judged: RFC 5321 section 4.1.4 forbids refusing mail for it. But it goes into header
 * lines, so it must be one printable word. */
static bool check_helo(smtp_server *s, ll_span args)
{
    ll_span name = span_first(args, span_find(args, ' '));
    bool valid = name.size > 0 && name.size <= SMTP_DOMAIN_MAX;
    for (size_t i = 0; valid && i < name.size; i++)
        valid = name.data[i] > 0x20 && name.data[i] < 0x7f;
    if (!valid)
        smtp_server_fault(s, 501, "5.5.4", "A domain name or address literal is needed");
    return valid;
}

static void greeted(smtp_server *s, ll_span args, bool extended)
{
    smtp_server_reset(s); /* RFC 5321 section 4.1.4: as if RSET */
    s->state = SMTP_STATE_READY;
    s->extended = extended;
    text_clear(&s->helo);
    text_add(&s->helo, span_first(args, span_find(args, ' ')));
    if (text_status(&s->helo))
        s->broken = text_status(&s->helo);
    else
        s->host->helo(s->context, text_span(&s->helo), extended);
}

static void do_helo(smtp_server *s, ll_span args)
{
    greeted(s, args, false);
    text_print(&s->output, "250 %s\r\n", text_str(&s->name));
}

static void do_ehlo(smtp_server *s, ll_span args)
{
    greeted(s, args, true);
    const char *client = s->peer.size ? text_str(&s->peer) : text_str(&s->helo);
    text_print(&s->output, "250-%s greets %s\r\n", text_str(&s->name), client);
    text_print(&s->output, "250-SIZE %llu\r\n", (unsigned long long)s->limits.message_bytes);
    if (s->host->start_tls && !s->secure)
        text_add_str(&s->output, "250-STARTTLS\r\n");
    if (s->chunking)
        text_add_str(&s->output, "250-CHUNKING\r\n");
    text_add_str(&s->output, "250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 ENHANCEDSTATUSCODES\r\n");
}

static bool check_starttls(smtp_server *s, ll_span args)
{
    if (s->secure)
        smtp_server_fault(s, 503, "5.5.1", "TLS is active already");
    else if (!s->host->start_tls)
        smtp_server_fault(s, 502, "5.5.1", "TLS is not available");
    else
        return check_none(s, args);
    return false;
}

static void do_starttls(smtp_server *s, ll_span args)
{
    (void)args;
    smtp_server_reset(s);
    smtp_server_say(s, 220, "2.0.0", "Ready to start TLS");
    s->mode = SMTP_MODE_TLS; /* from here on smtp_server_input drops what comes */
    s->inside++;
    s->host->start_tls(s->context);
    s->inside--;
}

/* --------------------------------------------------------------------------------------------------------- Transaction
 */

/* "FROM:" or "TO:", a path, and the parameters left in *rest. RFC 5321 allows no space behind the colon; many send one.
 */
static bool read_path(smtp_server *s, ll_span args, ll_span word, unsigned allow, smtp_path *path, ll_span *rest)
{
    bool sender = path == &s->from;
    const char *enhanced = sender ? "5.1.7" : "5.1.3";
    if (!span_starts_nocase(args, word)) {
        smtp_server_fault(s, 501, "5.5.4", sender ? "Syntax: MAIL FROM:<address>" : "Syntax: RCPT TO:<address>");
        return false;
    }
    args = span_from(args, word.size);
    while (args.size && args.data[0] == ' ')
        args = span_from(args, 1);
    size_t taken;
    ll_status status = smtp_path_parse(path, args, allow, (size_t)s->limits.local_bytes, &taken);
    if (status == LL_OK)
        *rest = span_from(args, taken);
    else if (status == LL_EUNSUPPORTED)
        smtp_server_fault(s, 553, "5.6.7", "A UTF-8 address needs SMTPUTF8 in MAIL");
    else if (status == LL_ELIMIT)
        smtp_server_fault(s, 553, enhanced, "Address too long");
    else
        smtp_server_fault(s, 501, enhanced, "Address does not parse");
    return status == LL_OK;
}

/* RFC 1870 section 6.1. 0 stays "not said". */
static ll_status param_size(smtp_server *s, ll_span value)
{
    if (s->mail.size || value.size > 20 || !span_u64(value, &s->mail.size))
        return LL_ESYNTAX;
    return s->mail.size > s->limits.message_bytes ? LL_ELIMIT : LL_OK;
}

/* RFC 6152. BINARYMIME (RFC 3030) is not offered. */
static ll_status param_body(smtp_server *s, ll_span value)
{
    s->mail.body_8bit = span_equal_nocase(value, SPAN("8BITMIME"));
    return s->mail.body_8bit || span_equal_nocase(value, SPAN("7BIT")) ? LL_OK : LL_ESYNTAX;
}

static ll_status param_mail(smtp_server *s, ll_span keyword, ll_span value)
{
    if (span_equal_nocase(keyword, SPAN("SIZE")) && value.data)
        return param_size(s, value);
    if (span_equal_nocase(keyword, SPAN("BODY")) && value.data)
        return param_body(s, value);
    if (span_equal_nocase(keyword, SPAN("SMTPUTF8")) && s->extended) {
        s->mail.utf8 = true;
        return value.data ? LL_ESYNTAX : LL_OK; /* RFC 6531 section 3.4: takes no value */
    }
    return LL_EUNSUPPORTED;
}

static ll_status read_params(smtp_server *s, ll_span rest, bool mail)
{
    for (;;) {
        ll_span keyword, value;
        ll_status status = smtp_param_next(&rest, &keyword, &value);
        if (status == LL_ENOTFOUND)
            return LL_OK;
        if (status == LL_OK)
            status = mail ? param_mail(s, keyword, value) : LL_EUNSUPPORTED;
        if (status)
            return status;
    }
}

static bool check_params(smtp_server *s, ll_span rest, bool mail)
{
    ll_status status = read_params(s, rest, mail);
    if (status == LL_ELIMIT)
        smtp_server_say(s, 552, "5.3.4", "Message larger than is accepted here"); /* RFC 1870 section 6.1: no fault */
    else if (status == LL_EUNSUPPORTED)
        smtp_server_fault(s, 555, "5.5.4", "Parameter not known");
    else if (status)
        smtp_server_fault(s, 501, "5.5.4", "Parameter does not parse");
    return status == LL_OK;
}

static bool mail_is_good(smtp_server *s, ll_span args)
{
    ll_span rest;
    if (!read_path(s, args, SPAN("FROM:"), SMTP_PATH_NULL | SMTP_PATH_UTF8, &s->from, &rest) ||
        !check_params(s, rest, true))
        return false;
    if (s->from.utf8 && !s->mail.utf8)
        smtp_server_fault(s, 553, "5.6.7", "A UTF-8 address needs SMTPUTF8 in MAIL");
    return s->mail.utf8 || !s->from.utf8;
}

static bool check_mail(smtp_server *s, ll_span args)
{
    if (s->transactions >= s->limits.transactions) {
        smtp_server_leave(s, "4.7.0", "Enough messages on this connection");
        return false;
    }
    s->mail = (smtp_mail){.from = &s->from};
    bool good = mail_is_good(s, args);
    if (!good)
        smtp_server_forget(s);
    return good;
}

static void do_mail(smtp_server *s, ll_span args)
{
    (void)args;
    smtp_answer_ask(s, SMTP_ASK_MAIL);
}

static bool check_rcpt(smtp_server *s, ll_span args)
{
    ll_span rest;
    unsigned allow = SMTP_PATH_POSTMASTER | (s->mail.utf8 ? SMTP_PATH_UTF8 : 0u);
    if (!read_path(s, args, SPAN("TO:"), allow, &s->to, &rest) || !check_params(s, rest, false))
        return false;
    if (s->recipients >= s->limits.recipients) { /* RFC 5321 section 4.5.3.1.10: the client sends the others anew */
        smtp_server_say(s, 452, "4.5.3", "Too many recipients");
        return false;
    }
    return true;
}

static void do_rcpt(smtp_server *s, ll_span args)
{
    (void)args;
    smtp_answer_ask(s, SMTP_ASK_RCPT);
}

static bool check_data(smtp_server *s, ll_span args)
{
    if (!check_none(s, args))
        return false;
    if (s->recipients == 0) /* RFC 5321 section 3.3; RFC 2033 section 4.2 */
        smtp_server_fault(s, s->lmtp ? 503 : 554, "5.5.1", "No valid recipients");
    return s->recipients > 0;
}

static void do_data(smtp_server *s, ll_span args)
{
    (void)args;
    smtp_message_data(s);
}

static bool read_chunk(ll_span args, uint64_t *size, bool *last)
{
    ll_span number = span_first(args, span_find(args, ' '));
    ll_span word = span_trim(span_from(args, number.size));
    *last = span_equal_nocase(word, SPAN("LAST"));
    return span_u64(number, size) && (*last || word.size == 0);
}

/* Nobody knows how many bytes belong to a BDAT that does not parse, and they must not be read as commands. */
static void bdat_leave(smtp_server *s)
{
    smtp_server_leave(s, "4.5.0", "BDAT does not parse");
}

static bool check_bdat(smtp_server *s, ll_span args)
{
    uint64_t size;
    bool last;
    bool good = read_chunk(args, &size, &last);
    if (!s->chunking)
        smtp_server_fault(s, 502, "5.5.1", "CHUNKING is not offered");
    else if (!good)
        bdat_leave(s);
    return s->chunking && good;
}

static void do_bdat(smtp_server *s, ll_span args)
{
    uint64_t size;
    bool last;
    if (read_chunk(args, &size, &last))
        smtp_message_chunk(s, size, last);
}

/* ---------------------------------------------------------------------------------------------------------------
 * Others */

static void do_rset(smtp_server *s, ll_span args)
{
    (void)args;
    smtp_server_reset(s);
    smtp_server_say(s, 250, "2.0.0", "Done");
}

static void do_noop(smtp_server *s, ll_span args)
{
    (void)args;
    smtp_server_say(s, 250, "2.0.0", "Done");
}

/* RFC 5321 section 3.5.3, 7.3: who exists is not told. */
static void do_vrfy(smtp_server *s, ll_span args)
{
    (void)args;
    smtp_server_say(s, 252, "2.1.5", "Cannot verify; send mail and it will be tried");
}

static void do_expn(smtp_server *s, ll_span args)
{
    (void)args;
    smtp_server_say(s, 502, "5.5.1", "Lists are not shown");
}

static void do_help(smtp_server *s, ll_span args);

static void do_quit(smtp_server *s, ll_span args)
{
    (void)args;
    smtp_server_say(s, 221, "2.0.0", "Bye");
    smtp_server_end(s);
}

/* A browser was made to talk to us, with mail commands in the body of its request. */
static void do_http(smtp_server *s, ll_span args)
{
    (void)args;
    smtp_server_leave(s, "4.7.0", "This is no web server");
}

/* --------------------------------------------------------------------------------------------------------------- Table
 */

static const command commands[] = {
    {"HELO", IN_SMTP | IDLE, ANY, check_helo, do_helo},
    {"EHLO", IN_SMTP | IDLE, ANY, check_helo, do_ehlo},
    {"LHLO", IN_LMTP | IDLE, ANY, check_helo, do_ehlo},
    {"MAIL", IN_BOTH, SMTP_STATE_READY, check_mail, do_mail},
    {"RCPT", IN_BOTH, SMTP_STATE_MAIL, check_rcpt, do_rcpt},
    {"DATA", IN_BOTH, SMTP_STATE_MAIL, check_data, do_data},
    {"BDAT", IN_BOTH, ANY, check_bdat, do_bdat},
    {"RSET", IN_BOTH | IDLE, ANY, check_none, do_rset},
    {"NOOP", IN_BOTH | IDLE, ANY, check_any, do_noop},
    {"VRFY", IN_BOTH | IDLE, ANY, check_some, do_vrfy},
    {"EXPN", IN_BOTH | IDLE, ANY, check_any, do_expn},
    {"HELP", IN_BOTH | IDLE, ANY, check_any, do_help},
    {"QUIT", IN_BOTH, ANY, check_none, do_quit},
    {"STARTTLS", IN_BOTH | IDLE, SMTP_STATE_START | SMTP_STATE_READY, check_starttls, do_starttls},
    {"GET", IN_BOTH, ANY, check_any, do_http},
    {"HEAD", IN_BOTH, ANY, check_any, do_http},
    {"POST", IN_BOTH, ANY, check_any, do_http},
    {"PUT", IN_BOTH, ANY, check_any, do_http},
    {"CONNECT", IN_BOTH, ANY, check_any, do_http},
    {"OPTIONS", IN_BOTH, ANY, check_any, do_http},
};

static void do_help(smtp_server *s, ll_span args)
{
    (void)args;
    text list;
    text_init(&list, s->allocator, SMTP_REPLY_TEXT_MAX);
    text_add_str(&list, "Commands:");
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        if (commands[i].proceed != do_http && (commands[i].flags & (s->lmtp ? IN_LMTP : IN_SMTP)))
            text_print(&list, " %s", commands[i].name);
    smtp_server_say(s, 214, "2.0.0", text_str(&list));
    text_fini(&list);
}

static const command *command_find(ll_span verb, bool lmtp)
{
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        if ((commands[i].flags & (lmtp ? IN_LMTP : IN_SMTP)) && span_equal_nocase(verb, span_str(commands[i].name)))
            return &commands[i];
    return NULL;
}

/* True if the line itself is no line. */
static bool line_is_wrong(smtp_server *s, ll_span line, unsigned wrong)
{
    if (wrong && span_starts_nocase(line, SPAN("BDAT ")) && s->chunking)
        bdat_leave(s);
    else if (wrong & (LINE_BARE_LF | LINE_BARE_CR))
        smtp_server_fault(s, 500, "5.5.2",
                          wrong & LINE_BARE_LF ? "Bare LF: lines end with CRLF" : "Bare CR: lines end with CRLF");
    else if (wrong)
        smtp_server_fault(s, 500, "5.5.2", "Line too long");
    return wrong != 0;
}

static void run(smtp_server *s, const command *c, ll_span args)
{
    if (!(c->states & s->state))
        smtp_server_fault(s, 503, "5.5.1",
                          s->state == SMTP_STATE_START ? "Greet first" : "Not at this point of the conversation");
    else if ((c->flags & IDLE) && ++s->idle_commands > s->limits.idle_commands)
        smtp_server_leave(s, "4.7.0", "Too many commands without mail");
    else if (c->check(s, args))
        c->proceed(s, args);
}

void smtp_command(smtp_server *s, ll_span line, unsigned wrong)
{
    s->known = true;
    if (line_is_wrong(s, line, wrong))
        return;
    size_t space = span_find(line, ' ');
    ll_span verb = span_first(line, space);
    ll_span args = span_from(line, space);
    while (args.size && args.data[0] == ' ')
        args = span_from(args, 1);
    while (args.size && (args.data[args.size - 1] == ' ' || args.data[args.size - 1] == '\t'))
        args.size--;
    const command *c = command_find(verb, s->lmtp);
    if (c)
        run(s, c, args);
    else
        smtp_server_fault(s, 500, "5.5.2", "Command not known");
}
