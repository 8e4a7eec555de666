/* facts.c - see facts.h
 * SPDX-License-Identifier: MIT */
#include "mime/facts.h"

#include "mime/indexer.h"
#include "mime/saved.h"

enum facts_name {
    FACT_TYPE,
    FACT_ENCODING,
    FACT_ID,
    FACT_DESCRIPTION,
    FACT_MD5,
    FACT_LOCATION,
    FACT_DISPOSITION,
    FACT_LANGUAGE,
    FACT_DATE, /* from here on: ENVELOPE */
    FACT_SUBJECT,
    FACT_IN_REPLY_TO,
    FACT_MESSAGE_ID,
    FACT_REFERENCES,
    FACT_FROM,
    FACT_SENDER,
    FACT_REPLY_TO,
    FACT_TO, /* from here on: fields of one name count together */
    FACT_CC,
    FACT_BCC,
    FACTS_COUNT
};

#define NAME(literal)                                                                                                  \
    {                                                                                                                  \
        (literal), sizeof(literal) - 1                                                                                 \
    }
static const ll_span names[FACTS_COUNT] = {
    [FACT_TYPE] = NAME("Content-Type"),
    [FACT_ENCODING] = NAME("Content-Transfer-Encoding"),
    [FACT_ID] = NAME("Content-ID"),
    [FACT_DESCRIPTION] = NAME("Content-Description"),
    [FACT_MD5] = NAME("Content-MD5"),
    [FACT_LOCATION] = NAME("Content-Location"),
    [FACT_DISPOSITION] = NAME("Content-Disposition"),
    [FACT_LANGUAGE] = NAME("Content-Language"),
    [FACT_DATE] = NAME("Date"),
    [FACT_SUBJECT] = NAME("Subject"),
    [FACT_IN_REPLY_TO] = NAME("In-Reply-To"),
    [FACT_MESSAGE_ID] = NAME("Message-ID"),
    [FACT_REFERENCES] = NAME("References"),
    [FACT_FROM] = NAME("From"),
    [FACT_SENDER] = NAME("Sender"),
    [FACT_REPLY_TO] = NAME("Reply-To"),
    [FACT_TO] = NAME("To"),
    [FACT_CC] = NAME("Cc"),
    [FACT_BCC] = NAME("Bcc"),
};
#undef NAME

void mime_facts_init(mime_facts *facts, const ll_allocator *allocator)
{
    *facts = (mime_facts){.allocator = allocator};
    arena_init(&facts->scratch, allocator, facts_scratch_max);
    text_init(&facts->kept, allocator, mime_header_bytes_max);
}

void mime_facts_fini(mime_facts *facts)
{
    arena_fini(&facts->scratch);
    text_fini(&facts->kept);
}

void mime_facts_begin(mime_facts *facts, bool envelope)
{
    facts->envelope = envelope;
    facts->open = false;
    facts->seen = 0;
    facts->count = 0;
    if (text_status(&facts->kept) != LL_ENOMEM)
        text_clear(&facts->kept);
}

static unsigned find_name(const mime_facts *facts, ll_span name)
{
    unsigned end = facts->envelope ? FACTS_COUNT : FACT_DATE;
    char first = ascii_lower(name.data[0]);
    for (unsigned i = 0; i < end; i++)
        if (names[i].size == name.size && ascii_lower(names[i].data[0]) == first && span_equal_nocase(names[i], name))
            return i;
    return FACTS_COUNT;
}

/* Add to the last field what a fact may hold, as far as the ceilings allow. */
static void keep(mime_facts *facts, ll_span line)
{
    facts_field *field = &facts->fields[facts->count - 1];
    while (line.size) {
        size_t run = 0;
        while (run < line.size && line.data[run] != '\0' && line.data[run] != '\r' && line.data[run] != '\n')
            run++;
        size_t room = mime_field_bytes_max - field->size;
        if (room > mime_header_bytes_max - facts->kept.size)
            room = mime_header_bytes_max - facts->kept.size;
        text_add(&facts->kept, span_first(line, run < room ? run : room));
        field->size = facts->kept.size - field->at;
        line = span_from(line, run + 1);
    }
}

void mime_facts_add(mime_facts *facts, ll_span name, ll_span line)
{
    facts->open = false;
    unsigned fact = find_name(facts, name);
    if (fact == FACTS_COUNT || facts->count == facts_fields_max || (fact < FACT_TO && facts->seen & 1u << fact))
        return;
    facts->open = true;
    facts->seen |= 1u << fact;
    facts->fields[facts->count++] = (facts_field){.name = fact, .at = facts->kept.size};
    keep(facts, line);
}

void mime_facts_more(mime_facts *facts, ll_span line)
{
    if (facts->open)
        keep(facts, line);
}

/* The value of a field, without white space around; NULL data if it is not there. */
static ll_span value_of(const mime_facts *facts, unsigned name)
{
    for (size_t i = 0; facts->seen & 1u << name && i < facts->count; i++)
        if (facts->fields[i].name == name)
            return span_trim(span_of(text_str(&facts->kept) + facts->fields[i].at, facts->fields[i].size));
    return span_of(NULL, 0);
}

void mime_facts_plain(text *out)
{
    static const mime_param ascii = {{"charset", 7}, {"us-ascii", 8}};
    saved_add_span(out, SPAN("text"));
    saved_add_span(out, SPAN("plain"));
    saved_add_params(out, &ascii, 1);
}

void mime_facts_opaque(text *out)
{
    saved_add_span(out, SPAN("application"));
    saved_add_span(out, SPAN("octet-stream"));
    saved_add_params(out, NULL, 0);
}

static void add_empty_envelope(text *out)
{
    for (int i = 0; i < 5 + 6 + 1; i++)
        saved_add_number(out, 0);
}

void mime_facts_none(text *out, bool envelope)
{
    mime_facts_opaque(out);
    saved_add_span(out, SPAN("7bit"));
    for (int i = 0; i < 5 + 1; i++)
        saved_add_number(out, 0);
    if (envelope)
        add_empty_envelope(out);
}

/* A multipart: with a boundary that can be used, or else plain text (RFC 2045 section 5.2). */
static void add_multipart(const mime_value *value, bool leaf, mime_content *content, text *out)
{
    ll_span boundary = mime_param_find(value->params, value->params_count, SPAN("boundary"));
    while (boundary.size && (boundary.data[boundary.size - 1] == ' ' || boundary.data[boundary.size - 1] == '\t'))
        boundary.size--; /* RFC 2046 section 5.1.1: it does not end with white space */
    if (!boundary.size || boundary.size > mime_boundary_max)
        mime_facts_plain(out);
    else if (leaf)
        mime_facts_opaque(out);
    else {
        content->kind = MIME_MULTIPART;
        content->boundary = boundary;
        content->digest = span_equal_nocase(value->subtype, SPAN("digest"));
        saved_add_span(out, value->type);
        saved_add_span(out, value->subtype);
        saved_add_params(out, value->params, value->params_count);
    }
}

/* Without an encoding: 7bit, 8bit, binary or nothing said. */
static bool is_identity(mime_facts *facts)
{
    mime_value value = {0};
    ll_span field = value_of(facts, FACT_ENCODING);
    if (!field.data || mime_value_parse(&facts->scratch, field, &value) || !value.type.size)
        return true;
    return span_equal_nocase(value.type, SPAN("7bit")) || span_equal_nocase(value.type, SPAN("8bit")) ||
           span_equal_nocase(value.type, SPAN("binary"));
}

/* Another message is inside: message/rfc822, which is never encoded (RFC 2046 section 5.2.1), or message/global if it
 * is not (RFC 6532 section 3.7). */
static bool is_message(mime_facts *facts, const mime_value *value)
{
    if (!span_equal_nocase(value->type, SPAN("message")))
        return false;
    return span_equal_nocase(value->subtype, SPAN("rfc822")) ||
           (span_equal_nocase(value->subtype, SPAN("global")) && is_identity(facts));
}

static void add_type(mime_facts *facts, bool in_digest, bool leaf, mime_content *content, text *out)
{
    mime_value value = {0};
    ll_span field = value_of(facts, FACT_TYPE);
    if (field.data && mime_value_parse(&facts->scratch, field, &value))
        value = (mime_value){0};
    bool known = value.type.size && value.subtype.size;
    if (!known && in_digest) /* RFC 2046 section 5.1.5 */
        value = (mime_value){.type = SPAN("message"), .subtype = SPAN("rfc822")};
    bool message = is_message(facts, &value);
    if (!known && !in_digest) {
        mime_facts_plain(out);
    } else if (span_equal_nocase(value.type, SPAN("multipart"))) {
        add_multipart(&value, leaf, content, out);
    } else if (message && leaf) {
        mime_facts_opaque(out);
    } else {
        content->kind = message ? MIME_MESSAGE : MIME_LEAF;
        saved_add_span(out, value.type);
        saved_add_span(out, value.subtype);
        saved_add_params(out, value.params, value.params_count);
    }
}

/* Content-Transfer-Encoding is one token, perhaps with a comment. */
static void add_encoding(mime_facts *facts, text *out)
{
    mime_value value = {0};
    ll_span field = value_of(facts, FACT_ENCODING);
    if (field.data && mime_value_parse(&facts->scratch, field, &value))
        value = (mime_value){0};
    saved_add_span(out, value.type.size && !value.subtype.size ? value.type : SPAN("7bit"));
}

static void add_disposition(mime_facts *facts, text *out)
{
    mime_value value = {0};
    ll_span field = value_of(facts, FACT_DISPOSITION);
    if (field.data && mime_value_parse(&facts->scratch, field, &value))
        value = (mime_value){0};
    if (field.data && !value.type.size && value.params_count)
        value.type = SPAN(
            "attachment"); /* RFC 2183 section 2.8: what is not known is an attachment; the parameters say its name */
    saved_add_span(out, value.type.size ? value.type : span_of(NULL, 0));
    if (value.type.size)
        saved_add_params(out, value.params, value.params_count);
}

/* Tags separated by commas (RFC 3282), perhaps with comments. */
static void add_languages(mime_facts *facts, text *out)
{
    ll_span tags[mime_languages_max], field = value_of(facts, FACT_LANGUAGE);
    size_t count = 0;
    while (field.size && count < mime_languages_max) {
        ll_span tag = span_cut(&field, ',');
        tag = span_trim(span_first(tag, span_find(tag, '(')));
        if (tag.size)
            tags[count++] = tag;
    }
    saved_add_number(out, count);
    for (size_t i = 0; i < count; i++)
        saved_add_span(out, tags[i]);
}

/* All fields of the name together; RFC 5322 section 4.5.3. */
static void add_addresses(mime_facts *facts, unsigned name, text *out)
{
    mime_address *lists[facts_fields_max];
    size_t counts[facts_fields_max], fields = 0, total = 0;
    for (size_t i = 0; facts->seen & 1u << name && i < facts->count; i++) {
        if (facts->fields[i].name != name)
            continue;
        ll_span value = span_of(text_str(&facts->kept) + facts->fields[i].at, facts->fields[i].size);
        if (mime_address_parse(&facts->scratch, value, &lists[fields], &counts[fields]))
            break;
        if (total + counts[fields] > mime_addresses_max)
            break;
        total += counts[fields++];
    }
    saved_add_number(out, total);
    for (size_t i = 0; i < fields; i++)
        for (size_t j = 0; j < counts[i]; j++) {
            saved_add_span(out, lists[i][j].name);
            saved_add_span(out, lists[i][j].route);
            saved_add_span(out, lists[i][j].mailbox);
            saved_add_span(out, lists[i][j].host);
        }
}

static void add_envelope(mime_facts *facts, text *out)
{
    for (unsigned name = FACT_DATE; name <= FACT_REFERENCES; name++)
        saved_add_span(out, value_of(facts, name));
    for (unsigned name = FACT_FROM; name <= FACT_BCC; name++)
        add_addresses(facts, name, out);
    mime_date sent = mime_date_parse(value_of(facts, FACT_DATE));
    saved_add_number(out, sent.valid);
    if (sent.valid) {
        saved_add_signed(out, sent.seconds);
        saved_add_signed(out, sent.offset_minutes);
    }
}

ll_status mime_facts_end(mime_facts *facts, bool in_digest, bool leaf, mime_content *content, text *out)
{
    arena_clear(&facts->scratch);
    *content = (mime_content){.kind = MIME_LEAF};
    size_t before = out->size;
    add_type(facts, in_digest, leaf, content, out);
    content->type_size = out->size - before;
    add_encoding(facts, out);
    for (unsigned name = FACT_ID; name <= FACT_LOCATION; name++)
        saved_add_span(out, value_of(facts, name));
    add_disposition(facts, out);
    add_languages(facts, out);
    if (facts->envelope)
        add_envelope(facts, out);
    if (text_status(&facts->kept) == LL_ENOMEM || arena_status(&facts->scratch) == LL_ENOMEM)
        return LL_ENOMEM;
    return text_status(out);
}
