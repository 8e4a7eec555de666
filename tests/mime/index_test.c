/* index_test.c - the facts of an index, section numbers, and damaged saved bytes.
 * SPDX-License-Identifier: MIT */
#include "index_helper.h"

static const char message[] = "Date: Mon, 7 Feb 1994 21:52:25 -0800\r\n"
                              "From: Fred Foobar <foobar@Blurdybloop.example>\r\n"
                              "Subject: =?utf-8?Q?afternoon?=\r\n meeting\r\n"
                              "To: mooch@owatagu.example\r\n"
                              "Cc: a@b\r\nCC: c@d, Group: e@f;\r\n"
                              "Sender: ;;\r\n"
                              "Message-Id: <B27397-0100000@Blurdybloop.example>\r\n"
                              "References: <a@b>\r\n <c@d>\r\n"
                              "MIME-Version: 1.0\r\n"
                              "Content-Type: multipart/mixed; boundary=\"b 1\"\r\n"
                              "Content-Language: en, de (German) ,fr\r\n"
                              "\r\n"
                              "--b 1\r\n"
                              "\r\n"
                              "text\r\n"
                              "--b 1\r\n"
                              "Content-Type: application/pdf; name*0*=utf-8''%C3%A9; name*1=.pdf\r\n"
                              "Content-Transfer-Encoding: BASE64 (x)\r\n"
                              "Content-Disposition: attachment; filename=\"a.pdf\"; size=3\r\n"
                              "Content-ID: <id@x>\r\n"
                              "Content-Description: a\r\n  document\r\n"
                              "Content-MD5: Q2hlY2sgSW50ZWdyaXR5IQ==\r\n"
                              "Content-Location: http://x.test/\r\n"
                              "\r\n"
                              "YWJj\r\n"
                              "--b 1\r\n"
                              "Content-Type: message/rfc822\r\n"
                              "Content-Disposition: ; filename=x\r\n"
                              "\r\n"
                              "Subject: inner\r\n"
                              "Reply-To: r@s\r\n"
                              "Content-Type: multipart/alternative; boundary=i\r\n"
                              "\r\n"
                              "--i\r\n"
                              "\r\n"
                              "plain\r\n"
                              "--i\r\n"
                              "Content-Type: text/html\r\n"
                              "\r\n"
                              "html\r\n"
                              "--i--\r\n"
                              "--b 1\r\n"
                              "Content-Type: message/rfc822\r\n"
                              "\r\n"
                              "Subject: single\r\n"
                              "\r\n"
                              "body\r\n"
                              "--b 1--\r\n";

static void want(ll_span got, const char *string)
{
    if (!string)
        assert_null(got.data);
    else
        assert_true(got.data && span_equal(got, span_str(string)));
}

static void test_facts(void **state)
{
    (void)state;
    text saved;
    mime_index *index = make_index(SPAN(message), &saved);
    const mime_part *root = mime_index_root(index);
    const mime_envelope *e = root->envelope;
    want(e->date, "Mon, 7 Feb 1994 21:52:25 -0800");
    want(e->subject, "=?utf-8?Q?afternoon?= meeting");
    want(e->message_id, "<B27397-0100000@Blurdybloop.example>");
    want(e->in_reply_to, NULL);
    want(e->references, "<a@b> <c@d>");
    assert_true(e->sent.valid);
    assert_int_equal(e->sent.seconds, 760686745);
    assert_int_equal(e->sent.offset_minutes, -480);
    assert_int_equal(e->from.count, 1);
    assert_int_equal(e->sender.count, 1); /* empty: from's */
    assert_ptr_equal(e->sender.items, e->from.items);
    assert_ptr_equal(e->reply_to.items, e->from.items);
    want(e->from.items[0].name, "Fred Foobar");
    want(e->from.items[0].host, "Blurdybloop.example");
    assert_int_equal(e->cc.count, 5); /* both fields, and the group's marks */
    want(e->cc.items[4].mailbox, NULL);
    assert_int_equal(e->bcc.count, 0);
    assert_int_equal(root->languages_count, 3);
    want(root->languages[1], "de");
    assert_int_equal(root->children_count, 4);

    const mime_part *pdf = root->child->next;
    assert_null(pdf->envelope);
    assert_int_equal(pdf->number, 2);
    want(pdf->subtype, "pdf");
    want(pdf->encoding, "BASE64");
    want(pdf->id, "<id@x>");
    want(pdf->description, "a  document");
    want(pdf->md5, "Q2hlY2sgSW50ZWdyaXR5IQ==");
    want(pdf->location, "http://x.test/");
    want(pdf->disposition, "attachment");
    assert_int_equal(pdf->disposition_params_count, 2);
    want(pdf->disposition_params[1].value, "3");
    assert_int_equal(pdf->params_count, 2);
    want(pdf->params[0].name, "name*0*");

    const mime_part *text_part = root->child;
    want(text_part->encoding, "7bit");
    want(text_part->disposition, NULL);
    want(text_part->params[0].value, "us-ascii");

    const mime_part *inner = pdf->next;
    want(inner->disposition, "attachment");
    want(inner->child->envelope->subject, "inner");
    assert_int_equal(inner->child->envelope->from.count, 0);
    assert_int_equal(inner->child->envelope->reply_to.count, 1);
    assert_false(inner->child->envelope->sent.valid);
    mime_index_del(&index);
    text_fini(&saved);
}

static void check_find(const mime_index *index, const char *section, const char *want_bytes)
{
    uint32_t path[8];
    size_t n = 0;
    ll_span rest = span_str(section);
    while (rest.size)
        assert_true(span_u32(span_cut(&rest, '.'), &path[n++]));
    const mime_part *part = mime_index_find(index, path, n);
    if (!want_bytes) {
        assert_null(part);
        return;
    }
    assert_non_null(part);
    ll_span body = span_first(span_from(SPAN(message), (size_t)part->body_offset), (size_t)part->body_size);
    assert_true(span_starts_nocase(body, span_str(want_bytes)));
}

static void test_find(void **state)
{
    (void)state;
    text saved;
    mime_index *index = make_index(SPAN(message), &saved);
    check_find(index, "", "--b 1");
    check_find(index, "1", "text");
    check_find(index, "1.1", NULL);
    check_find(index, "2", "YWJj");
    check_find(index, "3", "Subject: inner");
    check_find(index, "3.1", "plain");
    check_find(index, "3.2", "html");
    check_find(index, "3.3", NULL);
    check_find(index, "3.1.1", NULL);
    check_find(index, "4", "Subject: single");
    check_find(index, "4.1", "body"); /* part 1 of a message that is not multipart is its body */
    check_find(index, "4.1.1", NULL);
    check_find(index, "4.2", NULL);
    check_find(index, "5", NULL);
    check_find(index, "0", NULL);
    mime_index_del(&index);
    text_fini(&saved);

    static const char single[] = "Content-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\ny";
    index = make_index(SPAN(single), &saved);
    const uint32_t ones[] = {1, 1, 1};
    const mime_part *root = mime_index_root(index);
    assert_ptr_equal(mime_index_find(index, ones, 0), root);
    assert_ptr_equal(mime_index_find(index, ones, 1), root);
    assert_ptr_equal(mime_index_find(index, ones, 2), root->child);
    assert_null(mime_index_find(index, ones, 3));
    mime_index_del(&index);
    text_fini(&saved);
}

/* Each byte changed, and each beginning: an index or a status, never a fault. */
static void test_damage(void **state)
{
    (void)state;
    text saved;
    mime_index *index = make_index(SPAN(message), &saved);
    mime_index_del(&index);
    static const unsigned char with[] = {0, 1, 2, 0x7f, 0x80, 0xff};
    for (size_t i = 0; i < saved.size; i++) {
        char kept = saved.data[i];
        for (size_t j = 0; j < sizeof with; j++) {
            saved.data[i] = (char)with[j];
            ll_status status = mime_index_open(&index, NULL, text_span(&saved));
            assert_true(status == LL_OK || status == LL_ECORRUPT || status == LL_EVERSION);
            assert_true((index != NULL) == (status == LL_OK));
            mime_index_del(&index);
        }
        saved.data[i] = kept;
        assert_int_equal(mime_index_open(&index, NULL, span_first(text_span(&saved), i)), LL_ECORRUPT);
    }
    text_add_byte(&saved, 0);
    assert_int_equal(mime_index_open(&index, NULL, text_span(&saved)), LL_ECORRUPT);
    saved.data[0] = mime_index_version + 1;
    assert_int_equal(mime_index_open(&index, NULL, text_span(&saved)), LL_EVERSION);
    text_fini(&saved);
}

/* Every allocation fails once. */
typedef struct failing {
    int left;
} failing;

static void *failing_resize(void *context, void *memory, size_t size)
{
    failing *f = context;
    if (size == 0) {
        free(memory);
        return NULL;
    }
    return f->left-- > 0 ? realloc(memory, size) : NULL;
}

static void test_no_memory(void **state)
{
    (void)state;
    ll_status status = LL_ENOMEM;
    for (int n = 0; status; n++) {
        assert_true(n < 1000);
        failing f = {n};
        ll_allocator allocator = {failing_resize, &f};
        text saved;
        text_init(&saved, &allocator, mime_saved_max);
        mime_index *index = NULL;
        status = mime_indexer_whole(&allocator, SPAN(message), &saved);
        if (!status)
            status = mime_index_open(&index, &allocator, text_span(&saved));
        assert_true(status == LL_OK || status == LL_ENOMEM);
        mime_index_del(&index);
        text_fini(&saved);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_facts), cmocka_unit_test(test_find),
                                       cmocka_unit_test(test_damage), cmocka_unit_test(test_no_memory)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
