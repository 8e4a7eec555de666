/* password.c - see password.h
 * SPDX-License-Identifier: MIT */
#include "keys/password.h"

#include "base/memory.h"
#include "base/utf.h"
#include "keys/random.h"

static const char alphabet[] = "abcdefghjkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";

enum {
    VOUCHED_CLASSES = 2,
    VOUCHED_DIFFERENT = 10, /* 22 random letters and digits have at least 14 different ones, in practice */
    VOUCHED_RUN = 5,        /* characters of a run such as abcde or 11111 */
    CHOSEN_DIFFERENT = 5
};

void password_generate(char out[PASSWORD_GENERATED + 1])
{
    out[PASSWORD_GENERATED] = '\0';
    do {
        for (size_t i = 0; i < PASSWORD_GENERATED; i++)
            out[i] = alphabet[random_below(sizeof alphabet - 1)];
    } while (!password_is_generated_like(span_of(out, PASSWORD_GENERATED), NULL));
}

/* ------------------------------------------------------------------------------------------------------ Judging */

static bool refuse(const char **reason, const char *sentence)
{
    if (reason)
        *reason = sentence;
    return false;
}

static bool is_printable_ascii(ll_span s)
{
    for (size_t i = 0; i < s.size; i++)
        if (s.data[i] < ' ' || s.data[i] > '~')
            return false;
    return true;
}

static unsigned count_classes(ll_span s)
{
    bool lower = false, upper = false, digit = false, other = false;
    for (size_t i = 0; i < s.size; i++) {
        char c = s.data[i];
        if (c >= 'a' && c <= 'z')
            lower = true;
        else if (c >= 'A' && c <= 'Z')
            upper = true;
        else if (c >= '0' && c <= '9')
            digit = true;
        else
            other = true;
    }
    return (unsigned)lower + upper + digit + other;
}

static unsigned count_different(ll_span s)
{
    bool seen[256] = {false};
    unsigned different = 0;
    for (size_t i = 0; i < s.size; i++) {
        unsigned char c = (unsigned char)s.data[i];
        different += !seen[c];
        seen[c] = true;
    }
    return different;
}

/* Is all of it a repetition of its first part, even if cut off at the end? */
static bool is_periodic(ll_span s)
{
    for (size_t period = 1; period <= s.size / 2; period++)
        if (memcmp(s.data, s.data + period, s.size - period) == 0)
            return true;
    return false;
}

static bool has_run(ll_span s)
{
    int before = 2;
    size_t length = 1;
    for (size_t i = 1; i < s.size; i++) {
        int step = s.data[i] - s.data[i - 1];
        length = step == before && step >= -1 && step <= 1 ? length + 1 : 2;
        before = step;
        if (length >= VOUCHED_RUN && step >= -1 && step <= 1)
            return true;
    }
    return false;
}

bool password_is_generated_like(ll_span password, const char **reason)
{
    if (password.size < PASSWORD_VOUCHED_MIN)
        return refuse(reason, "a generated password has at least 22 characters");
    if (password.size > PASSWORD_MAX)
        return refuse(reason, "the password is longer than 1024 bytes");
    if (!is_printable_ascii(password))
        return refuse(reason, "a generated password has only printable ASCII characters");
    if (count_classes(password) < VOUCHED_CLASSES)
        return refuse(reason, "a generated password mixes small letters, capitals, digits or other characters");
    if (count_different(password) < VOUCHED_DIFFERENT)
        return refuse(reason, "a generated password has at least 10 different characters");
    if (is_periodic(password))
        return refuse(reason, "the password repeats itself");
    if (has_run(password))
        return refuse(reason, "the password holds a sequence such as abcde or 11111");
    return true;
}

/* Code points of UTF-8 text: bytes that do not continue one. */
static size_t count_points(ll_span s)
{
    size_t count = 0;
    for (size_t i = 0; i < s.size; i++)
        count += ((unsigned char)s.data[i] & 0xc0) != 0x80;
    return count;
}

bool password_is_acceptable(ll_span password, const char **reason)
{
    if (password.size > PASSWORD_MAX)
        return refuse(reason, "the password is longer than 1024 bytes");
    if (!password_is_text(password))
        return refuse(reason, "the password is not UTF-8 text without control characters");
    if (count_points(password) < PASSWORD_CHOSEN_MIN)
        return refuse(reason, "a password has at least 10 characters");
    if (count_different(password) < CHOSEN_DIFFERENT)
        return refuse(reason, "the password has too few different characters");
    return true;
}

/* ---------------------------------------------------------------------------------------------------- Preparing */

bool password_is_text(ll_span bytes)
{
    if (!utf_valid(bytes))
        return false;
    for (size_t i = 0; i < bytes.size; i++) {
        unsigned char c = (unsigned char)bytes.data[i];
        unsigned char next = i + 1 < bytes.size ? (unsigned char)bytes.data[i + 1] : 0;
        if (c < ' ' || c == 0x7f || (c == 0xc2 && next < 0xa0))
            return false;
    }
    return true;
}

/* Memory that is given once, on the stack, and wiped: utf_nfc leaves its workings behind in what it was given. */
typedef struct scratch {
    size_t used;
    _Alignas(16) uint8_t bytes[32 * PASSWORD_MAX]; /* 8 for code points, 9 for the growing text, room */
} scratch;

static void *scratch_resize(void *context, void *memory, size_t size)
{
    scratch *s = context;
    size_t rounded = (size + 15) & ~(size_t)15;
    if (memory || size == 0 || size > sizeof s->bytes || rounded > sizeof s->bytes - s->used)
        return NULL;
    void *given = s->bytes + s->used;
    s->used += rounded;
    return given;
}

static ll_status add_nfc(ll_span password, text *out)
{
    scratch memory = {0};
    const ll_allocator allocator = {scratch_resize, &memory};
    text composed;
    text_init(&composed, &allocator, PASSWORD_PREPARED_MAX);
    ll_status status = utf_nfc(&composed, password);
    if (!status)
        status = text_status(&composed);
    if (!status)
        text_add(out, text_span(&composed));
    memory_wipe(&memory, sizeof memory);
    return status ? status : text_status(out);
}

ll_status password_prepare(ll_span password, text *out)
{
    if (password.size == 0 || password.size > PASSWORD_MAX)
        return LL_EAUTH;
    if (!is_printable_ascii(password))
        return password_is_text(password) ? add_nfc(password, out) : LL_EAUTH;
    text_add(out, password);
    return text_status(out);
}
