/* message_test.c - ll_message from outside: a message in pieces, its parts and what they say, its text; every
 * allocation fails once; saved bytes that are cut or turned are refused or hold.
 * SPDX-License-Identifier: MIT */
#include "failing.h"

#include <letterlock.h>

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SPAN(literal) ((ll_span){literal, sizeof(literal) - 1})

static const char mail[] = "Date: Mon, 7 Feb 1994 21:52:25 -0800\r\n"
                           "From: =?utf-8?Q?J=C3=B6rg?= <joerg@north.example>\r\n"
                           "To: friends: a@b.example, c@d.example;\r\n"
                           "Subject: =?iso-8859-1?Q?Gr=FC=DFe?=\r\n"
                           "MIME-Version: 1.0\r\n"
                           "Content-Type: multipart/mixed; boundary=b\r\n"
                           "\r\n"
                           "--b\r\n"
                           "Content-Type: text/plain; charset=iso-8859-1\r\n"
                           "Content-Transfer-Encoding: quoted-printable\r\n"
                           "\r\n"
                           "Gr=FC=DFe\r\n"
                           "--b\r\n"
                           "Content-Type: text/html; charset=utf-8\r\n"
                           "\r\n"
                           "<p>Hello &amp; <b>goodbye</b></p>\r\n"
                           "--b\r\n"
                           "Content-Type: application/pdf\r\n"
                           "Content-Transfer-Encoding: base64\r\n"
                           "Content-Disposition: attachment; filename*0*=utf-8''%C3%A9t; filename*1=e.pdf\r\n"
                           "Content-Language: en, de\r\n"
                           "\r\n"
                           "QUJD\r\n"
                           "--b\r\n"
                           "Content-Type: message/rfc822\r\n"
                           "\r\n"
                           "Subject: inside\r\n"
                           "\r\n"
                           "body\r\n"
                           "--b--\r\n";

typedef struct said {
    char bytes[256];
    size_t size;
    ll_status answer;
} said;

static ll_status hear(void *context, ll_span bytes)
{
    said *s = context;
    assert_true(s->size + bytes.size < sizeof s->bytes);
    memcpy(s->bytes + s->size, bytes.data, bytes.size);
    s->size += bytes.size;
    s->bytes[s->size] = '\0';
    return s->answer;
}

static void is(ll_span got, const char *want)
{
    assert_true(got.data && got.size == strlen(want) && !memcmp(got.data, want, got.size));
}

/* In pieces of this many bytes. */
static ll_status make(ll_message **m, const ll_allocator *allocator, size_t piece)
{
    ll_status status = ll_message_new(m, allocator);
    if (status)
        return status;
    for (size_t at = 0; at < sizeof mail - 1; at += piece)
        ll_message_push(*m, (ll_span){mail + at, sizeof mail - 1 - at < piece ? sizeof mail - 1 - at : piece});
    status = ll_message_end(*m);
    if (status)
        ll_message_del(m);
    return status;
}

static ll_status decode(const ll_message *m, uint32_t n, ll_decode want, size_t piece, said *s)
{
    ll_part part = {.size = sizeof part};
    ll_decoder *d;
    ll_status status = ll_decoder_new(&d, m, n, want);
    assert_true(status || ll_message_part(m, n, &part));
    for (uint64_t at = 0; !status && at < part.body_size; at += piece) {
        size_t left = (size_t)(part.body_size - at);
        status = ll_decoder_push(d, (ll_span){mail + part.body_offset + at, left < piece ? left : piece}, hear, s);
    }
    if (!status)
        status = ll_decoder_end(d, hear, s);
    ll_decoder_del(&d);
    assert_null(d);
    return status;
}

static void parts_and_facts(void **state)
{
    (void)state;
    ll_message *m;
    assert_int_equal(make(&m, NULL, 7), LL_OK);
    assert_int_equal(ll_message_end(m), LL_EINVAL);
    assert_int_equal(ll_message_size(m), sizeof mail - 1);
    assert_int_equal(ll_message_parts(m), 6);
    ll_part p = {.size = sizeof p};
    assert_true(ll_message_part(m, 0, &p));
    assert_int_equal(p.size, sizeof p);
    assert_int_equal(p.kind, LL_PART_MULTIPART);
    assert_int_equal(p.children, 4);
    assert_int_equal(p.child, 1);
    assert_int_equal(p.parent, LL_PART_NONE);
    assert_int_equal(p.next, LL_PART_NONE);
    assert_true(p.has_envelope);
    is(p.type, "multipart");
    assert_true(ll_message_find(m, (uint32_t[]){3}, 1, &p));
    assert_int_equal(p.index, 3);
    assert_int_equal(p.next, 4);
    assert_int_equal(p.parent, 0);
    assert_int_equal(p.number, 3);
    is(p.subtype, "pdf");
    is(p.encoding, "base64");
    is(p.disposition, "attachment");
    assert_int_equal(p.languages_count, 2);
    is(p.languages[1], "de");
    assert_null(p.id.data);
    assert_memory_equal(mail + p.body_offset, "QUJD", p.body_size);
    assert_int_equal(p.body_size, 4);
    said name = {.size = 0};
    assert_int_equal(
        ll_message_param(m, p.disposition_params, p.disposition_params_count, SPAN("filename"), hear, &name), LL_OK);
    assert_string_equal(name.bytes, "\xc3\xa9te.pdf");
    assert_int_equal(ll_message_param(m, p.params, p.params_count, SPAN("charset"), hear, &name), LL_ENOTFOUND);
    assert_true(ll_message_find(m, (uint32_t[]){4, 1}, 2, &p));
    assert_memory_equal(mail + p.body_offset, "body", p.body_size);
    assert_false(ll_message_find(m, (uint32_t[]){4, 2}, 2, &p));
    assert_false(ll_message_part(m, 6, &p));
    /* a host of an older library knows less of the struct */
    ll_part old;
    memset(&old, 0x55, sizeof old);
    old.size = offsetof(ll_part, header_offset);
    assert_true(ll_message_part(m, 2, &old));
    assert_int_equal(old.index, 2);
    assert_int_equal(old.header_offset, 0x5555555555555555);
    ll_message_del(&m);
    assert_null(m);
    ll_message_del(&m);
}

static void envelopes(void **state)
{
    (void)state;
    ll_message *m;
    assert_int_equal(make(&m, NULL, 1000), LL_OK);
    ll_envelope e = {.size = sizeof e};
    assert_true(ll_message_envelope(m, 0, &e));
    assert_true(e.dated);
    assert_int_equal(e.seconds, 760686745);
    assert_int_equal(e.offset_minutes, -480);
    assert_int_equal(e.to.count, 4); /* with the marks of the group */
    assert_null(e.to.items[0].host.data);
    is(e.to.items[1].mailbox, "a");
    is(e.reply_to.items[0].host, "north.example");
    assert_null(e.message_id.data);
    said words = {.size = 0};
    assert_int_equal(ll_message_words(m, e.subject, hear, &words), LL_OK);
    assert_string_equal(words.bytes, "Gr\xc3\xbc\xc3\x9f"
                                     "e");
    words.size = 0;
    assert_int_equal(ll_message_words(m, e.from.items[0].name, hear, &words), LL_OK);
    assert_string_equal(words.bytes, "J\xc3\xb6rg");
    assert_true(ll_message_envelope(m, 5, &e));
    is(e.subject, "inside");
    assert_false(e.dated);
    assert_false(ll_message_envelope(m, 1, &e));
    assert_false(ll_message_envelope(m, 6, &e));
    ll_message_del(&m);
}

static void text_of_parts(void **state)
{
    (void)state;
    ll_message *m;
    assert_int_equal(make(&m, NULL, 1), LL_OK);
    for (size_t piece = 1; piece < 9; piece++) {
        said s = {.size = 0};
        assert_int_equal(decode(m, 1, LL_DECODE_UTF8, piece, &s), LL_OK);
        assert_string_equal(s.bytes, "Gr\xc3\xbc\xc3\x9f"
                                     "e");
        s.size = 0;
        assert_int_equal(decode(m, 1, LL_DECODE_BYTES, piece, &s), LL_OK);
        assert_string_equal(s.bytes, "Gr\xfc\xdf"
                                     "e");
        s.size = 0;
        assert_int_equal(decode(m, 2, LL_DECODE_READABLE, piece, &s), LL_OK);
        assert_string_equal(s.bytes, "Hello & goodbye");
        s.size = 0;
        assert_int_equal(decode(m, 3, LL_DECODE_BYTES, piece, &s), LL_OK);
        assert_string_equal(s.bytes, "ABC");
    }
    said stop = {.answer = LL_EDENIED};
    assert_int_equal(decode(m, 3, LL_DECODE_BYTES, 4, &stop), LL_EDENIED);
    ll_decoder *d;
    assert_int_equal(ll_decoder_new(&d, m, 6, LL_DECODE_BYTES), LL_ENOTFOUND);
    assert_null(d);
    assert_int_equal(ll_decoder_new(&d, m, 3, LL_DECODE_BYTES), LL_OK);
    ll_message_del(&m); /* the decoder stays */
    said late = {.size = 0};
    assert_int_equal(ll_decoder_push(d, SPAN("QUJD"), hear, &late), LL_OK);
    assert_int_equal(ll_decoder_end(d, hear, &late), LL_OK);
    assert_string_equal(late.bytes, "ABC");
    ll_decoder_del(&d);
}

static void saved_and_opened(void **state)
{
    (void)state;
    ll_message *m, *again;
    assert_int_equal(make(&m, NULL, 100), LL_OK);
    ll_span saved = ll_message_saved(m);
    char copy[4096];
    assert_true(saved.size < sizeof copy);
    memcpy(copy, saved.data, saved.size);
    assert_int_equal(ll_message_open(&again, NULL, (ll_span){copy, saved.size}), LL_OK);
    memset(copy, 'x', saved.size); /* it was copied */
    ll_envelope e = {.size = sizeof e};
    assert_true(ll_message_envelope(again, 5, &e));
    is(e.subject, "inside");
    ll_message_push(again, SPAN("nothing comes of this"));
    assert_int_equal(ll_message_parts(again), 6);
    assert_int_equal(ll_message_end(again), LL_EINVAL);
    assert_int_equal(ll_message_saved(again).size, saved.size);
    ll_message_del(&again);
    for (size_t cut = 0; cut < saved.size; cut++) {
        assert_int_equal(ll_message_open(&again, NULL, (ll_span){saved.data, cut}), LL_ECORRUPT);
        assert_null(again);
    }
    for (size_t at = 0; at < saved.size; at++) {
        memcpy(copy, saved.data, saved.size);
        copy[at] = (char)(copy[at] ^ 0x41);
        if (!ll_message_open(&again, NULL, (ll_span){copy, saved.size}))
            for (uint32_t n = 0; n < ll_message_parts(again); n++) {
                ll_part p = {.size = sizeof p};
                assert_true(ll_message_part(again, n, &p));
                assert_true(p.body_offset + p.body_size <= ll_message_size(again));
            }
        ll_message_del(&again);
    }
    ll_message_del(&m);
}

static void nothing_yet(void **state)
{
    (void)state;
    ll_message *m;
    ll_part p = {.size = sizeof p};
    ll_decoder *d;
    assert_int_equal(ll_message_new(&m, NULL), LL_OK);
    ll_message_push(m, SPAN("Subject: x\r\n"));
    assert_int_equal(ll_message_parts(m), 0);
    assert_int_equal(ll_message_size(m), 0);
    assert_int_equal(ll_message_lines(m), 0);
    assert_int_equal(ll_message_saved(m).size, 0);
    assert_false(ll_message_part(m, 0, &p));
    assert_false(ll_message_find(m, NULL, 0, &p));
    assert_int_equal(ll_decoder_new(&d, m, 0, LL_DECODE_BYTES), LL_ENOTFOUND);
    ll_message_del(&m);
    /* the empty message is one too */
    assert_int_equal(ll_message_new(&m, NULL), LL_OK);
    assert_int_equal(ll_message_end(m), LL_OK);
    assert_int_equal(ll_message_parts(m), 1);
    ll_message_del(&m);
}

/* All that can be done with a message; the first status that is not LL_OK. */
static ll_status everything(const ll_allocator *allocator)
{
    ll_message *m, *again = NULL;
    said s = {.size = 0};
    ll_part p = {.size = sizeof p};
    ll_status status = make(&m, allocator, 50);
    if (status)
        return status;
    status = ll_message_open(&again, allocator, ll_message_saved(m));
    assert_true(ll_message_part(m, 3, &p));
    if (!status)
        status = ll_message_param(m, p.disposition_params, p.disposition_params_count, SPAN("filename"), hear, &s);
    if (!status)
        status = ll_message_words(m, SPAN("=?utf-8?Q?J=C3=B6rg?="), hear, &s);
    if (!status)
        status = decode(m, 1, LL_DECODE_UTF8, 3, &s);
    if (!status)
        status = decode(m, 2, LL_DECODE_READABLE, 100, &s);
    if (!status)
        assert_string_equal(s.bytes, "\xc3\xa9te.pdfJ\xc3\xb6rgGr\xc3\xbc\xc3\x9f"
                                     "eHello & goodbye");
    ll_message_del(&again);
    ll_message_del(&m);
    return status;
}

static void every_allocation(void **state)
{
    (void)state;
    failing f = {LONG_MAX, 0};
    const ll_allocator allocator = {failing_resize, &f};
    assert_int_equal(everything(&allocator), LL_OK);
    assert_int_equal(f.held, 0);
    long count = LONG_MAX - f.left;
    assert_true(count > 10);
    for (long at = 0; at < count; at++) {
        f.left = at;
        assert_int_equal(everything(&allocator), LL_ENOMEM);
        assert_int_equal(f.held, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_and_facts),  cmocka_unit_test(envelopes),   cmocka_unit_test(text_of_parts),
        cmocka_unit_test(saved_and_opened), cmocka_unit_test(nothing_yet), cmocka_unit_test(every_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
