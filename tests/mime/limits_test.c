/* limits_test.c - beyond each ceiling of the indexer the rest is opaque, and the index still opens.
 * SPDX-License-Identifier: MIT */
#include "index_helper.h"

static mime_index *index_of(const text *message, text *saved)
{
    mime_index *index;
    assert_int_equal(text_status(message), LL_OK);
    make_saved(text_span(message), message->size + 1, saved);
    text again;
    make_saved(text_span(message), 1000, &again);
    assert_true(span_equal(text_span(saved), text_span(&again)));
    text_fini(&again);
    assert_int_equal(mime_index_open(&index, NULL, text_span(saved)), LL_OK);
    return index;
}

static void test_depth(void **state)
{
    (void)state;
    text message, saved;
    text_init(&message, NULL, 1 << 20);
    for (int i = 0; i < 200; i++)
        text_print(&message, "Content-Type: multipart/mixed; boundary=b%03d\r\n\r\n--b%03d\r\n", i, i);
    mime_index *index = index_of(&message, &saved);
    assert_int_equal(mime_index_parts(index), mime_depth_max + 1);
    const mime_part *last = mime_index_part(index, mime_depth_max);
    assert_int_equal(last->depth, mime_depth_max);
    assert_int_equal(last->kind, MIME_LEAF);
    assert_true(mime_part_is(last, "application", "octet-stream"));
    assert_int_equal(last->body_offset + last->body_size, message.size);
    mime_index_del(&index);
    text_fini(&saved);

    text_clear(&message);
    for (int i = 0; i < 200; i++)
        text_add_str(&message, "Content-Type: message/rfc822\r\n\r\n");
    index = index_of(&message, &saved);
    assert_int_equal(mime_index_parts(index), mime_depth_max + 1);
    mime_index_del(&index);
    text_fini(&saved);
    text_fini(&message);
}

static void test_parts(void **state)
{
    (void)state;
    text message, saved;
    text_init(&message, NULL, 1 << 20);
    text_add_str(&message, "Content-Type: multipart/mixed; boundary=b\n\n");
    for (int i = 0; i < 2 * mime_parts_max; i++)
        text_add_str(&message, "--b\n\nx\n");
    mime_index *index = index_of(&message, &saved);
    assert_int_equal(mime_index_parts(index), mime_parts_max);
    const mime_part *last = mime_index_part(index, mime_parts_max - 1);
    assert_int_equal(last->body_offset + last->body_size, message.size); /* the rest is its content */
    mime_index_del(&index);
    text_fini(&saved);
    text_fini(&message);
}

static void test_facts(void **state)
{
    (void)state;
    text message, saved;
    text_init(&message, NULL, 8 << 20);
    text_add_str(&message, "Content-Type: multipart/mixed; boundary=b\n\n");
    for (int i = 0; i < 100; i++) {
        text_add_str(&message, "--b\nContent-Description: ");
        for (int j = 0; j < 600; j++)
            text_add_str(&message, "fifty bytes of text are this string with its space \n");
        text_add_str(&message, "\nx\n");
        if (i == 0)
            continue;
    }
    mime_index *index = index_of(&message, &saved);
    mime_index_del(&index);
    text_fini(&saved);

    text_clear(&message);
    text_add_str(&message, "Content-Type: multipart/mixed; boundary=b\n\n");
    for (int i = 0; i < 100; i++) {
        text_add_str(&message, "--b\nContent-Description: ");
        for (int j = 0; j < 1000; j++)
            text_add_str(&message, "fifty bytes of text are this string with its space ");
        text_add_str(&message, "\n\nx\n");
    }
    index = index_of(&message, &saved);
    uint32_t parts = mime_index_parts(index);
    assert_in_range(parts, 30, 60); /* 2 MB of 51,000 each */
    const mime_part *last = mime_index_part(index, parts - 1);
    assert_true(mime_part_is(last, "application", "octet-stream"));
    assert_int_equal(last->body_offset + last->body_size, message.size);
    mime_index_del(&index);
    text_fini(&saved);
    text_fini(&message);
}

static void test_long_field(void **state)
{
    (void)state;
    text message, saved;
    text_init(&message, NULL, 4 << 20);
    text_add_str(&message, "Subject: ");
    for (int i = 0; i < 20000; i++)
        text_add_str(&message, "ten bytes ");
    text_add_str(&message, "\r\nTo: ");
    for (int i = 0; i < 20000; i++)
        text_print(&message, "user%d@example.com,\r\n ", i);
    text_add_str(&message, "\r\nContent-Type: text/html");
    for (int i = 0; i < 1000; i++)
        text_print(&message, ";\r\n p%d=%d", i, i);
    text_add_str(&message, "\r\nFrom: a@b\r\n\r\nx");
    mime_index *index = index_of(&message, &saved);
    const mime_part *root = mime_index_root(index);
    assert_int_equal(root->envelope->subject.size, mime_line_bytes_max - 9);
    assert_in_range(root->envelope->to.count, 5000, mime_addresses_max);
    assert_int_equal(root->params_count, mime_params_max);
    assert_int_equal(root->envelope->from.count, 1);
    assert_int_equal(root->body_size, 1);
    mime_index_del(&index);
    text_fini(&saved);
    text_fini(&message);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_depth), cmocka_unit_test(test_parts),
                                       cmocka_unit_test(test_facts), cmocka_unit_test(test_long_field)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
