/* write_structure.c - see write_structure.h
 * SPDX-License-Identifier: MIT */
#include "imap/write_structure.h"

#include "imap/response.h"
#include "imap/write_envelope.h"

/* `string` where NIL is not allowed. */
static void write_string(text *out, ll_span string, bool utf8)
{
    response_string_as(out, string.data ? string : SPAN(""), utf8);
}

/* body-fld-param = "(" string SP string *(SP string SP string) ")" / nil */
static void write_params(text *out, const mime_param *params, size_t count, bool utf8)
{
    if (!count) {
        text_add(out, SPAN("NIL"));
        return;
    }
    for (size_t i = 0; i < count; i++) {
        text_add_byte(out, i ? ' ' : '(');
        write_string(out, params[i].name, utf8);
        text_add_byte(out, ' ');
        write_string(out, params[i].value, utf8);
    }
    text_add_byte(out, ')');
}

/* body-fld-dsp SP body-fld-lang SP body-fld-loc, with the space before them */
static void write_extension(text *out, const mime_part *part, bool utf8)
{
    if (part->disposition.data) {
        text_add(out, SPAN(" ("));
        write_string(out, part->disposition, utf8);
        text_add_byte(out, ' ');
        write_params(out, part->disposition_params, part->disposition_params_count, utf8);
        text_add_byte(out, ')');
    } else
        text_add(out, SPAN(" NIL"));
    if (!part->languages_count)
        text_add(out, SPAN(" NIL"));
    for (size_t i = 0; i < part->languages_count; i++) {
        text_add(out, i ? SPAN(" ") : SPAN(" ("));
        write_string(out, part->languages[i], utf8);
    }
    text_add(out, part->languages_count ? SPAN(") ") : SPAN(" "));
    response_nstring_as(out, part->location, utf8);
}

/* Said with envelope and body: message/rfc822, and to those who know RFC 9051 or RFC 6855 message/global; to others
 * that is a type without structure (media-basic of RFC 3501). */
static bool is_message(const mime_part *part, bool utf8)
{
    return part->kind == MIME_MESSAGE && (utf8 || !mime_part_is(part, "message", "global"));
}

/* media-basic SP body-fields */
static void write_fields(text *out, const mime_part *part, bool utf8)
{
    bool opaque = part->kind == MIME_LEAF && (mime_part_is(part, "message", "rfc822") ||
                                              mime_part_is(part, "message", "global")); /* would need an envelope */
    write_string(out, opaque ? SPAN("application") : part->type, utf8);
    text_add_byte(out, ' ');
    write_string(out, opaque ? SPAN("octet-stream") : part->subtype, utf8);
    text_add_byte(out, ' ');
    write_params(out, part->params, part->params_count, utf8);
    text_add_byte(out, ' ');
    response_nstring_as(out, part->id, utf8);
    text_add_byte(out, ' ');
    response_nstring_as(out, part->description, utf8);
    text_add_byte(out, ' ');
    write_string(out, part->encoding, utf8);
    text_add_byte(out, ' ');
    text_add_u64(out, part->body_size);
}

static void write_one(text *out, const mime_part *part, bool extended, bool utf8)
{
    bool message = is_message(part, utf8);
    write_fields(out, part, utf8);
    if (message) {
        text_add_byte(out, ' ');
        write_envelope(out, part->child->envelope, utf8);
        text_add_byte(out, ' ');
        write_structure(out, part->child, extended, utf8);
    }
    if (message || mime_part_is(part, "text", NULL)) {
        text_add_byte(out, ' ');
        text_add_u64(out, part->body_lines);
    }
    if (!extended)
        return;
    text_add_byte(out, ' ');
    response_nstring_as(out, part->md5, utf8);
    write_extension(out, part, utf8);
}

static void write_multipart(text *out, const mime_part *part, bool extended, bool utf8)
{
    for (const mime_part *child = part->child; child; child = child->next)
        write_structure(out, child, extended, utf8);
    text_add_byte(out, ' ');
    write_string(out, part->subtype, utf8);
    if (!extended)
        return;
    text_add_byte(out, ' ');
    write_params(out, part->params, part->params_count, utf8);
    write_extension(out, part, utf8);
}

void write_structure(text *out, const mime_part *part, bool extended, bool utf8)
{
    text_add_byte(out, '(');
    if (part->kind == MIME_MULTIPART)
        write_multipart(out, part, extended, utf8);
    else
        write_one(out, part, extended, utf8);
    text_add_byte(out, ')');
}
