/* transfer_test.c - base64 there and back, to the byte.
 * SPDX-License-Identifier: MIT */
#include "scratch.h"

#include "base/memory.h"
#include "store/transfer.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* The plainest encoder: what the vectors are compared with. line 0: no line ends. */
static size_t encode(const char *in, size_t size, size_t line, const char *end, char *out)
{
    size_t n = 0, column = 0;
    for (size_t i = 0; i < size; i += 3) {
        if (line && column == line) {
            for (const char *e = end; *e; e++)
                out[n++] = *e;
            column = 0;
        }
        unsigned x = (unsigned)(uint8_t)in[i] << 16;
        x |= i + 1 < size ? (unsigned)(uint8_t)in[i + 1] << 8 : 0;
        x |= i + 2 < size ? (unsigned)(uint8_t)in[i + 2] : 0;
        out[n++] = alphabet[x >> 18];
        out[n++] = alphabet[x >> 12 & 63];
        out[n++] = i + 1 < size ? alphabet[x >> 6 & 63] : '=';
        out[n++] = i + 2 < size ? alphabet[x & 63] : '=';
        column += 4;
    }
    return n;
}

static uint64_t number(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 33;
}

static void fill(char *out, size_t size, uint64_t seed)
{
    for (size_t i = 0; i < size; i++)
        out[i] = (char)number(&seed);
}

/* Scan in pieces of `step`, and give what was taken. */
static bool scan(ll_span bytes, size_t step, transfer_scanner *s, char *plain)
{
    bool all = true;
    size_t size = 0;
    *s = (transfer_scanner){0};
    while (all && bytes.size) {
        ll_span piece = span_first(bytes, step);
        size_t before = (size_t)s->plain;
        all = transfer_scan(s, piece, plain + before, &size);
        assert_int_equal(s->plain, before + size);
        assert_true(size <= piece.size * 3 / 4 + 3);
        bytes = span_from(bytes, piece.size);
    }
    return all;
}

static void check_there_and_back(const char *plain, size_t size, size_t line, const char *end)
{
    static char coded[20000], back[20000], again[20000];
    transfer_scanner s;
    size_t coded_size = encode(plain, size, line, end, coded);
    for (size_t step = 1; step <= coded_size; step = step < 20 ? step + 1 : step * 3) {
        scan(span_of(coded, coded_size), step, &s, back);
        assert_int_equal(s.text, coded_size);
        assert_int_equal(s.plain, size);
        assert_memory_equal(back, plain, size);
        int64_t transfer = transfer_scanned(&s);
        assert_true(transfer_known(transfer));
        assert_int_equal(transfer_size(transfer, size), coded_size);
        assert_true(coded_size <= transfer_room(transfer, size));
        assert_int_equal(transfer_encode(transfer, 0, span_of(back, size), again), coded_size);
        assert_memory_equal(again, coded, coded_size);
    }
}

static void every_style(void **state)
{
    (void)state;
    static const size_t lines[] = {0, 4, 8, 60, 64, 72, 76, 1000, 4096};
    static char plain[3000];
    fill(plain, sizeof plain, 1);
    for (size_t l = 0; l < sizeof lines / sizeof *lines; l++)
        for (size_t size = 1; size < 3000; size = size < 200 ? size + 1 : size * 2 + 1) {
            check_there_and_back(plain, size, lines[l], "\r\n");
            check_there_and_back(plain, size, lines[l], "\n");
        }
}

/* From any offset, the text is what it is from the beginning. */
static void any_offset(void **state)
{
    (void)state;
    static const size_t lines[] = {0, 4, 60, 76};
    static char plain[700], coded[2000], out[2000];
    fill(plain, sizeof plain, 2);
    for (size_t l = 0; l < 4; l++)
        for (int lf = 0; lf < 2; lf++)
            for (size_t size = 690; size < 693; size++) {
                size_t coded_size = encode(plain, size, lines[l], lf ? "\n" : "\r\n", coded);
                int64_t transfer = TRANSFER_BASE64 | lf << 4 | (int64_t)lines[l] << 8;
                for (uint64_t offset = 0; offset < coded_size; offset++) {
                    uint64_t start, at = transfer_seek(transfer, offset, &start);
                    assert_int_equal(at % 3, 0);
                    assert_true(start <= offset && offset - start < 8 && at < size);
                    size_t n = transfer_encode(transfer, at, span_of(plain + at, size - at), out);
                    assert_int_equal(start + n, coded_size);
                    assert_memory_equal(out, coded + start, n);
                }
            }
}

/* What no number restores ends the scan, and what came before it stands. */
static void hostile(void **state)
{
    (void)state;
    static const struct {
        const char *coded;
        size_t text, plain;
    } cases[] = {
        {"", 0, 0},
        {"=", 0, 0},
        {"QQ", 0, 0},
        {"QUJ=", 0, 0}, /* bits behind the end that are not 0 */
        {"QR==", 0, 0}, /* the same */
        {"QQ==", 4, 1},
        {"QUI=", 4, 2},
        {"QQ=A", 0, 0},
        {"Q===", 0, 0},
        {"====", 0, 0},
        {"QUJDQQ==QUJD", 8, 4},               /* goes on behind padding */
        {"QUJDREVG\r\nQUJDREVG\r\n", 18, 12}, /* the last line end is not ours */
        {"QUJDREVG\r\nQUJDREVG\r\n\r\n", 18, 12},
        {"QUJDREVG\r\nQUJD\r\nQUJDREVG", 14, 9},    /* a short line in the middle */
        {"QUJDREVG\r\nQUJDREVGQUJD", 18, 12},       /* a longer one */
        {"QUJDREVG\r\nQUJDREVG\nQUJDREVG", 18, 12}, /* another line end */
        {"QUJDREVG\nQUJDREVG\r\nQUJDREVG", 17, 12},
        {"QUJDREVG\r\n QUJDREVG", 8, 6},
        {"QUJD REVG", 4, 3},
        {"QUJDRE\r\nVG", 4, 3}, /* a line that ends inside a group */
        {"\r\nQUJD", 0, 0},
        {"QUJD\r\rQUJD", 4, 3},
        {"QUJD\rQUJD", 4, 3},
        {"QUJD\n\nQUJD", 4, 3},
        {"-_-_", 0, 0},
        {"QUJD\xc3\xa4QUJDQUJD", 4, 3},
    };
    char plain[64];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (size_t step = 1; step < 40; step++) {
            transfer_scanner s;
            scan(span_str(cases[i].coded), step, &s, plain);
            if (s.text != cases[i].text || s.plain != cases[i].plain)
                fail_msg("%s: step %zu took %d, gave %d", cases[i].coded, step, (int)s.text, (int)s.plain);
            char again[64];
            if (s.text) {
                size_t n = transfer_encode(transfer_scanned(&s), 0, span_of(plain, (size_t)s.plain), again);
                assert_int_equal(n, s.text);
                assert_memory_equal(again, cases[i].coded, n);
            }
        }
}

/* Every byte at every place of a vector: taken or not as the alphabet says. */
static void every_byte(void **state)
{
    (void)state;
    char coded[52], plain[64];
    for (int c = 0; c < 256; c++)
        for (size_t place = 0; place < 48; place++) {
            transfer_scanner s;
            memset(coded, 'Q', 48);
            coded[place] = (char)c;
            scan(span_of(coded, 48), 48, &s, plain);
            uint64_t want = c && strchr(alphabet, c) ? 48 : place / 4 * 4;
            if (c == '=' && place % 4 == 3) /* "QQQ=" is an end */
                want = place + 1;
            if (c != '\n') /* that may be a line's end: see hostile */
                assert_int_equal(s.text, want);
        }
}

static void unknown_numbers(void **state)
{
    (void)state;
    static const int64_t numbers[] = {
        -1, 2, 3, 0x10, 1 | 2 << 4, 1 | 77 << 8, 1 | (int64_t)(TRANSFER_LINE_MAX + 4) << 8, INT64_MIN, INT64_MAX};
    assert_true(transfer_known(0) && transfer_known(1) && transfer_known(1 | 76 << 8) && transfer_known(1 | 16));
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        assert_false(transfer_known(numbers[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_style), cmocka_unit_test(any_offset),      cmocka_unit_test(hostile),
        cmocka_unit_test(every_byte),  cmocka_unit_test(unknown_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
