/* grammar_fetch.c - msg-att of RFC 3501 section 9 and of the extensions; see grammar_data.h
 * SPDX-License-Identifier: MIT */
#include "grammar_data.h"

/* --- ENVELOPE --- */

static bool space(grammar_parser *p)
{
    return grammar_need(p, " ", "SP");
}

/* address = "(" addr-name SP addr-adl SP addr-mailbox SP addr-host ")" */
static bool address(grammar_parser *p)
{
    if (!grammar_need(p, "(", "("))
        return false;
    for (int i = 0; i < 4; i++)
        if ((i && !space(p)) || !grammar_nstring(p))
            return false;
    return grammar_need(p, ")", ")");
}

static bool addresses(grammar_parser *p)
{
    if (grammar_lit(p, "NIL"))
        return true;
    if (!grammar_need(p, "(", "( or NIL"))
        return false;
    do {
        if (!address(p))
            return false;
    } while (grammar_at(p, '('));
    return grammar_need(p, ")", ")");
}

static bool envelope(grammar_parser *p)
{
    if (!grammar_need(p, "(", "(") || !grammar_nstring(p) || !space(p) || !grammar_nstring(p) || !space(p))
        return false;
    for (int i = 0; i < 6; i++)
        if (!addresses(p) || !space(p))
            return false;
    return grammar_nstring(p) && space(p) && grammar_nstring(p) && grammar_need(p, ")", ")");
}

/* --- BODY, BODYSTRUCTURE --- */

static bool body(grammar_parser *p, bool extended, unsigned depth);

/* body-fld-param */
static bool params(grammar_parser *p)
{
    if (grammar_lit(p, "NIL"))
        return true;
    if (!grammar_need(p, "(", "( or NIL"))
        return false;
    do {
        if (!grammar_string(p) || !space(p) || !grammar_string(p))
            return false;
    } while (grammar_lit(p, " "));
    return grammar_need(p, ")", ")");
}

static bool disposition(grammar_parser *p)
{
    if (grammar_lit(p, "NIL"))
        return true;
    return grammar_need(p, "(", "( or NIL") && grammar_string(p) && space(p) && params(p) && grammar_need(p, ")", ")");
}

/* body-fld-lang = nstring / "(" string *(SP string) ")" */
static bool language(grammar_parser *p)
{
    if (!grammar_lit(p, "("))
        return grammar_nstring(p);
    do {
        if (!grammar_string(p))
            return false;
    } while (grammar_lit(p, " "));
    return grammar_need(p, ")", ")");
}

/* body-extension */
static bool extension(grammar_parser *p, unsigned depth)
{
    if (p->at < p->end && *p->at >= '0' && *p->at <= '9')
        return grammar_number(p);
    if (!grammar_lit(p, "("))
        return grammar_nstring(p);
    if (depth > 100)
        return grammar_fault(p, "less depth");
    do {
        if (!extension(p, depth + 1))
            return false;
    } while (grammar_lit(p, " "));
    return grammar_need(p, ")", ")");
}

/* [SP body-fld-dsp [SP body-fld-lang [SP body-fld-loc *(SP body-extension)]]] */
static bool extensions(grammar_parser *p)
{
    if (!grammar_lit(p, " "))
        return true;
    if (!disposition(p) || (grammar_at(p, ' ') && (!space(p) || !language(p))))
        return false;
    if (grammar_at(p, ' ') && (!space(p) || !grammar_nstring(p)))
        return false;
    while (grammar_lit(p, " "))
        if (!extension(p, 0))
            return false;
    return true;
}

/* A string, and whether it is this word. */
static bool media_word(grammar_parser *p, ll_span *word)
{
    const char *begin = p->at;
    bool quoted = grammar_at(p, '"');
    if (!grammar_string(p))
        return false;
    *word = quoted ? span_of(begin + 1, (size_t)(p->at - begin - 2)) : span_of("", 0);
    return true;
}

/* body-fields behind the media type */
static bool fields(grammar_parser *p)
{
    return space(p) && params(p) && space(p) && grammar_nstring(p) && space(p) && grammar_nstring(p) && space(p) &&
           grammar_string(p) && space(p) && grammar_number(p);
}

static bool one_part(grammar_parser *p, bool extended, unsigned depth)
{
    ll_span type, subtype;
    if (!media_word(p, &type) || !space(p) || !media_word(p, &subtype) || !fields(p))
        return false;
    bool message = span_equal_nocase(type, SPAN("message")) &&
                   (span_equal_nocase(subtype, SPAN("rfc822")) ||
                    (p->utf8 && span_equal_nocase(subtype, SPAN("global")))); /* media-message of RFC 9051 */
    if (message && (!space(p) || !envelope(p) || !space(p) || !body(p, extended, depth + 1)))
        return false;
    if ((message || span_equal_nocase(type, SPAN("text"))) && (!space(p) || !grammar_number(p)))
        return false;
    if (!extended)
        return true;
    return !grammar_lit(p, " ") || (grammar_nstring(p) && extensions(p));
}

static bool multipart(grammar_parser *p, bool extended, unsigned depth)
{
    do {
        if (!body(p, extended, depth + 1))
            return false;
    } while (grammar_at(p, '('));
    if (!space(p) || !grammar_string(p))
        return false;
    if (!extended || !grammar_lit(p, " "))
        return true;
    return params(p) && extensions(p);
}

static bool body(grammar_parser *p, bool extended, unsigned depth)
{
    if (depth > 1000)
        return grammar_fault(p, "less depth");
    return grammar_need(p, "(", "(") &&
           (grammar_at(p, '(') ? multipart(p, extended, depth) : one_part(p, extended, depth)) &&
           grammar_need(p, ")", ")");
}

/* --- sections --- */

/* section-part: numbers; *text: something may follow them */
static bool section_part(grammar_parser *p)
{
    do {
        if (!grammar_nz(p))
            return false;
        if (!grammar_at(p, '.'))
            return true;
        p->at++;
    } while (p->at < p->end && *p->at >= '0' && *p->at <= '9');
    p->at--;
    return true;
}

static bool field_names(grammar_parser *p)
{
    if (!grammar_need(p, " (", "SP ("))
        return false;
    do {
        if (!grammar_astring(p))
            return false;
    } while (grammar_lit(p, " "));
    return grammar_need(p, ")", ")");
}

/* section-msgtext / "MIME" */
static bool section_text(grammar_parser *p, bool mime)
{
    if (grammar_lit(p, "HEADER.FIELDS.NOT") || grammar_lit(p, "HEADER.FIELDS"))
        return field_names(p);
    return grammar_lit(p, "HEADER") || grammar_lit(p, "TEXT") || (mime && grammar_lit(p, "MIME")) ||
           grammar_fault(p, "a section");
}

/* "[" [section-spec] "]". BINARY has only numbers by its grammar, and the others for those who ask for them. */
static bool section(grammar_parser *p)
{
    if (!grammar_need(p, "[", "["))
        return false;
    bool numbers = p->at < p->end && *p->at >= '0' && *p->at <= '9';
    if (numbers && !section_part(p))
        return false;
    if (!grammar_at(p, ']') && ((numbers && !grammar_need(p, ".", ".")) || !section_text(p, numbers)))
        return false;
    return grammar_need(p, "]", "]");
}

/* ["<" number ">"] */
static bool origin(grammar_parser *p)
{
    return !grammar_lit(p, "<") || (grammar_number(p) && grammar_need(p, ">", ">"));
}

/* --- items --- */

static bool digits(grammar_parser *p, unsigned count)
{
    for (unsigned i = 0; i < count; i++, p->at++)
        if (p->at == p->end || *p->at < '0' || *p->at > '9')
            return grammar_fault(p, "a digit");
    return true;
}

/* date-time = DQUOTE date-day-fixed "-" date-month "-" date-year SP time SP zone DQUOTE */
static bool date_time(grammar_parser *p)
{
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    bool month = false;
    if (!grammar_need(p, "\"", "a quoted date") || !(grammar_lit(p, " ") ? digits(p, 1) : digits(p, 2)) ||
        !grammar_need(p, "-", "-"))
        return false;
    for (unsigned i = 0; i < 12 && !month; i++)
        month = grammar_lit(p, months[i]);
    if (!month)
        return grammar_fault(p, "a month");
    return grammar_need(p, "-", "-") && digits(p, 4) && space(p) && digits(p, 2) && grammar_need(p, ":", ":") &&
           digits(p, 2) && grammar_need(p, ":", ":") && digits(p, 2) && space(p) &&
           (grammar_lit(p, "+") || grammar_need(p, "-", "a zone")) && digits(p, 4) &&
           grammar_need(p, "\"", "the end of the date");
}

static bool item(grammar_parser *p)
{
    if (grammar_lit(p, "FLAGS "))
        return grammar_flags(p, GRAMMAR_FLAGS_FETCH);
    if (grammar_lit(p, "UID "))
        return grammar_nz(p);
    if (grammar_lit(p, "INTERNALDATE "))
        return date_time(p);
    if (grammar_lit(p, "RFC822.SIZE "))
        return grammar_number(p);
    if (grammar_lit(p, "RFC822 ") || grammar_lit(p, "RFC822.HEADER ") || grammar_lit(p, "RFC822.TEXT "))
        return grammar_nstring(p);
    if (grammar_lit(p, "ENVELOPE "))
        return envelope(p);
    if (grammar_lit(p, "BODYSTRUCTURE "))
        return body(p, true, 0);
    if (grammar_lit(p, "BODY "))
        return body(p, false, 0);
    if (grammar_lit(p, "BODY"))
        return section(p) && origin(p) && space(p) && grammar_nstring(p);
    if (grammar_lit(p, "BINARY.SIZE")) /* RFC 3516 */
        return section(p) && space(p) && grammar_number(p);
    if (grammar_lit(p, "BINARY"))
        return section(p) && origin(p) && space(p) && grammar_nstring8(p);
    if (grammar_lit(p, "MODSEQ (")) /* RFC 7162 */
        return grammar_nz(p) && grammar_need(p, ")", ")");
    if (grammar_lit(p, "EMAILID ")) /* RFC 8474 */
        return grammar_object(p);
    if (grammar_lit(p, "THREADID "))
        return grammar_lit(p, "NIL") || grammar_object(p);
    if (grammar_lit(p, "PREVIEW ")) /* RFC 8970 */
        return grammar_nstring(p);
    if (grammar_lit(p, "SAVEDATE ")) /* RFC 8514 */
        return grammar_lit(p, "NIL") || date_time(p);
    return grammar_fault(p, "a FETCH item");
}

bool grammar_fetch(grammar_parser *p)
{
    if (!grammar_need(p, "(", "("))
        return false;
    do {
        if (!item(p))
            return false;
    } while (grammar_lit(p, " "));
    return grammar_need(p, ")", ")");
}
