/* grammar.c - see grammar.h: feeding, and responses. What they are made of is in grammar_data.c.
 * SPDX-License-Identifier: MIT */
#include "grammar.h"

#include "grammar_data.h"

#include <stdio.h>
#include <stdlib.h>

/* --- response codes --- */

typedef enum code_kind {
    CODE_BARE,
    CODE_NZ,      /* SP nz-number */
    CODE_NUMBER,  /* SP number, may be 0 */
    CODE_SET,     /* SP sequence-set */
    CODE_FLAGS,   /* SP "(" flag-perm ... ")" */
    CODE_CHARSET, /* [SP "(" astring ... ")"] */
    CODE_CAPABILITY,
    CODE_APPENDUID,
    CODE_COPYUID,
    CODE_OBJECT, /* SP "(" objectid ")" */
    CODE_METADATA,
    CODE_BADEVENT,
    CODE_URL,
    CODE_ASTRING,
    CODE_INPROGRESS,
    CODE_MESSAGELIMIT
} code_kind;

static const struct {
    const char *name;
    code_kind kind;
} codes[] = {
    /* RFC 3501 section 7.1, RFC 9051 section 7.1 */
    {"ALERT", CODE_BARE},
    {"BADCHARSET", CODE_CHARSET},
    {"CAPABILITY", CODE_CAPABILITY},
    {"PARSE", CODE_BARE},
    {"PERMANENTFLAGS", CODE_FLAGS},
    {"READ-ONLY", CODE_BARE},
    {"READ-WRITE", CODE_BARE},
    {"TRYCREATE", CODE_BARE},
    {"UIDNEXT", CODE_NZ},
    {"UIDVALIDITY", CODE_NZ},
    {"UNSEEN", CODE_NZ},
    {"HASCHILDREN", CODE_BARE},
    {"NOTSAVED", CODE_BARE},
    {"UNKNOWN-CTE", CODE_BARE},
    {"CLOSED", CODE_BARE},
    /* RFC 4315 */
    {"APPENDUID", CODE_APPENDUID},
    {"COPYUID", CODE_COPYUID},
    {"UIDNOTSTICKY", CODE_BARE},
    /* RFC 5530 */
    {"UNAVAILABLE", CODE_BARE},
    {"AUTHENTICATIONFAILED", CODE_BARE},
    {"AUTHORIZATIONFAILED", CODE_BARE},
    {"EXPIRED", CODE_BARE},
    {"PRIVACYREQUIRED", CODE_BARE},
    {"CONTACTADMIN", CODE_BARE},
    {"NOPERM", CODE_BARE},
    {"INUSE", CODE_BARE},
    {"EXPUNGEISSUED", CODE_BARE},
    {"CORRUPTION", CODE_BARE},
    {"SERVERBUG", CODE_BARE},
    {"CLIENTBUG", CODE_BARE},
    {"CANNOT", CODE_BARE},
    {"LIMIT", CODE_BARE},
    {"OVERQUOTA", CODE_BARE},
    {"ALREADYEXISTS", CODE_BARE},
    {"NONEXISTENT", CODE_BARE},
    /* the extensions */
    {"HIGHESTMODSEQ", CODE_NZ}, /* RFC 7162 */
    {"NOMODSEQ", CODE_BARE},
    {"MODIFIED", CODE_SET},
    {"USEATTR", CODE_BARE},           /* RFC 6154 */
    {"COMPRESSIONACTIVE", CODE_BARE}, /* RFC 4978 */
    {"MAILBOXID", CODE_OBJECT},       /* RFC 8474 */
    {"METADATA", CODE_METADATA},      /* RFC 5464 */
    {"NOTIFICATIONOVERFLOW", CODE_BARE},
    {"BADEVENT", CODE_BADEVENT}, /* RFC 5465 */
    {"NOUPDATE", CODE_ASTRING},  /* RFC 5267 */
    {"BADURL", CODE_URL},        /* RFC 4469 */
    {"TOOBIG", CODE_BARE},
    {"UNDEFINED-FILTER", CODE_ASTRING}, /* RFC 5466 */
    {"INPROGRESS", CODE_INPROGRESS},    /* RFC 9585 */
    {"UIDREQUIRED", CODE_BARE},         /* RFC 9586 */
    {"MESSAGELIMIT", CODE_MESSAGELIMIT},
};

static bool bad_charset(grammar_parser *p)
{
    if (!grammar_lit(p, " ("))
        return true;
    do {
        if (!grammar_astring(p))
            return false;
    } while (grammar_lit(p, " "));
    return grammar_lit(p, ")");
}

/* metadata codes of RFC 5464 section 4.2.1 and 4.3 */
static bool metadata_code(grammar_parser *p)
{
    if (!grammar_need(p, " ", "SP"))
        return false;
    if (grammar_lit(p, "LONGENTRIES ") || grammar_lit(p, "MAXSIZE "))
        return grammar_number(p);
    return grammar_lit(p, "TOOMANY") || grammar_need(p, "NOPRIVATE", "a METADATA code");
}

/* "BADEVENT" SP "(" event *(SP event) ")" */
static bool bad_event(grammar_parser *p)
{
    if (!grammar_need(p, " (", "SP ("))
        return false;
    do {
        if (!grammar_atom(p))
            return false;
    } while (grammar_lit(p, " "));
    return grammar_need(p, ")", ")");
}

/* "(" (tag-string / NIL) SP (number / NIL) SP (number / NIL) ")", all of it optional */
static bool in_progress(grammar_parser *p)
{
    if (!grammar_lit(p, " ("))
        return true;
    if (!grammar_lit(p, "NIL") && !grammar_quoted(p))
        return false;
    for (int i = 0; i < 2; i++)
        if (!grammar_need(p, " ", "SP") || (!grammar_lit(p, "NIL") && !grammar_number(p)))
            return false;
    return grammar_need(p, ")", ")");
}

/* RFC 9738: the number, and the lowest UID that was handled. */
static bool message_limit(grammar_parser *p)
{
    return grammar_need(p, " ", "SP") && grammar_nz(p) && (!grammar_lit(p, " ") || grammar_nz(p));
}

static bool code_argument(grammar_parser *p, code_kind kind)
{
    switch (kind) {
    case CODE_BARE:
        return true;
    case CODE_NZ:
        return grammar_need(p, " ", "SP") && grammar_nz(p);
    case CODE_NUMBER:
        return grammar_need(p, " ", "SP") && grammar_number(p);
    case CODE_SET:
        return grammar_need(p, " ", "SP") && grammar_set(p);
    case CODE_FLAGS:
        return grammar_need(p, " ", "SP") && grammar_flags(p, GRAMMAR_FLAGS_PERMANENT);
    case CODE_CHARSET:
        return bad_charset(p);
    case CODE_CAPABILITY:
        return grammar_capabilities(p);
    case CODE_APPENDUID:
        return grammar_need(p, " ", "SP") && grammar_nz(p) && grammar_need(p, " ", "SP") && grammar_set(p);
    case CODE_COPYUID:
        return grammar_need(p, " ", "SP") && grammar_nz(p) && grammar_need(p, " ", "SP") && grammar_set(p) &&
               grammar_need(p, " ", "SP") && grammar_set(p);
    case CODE_OBJECT:
        return grammar_need(p, " ", "SP") && grammar_object(p);
    case CODE_METADATA:
        return metadata_code(p);
    case CODE_BADEVENT:
        return bad_event(p);
    case CODE_URL:
        return grammar_need(p, " ", "SP") && grammar_until(p, ']');
    case CODE_ASTRING:
        return grammar_need(p, " ", "SP") && grammar_astring_no_bracket(p);
    case CODE_INPROGRESS:
        return in_progress(p);
    default:
        return message_limit(p);
    }
}

static bool response_code(grammar_parser *p)
{
    ll_span name;
    if (!grammar_word(p, &name))
        return false;
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        if (span_equal_nocase(name, span_str(codes[i].name)))
            return code_argument(p, codes[i].kind);
    return grammar_fault(p, "a response code that is known");
}

/* resp-text = ["[" resp-text-code "]" SP] text */
static bool response_text(grammar_parser *p)
{
    if (grammar_lit(p, "[") &&
        (!response_code(p) || !grammar_need(p, "]", "]") || !grammar_need(p, " ", "SP behind the response code")))
        return false;
    return grammar_text(p);
}

/* --- untagged responses --- */

static bool run_plain(grammar_parser *p)
{
    while (grammar_lit(p, " ")) {
        if (grammar_lit(p, "(MODSEQ "))
            return grammar_nz(p) && grammar_need(p, ")", ")");
        if (!grammar_nz(p))
            return false;
    }
    return true;
}

static bool run_enabled(grammar_parser *p)
{
    while (grammar_lit(p, " "))
        if (!grammar_atom(p))
            return false;
    return true;
}

static bool run_flags(grammar_parser *p)
{
    return grammar_need(p, " ", "SP") && grammar_flags(p, GRAMMAR_FLAGS_KNOWN);
}

/* "OLDNAME" SP "(" mailbox ")" and "CHILDINFO" SP "(" quoted ... ")", RFC 5258 section 6 */
static bool list_extended(grammar_parser *p)
{
    if (!grammar_need(p, "(", "("))
        return false;
    if (grammar_lit(p, ")"))
        return true;
    do {
        bool old = grammar_lit(p, "\"OLDNAME\" (") || grammar_lit(p, "OLDNAME (");
        if (!old && !grammar_lit(p, "\"CHILDINFO\" (") && !grammar_need(p, "CHILDINFO (", "OLDNAME or CHILDINFO"))
            return false;
        do {
            if (!grammar_astring(p))
                return false;
        } while (!old && grammar_lit(p, " "));
        if (!grammar_need(p, ")", ")"))
            return false;
    } while (grammar_lit(p, " "));
    return grammar_need(p, ")", ")");
}

/* mailbox-list */
static bool run_list(grammar_parser *p)
{
    if (!grammar_need(p, " ", "SP") || !grammar_flags(p, GRAMMAR_FLAGS_LIST) || !grammar_need(p, " ", "SP"))
        return false;
    if (!grammar_lit(p, "NIL") && !grammar_lit(p, "\"\\\\\"") &&
        !(grammar_lit(p, "\"") && grammar_char(p) && grammar_lit(p, "\"")))
        return grammar_fault(p, "a quoted hierarchy separator or NIL");
    return grammar_need(p, " ", "SP") && grammar_mailbox(p) && (!grammar_lit(p, " ") || list_extended(p));
}

/* namespace: NIL / "(" 1*("(" string SP (quoted char / NIL) ")") ")" */
static bool run_namespace(grammar_parser *p)
{
    for (int i = 0; i < 3; i++) {
        if (!grammar_need(p, " ", "SP"))
            return false;
        if (grammar_lit(p, "NIL"))
            continue;
        if (!grammar_need(p, "((", "(("))
            return false;
        do {
            if (!grammar_string(p) || !grammar_need(p, " ", "SP") || (!grammar_lit(p, "NIL") && !grammar_quoted(p)) ||
                !grammar_need(p, ")", ")"))
                return false;
        } while (grammar_lit(p, "("));
        if (!grammar_need(p, ")", ")"))
            return false;
    }
    return true;
}

static bool status_item(grammar_parser *p)
{
    static const char *const numbers[] = {"MESSAGES ", "RECENT ",        "UNSEEN ",         "DELETED ",
                                          "SIZE ",     "HIGHESTMODSEQ ", "DELETED-STORAGE "};
    if (grammar_lit(p, "UIDNEXT ") || grammar_lit(p, "UIDVALIDITY "))
        return grammar_nz(p);
    if (grammar_lit(p, "APPENDLIMIT "))
        return grammar_lit(p, "NIL") || grammar_number(p);
    if (grammar_lit(p, "MAILBOXID "))
        return grammar_object(p);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        if (grammar_lit(p, numbers[i]))
            return grammar_number(p);
    return grammar_fault(p, "a STATUS item");
}

static bool run_status(grammar_parser *p)
{
    if (!grammar_need(p, " ", "SP") || !grammar_mailbox(p) || !grammar_need(p, " (", "SP ("))
        return false;
    if (grammar_lit(p, ")"))
        return true;
    do {
        if (!status_item(p))
            return false;
    } while (grammar_lit(p, " "));
    return grammar_need(p, ")", ")");
}

/* search-correlator, RFC 7377 section 2.3 */
static bool correlator(grammar_parser *p)
{
    do {
        if (grammar_lit(p, "UIDVALIDITY ")) {
            if (!grammar_nz(p))
                return false;
        } else if (!(grammar_lit(p, "TAG ") || grammar_need(p, "MAILBOX ", "TAG, MAILBOX or UIDVALIDITY")) ||
                   !grammar_astring(p))
            return false;
    } while (grammar_lit(p, " "));
    return grammar_need(p, ")", ")");
}

static bool partial_data(grammar_parser *p)
{
    bool last = grammar_lit(p, "-");
    if (!grammar_nz(p) || !grammar_need(p, ":", ":") || (last && !grammar_need(p, "-", "-")) || !grammar_nz(p))
        return false;
    return grammar_need(p, " ", "SP") && (grammar_lit(p, "NIL") || grammar_set(p)) && grammar_need(p, ")", ")");
}

/* context data: 1*(position SP sequence-set) */
static bool context_data(grammar_parser *p)
{
    do {
        if (!grammar_number(p) || !grammar_need(p, " ", "SP") || !grammar_set(p))
            return false;
    } while (grammar_lit(p, " "));
    return grammar_need(p, ")", ")");
}

static bool scores(grammar_parser *p)
{
    if (grammar_lit(p, ")"))
        return true;
    do {
        if (!grammar_nz(p))
            return false;
    } while (grammar_lit(p, " "));
    return grammar_need(p, ")", ")");
}

static bool esearch_data(grammar_parser *p)
{
    if (grammar_lit(p, "MIN ") || grammar_lit(p, "MAX ") || grammar_lit(p, "MODSEQ "))
        return grammar_nz(p);
    if (grammar_lit(p, "COUNT "))
        return grammar_number(p);
    if (grammar_lit(p, "ALL "))
        return grammar_set(p);
    if (grammar_lit(p, "PARTIAL ("))
        return partial_data(p);
    if (grammar_lit(p, "RELEVANCY ("))
        return scores(p);
    return (grammar_lit(p, "ADDTO (") || grammar_need(p, "REMOVEFROM (", "a search return item")) && context_data(p);
}

static bool run_esearch(grammar_parser *p)
{
    if (grammar_lit(p, " (") && !correlator(p))
        return false;
    grammar_lit(p, " UID");
    while (grammar_lit(p, " "))
        if (!esearch_data(p))
            return false;
    return true;
}

/* thread-list = "(" (thread-members / thread-nested) ")", RFC 5256 section 5 */
static bool thread_list(grammar_parser *p, unsigned depth)
{
    bool members = false;
    if (depth > 10000 || !grammar_need(p, "(", "("))
        return false;
    if (!grammar_at(p, '(')) {
        members = true;
        do {
            if (grammar_at(p, '('))
                break;
            if (!grammar_nz(p))
                return false;
        } while (grammar_lit(p, " "));
    }
    unsigned nested = 0;
    while (grammar_at(p, '(')) {
        if (!thread_list(p, depth + 1))
            return false;
        nested++;
    }
    if (nested == 1 || (!members && !nested))
        return grammar_fault(p, "two or more nested threads");
    return grammar_need(p, ")", ")");
}

static bool run_thread(grammar_parser *p)
{
    if (!grammar_lit(p, " "))
        return true;
    do {
        if (!thread_list(p, 0))
            return false;
    } while (grammar_at(p, '('));
    return true;
}

static bool run_vanished(grammar_parser *p)
{
    grammar_lit(p, " (EARLIER)");
    return grammar_need(p, " ", "SP") && grammar_set(p);
}

/* id_params_list */
static bool run_id(grammar_parser *p)
{
    if (!grammar_need(p, " ", "SP") || grammar_lit(p, "NIL"))
        return !p->fault;
    if (!grammar_need(p, "(", "("))
        return false;
    do {
        if (!grammar_string(p) || !grammar_need(p, " ", "SP") || !grammar_nstring(p))
            return false;
    } while (grammar_lit(p, " "));
    return grammar_need(p, ")", ")");
}

/* "QUOTA" SP astring SP "(" *(resource SP usage SP limit) ")", RFC 9208 (RFC 2087: the list may be empty) */
static bool run_quota(grammar_parser *p)
{
    if (!grammar_need(p, " ", "SP") || !grammar_astring(p) || !grammar_need(p, " (", "SP ("))
        return false;
    if (grammar_lit(p, ")"))
        return true;
    do {
        if (!grammar_atom(p) || !grammar_need(p, " ", "SP") || !grammar_number(p) || !grammar_need(p, " ", "SP") ||
            !grammar_number(p))
            return false;
    } while (grammar_lit(p, " "));
    return grammar_need(p, ")", ")");
}

static bool run_quotaroot(grammar_parser *p)
{
    if (!grammar_need(p, " ", "SP") || !grammar_mailbox(p))
        return false;
    while (grammar_lit(p, " "))
        if (!grammar_astring(p))
            return false;
    return true;
}

/* "METADATA" SP mailbox SP ("(" entry SP value ... ")" / entry *(SP entry)) */
static bool run_metadata(grammar_parser *p)
{
    if (!grammar_need(p, " ", "SP") || !grammar_mailbox(p) || !grammar_need(p, " ", "SP"))
        return false;
    bool values = grammar_lit(p, "(");
    do {
        if (!grammar_astring(p) || (values && (!grammar_need(p, " ", "SP") || !grammar_nstring8(p))))
            return false;
    } while (grammar_lit(p, " "));
    return !values || grammar_need(p, ")", ")");
}

static bool run_state(grammar_parser *p)
{
    return grammar_need(p, " ", "SP") && response_text(p);
}

static const struct {
    const char *name;
    bool (*run)(grammar_parser *p);
} untagged[] = {
    {"OK", run_state},
    {"NO", run_state},
    {"BAD", run_state},
    {"BYE", run_state},
    {"PREAUTH", run_state},
    {"CAPABILITY", grammar_capabilities},
    {"ENABLED", run_enabled},
    {"FLAGS", run_flags},
    {"LIST", run_list},
    {"LSUB", run_list},
    {"NAMESPACE", run_namespace},
    {"STATUS", run_status},
    {"SEARCH", run_plain},
    {"SORT", run_plain},
    {"ESEARCH", run_esearch},
    {"THREAD", run_thread},
    {"VANISHED", run_vanished},
    {"ID", run_id},
    {"QUOTA", run_quota},
    {"QUOTAROOT", run_quotaroot},
    {"METADATA", run_metadata},
};

/* message-data, and the mailbox-data that begin with a number */
static bool numbered(grammar_parser *p)
{
    bool zero = p->at + 1 < p->end && p->at[0] == '0' && p->at[1] == ' ';
    if (!grammar_number(p) || !grammar_need(p, " ", "SP"))
        return false;
    if (grammar_lit(p, "EXISTS") || grammar_lit(p, "RECENT"))
        return true;
    if (zero)
        return grammar_fault(p, "EXISTS or RECENT behind 0");
    if (grammar_lit(p, "EXPUNGE"))
        return true;
    return (grammar_lit(p, "FETCH ") || grammar_need(p, "UIDFETCH ", "EXISTS, RECENT, EXPUNGE or FETCH")) &&
           grammar_fetch(p);
}

static bool untagged_response(grammar_parser *p)
{
    ll_span name;
    if (p->at < p->end && *p->at >= '0' && *p->at <= '9')
        return numbered(p);
    if (!grammar_word(p, &name))
        return false;
    for (size_t i = 0; i < sizeof untagged / sizeof untagged[0]; i++)
        if (span_equal_nocase(name, span_str(untagged[i].name)))
            return untagged[i].run(p);
    return grammar_fault(p, "an untagged response that is known");
}

/* "+" SP (resp-text / base64) */
static bool continuation(grammar_parser *p)
{
    if (p->end - p->at == 2) /* base64 may be empty */
        return true;
    return response_text(p);
}

static bool tagged_response(grammar_parser *p)
{
    if (!grammar_tag(p) || !grammar_need(p, " ", "SP"))
        return false;
    return (grammar_lit(p, "OK ") || grammar_lit(p, "NO ") || grammar_need(p, "BAD ", "OK, NO or BAD")) &&
           response_text(p);
}

const char *grammar_check(ll_span response, bool utf8, bool nul, size_t *at)
{
    grammar_parser p = {.at = response.data, .end = response.data + response.size, .utf8 = utf8, .nul = nul};
    bool good = grammar_lit(&p, "* ")   ? untagged_response(&p)
                : grammar_lit(&p, "+ ") ? continuation(&p)
                                        : tagged_response(&p);
    if (good && (p.end - p.at != 2 || memcmp(p.at, "\r\n", 2) != 0))
        grammar_fault(&p, "the end of the response");
    *at = (size_t)((p.fault ? p.fault_at : p.at) - response.data);
    return good && !p.fault ? NULL : p.fault ? p.fault : "something else";
}

/* --- feeding --- */

static void begin(grammar *g)
{
    if (g->begun)
        return;
    g->begun = true;
    text_init(&g->response, NULL, SIZE_MAX / 2);
}

void grammar_fini(grammar *g)
{
    if (g->begun)
        text_fini(&g->response);
    *g = (grammar){.begun = false};
}

/* What this response says of those to come. */
static void learn(grammar *g)
{
    ll_span said = text_span(&g->response);
    if (span_starts_nocase(said, SPAN("* ENABLED")))
        g->utf8 =
            g->utf8 || strstr(text_str(&g->response), " UTF8=ACCEPT") || strstr(text_str(&g->response), " IMAP4rev2");
    if (strstr(text_str(&g->response), " OK UNAUTHENTICATE"))
        g->utf8 = false;
}

static void whole_response(grammar *g)
{
    size_t at;
    const char *fault = grammar_check(text_span(&g->response), g->utf8, g->nul, &at);
    if (fault) {
        fprintf(stderr, "the grammar wants %s at byte %zu of:\n%.*s\n", fault, at, SPAN_PRINT(text_span(&g->response)));
        abort();
    }
    learn(g);
    text_clear(&g->response);
    g->line = 0;
}

/* A line is complete: it is the end, unless a literal follows. */
static void whole_line(grammar *g)
{
    ll_span line = span_from(text_span(&g->response), g->line);
    size_t open = line.size;
    while (open > 0 && line.data[open - 1] != '{')
        open--;
    if (open && line.size > open + 3 && line.data[line.size - 3] == '}' &&
        span_u64(span_of(line.data + open, line.size - open - 3), &g->literal_left)) {
        g->line = g->response.size + (size_t)g->literal_left;
        return;
    }
    whole_response(g);
}

void grammar_feed(grammar *g, ll_span bytes)
{
    begin(g);
    while (bytes.size) {
        size_t size = g->literal_left < bytes.size ? (size_t)g->literal_left : bytes.size;
        bool line = false;
        if (!g->literal_left) {
            size_t end = span_find(bytes, '\n');
            line = end < bytes.size;
            size = line ? end + 1 : end;
        } else
            g->literal_left -= size;
        text_add(&g->response, span_first(bytes, size));
        bytes = span_from(bytes, size);
        if (line)
            whole_line(g);
    }
}
