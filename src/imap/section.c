/* section.c - see section.h
 * SPDX-License-Identifier: MIT */
#include "imap/section.h"

#include "mime/header.h"

/* A field name of RFC 5322 section 2.2: printable, no colon, no space. Nothing else can be written back into the
 * answer. */
static bool name_valid(ll_span name)
{
    for (size_t i = 0; i < name.size; i++)
        if (name.data[i] <= ' ' || name.data[i] > '~' || name.data[i] == ':')
            return false;
    return name.size > 0;
}

/* header-list = "(" header-fld-name *(SP header-fld-name) ")" */
static ll_status take_names(section *out, lexer *in)
{
    ll_span *names = NULL;
    size_t count = 0, room = 0;
    if (!lexer_space(in) || !lexer_byte(in, '('))
        return LL_ESYNTAX;
    do {
        if (count == room) {
            if (room == section_names_max)
                return LL_ELIMIT;
            ll_span *more = arena_array(in->memory, room ? room * 4 : 16, sizeof *more);
            if (!more)
                return arena_status(in->memory);
            if (count)
                memcpy(more, names, count * sizeof *names);
            names = more;
            room = room ? room * 4 : 16;
        }
        if (!lexer_astring(in, &names[count]) || !name_valid(names[count]))
            return LL_ESYNTAX;
        count++;
    } while (lexer_space(in));
    if (!lexer_byte(in, ')'))
        return LL_ESYNTAX;
    out->names = names;
    out->names_count = count;
    return LL_OK;
}

/* section-part: the numbers in front of *word, which keeps what follows them. */
static ll_status take_path(section *out, lexer *in, ll_span *word)
{
    uint32_t path[section_depth_max];
    size_t depth = 0;
    while (word->size && word->data[0] >= '0' && word->data[0] <= '9') {
        size_t at = span_find(*word, '.');
        if (depth == section_depth_max)
            return LL_ELIMIT;
        if (word->data[0] == '0' || !span_u32(span_first(*word, at), &path[depth++]))
            return LL_ESYNTAX;
        if (at + 1 == word->size) /* "1." */
            return LL_ESYNTAX;
        *word = span_from(*word, at < word->size ? at + 1 : at);
    }
    uint32_t *copy = arena_array(in->memory, depth, sizeof *copy);
    if (!copy)
        return arena_status(in->memory);
    if (depth)
        memcpy(copy, path, depth * sizeof *path);
    out->path = copy;
    out->depth = depth;
    return LL_OK;
}

static const struct {
    const char *name;
    section_what what;
} words[] = {{"", SECTION_ALL},
             {"HEADER", SECTION_HEADER},
             {"HEADER.FIELDS", SECTION_FIELDS},
             {"HEADER.FIELDS.NOT", SECTION_FIELDS_NOT},
             {"TEXT", SECTION_TEXT},
             {"MIME", SECTION_MIME}};

ll_status section_parse(section *out, lexer *in)
{
    ll_span word = SPAN("");
    *out = (section){.what = SECTION_ALL};
    if (!lexer_byte(in, '['))
        return LL_ESYNTAX;
    lexer_word(in, &word);
    ll_status status = take_path(out, in, &word);
    size_t n = 0;
    while (n < sizeof words / sizeof words[0] && !span_equal_nocase(word, span_str(words[n].name)))
        n++;
    if (status || n == sizeof words / sizeof words[0])
        return status ? status : LL_ESYNTAX;
    out->what = words[n].what;
    if (out->what == SECTION_MIME && !out->depth)
        return LL_ESYNTAX;
    if (out->what == SECTION_FIELDS || out->what == SECTION_FIELDS_NOT)
        status = take_names(out, in);
    if (status)
        return status;
    return lexer_byte(in, ']') ? LL_OK : LL_ESYNTAX;
}

/* As an atom if it is one, else quoted: printable ASCII is all that name_valid lets through. */
static void write_name(ll_span name, text *out)
{
    bool atom = true;
    for (size_t i = 0; i < name.size; i++)
        atom = atom && !strchr("(){%*\"\\]", name.data[i]);
    if (atom) {
        text_add(out, name);
        return;
    }
    text_add_byte(out, '"');
    for (size_t i = 0; i < name.size; i++) {
        if (name.data[i] == '"' || name.data[i] == '\\')
            text_add_byte(out, '\\');
        text_add_byte(out, name.data[i]);
    }
    text_add_byte(out, '"');
}

void section_write(const section *wanted, text *out)
{
    const char *word = words[wanted->what].name;
    text_add_byte(out, '[');
    for (size_t i = 0; i < wanted->depth; i++) {
        if (i)
            text_add_byte(out, '.');
        text_add_u64(out, wanted->path[i]);
    }
    if (wanted->depth && *word)
        text_add_byte(out, '.');
    text_add_str(out, word);
    for (size_t i = 0; i < wanted->names_count; i++) {
        text_add_str(out, i ? " " : " (");
        write_name(wanted->names[i], out);
    }
    text_add_str(out, wanted->names_count ? ")]" : "]");
}

bool section_is_whole(const section *wanted)
{
    return !wanted->depth && wanted->what == SECTION_ALL;
}

/* The part whose header and body HEADER and TEXT mean: the message, or the message inside of a message/rfc822. */
static const mime_part *message_of(const section *wanted, const mime_part *part)
{
    if (!wanted->depth)
        return part;
    return part->kind == MIME_MESSAGE ? part->child : NULL;
}

section_place section_find(const section *wanted, const mime_index *index, uint64_t size)
{
    if (section_is_whole(wanted))
        return (section_place){SECTION_RANGE, 0, size};
    const mime_part *part = mime_index_find(index, wanted->path, wanted->depth);
    if (!part)
        return (section_place){SECTION_MISSING, 0, 0};
    if (wanted->what == SECTION_ALL)
        return (section_place){SECTION_RANGE, part->body_offset, part->body_size};
    if (wanted->what == SECTION_MIME) {
        /* Part 1 of a message that is not multipart has no header of its own: its MIME header is the MIME fields of the
         * message's. */
        bool shared = !part->parent || part->parent->kind == MIME_MESSAGE;
        return (section_place){shared ? SECTION_COMPUTED : SECTION_RANGE, part->header_offset, part->header_size};
    }
    part = message_of(wanted, part);
    if (!part)
        return (section_place){SECTION_MISSING, 0, 0};
    if (wanted->what == SECTION_TEXT)
        return (section_place){SECTION_RANGE, part->body_offset, part->body_size};
    bool computed = wanted->what != SECTION_HEADER;
    return (section_place){computed ? SECTION_COMPUTED : SECTION_RANGE, part->header_offset, part->header_size};
}

section_place section_find_own(const section *wanted, uint64_t size, uint64_t header_size)
{
    if (section_is_whole(wanted))
        return (section_place){SECTION_RANGE, 0, size};
    return (section_place){wanted->what == SECTION_HEADER ? SECTION_RANGE : SECTION_COMPUTED, 0, header_size};
}

/* The fields that MIME defines (RFC 2045 section 9), and the blank line. */
static void select_mime(ll_span header, text *out)
{
    mime_field field;
    while (mime_field_next(&header, &field))
        if (span_starts_nocase(field.name, SPAN("Content-")) || span_equal_nocase(field.name, SPAN("MIME-Version")))
            text_add(out, field.whole);
    text_add(out, header);
}

void section_select(const section *wanted, ll_span header, text *out)
{
    if (wanted->what == SECTION_MIME)
        select_mime(header, out);
    else
        mime_header_select(header, wanted->names, wanted->names_count, wanted->what == SECTION_FIELDS_NOT, out);
}
