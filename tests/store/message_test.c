/* message_test.c - messages go in and come out to the byte; what is equal is there once; what is damaged stays alone.
 * SPDX-License-Identifier: MIT */
#include "vault_fixture.h"

#include "mime/indexer.h"
#include "store/message.h"
#include "store/message_plan.h"
#include "store/part.h"

/* ------------------------------------------------------------------------------------------------ Messages */

static uint64_t number(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 33;
}

/* Bytes that zstd cannot make smaller. */
static void add_noise(text *t, size_t size, uint64_t seed)
{
    for (size_t i = 0; i < size; i++)
        text_add_byte(t, (char)(number(&seed) >> 7));
}

static void add_words(text *t, size_t size, uint64_t seed)
{
    static const char *const words[] = {"harbour", "letter", "seal", "wax", "paper", "fold", "knife", "thread", "lock"};
    size_t end = t->size + size;
    while (t->size < end) {
        text_add_str(t, words[number(&seed) % 9]);
        text_add_str(t, number(&seed) % 9 ? " " : "\r\n");
    }
    text_cut(t, end);
}

static void add_base64(text *t, ll_span bytes, size_t line, const char *end)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t column = 0;
    for (size_t i = 0; i < bytes.size; i += 3) {
        if (line && column == line) {
            text_add_str(t, end);
            column = 0;
        }
        unsigned x = 0;
        for (size_t k = 0; k < 3; k++)
            x = x << 8 | (i + k < bytes.size ? (uint8_t)bytes.data[i + k] : 0u);
        for (size_t k = 0; k < 4; k++)
            text_add_byte(t, i + k > bytes.size ? '=' : alphabet[x >> (18 - 6 * k) & 63]);
        column += 4;
    }
}

typedef struct style {
    size_t line;
    const char *end, *tail;
} style;

/* A mail with a text of `words` bytes and an attachment. */
static void mail(text *t, ll_span attachment, style how, size_t words, uint64_t seed)
{
    text_clear(t);
    text_print(t, "From: ann@example.com\r\nTo: list@example.org\r\nSubject: number %llu\r\nMIME-Version: 1.0\r\n",
               (unsigned long long)seed);
    text_add_str(
        t, "Content-Type: multipart/mixed; boundary=\"==b==\"\r\n\r\n--==b==\r\nContent-Type: text/plain\r\n\r\n");
    add_words(t, words, seed);
    text_add_str(
        t, "\r\n--==b==\r\nContent-Type: application/pdf; name=a.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n");
    add_base64(t, attachment, how.line, how.end);
    text_add_str(t, how.tail);
    text_add_str(t, "\r\n--==b==--\r\n");
    assert_int_equal(text_status(t), LL_OK);
}

/* --------------------------------------------------------------------------------------------------- The vault */

typedef struct box {
    fixture f;
    db *d;
} box;

static void box_init(box *b)
{
    fixture_init(&b->f, 0);
    b->d = b->f.vault->writer_db;
}

/* All messages must be gone: nothing counts them but the test. */
static void box_fini(box *b)
{
    fixture_fini(&b->f);
}

static int64_t put(box *b, ll_span bytes)
{
    spool *s;
    text facts;
    int64_t message = 0;
    text_init(&facts, NULL, mime_saved_max);
    assert_int_equal(spool_new(&s, b->f.scratch.dir, &b->f.spools), LL_OK);
    assert_int_equal(spool_write(s, bytes), LL_OK);
    assert_int_equal(mime_indexer_whole(NULL, bytes, &facts), LL_OK);
    assert_int_equal(db_begin(b->d), LL_OK);
    assert_int_equal(message_create(b->d, s, text_span(&facts), 1, &message), LL_OK);
    assert_int_equal(db_commit(b->d), LL_OK);
    spool_del(&s);
    text_fini(&facts);
    return message;
}

static void drop(box *b, int64_t message)
{
    assert_int_equal(db_begin(b->d), LL_OK);
    assert_int_equal(message_unref(b->d, message), LL_OK);
    assert_int_equal(db_commit(b->d), LL_OK);
}

static int64_t ask(box *b, const char *literal)
{
    int64_t value = -1;
    assert_int_equal(db_take_int(db_prepare(b->d, literal), &value), LL_OK);
    return value;
}

static ll_status gather(void *ctx, ll_span bytes)
{
    text_add(ctx, bytes);
    return LL_OK;
}

static void check_range(box *b, int64_t message, ll_span bytes, uint64_t offset, uint64_t length)
{
    static text got;
    text_init(&got, NULL, 64 << 20);
    assert_int_equal(message_content(b->d, message, offset, length, gather, &got), LL_OK);
    ll_span want = span_first(span_from(bytes, (size_t)offset), (size_t)length);
    assert_true(span_equal(text_span(&got), want));
    text_fini(&got);
}

static void check_whole(box *b, int64_t message, ll_span bytes)
{
    check_range(b, message, bytes, 0, UINT64_MAX);
}

/* Put it, read it, forget it: nothing is left. */
static void round_trip(box *b, ll_span bytes)
{
    int64_t message = put(b, bytes);
    check_whole(b, message, bytes);
    drop(b, message);
    assert_int_equal(ask(b, "SELECT (SELECT count(*) FROM message) + (SELECT count(*) FROM part) + "
                            "(SELECT count(*) FROM chunk) + (SELECT count(*) FROM piece)"),
                     0);
}

/* ------------------------------------------------------------------------------------------------------- Tests */

static void styles(void **state)
{
    (void)state;
    static const style all[] = {
        {76, "\r\n", ""}, {76, "\n", "\n"}, {72, "\r\n", "\r\n"}, {64, "\r\n", "\r\n\r\nA footer of the list.\r\n"},
        {0, "", ""},      {77, "\r\n", ""}, {76, " \r\n", ""},    {76, "\r\n", "===="},
        {60, "\n", " "},  {4, "\r\n", ""},  {1000, "\n", "\n"},   {76, "\r\n\r\n", ""}};
    static const size_t sizes[] = {1, 90, 100, 2000, 4095, 4096, 4097, 40000, PART_CHUNK, 2 * PART_CHUNK + 1};
    box b;
    text t, noise;
    text_init(&t, NULL, 16 << 20);
    text_init(&noise, NULL, 16 << 20);
    box_init(&b);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (size_t k = 0; k < sizeof all / sizeof *all; k++) {
            text_clear(&noise);
            add_noise(&noise, sizes[i], k + 1);
            mail(&t, text_span(&noise), all[k], (size_t)100 << i, 5);
            round_trip(&b, text_span(&t));
        }
    text_fini(&noise);
    text_fini(&t);
    box_fini(&b);
}

static void any_offset(void **state)
{
    (void)state;
    box b;
    text t, noise;
    uint64_t seed = 3;
    text_init(&t, NULL, 16 << 20);
    text_init(&noise, NULL, 16 << 20);
    box_init(&b);
    for (size_t size = 500; size <= 5000; size += 4500) { /* held by the head, and a part */
        text_clear(&noise);
        add_noise(&noise, size, 1);
        mail(&t, text_span(&noise), (style){76, "\r\n", "\r\n"}, 200, 1);
        int64_t message = put(&b, text_span(&t));
        for (uint64_t offset = 0; offset <= t.size; offset++) {
            check_range(&b, message, text_span(&t), offset, 1 + number(&seed) % 5);
            check_range(&b, message, text_span(&t), offset, number(&seed) % t.size);
        }
        drop(&b, message);
    }
    text_clear(&noise);
    add_noise(&noise, 1 << 20, 1);
    mail(&t, text_span(&noise), (style){76, "\n", ""}, 50000, 1);
    int64_t message = put(&b, text_span(&t));
    for (int i = 0; i < 300; i++)
        check_range(&b, message, text_span(&t), number(&seed) % t.size, number(&seed) % (i % 2 ? 200 : 300000));
    drop(&b, message);
    text_fini(&noise);
    text_fini(&t);
    box_fini(&b);
}

/* One attachment, many mails, encodings and boxes: there once. */
static void shared(void **state)
{
    (void)state;
    static const style all[] = {{76, "\r\n", ""}, {76, "\n", "\n"}, {72, "\r\n", ""}, {0, "", ""}};
    enum { mails = 200 };
    box b;
    text t, noise;
    int64_t messages[mails];
    text_init(&t, NULL, 16 << 20);
    text_init(&noise, NULL, 16 << 20);
    add_noise(&noise, 500000, 9);
    box_init(&b);
    for (int i = 0; i < mails; i++) {
        mail(&t, text_span(&noise), all[i % 4], 300, (uint64_t)i);
        messages[i] = put(&b, text_span(&t));
    }
    assert_int_equal(ask(&b, "SELECT count(*) FROM part"), 1);
    assert_int_equal(ask(&b, "SELECT refs FROM part"), mails);
    assert_true(ask(&b, "SELECT sum(octet_length(data)) FROM chunk") < 510000);
    for (int i = 0; i < mails; i += 7) {
        mail(&t, text_span(&noise), all[i % 4], 300, (uint64_t)i);
        check_whole(&b, messages[i], text_span(&t));
    }
    /* of the same size, another byte */
    noise.data[499999] ^= 1;
    mail(&t, text_span(&noise), all[0], 300, 1);
    int64_t other = put(&b, text_span(&t));
    assert_int_equal(ask(&b, "SELECT count(*) FROM part"), 2);
    drop(&b, other);
    for (int i = 0; i < mails; i++)
        drop(&b, messages[i]);
    assert_int_equal(ask(&b, "SELECT count(*) FROM part"), 0);
    assert_int_equal(ask(&b, "SELECT count(*) FROM chunk"), 0);
    text_fini(&noise);
    text_fini(&t);
    box_fini(&b);
}

/* A count of references that was damaged takes a part away from nobody, and is right again after that. */
static void damaged_count(void **state)
{
    (void)state;
    static const style how = {76, "\r\n", ""};
    enum { mails = 5 };
    box b;
    text t, noise;
    int64_t messages[mails];
    text_init(&t, NULL, 16 << 20);
    text_init(&noise, NULL, 16 << 20);
    add_noise(&noise, 300000, 9);
    box_init(&b);
    for (int i = 0; i < mails; i++) {
        mail(&t, text_span(&noise), how, 300, (uint64_t)i);
        messages[i] = put(&b, text_span(&t));
    }
    for (int refs = -1; refs < 2; refs++) {
        db_stmt *q = db_prepare(b.d, "UPDATE part SET refs = ?1");
        db_bind_int(q, 1, refs);
        assert_int_equal(db_run(q), LL_OK);
        drop(&b, messages[refs + 1]);
        assert_int_equal(ask(&b, "SELECT refs FROM part"), mails - 2 - refs);
    }
    for (int i = 3; i < mails; i++) {
        mail(&t, text_span(&noise), how, 300, (uint64_t)i);
        check_whole(&b, messages[i], text_span(&t));
        drop(&b, messages[i]);
    }
    assert_int_equal(ask(&b, "SELECT (SELECT count(*) FROM part) + (SELECT count(*) FROM chunk)"), 0);
    text_fini(&noise);
    text_fini(&t);
    box_fini(&b);
}

/* The hash says equal, the bytes do not: then it is not. */
static void hash_is_not_enough(void **state)
{
    (void)state;
    box b;
    text t, noise;
    text_init(&t, NULL, 16 << 20);
    text_init(&noise, NULL, 16 << 20);
    add_noise(&noise, 300000, 9);
    box_init(&b);
    mail(&t, text_span(&noise), (style){76, "\r\n", ""}, 300, 1);
    int64_t one = put(&b, text_span(&t));
    assert_int_equal(db_exec(b.d, "UPDATE chunk SET data = CAST(substr(data, 1, 999) || x'00' || substr(data, 1001) AS "
                                  "BLOB) WHERE ordinal = 1"),
                     LL_OK);
    int64_t two = put(&b, text_span(&t));
    assert_int_equal(ask(&b, "SELECT count(*) FROM part"), 2);
    check_whole(&b, two, text_span(&t));
    drop(&b, one);
    drop(&b, two);
    text_fini(&noise);
    text_fini(&t);
    box_fini(&b);
}

static void compressed(void **state)
{
    (void)state;
    box b;
    text t, noise;
    text_init(&t, NULL, 16 << 20);
    text_init(&noise, NULL, 16 << 20);
    box_init(&b);
    /* words as an attachment become small, noise is left alone, and nothing is larger than it was */
    add_words(&noise, 300000, 2);
    mail(&t, text_span(&noise), (style){76, "\r\n", ""}, 3000, 1);
    int64_t words = put(&b, text_span(&t));
    assert_true(ask(&b, "SELECT sum(octet_length(data)) FROM chunk") < 100000);
    assert_true(ask(&b, "SELECT octet_length(head) FROM message") < 1500);
    assert_int_equal(ask(&b, "SELECT count(*) FROM chunk WHERE encoding = 0"), 0);
    drop(&b, words);
    text_clear(&noise);
    add_noise(&noise, 300000, 2);
    mail(&t, text_span(&noise), (style){76, "\r\n", ""}, 3000, 1);
    words = put(&b, text_span(&t));
    assert_int_equal(ask(&b, "SELECT sum(octet_length(data)) FROM chunk"), 300000);
    assert_int_equal(ask(&b, "SELECT count(*) FROM chunk WHERE encoding <> 0"), 0);
    drop(&b, words);
    text_fini(&noise);
    text_fini(&t);
    box_fini(&b);
}

/* Messages that are no mail, or of which the index says little. */
static void odd(void **state)
{
    (void)state;
    box b;
    text t;
    text_init(&t, NULL, 32 << 20);
    box_init(&b);
    round_trip(&b, SPAN(""));
    round_trip(&b, SPAN("x"));
    round_trip(&b, SPAN("\r\n"));
    round_trip(&b, SPAN("Content-Transfer-Encoding: base64\r\n\r\n"));
    for (size_t size = 1000; size < 10 << 20; size *= 9) { /* the largest are read from the spool's file */
        text_clear(&t);
        add_noise(&t, size, size);
        round_trip(&b, text_span(&t));
        text_clear(&t);
        text_add_str(&t, "Subject: x\r\n\r\n");
        add_words(&t, size, size);
        round_trip(&b, text_span(&t));
    }
    /* a header that no head has room for */
    text_clear(&t);
    text_add_str(&t, "Subject: ");
    for (int i = 0; i < 40000; i++)
        text_add_str(&t, "a\r\n ");
    text_add_str(&t, "\r\n\r\nbody");
    round_trip(&b, text_span(&t));
    /* more pieces than a message may have, small and large ones */
    for (size_t size = 100; size <= 5000; size += 4900) {
        text_clear(&t);
        text_add_str(&t, "Content-Type: multipart/mixed; boundary=b\r\n\r\n");
        for (uint64_t i = 0; i < MESSAGE_PIECES_MAX + 20; i++) {
            static char buffer[5000];
            memset(buffer, (int)i, sizeof buffer);
            memcpy(buffer, &i, sizeof i);
            text_add_str(&t, "--b\r\nContent-Transfer-Encoding: base64\r\n\r\n");
            add_base64(&t, span_of(buffer, size), 76, "\r\n");
            text_add_str(&t, "\r\n");
        }
        text_add_str(&t, "--b--\r\n");
        round_trip(&b, text_span(&t));
    }
    text_fini(&t);
    box_fini(&b);
}

/* message_head gives the header of whatever has one that fits. */
static void heads(void **state)
{
    (void)state;
    box b;
    text t, got;
    text_init(&t, NULL, 16 << 20);
    text_init(&got, NULL, 16 << 20);
    box_init(&b);
    for (size_t size = 0; size < 400000; size = size * 5 + 100) {
        text noise;
        text_init(&noise, NULL, 16 << 20);
        add_noise(&noise, size, 1);
        mail(&t, text_span(&noise), (style){76, "\r\n", ""}, size, 1);
        int64_t message = put(&b, text_span(&t));
        text_clear(&got);
        assert_int_equal(message_head(b.d, message, gather, &got), LL_OK);
        const char *end = strstr(text_str(&t), "\r\n\r\n");
        assert_true(got.size >= (size_t)(end - text_str(&t)) + 4 && got.size <= t.size);
        assert_memory_equal(got.data, t.data, got.size);
        drop(&b, message);
        text_fini(&noise);
    }
    text_clear(&got);
    assert_int_equal(message_head(b.d, 12345, gather, &got), LL_ENOTFOUND);
    text_fini(&got);
    text_fini(&t);
    box_fini(&b);
}

/* Each damage is found, and is the message's own (invariant 8). */
static void damage(void **state)
{
    (void)state;
    static const struct {
        const char *change;
        ll_status status;
    } cases[] = {
        {"UPDATE message SET head = CAST(substr(head, 1, octet_length(head) - 5) AS BLOB) WHERE id = 1", LL_ECORRUPT},
        {"UPDATE message SET head = CAST(substr(head, 1, 90) || x'00ff00' || substr(head, 94) AS BLOB) WHERE id = 1",
         LL_ECORRUPT},
        {"UPDATE message SET head_size = head_size + 1 WHERE id = 1", LL_ECORRUPT},
        {"UPDATE message SET head_size = 1 << 40 WHERE id = 1", LL_ECORRUPT},
        {"UPDATE message SET head_encoding = 0 WHERE id = 1", LL_ECORRUPT},
        {"UPDATE message SET head_encoding = 1 WHERE id = 1", LL_ECORRUPT},
        {"UPDATE message SET head_encoding = 77 WHERE id = 1", LL_EVERSION},
        {"UPDATE chunk SET data = CAST(substr(data, 1, 9000) || x'00ff00' || substr(data, 9004) AS BLOB) WHERE part = "
         "(SELECT part FROM piece WHERE message = 1) AND ordinal = 1",
         LL_ECORRUPT},
        {"UPDATE chunk SET encoding = 9 WHERE part = (SELECT part FROM piece WHERE message = 1)", LL_EVERSION},
        {"DELETE FROM chunk WHERE part = (SELECT part FROM piece WHERE message = 1) AND ordinal = 1", LL_ECORRUPT},
        {"UPDATE chunk SET ordinal = 9 WHERE part = (SELECT part FROM piece WHERE message = 1) AND ordinal = 2",
         LL_ECORRUPT},
        {"UPDATE part SET size = size - 1 WHERE id = (SELECT part FROM piece WHERE message = 1)", LL_ECORRUPT},
        {"UPDATE part SET encoding = 5 WHERE id = (SELECT part FROM piece WHERE message = 1)", LL_EVERSION},
        {"UPDATE part SET encoding = 0 WHERE id = (SELECT part FROM piece WHERE message = 1)", LL_ECORRUPT},
        {"UPDATE piece SET transfer = 2 WHERE message = 1", LL_EVERSION},
        {"UPDATE piece SET transfer = 0 WHERE message = 1", LL_ECORRUPT},
        {"UPDATE piece SET place = place - 1 WHERE message = 1", LL_OK}, /* bytes elsewhere: only the compare at the
                                                                            time of storing could know */
        {"UPDATE piece SET place = 1 << 50 WHERE message = 1", LL_ECORRUPT},
        {"UPDATE piece SET place = -1 WHERE message = 1", LL_ECORRUPT},
        {"UPDATE piece SET size = size + 1 WHERE message = 1", LL_ECORRUPT},
        {"UPDATE piece SET size = -1 WHERE message = 1", LL_ECORRUPT},
        {"UPDATE piece SET part = 0 WHERE message = 1", LL_ECORRUPT},
        {"UPDATE piece SET part = 999 WHERE message = 1", LL_ECORRUPT},
        {"DELETE FROM piece WHERE message = 1", LL_ECORRUPT},
    };
    box b;
    text t[2], noise, report;
    text_init(&noise, NULL, 16 << 20);
    text_init(&report, NULL, 1 << 16);
    box_init(&b);
    for (int i = 0; i < 2; i++) {
        text_init(&t[i], NULL, 16 << 20);
        text_clear(&noise);
        add_words(&noise, 300000, (uint64_t)i);
        mail(&t[i], text_span(&noise), (style){76, "\r\n", ""}, 300, (uint64_t)i);
        assert_int_equal(put(&b, text_span(&t[i])), i + 1);
    }
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        text got;
        text_init(&got, NULL, 16 << 20);
        assert_int_equal(db_begin(b.d), LL_OK);
        assert_int_equal(db_exec(b.d, cases[i].change), LL_OK);
        ll_status status = message_content(b.d, 1, 0, UINT64_MAX, gather, &got);
        if (status != cases[i].status)
            fail_msg("%s: %s", cases[i].change, ll_status_name(status));
        check_whole(&b, 2, text_span(&t[1]));
        db_rollback(b.d);
        text_fini(&got);
    }
    check_whole(&b, 1, text_span(&t[0]));
    assert_int_equal(db_exec(b.d, "UPDATE part SET hash = zeroblob(32) WHERE id = 1; UPDATE entry SET flags = 0;"
                                  "UPDATE chunk SET encoding = 9 WHERE part = 2;"),
                     LL_OK);
    assert_int_equal(vault_check(b.f.path, b.f.key, &report), LL_ECORRUPT);
    assert_non_null(strstr(text_str(&report), "part: hash, its content's: at 1\n"));
    assert_non_null(strstr(text_str(&report), "part: content cannot be read: at 2\n"));
    assert_non_null(strstr(text_str(&report), "message: content cannot be read: at 2\n"));
    assert_null(strstr(text_str(&report), "message: content cannot be read: at 1\n"));
    drop(&b, 1);
    drop(&b, 2);
    for (int i = 0; i < 2; i++)
        text_fini(&t[i]);
    text_fini(&report);
    text_fini(&noise);
    box_fini(&b);
}

/* A message as version 1 of the vault stored it. */
static void version_1(void **state)
{
    (void)state;
    box b;
    text t;
    text_init(&t, NULL, 16 << 20);
    box_init(&b);
    mail(&t, SPAN("abc"), (style){76, "\r\n", ""}, 300000, 1);
    assert_int_equal(db_exec(b.d, "INSERT INTO part(id, refs, size, encoding) VALUES(7, 1, 0, 0);"
                                  "INSERT INTO message(id, refs, size, received, thread) VALUES(5, 1, 0, 1, 5);"
                                  "INSERT INTO piece(message, ordinal, part) VALUES(5, 0, 7)"),
                     LL_OK);
    ll_span rest = text_span(&t);
    for (int64_t n = 0; rest.size; n++) {
        db_stmt *q = db_prepare(b.d, "INSERT INTO chunk(part, ordinal, data) VALUES(7, ?1, ?2)");
        db_bind_int(q, 1, n);
        db_bind_blob(q, 2, span_first(rest, PART_CHUNK_OLD));
        assert_int_equal(db_run(q), LL_OK);
        rest = span_from(rest, PART_CHUNK_OLD);
    }
    db_stmt *q = db_prepare(b.d, "UPDATE part SET size = ?1");
    db_bind_int(q, 1, (int64_t)t.size);
    assert_int_equal(db_run(q), LL_OK);
    q = db_prepare(b.d, "UPDATE message SET size = ?1");
    db_bind_int(q, 1, (int64_t)t.size);
    assert_int_equal(db_run(q), LL_OK);
    check_whole(&b, 5, text_span(&t));
    uint64_t seed = 8;
    for (int i = 0; i < 200; i++)
        check_range(&b, 5, text_span(&t), number(&seed) % t.size, number(&seed) % 200000);
    text got;
    text_init(&got, NULL, 1000);
    assert_int_equal(message_head(b.d, 5, gather, &got), LL_ENOTFOUND);
    drop(&b, 5);
    assert_int_equal(ask(&b, "SELECT count(*) FROM chunk"), 0);
    text_fini(&t);
    box_fini(&b);
}

/* Mail comes, is copied and goes, at random; the checker finds every count right, at the end and in between. */
static void random_life(void **state)
{
    (void)state;
    enum { steps = 400 };
    fixture f;
    client c;
    text t, noise;
    uint64_t seed = 77;
    text_init(&t, NULL, 16 << 20);
    text_init(&noise, NULL, 16 << 20);
    fixture_init(&f, 0);
    client_init(&c, &f);
    assert_int_equal(client_open(&c, "INBOX", false), LL_OK);
    for (int i = 0; i < steps; i++) {
        uint32_t uid = (uint32_t)(number(&seed) % (unsigned)(i + 1)) + 1;
        switch (number(&seed) % 4) {
        case 0:
            (void)client_copy(&c, uid, uid + 2, number(&seed) % 2 ? "Archive" : "INBOX", false);
            break;
        case 1:
            (void)client_store(&c, uid, uid + 3, LL_FLAGS_ADD, F(DELETED));
            (void)client_expunge(&c, uid, uid + 3);
            assert_true(client_latest(&c));
            client_told(&c);
            break;
        default:
            text_clear(&noise);
            add_noise(&noise, (size_t)3000 << number(&seed) % 7, number(&seed) % 3);
            mail(&t, text_span(&noise), (style){number(&seed) % 2 ? 76 : 64, "\r\n", ""}, number(&seed) % 30000,
                 number(&seed) % 9);
            assert_int_equal(client_append_full(&c, "INBOX", text_span(&t), 0, NULL, 0, 1, NULL), LL_OK);
        }
        if (i % 100 == 99)
            fixture_check(&f);
    }
    client_fini(&c);
    text_fini(&noise);
    text_fini(&t);
    fixture_fini(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(styles),        cmocka_unit_test(any_offset),
        cmocka_unit_test(shared),        cmocka_unit_test(hash_is_not_enough),
        cmocka_unit_test(compressed),    cmocka_unit_test(odd),
        cmocka_unit_test(heads),         cmocka_unit_test(damage),
        cmocka_unit_test(version_1),     cmocka_unit_test(random_life),
        cmocka_unit_test(damaged_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
