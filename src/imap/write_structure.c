/* write_structure.c - see write_structure.h
 * SPDX-License-Identifier: MIT */
#include "imap/write_structure.h"

#include "imap/response.h"
#include "imap/write_envelope.h"

/* `string` where NIL is not allowed. */
static void write_string(text *out, ll_span string)
{
    response_string(out, string.data ? string : SPAN(""));
}

/* body-fld-param = "(" string SP string *(SP string SP string) ")" / nil */
static void write_params(text *out, const mime_param *params, size_t count)
{
    if (!count) {
        text_add(out, SPAN("NIL"));
        return;
    }
    for (size_t i = 0; i < count; i++) {
        text_add_byte(out, i ? ' ' : '(');
        write_string(out, params[i].name);
        text_add_byte(out, ' ');
        write_string(out, params[i].value);
    }
    text_add_byte(out, ')');
}

/* body-fld-dsp SP body-fld-lang SP body-fld-loc, with the space before them */
static void write_extension(text *out, const mime_part *part)
{
    if (part->disposition.data) {
        text_add(out, SPAN(" ("));
        write_string(out, part->disposition);
        text_add_byte(out, ' ');
        write_params(out, part->disposition_params, part->disposition_params_count);
        text_add_byte(out, ')');
    } else
        text_add(out, SPAN(" NIL"));
    if (!part->languages_count)
        text_add(out, SPAN(" NIL"));
    for (size_t i = 0; i < part->languages_count; i++) {
        text_add(out, i ? SPAN(" ") : SPAN(" ("));
        write_string(out, part->languages[i]);
    }
    text_add(out, part->languages_count ? SPAN(") ") : SPAN(" "));
    response_nstring(out, part->location);
}

/* media-basic SP body-fields */
static void write_fields(text *out, const mime_part *part)
{
    bool opaque = part->kind == MIME_LEAF && mime_part_is(part, "message", "rfc822"); /* would need an envelope */
    write_string(out, opaque ? SPAN("application") : part->type);
    text_add_byte(out, ' ');
    write_string(out, opaque ? SPAN("octet-stream") : part->subtype);
    text_add_byte(out, ' ');
    write_params(out, part->params, part->params_count);
    text_add_byte(out, ' ');
    response_nstring(out, part->id);
    text_add_byte(out, ' ');
    response_nstring(out, part->description);
    text_add_byte(out, ' ');
    write_string(out, part->encoding);
    text_add_byte(out, ' ');
    text_add_u64(out, part->body_size);
}

static void write_one(text *out, const mime_part *part, bool extended)
{
    write_fields(out, part);
    if (part->kind == MIME_MESSAGE) {
        text_add_byte(out, ' ');
        write_envelope(out, part->child->envelope);
        text_add_byte(out, ' ');
        write_structure(out, part->child, extended);
    }
    if (part->kind == MIME_MESSAGE || mime_part_is(part, "text", NULL)) {
        text_add_byte(out, ' ');
        text_add_u64(out, part->body_lines);
    }
    if (!extended)
        return;
    text_add_byte(out, ' ');
    response_nstring(out, part->md5);
    write_extension(out, part);
}

static void write_multipart(text *out, const mime_part *part, bool extended)
{
    for (const mime_part *child = part->child; child; child = child->next)
        write_structure(out, child, extended);
    text_add_byte(out, ' ');
    write_string(out, part->subtype);
    if (!extended)
        return;
    text_add_byte(out, ' ');
    write_params(out, part->params, part->params_count);
    write_extension(out, part);
}

void write_structure(text *out, const mime_part *part, bool extended)
{
    text_add_byte(out, '(');
    if (part->kind == MIME_MULTIPART)
        write_multipart(out, part, extended);
    else
        write_one(out, part, extended);
    text_add_byte(out, ')');
}
