/* extract_test.c - the fields made of the saved index are those of the header, to the byte.
 * SPDX-License-Identifier: MIT */
#include "index_helper.h"

#include "mime/extract.h"
#include "mime/header.h"

static const ll_span all[] = {
    {"date", 4},        {"from", 4},        {"sender", 6},   {"reply-to", 8},    {"to", 2},
    {"cc", 2},          {"bcc", 3},         {"subject", 7},  {"message-id", 10}, {"in-reply-to", 11},
    {"references", 10}, {"newsgroups", 10}, {"priority", 8}, {"x-priority", 10}, {"importance", 10},
};

static const char usual[] = "Return-Path: <a@x.example>\r\n"
                            "Received: from y by z;\r\n\tMon, 1 Jan 2024 00:00:00 +0000\r\n"
                            "Date: Mon, 1 Jan 2024 00:00:00 +0000 (UTC)\r\n"
                            "From: Ann Other <ann@x.example>\r\n"
                            "Subject: =?utf-8?q?a?=\r\n =?utf-8?q?b?=\r\n"
                            "To: \"Bob, B.\" <bob@y.example>, carol@z.example,\r\n\t<dan@z.example>\r\n"
                            "Cc: =?utf-8?q?Eve?=\r\n <eve@y.example>,\r\n \"F \\\"G\\\" H\" <f@y.example>\r\n"
                            "Message-Id: <1@x.example>\r\n"
                            "References: <2@x.example>\r\n <3@x.example>\r\n <4@x.example>\r\n"
                            "In-Reply-To: <4@x.example>\r\n"
                            "Content-Type: text/plain\r\n"
                            "\r\n";

/* The extract of a header; the message is nothing else. */
static void make(ll_span header, text *saved, text *extract)
{
    mime_indexer *indexer;
    assert_int_equal(mime_indexer_new(&indexer, NULL), LL_OK);
    mime_indexer_push(indexer, header);
    text_init(saved, NULL, mime_saved_max);
    assert_int_equal(mime_indexer_finish(indexer, saved), LL_OK);
    mime_indexer_del(&indexer);
    text_init(extract, NULL, mime_extract_max);
    mime_extract_make(text_span(saved), header, extract);
}

/* Returns the bytes of the extract, 0: there is none; of one that there is the fields must be those of the header. */
static size_t check(const char *string)
{
    text saved, extract, want;
    char got[mime_extract_text_max + 2];
    make(span_str(string), &saved, &extract);
    text_init(&want, NULL, 1 << 20);
    mime_header_select(span_str(string), all, sizeof all / sizeof *all, false, &want);
    size_t size = extract.size, read = 0;
    if (size) {
        read = mime_extract_read(text_span(&extract), text_span(&saved), got, sizeof got);
        assert_true(span_equal(span_of(got, read), text_span(&want)));
        assert_int_equal(mime_extract_read(text_span(&extract), text_span(&saved), got, want.size + 1), 0);
    }
    text_fini(&saved);
    text_fini(&extract);
    text_fini(&want);
    return size;
}

static void test_there_and_back(void **state)
{
    (void)state;
    size_t size = check(usual);
    assert_in_range(size, 1, 110);
    assert_in_range(check("Date: 1 Jan 2024 00:00:00 +0000\r\nFrom: Ann <a@b.example>\r\nSubject: x\r\n\r\n"), 1, 20);
    assert_true(check("Subject: one\r\n\r\n") > 0);
    assert_true(check("Subject: a long one of so many words that the rest does not matter\r\nsubject:\r\n b\r\n\r\n") >
                0);
    (void)check("SUBJECT :  one  \r\nsubject: two\r\nSubject:\r\n three\r\n\r\n");
    (void)check("From: a long name in front <a@b>\r\nTo: Group: a@b, c@d;, x@y (comment)\r\n\r\n");
    assert_true(check("X-Other: nothing of ours\r\n\r\nbody") > 0);
}

static void test_none(void **state)
{
    (void)state;
    static char large[8192];
    assert_int_equal(check("Subject: one\nFrom: a@b\n\n"), 0);
    assert_int_equal(check(""), 0);
    memset(large, 'x', sizeof large - 1);
    memcpy(large, "Subject: ", 9);
    memcpy(large + sizeof large - 5, "\r\n\r\n", 4);
    assert_int_equal(check(large), 0);
}

static void test_names(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        assert_true(mime_extract_has(all[i]));
    assert_false(mime_extract_has(SPAN("Content-Type")));
    assert_false(mime_extract_has(SPAN("")));
    assert_false(mime_extract_has(SPAN("Fro")));
}

/* Each byte another one, each length shorter, either of the two: read or refused, within the room. */
static void test_damaged(void **state)
{
    (void)state;
    text saved, extract;
    char out[mime_extract_text_max + 2];
    make(SPAN(usual), &saved, &extract);
    for (size_t i = 0; i < extract.size + saved.size; i++) {
        text *t = i < extract.size ? &extract : &saved;
        char *byte = t->data + (i < extract.size ? i : i - extract.size), was = *byte;
        for (int n = 0; n < 256; n++) {
            *byte = (char)n;
            assert_true(mime_extract_read(text_span(&extract), text_span(&saved), out, sizeof out) <= sizeof out);
        }
        *byte = was;
    }
    for (size_t i = 0; i < extract.size; i++)
        assert_true(mime_extract_read(span_first(text_span(&extract), i), text_span(&saved), out, 64) <= 64);
    for (size_t i = 0; i < saved.size; i++)
        assert_true(mime_extract_read(text_span(&extract), span_first(text_span(&saved), i), out, sizeof out) <=
                    sizeof out);
    extract.data[0]++;
    assert_int_equal(mime_extract_read(text_span(&extract), text_span(&saved), out, sizeof out), 0);
    text_fini(&saved);
    text_fini(&extract);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_there_and_back),
        cmocka_unit_test(test_none),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_damaged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
