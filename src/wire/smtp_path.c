/* smtp_path.c - addresses and parameters of MAIL and RCPT: see smtp_path.h.
 * SPDX-License-Identifier: MIT */
#include "wire/smtp_path.h"

#include <arpa/inet.h>

static bool is_alnum(unsigned char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* RFC 5322 section 3.2.3, RFC 6531 section 3.3: UTF8-non-ascii extends atext. */
static bool is_atext(unsigned char c)
{
    return is_alnum(c) || c >= 0x80 || (c && strchr("!#$%&'*+-/=?^_`{|}~", c));
}

/* The size of the UTF-8 sequence at the beginning of bytes (RFC 3629 section 4), 0 if it is none, is cut off, or is a
 * control. */
static size_t utf8_sequence(ll_span bytes)
{
    const unsigned char *b = (const unsigned char *)bytes.data;
    size_t size = b[0] < 0x80 ? 1 : b[0] < 0xc2 ? 0 : b[0] < 0xe0 ? 2 : b[0] < 0xf0 ? 3 : b[0] < 0xf5 ? 4 : 0;
    if (size == 0 || size > bytes.size)
        return 0;
    for (size_t i = 1; i < size; i++)
        if ((b[i] & 0xc0) != 0x80)
            return 0;
    bool overlong = (b[0] == 0xe0 && b[1] < 0xa0) || (b[0] == 0xf0 && b[1] < 0x90);
    bool surrogate = b[0] == 0xed && b[1] > 0x9f;
    bool beyond = b[0] == 0xf4 && b[1] > 0x8f;
    bool control = b[0] == 0xc2 && b[1] < 0xa0;
    return overlong || surrogate || beyond || control ? 0 : size;
}

static bool utf8_valid(ll_span bytes)
{
    while (bytes.size) {
        size_t size = utf8_sequence(bytes);
        if (size == 0)
            return false;
        bytes = span_from(bytes, size);
    }
    return true;
}

static bool has_8bit(ll_span bytes)
{
    for (size_t i = 0; i < bytes.size; i++)
        if ((unsigned char)bytes.data[i] >= 0x80)
            return true;
    return false;
}

/* ------------------------------------------------------------------------------------------------------------ Domain
 */

static bool label_valid(ll_span label)
{
    if (label.size == 0 || label.size > SMTP_LABEL_MAX || label.data[0] == '-' || label.data[label.size - 1] == '-')
        return false;
    for (size_t i = 0; i < label.size; i++) {
        unsigned char c = (unsigned char)label.data[i];
        if (!is_alnum(c) && c != '-' && c < 0x80)
            return false;
    }
    return true;
}

/* RFC 5321 section 4.1.3. No tag but IPv6 has ever been registered. */
static bool literal_valid(ll_span inside)
{
    char address[INET6_ADDRSTRLEN];
    unsigned char binary[16];
    bool six = span_starts_nocase(inside, SPAN("IPv6:"));
    if (six)
        inside = span_from(inside, 5);
    if (inside.size == 0 || inside.size >= sizeof address || memchr(inside.data, '\0', inside.size))
        return false;
    memcpy(address, inside.data, inside.size);
    address[inside.size] = '\0';
    return inet_pton(six ? AF_INET6 : AF_INET, address, binary) == 1;
}

bool smtp_domain_valid(ll_span domain, bool literal_ok, bool utf8_ok)
{
    if (domain.size == 0 || domain.size > SMTP_DOMAIN_MAX)
        return false;
    if (domain.data[0] == '[')
        return literal_ok && domain.data[domain.size - 1] == ']' && domain.size > 2 &&
               literal_valid(span_of(domain.data + 1, domain.size - 2));
    if (has_8bit(domain) && (!utf8_ok || !utf8_valid(domain)))
        return false;
    for (;;) {
        size_t dot = span_find(domain, '.');
        if (!label_valid(span_first(domain, dot)))
            return false;
        if (dot == domain.size)
            return true;
        domain = span_from(domain, dot + 1);
    }
}

static ll_status path_domain(smtp_path *path, ll_span domain)
{
    if (domain.size > SMTP_DOMAIN_MAX)
        return LL_ELIMIT;
    if (!smtp_domain_valid(domain, true, true))
        return LL_ESYNTAX;
    path->literal = domain.data[0] == '[';
    path->domain_size = (uint16_t)domain.size;
    for (size_t i = 0; i < domain.size; i++)
        path->domain_bytes[i] = ascii_lower(domain.data[i]);
    return LL_OK;
}

/* -------------------------------------------------------------------------------------------------------- Local part
 */

static ll_status local_add(smtp_path *path, char byte, size_t local_max)
{
    if (path->local_size >= local_max)
        return LL_ELIMIT;
    path->local_bytes[path->local_size++] = byte;
    return LL_OK;
}

/* RFC 5321 section 4.1.2: Quoted-string. *rest begins behind the opening quote, and behind the closing one at the end.
 */
static ll_status local_quoted(smtp_path *path, ll_span *rest, size_t local_max)
{
    for (size_t i = 0; i < rest->size; i++) {
        unsigned char c = (unsigned char)rest->data[i];
        if (c == '"') {
            *rest = span_from(*rest, i + 1);
            return path->local_size ? LL_OK : LL_ESYNTAX;
        }
        if (c == '\\') {
            if (++i == rest->size)
                return LL_ESYNTAX;
            c = (unsigned char)rest->data[i];
            if (c >= 0x80)
                return LL_ESYNTAX;
        }
        if (c < 0x20 || c == 0x7f)
            return LL_ESYNTAX;
        ll_status status = local_add(path, (char)c, local_max);
        if (status)
            return status;
    }
    return LL_ESYNTAX;
}

static bool is_dot_string(ll_span local)
{
    bool atom = false; /* inside of one */
    for (size_t i = 0; i < local.size; i++) {
        unsigned char c = (unsigned char)local.data[i];
        if (c == '.' ? !atom : !is_atext(c))
            return false;
        atom = c != '.';
    }
    return atom;
}

static ll_status local_dot_string(smtp_path *path, ll_span *rest, size_t local_max)
{
    size_t size = 0;
    while (size < rest->size && (is_atext((unsigned char)rest->data[size]) || rest->data[size] == '.'))
        size++;
    ll_span local = span_first(*rest, size);
    if (!is_dot_string(local))
        return LL_ESYNTAX;
    if (size > local_max)
        return LL_ELIMIT;
    memcpy(path->local_bytes, local.data, size);
    path->local_size = (uint16_t)size;
    *rest = span_from(*rest, size);
    return LL_OK;
}

/* --------------------------------------------------------------------------------------------------------------- Path
 */

/* Bytes above 127 must be wanted, and be UTF-8: a sequence cut in the middle is what crashed others (Dovecot
 * CVE-2020-7046). */
static ll_status path_check_utf8(smtp_path *path, unsigned allow)
{
    ll_span local = smtp_path_local(path);
    path->utf8 = has_8bit(local) || has_8bit(smtp_path_domain(path));
    if (path->utf8 && !utf8_valid(local))
        return LL_ESYNTAX;
    return path->utf8 && !(allow & SMTP_PATH_UTF8) ? LL_EUNSUPPORTED : LL_OK;
}

/* Mailbox, up to `end` or to the end of bytes if end is NUL. *taken: without end. */
static ll_status path_mailbox(smtp_path *path, ll_span bytes, unsigned allow, size_t local_max, char end, size_t *taken)
{
    ll_span rest = bytes;
    if (local_max > SMTP_LOCAL_MAX)
        local_max = SMTP_LOCAL_MAX;
    bool quoted = rest.size && rest.data[0] == '"';
    if (quoted)
        rest = span_from(rest, 1);
    ll_status status = (quoted ? local_quoted : local_dot_string)(path, &rest, local_max);
    if (status)
        return status;
    if (end && rest.size && rest.data[0] == end && (allow & SMTP_PATH_POSTMASTER) &&
        span_equal_nocase(smtp_path_local(path), SPAN("postmaster"))) {
        path->postmaster = true;
        *taken = bytes.size - rest.size;
        return LL_OK;
    }
    if (rest.size == 0 || rest.data[0] != '@')
        return LL_ESYNTAX;
    rest = span_from(rest, 1);
    size_t domain_size = end ? span_find(rest, end) : rest.size;
    if (end && domain_size == rest.size)
        return LL_ESYNTAX;
    status = path_domain(path, span_first(rest, domain_size));
    if (status)
        return status;
    *taken = bytes.size - rest.size + domain_size;
    return *taken + 2 > SMTP_PATH_MAX ? LL_ELIMIT : path_check_utf8(path, allow);
}

/* "@one,@two:" is taken off and forgotten. RFC 5321 appendix C: must be accepted, should be ignored. */
static ll_status path_route(ll_span *rest)
{
    size_t colon = span_find(*rest, ':');
    if (colon == rest->size)
        return LL_ESYNTAX;
    ll_span route = span_first(*rest, colon);
    *rest = span_from(*rest, colon + 1);
    for (;;) {
        size_t comma = span_find(route, ',');
        ll_span hop = span_first(route, comma);
        if (hop.size < 2 || hop.data[0] != '@' || !smtp_domain_valid(span_from(hop, 1), false, true))
            return LL_ESYNTAX;
        if (comma == route.size)
            return LL_OK;
        route = span_from(route, comma + 1);
    }
}

ll_status smtp_path_parse(smtp_path *path, ll_span bytes, unsigned allow, size_t local_max, size_t *taken)
{
    *path = (smtp_path){0};
    *taken = 0;
    if (bytes.size < 2 || bytes.data[0] != '<')
        return LL_ESYNTAX;
    if (bytes.data[1] == '>') {
        path->null = true;
        *taken = 2;
        return allow & SMTP_PATH_NULL ? LL_OK : LL_ESYNTAX;
    }
    ll_span rest = span_from(bytes, 1);
    if (rest.data[0] == '@') {
        ll_status status = path_route(&rest);
        if (status)
            return status;
    }
    size_t size;
    ll_status status = path_mailbox(path, rest, allow, local_max, '>', &size);
    if (status)
        return status;
    *taken = bytes.size - rest.size + size + 1;
    return LL_OK;
}

ll_status smtp_path_address(smtp_path *path, ll_span bytes, unsigned allow, size_t local_max)
{
    *path = (smtp_path){0};
    size_t taken;
    return path_mailbox(path, bytes, allow, local_max, '\0', &taken);
}

void smtp_path_text(const smtp_path *path, text *out)
{
    if (path->null)
        return;
    ll_span local = smtp_path_local(path);
    if (is_dot_string(local))
        text_add(out, local);
    else {
        text_add_byte(out, '"');
        for (size_t i = 0; i < local.size; i++) {
            if (local.data[i] == '"' || local.data[i] == '\\')
                text_add_byte(out, '\\');
            text_add_byte(out, local.data[i]);
        }
        text_add_byte(out, '"');
    }
    if (path->domain_size) {
        text_add_byte(out, '@');
        text_add(out, smtp_path_domain(path));
    }
}

bool smtp_path_equal(const smtp_path *a, const smtp_path *b)
{
    return a->null == b->null && span_equal(smtp_path_local(a), smtp_path_local(b)) &&
           span_equal(smtp_path_domain(a), smtp_path_domain(b));
}

/* --------------------------------------------------------------------------------------------------------- Parameters
 */

static size_t keyword_size(ll_span bytes)
{
    size_t size = 0;
    while (size < bytes.size && (is_alnum((unsigned char)bytes.data[size]) || (size && bytes.data[size] == '-')))
        size++;
    return size;
}

/* RFC 5321 section 4.1.2 esmtp-value, with the UTF-8 of RFC 6531 section 3.3. */
static size_t value_size(ll_span bytes)
{
    size_t size = 0;
    for (; size < bytes.size; size++) {
        unsigned char c = (unsigned char)bytes.data[size];
        if (c <= 0x20 || c == '=' || c == 0x7f)
            break;
    }
    return size;
}

ll_status smtp_param_next(ll_span *rest, ll_span *keyword, ll_span *value)
{
    *keyword = *value = span_of(NULL, 0);
    if (rest->size == 0)
        return LL_ENOTFOUND;
    if (rest->data[0] != ' ')
        return LL_ESYNTAX;
    while (rest->size && rest->data[0] == ' ')
        *rest = span_from(*rest, 1);
    if (rest->size == 0)
        return LL_ENOTFOUND;
    *keyword = span_first(*rest, keyword_size(*rest));
    *rest = span_from(*rest, keyword->size);
    if (keyword->size == 0)
        return LL_ESYNTAX;
    if (rest->size && rest->data[0] == '=') {
        *rest = span_from(*rest, 1);
        *value = span_first(*rest, value_size(*rest));
        *rest = span_from(*rest, value->size);
        if (value->size == 0 || !utf8_valid(*value))
            return LL_ESYNTAX;
    }
    return rest->size == 0 || rest->data[0] == ' ' ? LL_OK : LL_ESYNTAX;
}
