/* scram_message.c - see scram_message.h
 * SPDX-License-Identifier: MIT */
#include "keys/scram_message.h"

#include "keys/password.h"

static bool is_alpha(char c)
{
    return ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z';
}

/* cb-name = 1*(ALPHA / DIGIT / "." / "-") */
static bool is_binding_name(ll_span name)
{
    for (size_t i = 0; i < name.size; i++) {
        char c = name.data[i];
        if (!is_alpha(c) && !(c >= '0' && c <= '9') && c != '.' && c != '-')
            return false;
    }
    return name.size > 0;
}

/* printable = %x21-2B / %x2D-7E; the comma was cut at. */
static bool is_nonce(ll_span nonce)
{
    for (size_t i = 0; i < nonce.size; i++)
        if (nonce.data[i] < '!' || nonce.data[i] > '~')
            return false;
    return nonce.size > 0;
}

/* Take "x=value" up to a comma or the end; the value must not be empty. */
static bool take_attribute(ll_span *rest, char name, ll_span *value)
{
    ll_span part = span_cut(rest, ',');
    if (part.size < 3 || part.data[0] != name || part.data[1] != '=')
        return false;
    *value = span_from(part, 2);
    return true;
}

static bool ends_in_comma(ll_span message)
{
    return message.size && message.data[message.size - 1] == ',';
}

/* extensions = attr-val *("," attr-val); those we do not know are passed over. Nothing is fine too. */
static bool are_extensions(ll_span rest)
{
    while (rest.size) {
        ll_span part = span_cut(&rest, ',');
        if (part.size < 3 || !is_alpha(part.data[0]) || part.data[1] != '=')
            return false;
    }
    return true;
}

static bool take_gs2_flag(ll_span *rest, scram_first *out)
{
    ll_span flag = span_cut(rest, ',');
    out->flag = flag.size ? flag.data[0] : '\0';
    if (out->flag == 'p') {
        out->binding = span_from(flag, 2);
        return flag.size > 2 && flag.data[1] == '=' && is_binding_name(out->binding);
    }
    return flag.size == 1 && (out->flag == 'n' || out->flag == 'y');
}

bool scram_first_parse(ll_span message, scram_first *out)
{
    *out = (scram_first){0};
    ll_span rest = message;
    if (!take_gs2_flag(&rest, out) || ends_in_comma(message))
        return false;
    size_t comma = span_find(rest, ',');
    if (comma == rest.size)
        return false;
    if (comma > 0 && !take_attribute(&rest, 'a', &out->authzid))
        return false;
    if (comma == 0)
        rest = span_from(rest, 1);
    out->header = span_first(message, message.size - rest.size);
    out->bare = rest;
    /* "m=" is an extension that we must refuse (section 5.1); it is not "n=", so it falls out here. */
    return take_attribute(&rest, 'n', &out->user) && take_attribute(&rest, 'r', &out->nonce) && is_nonce(out->nonce) &&
           are_extensions(rest);
}

bool scram_last_parse(ll_span message, scram_last *out)
{
    *out = (scram_last){0};
    size_t proof = message.size;
    for (size_t i = 0; i + 3 <= message.size; i++)
        if (memcmp(message.data + i, ",p=", 3) == 0)
            proof = i;
    out->without_proof = span_first(message, proof);
    if (proof == message.size || ends_in_comma(out->without_proof))
        return false;
    out->proof = span_from(message, proof + 3);
    ll_span rest = out->without_proof;
    return take_attribute(&rest, 'c', &out->binding) && take_attribute(&rest, 'r', &out->nonce) &&
           is_nonce(out->nonce) && are_extensions(rest);
}

bool scram_name_decode(ll_span escaped, text *out)
{
    for (size_t i = 0; i < escaped.size; i++) {
        char c = escaped.data[i];
        if (c == '=') {
            if (escaped.size - i < 3)
                return false;
            ll_span code = span_of(escaped.data + i, 3);
            if (!span_equal(code, SPAN("=2C")) && !span_equal(code, SPAN("=3D")))
                return false;
            c = code.data[1] == '2' ? ',' : '=';
            i += 2;
        }
        text_add_byte(out, c);
    }
    return password_is_text(text_span(out));
}
