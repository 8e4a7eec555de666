/* param.c - see param.h
 * SPDX-License-Identifier: MIT */
#include "mime/param.h"

#include "base/charset.h"
#include "base/codec.h"
#include "base/utf.h"
#include "mime/word.h"

#include <stdio.h>

typedef struct reader {
    arena *memory;
    const char *at, *end;
    bool open_comment; /* a '(' was found that nothing closes: do not look for its end again (linear time) */
} reader;

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\0';
}

/* Behind the comment at `at`, or NULL if it is not closed. */
static const char *comment_end(reader *r, const char *at)
{
    size_t depth = 0;
    for (; !r->open_comment && at < r->end; at++) {
        if (*at == '\\' && at + 1 < r->end)
            at++;
        else if (*at == '(')
            depth++;
        else if (*at == ')' && --depth == 0)
            return at + 1;
    }
    r->open_comment = true;
    return NULL;
}

static void skip_space(reader *r)
{
    while (r->at < r->end) {
        const char *comment = *r->at == '(' ? comment_end(r, r->at) : NULL;
        if (comment)
            r->at = comment;
        else if (is_space(*r->at))
            r->at++;
        else
            return;
    }
}

/* A token (RFC 2045 section 5.1), read generously: up to white space or one of "stop". */
static ll_span read_token(reader *r, const char *stop)
{
    skip_space(r);
    const char *start = r->at;
    while (r->at < r->end && !is_space(*r->at) && !strchr(stop, *r->at))
        r->at++;
    ll_span token = span_of(start, (size_t)(r->at - start));
    skip_space(r);
    return token;
}

/* "quoted string" at r->at, unquoted. The closing quote may be missing. */
static ll_span read_quoted(reader *r)
{
    const char *start = ++r->at;
    bool plain = true;
    while (r->at < r->end && *r->at != '"') {
        if (*r->at == '\\' && r->at + 1 < r->end)
            r->at++;
        plain = plain && r->at[-1] != '\\' && *r->at != '\r' && *r->at != '\n' && *r->at != '\0';
        r->at++;
    }
    ll_span raw = span_of(start, (size_t)(r->at - start));
    if (r->at < r->end)
        r->at++;
    if (plain)
        return raw;
    char *to = arena_new(r->memory, raw.size + 1);
    if (!to)
        return span_of("", 0);
    ll_span value = span_of(to, 0);
    for (size_t i = 0; i < raw.size; i++) {
        if (raw.data[i] == '\\' && i + 1 < raw.size)
            i++;
        if (raw.data[i] != '\r' && raw.data[i] != '\n' && raw.data[i] != '\0')
            to[value.size++] = raw.data[i];
    }
    return value;
}

/* A value without quotes. It should be a token, but file names with spaces and parentheses come without quotes: so it
 * goes on to the
 * ';', less a comment and white space at its end. */
static ll_span read_plain(reader *r)
{
    skip_space(r);
    const char *start = r->at, *last = r->at; /* last: behind what surely belongs to the value */
    while (r->at < r->end && *r->at != ';') {
        const char *comment = *r->at == '(' && (r->at == start || is_space(r->at[-1])) ? comment_end(r, r->at) : NULL;
        if (comment) {
            const char *behind = comment;
            while (behind < r->end && is_space(*behind))
                behind++;
            r->at = comment;
            if (behind < r->end && *behind != ';' && *behind != '(')
                last = comment;
        } else if (!is_space(*r->at++))
            last = r->at;
    }
    ll_span raw = span_of(start, (size_t)(last - start));
    for (size_t i = 0; i < raw.size; i++)
        if (raw.data[i] == '\r' || raw.data[i] == '\n' || raw.data[i] == '\0') {
            ll_span copy = arena_copy(r->memory, raw);
            char *to = copy.data ? arena_new(r->memory, raw.size + 1) : NULL;
            raw.size = 0;
            for (size_t j = 0; to && j < copy.size; j++)
                if (copy.data[j] != '\r' && copy.data[j] != '\n' && copy.data[j] != '\0')
                    to[raw.size++] = copy.data[j];
            raw.data = to ? to : "";
            break;
        }
    return raw;
}

/* One "name=value" at r->at; false: there is none here. Takes the ';' behind it. */
static bool read_param(reader *r, mime_param *param)
{
    param->name = read_token(r, "=;\"(");
    bool has = r->at < r->end && *r->at == '=' && param->name.size;
    if (has) {
        r->at++;
        skip_space(r);
        param->value = r->at < r->end && *r->at == '"' ? read_quoted(r) : read_plain(r);
        skip_space(r);
    }
    if (!has)
        while (r->at < r->end && *r->at != ';')
            r->at++;
    if (r->at < r->end && *r->at == ';')
        r->at++;
    return has;
}

static bool is_token(ll_span token)
{
    for (size_t i = 0; i < token.size; i++)
        if (token.data[i] <= ' ' || token.data[i] > 126 || strchr("()<>@,;:\\\"/[]?=", token.data[i]))
            return false;
    return token.size > 0;
}

ll_status mime_value_parse(arena *memory, ll_span value, mime_value *out)
{
    reader r = {.memory = memory, .at = value.data, .end = value.data + value.size};
    *out = (mime_value){.type = read_token(&r, ";/(\"=")};
    if (r.at < r.end && *r.at == '/') {
        r.at++;
        out->subtype = read_token(&r, ";(\"=");
    }
    if (!is_token(out->type) || (out->subtype.size && !is_token(out->subtype)))
        out->type = out->subtype = span_of("", 0);
    while (r.at < r.end && *r.at != ';')
        r.at++;
    size_t room = 0;
    mime_param *params = NULL;
    if (r.at < r.end)
        r.at++;
    while (r.at < r.end && out->params_count < mime_params_max && !arena_status(memory)) {
        mime_param param;
        if (!read_param(&r, &param))
            continue;
        if (out->params_count == room) {
            size_t more = room ? room * 2 : 4;
            mime_param *grown = arena_array(memory, more, sizeof *grown);
            if (!grown)
                break;
            if (room)
                memcpy(grown, params, room * sizeof *grown);
            params = grown;
            room = more;
        }
        params[out->params_count++] = param;
    }
    out->params = params;
    return arena_status(memory);
}

ll_span mime_param_find(const mime_param *params, size_t count, ll_span name)
{
    for (size_t i = 0; i < count; i++)
        if (span_equal_nocase(params[i].name, name))
            return params[i].value;
    return span_of(NULL, 0);
}

/* The parameter "name" + `suffix`: piece n of RFC 2231 section 3 is "name*n" or, percent-encoded, "name*n*". */
static const mime_param *find_piece(const mime_param *params, size_t count, ll_span name, const char *suffix)
{
    for (size_t i = 0; i < count; i++)
        if (span_starts_nocase(params[i].name, name) &&
            span_equal(span_from(params[i].name, name.size), span_str(suffix)))
            return &params[i];
    return NULL;
}

static void add_percent(text *out, ll_span value)
{
    for (size_t i = 0; i < value.size; i++) {
        int high = value.data[i] == '%' && value.size - i > 2 ? codec_hex_digit(value.data[i + 1]) : -1;
        int low = high >= 0 ? codec_hex_digit(value.data[i + 2]) : -1;
        text_add_byte(out, low >= 0 ? (char)(high << 4 | low) : value.data[i]);
        if (low >= 0)
            i += 2;
    }
}

/* Piece n of the parameter into `bytes`; the first percent-encoded piece begins with charset'language' (RFC 2231
 * section 4). */
static bool add_piece(const mime_param *params, size_t count, ll_span name, size_t n, ll_span *charset, text *bytes)
{
    char plain[24], encoded[24];
    snprintf(plain, sizeof plain, "*%zu", n);
    snprintf(encoded, sizeof encoded, "*%zu*", n);
    const mime_param *piece = find_piece(params, count, name, plain);
    if (piece) {
        text_add(bytes, piece->value);
        return true;
    }
    piece = find_piece(params, count, name, encoded);
    if (!piece && n == 0)
        piece = find_piece(params, count, name, "*");
    if (!piece)
        return false;
    ll_span rest = piece->value;
    if (n == 0) {
        ll_span tail = piece->value;
        ll_span first = span_cut(&tail, '\'');
        if (span_find(tail, '\'') < tail.size) {
            span_cut(&tail, '\'');
            *charset = first;
            rest = tail;
        }
    }
    add_percent(bytes, rest);
    return true;
}

bool mime_param_decode(const mime_param *params, size_t count, ll_span name, text *out)
{
    text bytes;
    text_init(&bytes, out->allocator, mime_param_bytes_max);
    ll_span charset = {0};
    size_t pieces = 0;
    while (pieces < mime_params_max && add_piece(params, count, name, pieces, &charset, &bytes))
        pieces++;
    ll_span plain = mime_param_find(params, count, name);
    ll_status status = text_status(&bytes) == LL_ENOMEM ? LL_ENOMEM : LL_OK; /* too long is cut */
    if (!status && pieces)
        status = charset.size ? charset_to_utf8(charset, text_span(&bytes), out) : LL_ECHARSET;
    if (status == LL_ENOMEM)
        out->status = LL_ENOMEM;
    else if (pieces && status)
        utf_add_valid(out, text_span(&bytes)); /* no charset, or one that nobody knows */
    else if (!pieces && plain.data)
        mime_word_decode(plain, out);
    text_fini(&bytes);
    return pieces || plain.data;
}
