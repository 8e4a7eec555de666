/* charset.c - see charset.h
 * SPDX-License-Identifier: MIT */
#include "base/charset.h"

#include "base/memory.h"
#include "base/utf.h"
#include "base/utf7.h"

#include <errno.h>
#include <iconv.h>

enum {
    kept_max = 32,     /* the longest incomplete input that any charset leaves is 4 bytes and an escape sequence; iconv
                          takes it or we do */
    block_bytes = 4096 /* converted per call: bounds the room asked for */
};

typedef enum charset_way { WAY_UTF8, WAY_LATIN1, WAY_UTF7, WAY_ICONV } charset_way;

struct charset_reader {
    const ll_allocator *allocator;
    charset_way way;
    size_t unit; /* bytes passed over when they are invalid: 2 for UTF-16, 4 for UTF-32 */
    iconv_t cd;
    char kept[kept_max]; /* the beginning of a character */
    size_t kept_size;
    utf7_decoder utf7;
};

static const struct {
    const char *alias, *name;
} aliases[] = {
    {"utf8", "UTF-8"},
    {"x-utf-8", "UTF-8"},
    {"unicode-1-1-utf-8", "UTF-8"},
    {"us-ascii", "UTF-8"},
    {"ascii", "UTF-8"},
    {"ansi_x3.4-1968", "UTF-8"},
    {"iso-ir-6", "UTF-8"},
    {"646", "UTF-8"},
    {"latin1", "ISO-8859-1"},
    {"latin-1", "ISO-8859-1"},
    {"l1", "ISO-8859-1"},
    {"iso8859-1", "ISO-8859-1"},
    {"iso_8859-1", "ISO-8859-1"},
    {"iso_8859-1:1987", "ISO-8859-1"},
    {"iso-8859-8-i", "ISO-8859-8"}, /* RFC 1556: -i and -e say only how the text is ordered for display */
    {"iso-8859-8-e", "ISO-8859-8"},
    {"iso-8859-6-i", "ISO-8859-6"},
    {"iso-8859-6-e", "ISO-8859-6"},
    {"unicode-1-1-utf-7", "UTF-7"},
    {"utf7", "UTF-7"},
    {"csutf7", "UTF-7"},
    {"x-sjis", "CP932"}, /* the names of Japanese mail mean Microsoft's variants */
    {"shift_jis", "CP932"},
    {"shift-jis", "CP932"},
    {"windows-31j", "CP932"},
    {"ms_kanji", "CP932"},
    {"x-euc-jp", "EUC-JP"},
    {"x-gbk", "GBK"},
    {"x-euc-cn", "GB2312"},
    {"x-euc-tw", "EUC-TW"},
    {"x-big5", "BIG5"},
    {"ks_c_5601-1987", "CP949"},
    {"ks_c_5601-1989", "CP949"},
    {"ksc5601", "CP949"},
    {"ksc_5601", "CP949"},
    {"windows-949", "CP949"},
    {"windows-936", "CP936"},
    {"windows-874", "CP874"},
    {"x-mac-roman", "MACINTOSH"},
    {"macroman", "MACINTOSH"},
    {"x-mac-cyrillic", "MAC-CYRILLIC"},
    {"x-windows-1252", "WINDOWS-1252"},
    {"x-cp1250", "WINDOWS-1250"},
    {"x-cp1251", "WINDOWS-1251"},
    {"x-cp1252", "WINDOWS-1252"},
    {"cp-850", "CP850"},
    {"x-koi8-r", "KOI8-R"},
    {"koi8r", "KOI8-R"},
};

/* The charset's name for iconv: letters, digits and -_.:+ only, so that nobody reaches iconv's "//" options. Names that
 * only mean something inside this machine are no charsets of mail. */
static bool name_clean(ll_span name, char clean[charset_name_max + 1])
{
    name = span_trim(name);
    if (name.size > 2 && name.data[0] == '\'' && name.data[name.size - 1] == '\'') /* charset='utf-8' is common */
        name = span_of(name.data + 1, name.size - 2);
    if (name.size == 0 || name.size > charset_name_max)
        return false;
    for (size_t i = 0; i < name.size; i++) {
        char c = ascii_lower(name.data[i]);
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c && strchr("-_.:+()", c))))
            return false;
        clean[i] = name.data[i];
    }
    clean[name.size] = '\0';
    ll_span is = span_of(clean, name.size);
    static const char *const local[] = {"char",           "wchar_t", "internal",  "ucs-2-internal",
                                        "ucs-4-internal", "libintl", "utf-7-imap"};
    for (size_t i = 0; i < sizeof local / sizeof local[0]; i++)
        if (span_equal_nocase(is, span_str(local[i])))
            return false;
    for (size_t i = 0; i < sizeof aliases / sizeof aliases[0]; i++)
        if (span_equal_nocase(is, span_str(aliases[i].alias))) {
            memcpy(clean, aliases[i].name, strlen(aliases[i].name) + 1);
            break;
        }
    return true;
}

static ll_status charset_init(charset_reader *c, const ll_allocator *allocator, ll_span name)
{
    char clean[charset_name_max + 1];
    *c = (charset_reader){.allocator = allocator, .unit = 1};
    if (!name_clean(name, clean))
        return LL_ECHARSET;
    ll_span is = span_str(clean);
    if (span_equal_nocase(is, SPAN("UTF-8"))) {
        c->way = WAY_UTF8;
        return LL_OK;
    }
    if (span_equal_nocase(is, SPAN("ISO-8859-1"))) {
        c->way = WAY_LATIN1;
        return LL_OK;
    }
    if (span_equal_nocase(is, SPAN("UTF-7"))) {
        c->way = WAY_UTF7;
        return LL_OK;
    }
    c->way = WAY_ICONV;
    c->cd = iconv_open("UTF-8", clean);
    if (c->cd == (iconv_t)-1)
        return errno == ENOMEM ? LL_ENOMEM : LL_ECHARSET;
    if (span_starts_nocase(is, SPAN("UTF-16")) || span_starts_nocase(is, SPAN("UCS-2")))
        c->unit = 2;
    if (span_starts_nocase(is, SPAN("UTF-32")) || span_starts_nocase(is, SPAN("UCS-4")))
        c->unit = 4;
    return LL_OK;
}

static void charset_fini(charset_reader *c)
{
    if (c->way == WAY_ICONV)
        iconv_close(c->cd);
}

bool charset_known(ll_span name)
{
    charset_reader c;
    if (charset_init(&c, NULL, name))
        return false;
    charset_fini(&c);
    return true;
}

ll_status charset_new(charset_reader **out, const ll_allocator *allocator, ll_span name)
{
    charset_reader *c = memory_new(allocator, sizeof *c);
    *out = NULL;
    if (!c)
        return LL_ENOMEM;
    ll_status status = charset_init(c, allocator, name);
    if (status) {
        memory_free(allocator, c);
        return status;
    }
    *out = c;
    return LL_OK;
}

void charset_del(charset_reader **converter)
{
    if (!*converter)
        return;
    charset_fini(*converter);
    memory_free((*converter)->allocator, *converter);
    *converter = NULL;
}

static void add_latin1(text *out, ll_span bytes)
{
    if (bytes.size > SIZE_MAX / 2)
        bytes.size = SIZE_MAX / 2;
    char *to = text_grow(out, bytes.size * 2);
    if (!to)
        return;
    char *start = to;
    for (size_t i = 0; i < bytes.size; i++) {
        uint8_t byte = (uint8_t)bytes.data[i];
        if (byte < 0x80)
            *to++ = (char)byte;
        else {
            *to++ = (char)(0xc0 | byte >> 6);
            *to++ = (char)(0x80 | (byte & 0x3f));
        }
    }
    text_grown(out, (size_t)(to - start));
}

/* Convert what can be converted of `bytes`; answers how many bytes were used. The rest is the beginning of a character.
 */
static size_t run_iconv(charset_reader *c, ll_span bytes, text *out)
{
    /* iconv does not write through its input pointer; its type is older than const. */
    union {
        const char *in;
        char *iconv;
    } from = {bytes.data};
    size_t left = bytes.size;
    while (left && !text_status(out)) {
        char block[block_bytes];
        char *to = block;
        size_t room = sizeof block;
        size_t before = left;
        size_t result = iconv(c->cd, &from.iconv, &left, &to, &room);
        int error = result == (size_t)-1 ? errno : 0;
        text_add(out, span_of(block, (size_t)(to - block)));
        if (error == EINVAL)
            break;
        if (error == E2BIG && (before != left || room != sizeof block))
            continue;
        if (error) { /* EILSEQ, or no progress at all: pass over one unit */
            size_t skip = left < c->unit ? left : c->unit;
            text_add(out, SPAN("\xef\xbf\xbd"));
            from.in += skip;
            left -= skip;
        }
    }
    return bytes.size - left;
}

/* As run_iconv, for UTF-8. */
static size_t run_utf8(ll_span bytes, text *out)
{
    size_t used = 0;
    for (;;) {
        bool partial;
        ll_span rest = span_from(bytes, used);
        size_t good = utf_valid_size(rest, &partial);
        text_add(out, span_first(rest, good));
        used += good;
        if (used == bytes.size || partial)
            return used;
        text_add(out, SPAN("\xef\xbf\xbd"));
        used += utf_invalid_size(span_from(bytes, used));
    }
}

static size_t run(charset_reader *c, ll_span bytes, text *out)
{
    if (c->way == WAY_ICONV)
        return run_iconv(c, bytes, out);
    if (c->way == WAY_UTF8)
        return run_utf8(bytes, out);
    if (c->way == WAY_UTF7)
        utf7_push(&c->utf7, bytes, out);
    else
        add_latin1(out, bytes);
    return bytes.size;
}

void charset_push(charset_reader *c, ll_span bytes, text *out)
{
    while (c->kept_size && bytes.size &&
           !text_status(out)) { /* complete the character that was cut off, byte by byte */
        c->kept[c->kept_size++] = bytes.data[0];
        bytes = span_from(bytes, 1);
        size_t used = run(c, span_of(c->kept, c->kept_size), out);
        memmove(c->kept, c->kept + used, c->kept_size - used);
        c->kept_size -= used;
        if (c->kept_size == kept_max) { /* no charset needs so many: not a character */
            text_add(out, SPAN("\xef\xbf\xbd"));
            c->kept_size = 0;
        }
    }
    size_t used = bytes.size ? run(c, bytes, out) : 0;
    ll_span rest = span_from(bytes, used);
    if (rest.size && rest.size < kept_max && !text_status(out)) {
        memcpy(c->kept, rest.data, rest.size);
        c->kept_size = rest.size;
    } else if (rest.size)
        text_add(out, SPAN("\xef\xbf\xbd"));
}

void charset_finish(charset_reader *c, text *out)
{
    if (c->kept_size)
        text_add(out, SPAN("\xef\xbf\xbd"));
    c->kept_size = 0;
    if (c->way == WAY_UTF7)
        utf7_finish(&c->utf7, out);
    if (c->way == WAY_ICONV) { /* what a stateful charset still holds, and back to its first state */
        char block[64];
        char *to = block;
        size_t room = sizeof block;
        (void)iconv(c->cd, NULL, NULL, &to, &room);
        text_add(out, span_of(block, (size_t)(to - block)));
    }
}

ll_status charset_to_utf8(ll_span name, ll_span bytes, text *out)
{
    charset_reader c;
    ll_status status = charset_init(&c, out->allocator, name);
    if (status)
        return status;
    charset_push(&c, bytes, out);
    charset_finish(&c, out);
    charset_fini(&c);
    return LL_OK;
}
