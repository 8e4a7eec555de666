/* grammar_data.c - see grammar_data.h
 * SPDX-License-Identifier: MIT */
#include "grammar_data.h"

#include "base/utf.h"

bool grammar_fault(grammar_parser *p, const char *expected)
{
    if (!p->fault) {
        p->fault = expected;
        p->fault_at = p->at;
    }
    return false;
}

bool grammar_at(const grammar_parser *p, char byte)
{
    return p->at < p->end && *p->at == byte;
}

bool grammar_lit(grammar_parser *p, const char *literal)
{
    ll_span rest = span_of(p->at, (size_t)(p->end - p->at));
    if (!span_starts_nocase(rest, span_str(literal)))
        return false;
    p->at += strlen(literal);
    return true;
}

bool grammar_need(grammar_parser *p, const char *literal, const char *expected)
{
    return grammar_lit(p, literal) || grammar_fault(p, expected);
}

/* --- characters --- */

static bool is_text_char(char c)
{
    return c != '\r' && c != '\n' && c != '\0' && (unsigned char)c < 0x80;
}

/* ATOM-CHAR: any CHAR except atom-specials */
static bool is_atom_char(char c)
{
    return c > ' ' && c < 0x7f && !strchr("(){%*\"\\]", c);
}

static bool take_while(grammar_parser *p, bool (*is)(char c), const char *expected)
{
    const char *begin = p->at;
    while (p->at < p->end && is(*p->at))
        p->at++;
    return p->at > begin || grammar_fault(p, expected);
}

static bool is_astring_char(char c)
{
    return is_atom_char(c) || c == ']';
}

static bool is_tag_char(char c)
{
    return is_astring_char(c) && c != '+';
}

static bool is_word_char(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
}

static bool is_object_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

bool grammar_char(grammar_parser *p)
{
    if (p->at < p->end && is_text_char(*p->at) && *p->at != '"' && *p->at != '\\') {
        p->at++;
        return true;
    }
    return grammar_fault(p, "a character");
}

/* --- numbers --- */

bool grammar_number(grammar_parser *p)
{
    const char *begin = p->at;
    uint64_t number;
    while (p->at < p->end && *p->at >= '0' && *p->at <= '9')
        p->at++;
    ll_span digits = span_of(begin, (size_t)(p->at - begin));
    if (span_u64(digits, &number) && number <= INT64_MAX && (digits.size == 1 || *begin != '0'))
        return true;
    p->at = begin;
    return grammar_fault(p, "a number");
}

bool grammar_nz(grammar_parser *p)
{
    return grammar_at(p, '0') ? grammar_fault(p, "a number above 0") : grammar_number(p);
}

bool grammar_set(grammar_parser *p)
{
    do {
        if (!grammar_nz(p) || (grammar_lit(p, ":") && !grammar_nz(p)))
            return false;
    } while (grammar_lit(p, ","));
    return true;
}

/* --- words and strings --- */

bool grammar_atom(grammar_parser *p)
{
    return take_while(p, is_atom_char, "an atom");
}

bool grammar_tag(grammar_parser *p)
{
    return take_while(p, is_tag_char, "a tag");
}

/* As this server writes keywords: in capitals. */
bool grammar_word(grammar_parser *p, ll_span *word)
{
    const char *begin = p->at;
    bool good = take_while(p, is_word_char, "a word");
    *word = span_of(begin, (size_t)(p->at - begin));
    return good;
}

bool grammar_quoted(grammar_parser *p)
{
    if (!grammar_need(p, "\"", "a quoted string"))
        return false;
    const char *begin = p->at;
    while (p->at < p->end && *p->at != '"') {
        bool escape = *p->at == '\\';
        p->at += escape;
        if (p->at == p->end || *p->at == '\r' || *p->at == '\n' || !*p->at || (!p->utf8 && *p->at & 0x80))
            return grammar_fault(p, "a character of a quoted string");
        if (escape && *p->at != '"' && *p->at != '\\')
            return grammar_fault(p, "a quoted special");
        p->at++;
    }
    if (!utf_valid(span_of(begin, (size_t)(p->at - begin))))
        return grammar_fault(p, "UTF-8 in the quoted string");
    return grammar_need(p, "\"", "the end of a quoted string");
}

/* "{" number "}" CRLF *CHAR8; CHAR8 is no NUL */
static bool take_literal(grammar_parser *p, bool nul)
{
    const char *begin = p->at;
    uint64_t size;
    if (!grammar_need(p, "{", "a literal") || !grammar_number(p))
        return false;
    span_u64(span_of(begin + 1, (size_t)(p->at - begin - 1)), &size);
    if (!grammar_need(p, "}\r\n", "} and CRLF"))
        return false;
    if (size > (uint64_t)(p->end - p->at))
        return grammar_fault(p, "a longer literal");
    if (!nul && !p->nul && memchr(p->at, '\0', (size_t)size))
        return grammar_fault(p, "a literal without NUL");
    p->at += size;
    return true;
}

bool grammar_string(grammar_parser *p)
{
    if (grammar_at(p, '{'))
        return take_literal(p, false);
    return grammar_at(p, '"') ? grammar_quoted(p) : grammar_fault(p, "a string");
}

bool grammar_nstring(grammar_parser *p)
{
    return grammar_lit(p, "NIL") || grammar_string(p);
}

bool grammar_nstring8(grammar_parser *p)
{
    return grammar_lit(p, "~") ? take_literal(p, true) : grammar_nstring(p);
}

bool grammar_astring(grammar_parser *p)
{
    if (grammar_at(p, '{') || grammar_at(p, '"'))
        return grammar_string(p);
    return take_while(p, is_astring_char, "an astring");
}

bool grammar_astring_no_bracket(grammar_parser *p)
{
    return grammar_at(p, '"') ? grammar_quoted(p) : grammar_atom(p);
}

/* Modified UTF-7 is printable ASCII, also when it comes as a literal. */
bool grammar_mailbox(grammar_parser *p)
{
    const char *begin = p->at;
    bool literal = grammar_at(p, '{');
    if (!grammar_astring(p))
        return false;
    for (const char *c = begin; c < p->at && !p->utf8; c++)
        if ((*c < ' ' || *c > '~') && !(literal && (*c == '\r' || *c == '\n'))) {
            p->at = c;
            return grammar_fault(p, "a mailbox name in modified UTF-7");
        }
    return true;
}

/* RFC 9051 allows UTF-8 in human text to those who have enabled it (RFC 6855 section 3 too). */
bool grammar_text(grammar_parser *p)
{
    const char *begin = p->at;
    while (p->at < p->end && (is_text_char(*p->at) || (p->utf8 && *p->at & 0x80)))
        p->at++;
    return p->at > begin || grammar_fault(p, "some text");
}

bool grammar_until(grammar_parser *p, char end)
{
    const char *begin = p->at;
    while (p->at < p->end && is_text_char(*p->at) && *p->at != end)
        p->at++;
    return p->at > begin || grammar_fault(p, "some text");
}

bool grammar_object(grammar_parser *p)
{
    const char *begin = p->at + 1;
    if (!grammar_need(p, "(", "(") || !take_while(p, is_object_char, "an object id"))
        return false;
    return p->at - begin <= 255 ? grammar_need(p, ")", ")")
                                : grammar_fault(p, "an object id of at most 255 characters");
}

bool grammar_capabilities(grammar_parser *p)
{
    bool imap = false;
    const char *words = p->at;
    while (grammar_lit(p, " ")) {
        const char *begin = p->at;
        if (!grammar_atom(p))
            return false;
        ll_span word = span_of(begin, (size_t)(p->at - begin));
        imap = imap || span_equal_nocase(word, SPAN("IMAP4rev1")) || span_equal_nocase(word, SPAN("IMAP4rev2"));
        for (const char *c = words; c < begin; c++) /* said once */
            if (*c == ' ' && (size_t)(begin - c) > word.size + 1 && c[word.size + 1] == ' ' &&
                span_equal_nocase(span_of(c + 1, word.size), word)) {
                p->at = begin;
                return grammar_fault(p, "a capability not said before");
            }
    }
    return imap || grammar_fault(p, "IMAP4rev1 or IMAP4rev2 among the capabilities");
}

/* flag / "\*" / "\Recent" / mbx-list-flags */
static bool take_flag(grammar_parser *p, grammar_flags_kind kind)
{
    const char *begin = p->at;
    bool system = grammar_lit(p, "\\");
    if (system && kind == GRAMMAR_FLAGS_PERMANENT && grammar_lit(p, "*"))
        return true;
    if (!grammar_atom(p))
        return false;
    ll_span name = span_of(begin, (size_t)(p->at - begin));
    bool recent = span_equal_nocase(name, SPAN("\\Recent"));
    if ((recent && kind != GRAMMAR_FLAGS_FETCH) || (!system && kind == GRAMMAR_FLAGS_LIST)) {
        p->at = begin;
        return grammar_fault(p, "a flag that may stand here");
    }
    return true;
}

bool grammar_flags(grammar_parser *p, grammar_flags_kind kind)
{
    if (!grammar_need(p, "(", "("))
        return false;
    if (grammar_lit(p, ")"))
        return true;
    do {
        if (!take_flag(p, kind))
            return false;
    } while (grammar_lit(p, " "));
    return grammar_need(p, ")", ")");
}
