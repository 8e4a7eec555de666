/* lexer.c - see lexer.h
 * SPDX-License-Identifier: MIT */
#include "imap/lexer.h"

#include "base/span.h"

/* Classes of bytes, RFC 3501 section 9. */
static bool is_atom(char c)
{
    return c > ' ' && c < 0x7f && !strchr("(){%*\"\\]", c);
}

static bool is_astring(char c)
{
    return is_atom(c) || c == ']';
}

static bool is_tag(char c)
{
    return is_astring(c) && c != '+';
}

static bool is_list(char c)
{
    return is_astring(c) || c == '%' || c == '*';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_word(char c)
{
    char lower = ascii_lower(c);
    return (lower >= 'a' && lower <= 'z') || is_digit(c) || (c && strchr(".-_=+", c));
}

static bool is_set(char c)
{
    return is_digit(c) || (c && strchr(":,*$", c));
}

/* The longest run of a class, at least one byte. */
static bool take_run(lexer *in, bool (*is)(char c), ll_span *run)
{
    size_t end = in->at;
    while (end < in->input.size && is(in->input.data[end]))
        end++;
    if (end == in->at)
        return false;
    *run = span_of(in->input.data + in->at, end - in->at);
    in->at = end;
    return true;
}

void lexer_init(lexer *in, ll_span input, arena *memory, unsigned depth_max)
{
    *in = (lexer){.input = input, .memory = memory, .depth_max = depth_max};
}

bool lexer_end(const lexer *in)
{
    return in->at >= in->input.size;
}

int lexer_peek(const lexer *in)
{
    return lexer_end(in) ? -1 : (unsigned char)in->input.data[in->at];
}

bool lexer_byte(lexer *in, char byte)
{
    if (lexer_peek(in) != (unsigned char)byte)
        return false;
    in->at++;
    return true;
}

bool lexer_space(lexer *in)
{
    return lexer_byte(in, ' ');
}

bool lexer_word(lexer *in, ll_span *word)
{
    return take_run(in, is_word, word);
}

bool lexer_is_word(lexer *in, const char *word)
{
    size_t start = in->at;
    ll_span found;
    if (lexer_word(in, &found) && span_equal_nocase(found, span_str(word)))
        return true;
    in->at = start;
    return false;
}

bool lexer_atom(lexer *in, ll_span *atom)
{
    return take_run(in, is_atom, atom);
}

bool lexer_astring_atom(lexer *in, ll_span *atom)
{
    return take_run(in, is_astring, atom);
}

bool lexer_tag(lexer *in, ll_span *tag)
{
    return take_run(in, is_tag, tag);
}

/* Undo the escapes of a quoted string's inside. */
static bool unescape(lexer *in, ll_span inside, ll_span *string)
{
    char *copy = arena_new(in->memory, inside.size + 1);
    size_t size = 0;
    if (!copy)
        return false;
    for (size_t i = 0; i < inside.size; i++) {
        if (inside.data[i] == '\\')
            i++;
        copy[size++] = inside.data[i];
    }
    *string = span_of(copy, size);
    return true;
}

bool lexer_quoted(lexer *in, ll_span *string)
{
    bool escaped = false;
    if (lexer_peek(in) != '"')
        return false;
    const char *data = in->input.data;
    size_t end = in->at + 1;
    for (; end < in->input.size && data[end] != '"'; end++) {
        if (data[end] == '\r' || data[end] == '\n' || data[end] == '\0')
            return false;
        if (data[end] != '\\')
            continue;
        escaped = true;
        end++;
        if (end == in->input.size || (data[end] != '"' && data[end] != '\\'))
            return false;
    }
    if (end >= in->input.size)
        return false;
    ll_span inside = span_of(data + in->at + 1, end - in->at - 1);
    if (!escaped)
        *string = inside;
    else if (!unescape(in, inside, string))
        return false;
    in->at = end + 1;
    return true;
}

bool lexer_literal(lexer *in, ll_span *string)
{
    lexer try = *in;
    uint64_t size;
    if (!lexer_byte(&try, '{') || !lexer_number64(&try, &size))
        return false;
    lexer_byte(&try, '+'); /* RFC 7888 */
    if (!lexer_byte(&try, '}') || !lexer_byte(&try, '\r') || !lexer_byte(&try, '\n'))
        return false;
    if (size > try.input.size - try.at)
        return false;
    *string = span_of(try.input.data + try.at, (size_t)size);
    in->at = try.at + (size_t)size;
    return true;
}

bool lexer_literal8(lexer *in, ll_span *string)
{
    lexer try = *in;
    if (!lexer_byte(&try, '~') || !lexer_literal(&try, string))
        return false;
    in->at = try.at;
    return true;
}

bool lexer_string(lexer *in, ll_span *string)
{
    return lexer_quoted(in, string) || lexer_literal(in, string);
}

bool lexer_nstring(lexer *in, ll_span *string)
{
    if (lexer_string(in, string))
        return true;
    *string = span_of(NULL, 0);
    return lexer_is_word(in, "NIL");
}

bool lexer_astring(lexer *in, ll_span *string)
{
    return lexer_astring_atom(in, string) || lexer_string(in, string);
}

bool lexer_list_mailbox(lexer *in, ll_span *pattern)
{
    return take_run(in, is_list, pattern) || lexer_string(in, pattern);
}

bool lexer_number64(lexer *in, uint64_t *number)
{
    size_t start = in->at;
    ll_span digits;
    if (take_run(in, is_digit, &digits) && span_u64(digits, number) && *number <= INT64_MAX)
        return true;
    in->at = start;
    return false;
}

bool lexer_number(lexer *in, uint32_t *number)
{
    size_t start = in->at;
    uint64_t wide;
    if (lexer_number64(in, &wide) && wide <= UINT32_MAX) {
        *number = (uint32_t)wide;
        return true;
    }
    in->at = start;
    return false;
}

bool lexer_nz_number(lexer *in, uint32_t *number)
{
    size_t start = in->at;
    if (lexer_number(in, number) && *number)
        return true;
    in->at = start;
    return false;
}

bool lexer_flag(lexer *in, ll_span *flag)
{
    size_t start = in->at;
    ll_span atom;
    lexer_byte(in, '\\');
    if (!lexer_atom(in, &atom)) {
        in->at = start;
        return false;
    }
    *flag = span_of(in->input.data + start, in->at - start);
    return true;
}

bool lexer_set(lexer *in, ll_span *set)
{
    return take_run(in, is_set, set);
}
