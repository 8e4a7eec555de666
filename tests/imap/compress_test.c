/* COMPRESS=DEFLATE, RFC 4978, against zlib itself as the client.
 * SPDX-License-Identifier: MIT */
#include "talk.h"

#include "base/memory.h"
#include "imap/compress.h"

#include <stdlib.h>
#include <zlib.h>

typedef struct client {
    talk t;
    z_stream out, in;
    text read; /* inflated */
} client;

static void client_open(client *c, memory_store *store, bool bytewise)
{
    *c = (client){0};
    talk_join(&c->t, store, bytewise, NULL, "x NOOP\r\n");
    assert_string_equal(talk_say(&c->t, "c COMPRESS DEFLATE\r\n"), "c OK DEFLATE active\r\n");
    c->t.packed = true;
    assert_int_equal(deflateInit2(&c->out, 9, Z_DEFLATED, -15, 9, Z_DEFAULT_STRATEGY), Z_OK);
    assert_int_equal(inflateInit2(&c->in, -15), Z_OK);
    text_init(&c->read, NULL, 64 << 20);
}

static void client_close(client *c)
{
    deflateEnd(&c->out);
    inflateEnd(&c->in);
    text_fini(&c->read);
    talk_leave(&c->t);
}

static text packed_of(client *c, ll_span plain, int flush)
{
    text packed;
    char piece[4096];
    text_init(&packed, NULL, 64 << 20);
    c->out.next_in = (z_const Bytef *)(uintptr_t)plain.data;
    c->out.avail_in = (uInt)plain.size;
    do {
        c->out.next_out = (Bytef *)piece;
        c->out.avail_out = sizeof piece;
        deflate(&c->out, flush);
        text_add(&packed, span_of(piece, sizeof piece - c->out.avail_out));
    } while (!c->out.avail_out);
    return packed;
}

static const char *client_say_bytes(client *c, ll_span plain)
{
    char piece[4096];
    text packed = packed_of(c, plain, Z_SYNC_FLUSH);
    talk_bytes(&c->t, text_span(&packed));
    text_fini(&packed);
    text_clear(&c->read);
    c->in.next_in = (z_const Bytef *)(uintptr_t)text_str(&c->t.got);
    c->in.avail_in = (uInt)c->t.got.size;
    do {
        c->in.next_out = (Bytef *)piece;
        c->in.avail_out = sizeof piece;
        int result = inflate(&c->in, Z_SYNC_FLUSH);
        assert_true(result == Z_OK || result == Z_BUF_ERROR);
        text_add(&c->read, span_of(piece, sizeof piece - c->in.avail_out));
    } while (!c->in.avail_out);
    grammar_feed(&c->t.grammar, text_span(&c->read));
    return text_str(&c->read);
}

static const char *client_say(client *c, const char *plain)
{
    return client_say_bytes(c, span_str(plain));
}

static void conversation(void **state)
{
    (void)state;
    for (unsigned way = 0; way < TALK_WAYS; way++) {
        client c;
        memory_store *store = memory_store_new();
        client_open(&c, store, talk_is_bytewise(way));
        memory_later(store, talk_is_later(way));
        assert_string_equal(client_say(&c, "a NOOP\r\nb STATUS INBOX (MESSAGES)\r\nd NOOP\r\n"),
                            "a OK NOOP completed\r\n* STATUS \"INBOX\" (MESSAGES 0)\r\nb OK STATUS completed\r\n"
                            "d OK NOOP completed\r\n");
        assert_null(strstr(client_say(&c, "e CAPABILITY\r\n"), "COMPRESS"));
        assert_string_equal(client_say(&c, "f COMPRESS DEFLATE\r\n"), "f BAD Compression is active already\r\n");
        assert_string_equal(client_say(&c, "g APPEND INBOX {5+}\r\nhello\r\nh SELECT INBOX\r\n") + 0,
                            text_str(&c.read));
        assert_non_null(strstr(text_str(&c.read), "g OK [APPENDUID"));
        assert_non_null(strstr(client_say(&c, "i FETCH 1 BODY[]\r\n"), "{5}\r\nhello)"));
        assert_string_equal(client_say(&c, "j LOGOUT\r\n"), "* BYE Logging out\r\nj OK LOGOUT completed\r\n");
        client_close(&c);
        memory_store_del(&store);
    }
}

/* Large both ways: what is inflated waits until it is wanted, output is packed piece by piece. */
static void large(void **state)
{
    (void)state;
    enum { SIZE = 3 << 20 };
    char *message = malloc(SIZE);
    unsigned random = 1;
    assert_non_null(message);
    for (size_t i = 0; i < SIZE; i++) {
        random = random * 1103515245 + 12345;
        message[i] =
            i % 76 == 75 ? '\n' : "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"[random >> 26];
    }
    for (unsigned way = 0; way < TALK_WAYS; way += 2) {
        client c;
        memory_store *store = memory_store_new();
        client_open(&c, store, false);
        memory_later(store, talk_is_later(way));
        text said;
        text_init(&said, NULL, 64 << 20);
        text_print(&said, "a APPEND INBOX {%d+}\r\n", SIZE);
        text_add(&said, span_of(message, SIZE));
        text_add_str(&said, "\r\nb SELECT INBOX\r\n");
        for (int i = 0; i < 500; i++)
            text_print(&said, "n%d NOOP\r\n", i);
        text_add_str(&said, "d FETCH 1 BODY.PEEK[]\r\n");
        client_say_bytes(&c, text_span(&said));
        assert_non_null(strstr(text_str(&c.read), "n499 OK"));
        assert_non_null(strstr(text_str(&c.read), "d OK"));
        assert_non_null(memmem(c.read.data, c.read.size, message, SIZE));
        assert_true(c.t.got.size < c.read.size * 9 / 10);
        text_fini(&said);
        client_close(&c);
        memory_store_del(&store);
    }
    free(message);
}

static void refused(void **state)
{
    (void)state;
    talk t = {0};
    memory_store *store = memory_store_new();
    talk_join(&t, store, false, NULL, "x NOOP\r\n");
    assert_string_equal(
        talk_say(&t, "a COMPRESS\r\nb COMPRESS LZW\r\nc COMPRESS DEFLATE x\r\n"),
        "a BAD COMPRESS: Not understood\r\nb BAD Only DEFLATE is known\r\nc BAD COMPRESS: Not understood\r\n");
    assert_string_equal(talk_say(&t, "d NOOP\r\n"), "d OK NOOP completed\r\n");
    talk_leave(&t);

    client c;
    client_open(&c, store, false); /* not deflated at all: a block of the type that does not exist */
    talk_say(&c.t, "\xff\xff NOOP\r\n");
    assert_int_equal(ll_session_wants(c.t.session), LL_WANTS_CLOSE);
    client_close(&c);

    client_open(&c, store, false); /* the client ends its stream */
    text packed = packed_of(&c, SPAN("a NOOP\r\n"), Z_FINISH);
    text_add_str(&packed, "more");
    talk_bytes(&c.t, text_span(&packed));
    assert_int_equal(ll_session_wants(c.t.session), LL_WANTS_CLOSE);
    text_fini(&packed);
    client_close(&c);
    memory_store_del(&store);
}

/* A bomb: 100 MB of the same byte. It ends at the ratio, long before it has been inflated, in bounded memory. */
static size_t held, most_held;

static void *count_resize(void *context, void *memory, size_t size)
{
    size_t *block = memory ? (size_t *)memory - 2 : NULL;
    (void)context;
    held -= block ? *block : 0;
    if (!size) {
        free(block);
        return NULL;
    }
    block = realloc(block, size + 2 * sizeof *block);
    if (!block)
        return NULL;
    *block = size;
    held += size;
    most_held = held > most_held ? held : most_held;
    return block + 2;
}

static void bomb(void **state)
{
    (void)state;
    client c;
    memory_store *store = memory_store_new();
    client_open(&c, store, false);
    static char zeros[1 << 20];
    memset(zeros, 'a', sizeof zeros);
    bool ended = false;
    for (int i = 0; i < 100 && !ended; i++) {
        text packed = packed_of(&c, span_of(zeros, sizeof zeros), Z_SYNC_FLUSH);
        talk_bytes(&c.t, text_span(&packed));
        text_fini(&packed);
        ended = ll_session_wants(c.t.session) == LL_WANTS_CLOSE;
        assert_true(ended || i < 10);
    }
    assert_true(ended);
    client_close(&c);
    memory_store_del(&store);

    ll_allocator counting = {count_resize, NULL};
    compression *z;
    assert_int_equal(compress_new(&z, &counting), LL_OK);
    assert_true(most_held < 128 << 10);
    compress_del(&z);
    assert_int_equal(held, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conversation),
        cmocka_unit_test(large),
        cmocka_unit_test(refused),
        cmocka_unit_test(bomb),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
