/* search_block_test.c - blocks of the search index: written and read again, cut off, changed.
 * SPDX-License-Identifier: MIT */
#include "store/search_batch.h"
#include "store/search_sign.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

typedef struct kept {
    search_class class;
    uint32_t ordinal;
    text terms, postings;
} kept;
static kept blocks[64];
static size_t blocks_count, signs_count;

/* Every piece of every term may be there; of words that are not, few. */
static void check_sign(const kept *k, ll_span sign)
{
    search_block b;
    unsigned wrong = 0;
    assert_int_equal(search_block_init(&b), LL_OK);
    assert_int_equal(search_block_terms_set(&b, text_span(&k->terms)), LL_OK);
    for (ll_span rest = span_from(text_span(&b.terms), 1); rest.size;) {
        ll_span term = span_cut(&rest, '\n');
        for (size_t from = 0; from <= term.size; from++)
            assert_true(search_sign_may(sign, span_from(term, from)));
        assert_true(search_sign_may(sign, span_of(term.data - 1, term.size + 2))); /* with the LFs of whole terms */
        assert_true(search_sign_may(sign, span_of(term.data - 1, term.size)));
    }
    for (unsigned i = 0; i < 1000; i++) {
        char absent[32];
        int size = snprintf(absent, sizeof absent, "%x-absent-%u", i * 2654435761u, i);
        wrong += search_sign_may(sign, span_of(absent, (size_t)size));
    }
    assert_true(wrong < 10);
    search_block_fini(&b);
}

static ll_status keep(void *ctx, search_class class, uint32_t ordinal, ll_span terms, ll_span postings)
{
    (void)ctx;
    if (class >= SEARCH_CLASSES) { /* a signature, of the block that came before it */
        assert_true(blocks_count && blocks[blocks_count - 1].ordinal == ordinal);
        assert_int_equal(postings.size, 0);
        signs_count++;
        check_sign(&blocks[blocks_count - 1], terms);
        return LL_OK;
    }
    kept *k = &blocks[blocks_count++];
    *k = (kept){class, ordinal, .terms = {0}};
    text_init(&k->terms, NULL, 1 << 20);
    text_init(&k->postings, NULL, 1 << 20);
    text_add(&k->terms, terms);
    text_add(&k->postings, postings);
    return LL_OK;
}

static void forget(void)
{
    while (blocks_count) {
        text_fini(&blocks[--blocks_count].terms);
        text_fini(&blocks[blocks_count].postings);
    }
}

/* 30,000 numbers as words, message n has the multiples of n. */
static void fill(uint32_t messages, uint32_t words)
{
    search_batch *batch;
    search_packer w;
    assert_int_equal(search_batch_new(&batch), LL_OK);
    for (uint32_t n = 1; n <= messages; n++) {
        search_batch_message(batch, n - 1);
        for (uint32_t word = n; word <= words; word += n) {
            char name[32];
            int size = snprintf(name, sizeof name, "word%u", word);
            for (int twice = 0; twice < 2; twice++)
                assert_int_equal(search_batch_add(batch, word % 3 ? SEARCH_CLASS_BODY : SEARCH_CLASS_TO,
                                                  span_of(name, (size_t)size)),
                                 LL_OK);
        }
    }
    assert_int_equal(search_batch_possible(batch, SEARCH_CLASS_HEAD), LL_OK);
    assert_int_equal(search_packer_init(&w, keep, NULL), LL_OK);
    assert_int_equal(search_batch_write(batch, &w), LL_OK);
    search_packer_fini(&w);
    search_batch_del(&batch);
}

static void round_trip(void **state)
{
    (void)state;
    enum { WORDS = 30000, N = 50 };
    search_block b;
    size_t words = 0;
    fill(N, WORDS);
    assert_true(blocks_count > 4);
    assert_true(signs_count > 1);
    assert_int_equal(search_block_init(&b), LL_OK);
    for (size_t i = 0; i < blocks_count; i++) {
        assert_int_equal(search_block_terms_set(&b, text_span(&blocks[i].terms)), LL_OK);
        assert_int_equal(search_block_postings_set(&b, text_span(&blocks[i].postings)), LL_OK);
        if (i)
            assert_int_equal(blocks[i].ordinal, blocks[i].class == blocks[i - 1].class ? blocks[i - 1].ordinal + 1 : 0);
        search_postings at = search_postings_of(&b), skipped = at;
        ll_span rest = span_from(text_span(&b.terms), 1);
        for (uint32_t n = 0; n < search_block_terms_count(&b); n++) {
            ll_span term = span_cut(&rest, '\n');
            uint8_t bits[16] = {0};
            uint32_t added, want = 0;
            assert_int_equal(search_postings_mark(&at, N - 1, bits, &added), LL_OK);
            if (blocks[i].class == SEARCH_CLASS_ALWAYS) {
                assert_true(span_equal(term, SPAN("b")) && added == 1 && bits[(N - 1) / 8] >> ((N - 1) % 8) & 1);
                continue;
            }
            words++;
            uint64_t number;
            assert_true(span_u64(span_from(term, 4), &number));
            assert_int_equal(blocks[i].class, number % 3 ? SEARCH_CLASS_BODY : SEARCH_CLASS_TO);
            for (uint32_t m = 1; m <= N; m++) {
                assert_int_equal(bits[(m - 1) / 8] >> ((m - 1) % 8) & 1, number % m == 0);
                want += number % m == 0;
            }
            assert_int_equal(added, want);
        }
        assert_int_equal(rest.size, 0);
        assert_ptr_equal(at.at, at.end);
        assert_int_equal(search_postings_skip(&skipped, search_block_terms_count(&b)), LL_OK);
        assert_int_equal(search_postings_skip(&skipped, 1), LL_ECORRUPT);
    }
    assert_int_equal(words, WORDS);
    search_block_fini(&b);
    forget();
}

/* Whatever the bytes, an answer and nothing read or written where it does not belong (ASan). */
static void damaged(void **state)
{
    (void)state;
    search_block b;
    unsigned refused = 0;
    fill(9, 300);
    assert_int_equal(search_block_init(&b), LL_OK);
    for (size_t i = 0; i < blocks_count; i++) {
        text *both[] = {&blocks[i].terms, &blocks[i].postings};
        for (size_t which = 0; which < 2; which++)
            for (size_t at = 0; at < both[which]->size; at++)
                for (unsigned bit = 0; bit < 9; bit++) { /* 8: cut off there */
                    text bytes;
                    text_init(&bytes, NULL, 1 << 20);
                    text_add(&bytes, bit == 8 ? span_first(text_span(both[which]), at) : text_span(both[which]));
                    if (bit < 8)
                        bytes.data[at] = (char)(bytes.data[at] ^ 1 << bit);
                    ll_status status = which ? search_block_postings_set(&b, text_span(&bytes))
                                             : search_block_terms_set(&b, text_span(&bytes));
                    search_postings p = search_postings_of(&b);
                    uint8_t bits[2] = {0};
                    uint32_t added;
                    while (!status && which && p.at < p.end)
                        status = search_postings_mark(&p, 8, bits, &added);
                    assert_true(!status || status == LL_ECORRUPT);
                    refused += status != LL_OK;
                    text_fini(&bytes);
                }
    }
    assert_true(refused > 100);
    search_block_fini(&b);
    forget();
}

/* One message may not fill the memory; the others are indexed all the same. */
static void too_much(void **state)
{
    (void)state;
    search_batch *batch;
    ll_status status = LL_OK;
    char name[64];
    assert_int_equal(search_batch_new(&batch), LL_OK);
    search_batch_message(batch, 0);
    for (uint32_t i = 0; i < search_message_terms + 10; i++) {
        status =
            search_batch_add(batch, SEARCH_CLASS_BODY, span_of(name, (size_t)snprintf(name, sizeof name, "%u", i)));
        assert_int_equal(status, i < search_message_terms ? LL_OK : LL_ELIMIT);
    }
    assert_int_equal(search_batch_possible(batch, SEARCH_CLASS_BODY), LL_OK);
    assert_int_equal(search_batch_possible(batch, SEARCH_CLASS_BODY), LL_OK);
    search_batch_message(batch, 1);
    assert_int_equal(search_batch_add(batch, SEARCH_CLASS_BODY, SPAN("new")), LL_OK);
    assert_false(search_batch_full(batch));
    search_batch_del(&batch);
}

/* A needle is told about if it is long enough; what cannot be a signature never hides anything. */
static void signatures(void **state)
{
    (void)state;
    text sign;
    text_init(&sign, NULL, search_sign_max);
    assert_false(search_sign_tells(SEARCH_CLASS_BODY, SPAN("\nab\n")));
    assert_true(search_sign_tells(SEARCH_CLASS_BODY, SPAN("\nabc\n")));
    assert_false(search_sign_tells(SEARCH_CLASS_HEAD, SPAN("abc")));
    assert_false(search_sign_tells(SEARCH_CLASS_BODY, SPAN("\n")));
    assert_false(search_sign_tells(SEARCH_CLASS_BODY, SPAN("")));
    assert_true(search_sign_tells(SEARCH_CLASS_BODY, SPAN("\nabcd")));
    assert_int_equal(search_sign_make(&sign, SEARCH_CLASS_BODY, SPAN("\nab\ncdefg\n")), LL_OK);
    assert_int_equal(sign.size, search_sign_min);
    assert_true(search_sign_may(text_span(&sign), SPAN("defg\n")));
    assert_true(search_sign_may(text_span(&sign), SPAN("\nxy\n"))); /* too short */
    assert_true(search_sign_may(text_span(&sign), SPAN("\ncde\n")));
    assert_false(search_sign_may(text_span(&sign), SPAN("xyz")));
    assert_false(search_sign_may(text_span(&sign), SPAN("abcd"))); /* of two terms */
    assert_false(search_sign_may(text_span(&sign), SPAN("cdefgh")));
    assert_true(search_sign_may(span_first(text_span(&sign), search_sign_min - 1), SPAN("other")));
    assert_true(search_sign_may(span_of(NULL, 0), SPAN("other")));
    text_fini(&sign);
}

/* As memmem, at every place and length. */
static void finding(void **state)
{
    (void)state;
    char hay[80];
    for (size_t i = 0; i < sizeof hay; i++)
        hay[i] = "abcab"[i * i % 5];
    for (size_t at = 0; at < sizeof hay; at++)
        for (size_t size = 1; size <= 12 && at + size <= sizeof hay; size++) {
            char needle[12];
            memcpy(needle, hay + at, size);
            needle[size - 1] = (char)(needle[size - 1] + (at % 7 == 0)); /* some are not there */
            for (size_t from = 0; from < sizeof hay; from += 3)
                assert_ptr_equal(search_block_find(hay + from, hay + sizeof hay, span_of(needle, size)),
                                 memmem(hay + from, sizeof hay - from, needle, size));
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(signatures), cmocka_unit_test(finding),
                                       cmocka_unit_test(round_trip), cmocka_unit_test(damaged),
                                       cmocka_unit_test(too_much)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
