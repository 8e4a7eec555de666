/* indexer_test.c - the ranges and line counts of messages whole and broken.
 * SPDX-License-Identifier: MIT
 *
 * '|' is a line end, the number behind a range its lines. */
#include "index_helper.h"

static void test_plain(void **state)
{
    (void)state;
    check_index("", "leaf text/plain []0 []0\n");
    check_index("\n", "leaf text/plain [|]1 []0\n");
    check_index("Subject: x\n\nbody\n", "leaf text/plain [Subject: x||]2 [body|]1\n");
    check_index("Subject: x\n\nbody", "leaf text/plain [Subject: x||]2 [body]0\n");
    check_index("Subject: x\n\n", "leaf text/plain [Subject: x||]2 []0\n");
    check_index("Subject: x\n", "leaf text/plain [Subject: x|]1 []0\n");
    check_index("Subject: x", "leaf text/plain [Subject: x]0 []0\n");
    check_index("Subject: x\n y\n\n\n--\n-- \n--a\n", "leaf text/plain [Subject: x| y||]3 [|--|-- |--a|]4\n");
    check_index("content-TYPE: TEXT/Html\n\n<p>\n", "leaf TEXT/Html [content-TYPE: TEXT/Html||]2 [<p>|]1\n");
}

static void test_header_less(void **state)
{
    (void)state;
    check_index("just text\nmore: text\n\nend", "leaf text/plain []0 [just text|more: text||end]3\n");
    check_index(" space first\nSubject: x\n\n", "leaf text/plain []0 [ space first|Subject: x||]3\n");
    check_index("From a@b Mon Jan 1\nSubject: x\n\nb\n", "leaf text/plain [From a@b Mon Jan 1|Subject: x||]3 [b|]1\n");
    check_index("From : a@b\n c\nSubject: x\n\nb\n", "leaf text/plain [From : a@b| c|Subject: x||]4 [b|]1\n");
    check_index("From here on\nthere is text\n\nb\n", "leaf text/plain []0 [From here on|there is text||b|]4\n");
    check_index("From here on", "leaf text/plain []0 [From here on]0\n");
    check_index("From here on\n", "leaf text/plain []0 [From here on|]1\n");
    check_index("Subject: x\ngarbage\nContent-Type: text/html\n\nb",
                "leaf text/html [Subject: x|garbage|Content-Type: text/html||]4 [b]0\n");
    check_index("Subject : x\nContent-Type : text/html\n\nb",
                "leaf text/html [Subject : x|Content-Type : text/html||]3 [b]0\n");
}

#define MIXED "Content-Type: multipart/mixed; boundary=b\n\n"
#define HEAD  "[Content-Type: multipart/mixed; boundary=b||]2 "

static void test_multipart(void **state)
{
    (void)state;
    check_index(MIXED "pre\n--b\n\none\n--b\nContent-Type: text/html\n\ntwo\n\n--b--\nepi\n",
                "multipart multipart/mixed " HEAD "[pre|--b||one|--b|Content-Type: text/html||two||--b--|epi|]11\n"
                ".leaf text/plain [|]1 [one]0\n"
                ".leaf text/html [Content-Type: text/html||]2 [two|]1\n");
    /* not closed; white space behind the boundary; the end at once */
    check_index(MIXED "--b  \n\none\n",
                "multipart multipart/mixed " HEAD "[--b  ||one|]3\n.leaf text/plain [|]1 [one|]1\n");
    check_index(MIXED "--b", "multipart multipart/mixed " HEAD "[--b]0\n.leaf text/plain []0 []0\n");
    check_index(MIXED "--b--", "leaf text/plain " HEAD "[--b--]0\n");
    check_index(MIXED "--b\n--b\n--b--\n", "multipart multipart/mixed " HEAD
                                           "[--b|--b|--b--|]3\n.leaf text/plain []0 []0\n.leaf text/plain []0 []0\n");
    /* a header that ends at a boundary; a part without header; one empty line is the header's end, its line end stays
     */
    check_index(MIXED "--b\nX: y\n--b\nno header\n--b\n\n--b--\n",
                "multipart multipart/mixed " HEAD "[--b|X: y|--b|no header|--b||--b--|]7\n"
                ".leaf text/plain [X: y]0 []0\n.leaf text/plain []0 [no header]0\n.leaf text/plain [|]1 []0\n");
    /* after the end nothing is a boundary */
    check_index(MIXED "--b\n\n1\n--b--\n--b\n\n2\n",
                "multipart multipart/mixed " HEAD "[--b||1|--b--|--b||2|]7\n.leaf text/plain [|]1 [1]0\n");
    /* no boundary, an empty one, none found */
    check_index("Content-Type: multipart/mixed\n\n--\nx\n",
                "leaf text/plain [Content-Type: multipart/mixed||]2 [--|x|]2\n");
    check_index("Content-Type: multipart/x; boundary=\"\"\n\n--\nx\n",
                "leaf text/plain [Content-Type: multipart/x; boundary=\"\"||]2 [--|x|]2\n");
    check_index(MIXED "text\n", "leaf text/plain " HEAD "[text|]1\n");
    /* the first of two fields counts */
    check_index("Content-Type: text/html\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\n",
                "leaf text/html [Content-Type: text/html|Content-Type: multipart/mixed; boundary=b||]3 [--b||]2\n");
}

static void test_nested(void **state)
{
    (void)state;
    /* the outer boundary is the beginning of the inner one, and the other way round */
    check_index(
        MIXED "--b\nContent-Type: multipart/alternative; boundary=bb\n\n--bb\n\nx\n--bb--\n--b--\n",
        "multipart multipart/mixed " HEAD
        "[--b|Content-Type: multipart/alternative; boundary=bb||--bb||x|--bb--|--b--|]8\n"
        ".multipart multipart/alternative [Content-Type: multipart/alternative; boundary=bb||]2 [--bb||x|--bb--]3\n"
        "..leaf text/plain [|]1 [x]0\n");
    check_index("Content-Type: multipart/mixed; boundary=bb\n\n--bb\nContent-Type: multipart/x; boundary=b\n\n"
                "--b\n\nx\n--bb\n\ny\n--bb--\n",
                "multipart multipart/mixed [Content-Type: multipart/mixed; boundary=bb||]2 "
                "[--bb|Content-Type: multipart/x; boundary=b||--b||x|--bb||y|--bb--|]10\n"
                ".multipart multipart/x [Content-Type: multipart/x; boundary=b||]2 [--b||x]2\n"
                "..leaf text/plain [|]1 [x]0\n"
                ".leaf text/plain [|]1 [y]0\n");
    /* the inner one is not closed; it ends right behind its first boundary, or behind its part's header */
    check_index(MIXED "--b\nContent-Type: multipart/x; boundary=i\n\n--i\n--b--\n",
                "multipart multipart/mixed " HEAD "[--b|Content-Type: multipart/x; boundary=i||--i|--b--|]5\n"
                ".multipart multipart/x [Content-Type: multipart/x; boundary=i||]2 [--i]0\n"
                "..leaf text/plain []0 []0\n");
    check_index(MIXED "--b\nContent-Type: multipart/x; boundary=i\n\n--i\nX: y\n\n--b--\n",
                "multipart multipart/mixed " HEAD "[--b|Content-Type: multipart/x; boundary=i||--i|X: y||--b--|]7\n"
                ".multipart multipart/x [Content-Type: multipart/x; boundary=i||]2 [--i|X: y||]3\n"
                "..leaf text/plain [X: y||]2 []0\n");
}

/* A boundary ends the header after a "From " line that nothing followed: what is known of that header must not reach
 * the next part that a boundary ends. */
static void test_from_at_boundary(void **state)
{
    (void)state;
    check_index(MIXED "--b\nFrom x\n--b\nX: y\n\nz\n--b--\n",
                "multipart multipart/mixed " HEAD "[--b|From x|--b|X: y||z|--b--|]7\n"
                ".leaf text/plain []0 [From x]0\n.leaf text/plain [X: y||]2 [z]0\n");
    /* the inner multipart closes there, and the outer boundary of the same name ends it (found by fuzzing) */
    check_index(MIXED "--b\nContent-Type: multipart/x; boundary=b\n\n--b\nFrom x\n--b--\n--b",
                "multipart multipart/mixed " HEAD "[--b|Content-Type: multipart/x; boundary=b||--b|From x|--b--|--b]6\n"
                ".multipart multipart/x [Content-Type: multipart/x; boundary=b||]2 [--b|From x|--b--]2\n"
                "..leaf text/plain []0 [From x]0\n.leaf text/plain []0 []0\n");
    check_index("Content-Type: multipart/digest; boundary=b\n\n--b\nFrom x\n--b--\nepilogue\n",
                "multipart multipart/digest [Content-Type: multipart/digest; boundary=b||]2 "
                "[--b|From x|--b--|epilogue|]4\n"
                ".message message/rfc822 []0 [From x]0\n..leaf text/plain []0 [From x]0\n");
}

#define RFC822      "Content-Type: message/rfc822\n\n"
#define RFC822_HEAD "[Content-Type: message/rfc822||]2 "

static void test_message(void **state)
{
    (void)state;
    check_index(RFC822 "Subject: x\n\nbody\n", "message message/rfc822 " RFC822_HEAD "[Subject: x||body|]3\n"
                                               ".leaf text/plain [Subject: x||]2 [body|]1\n");
    check_index(RFC822 "no header\n",
                "message message/rfc822 " RFC822_HEAD "[no header|]1\n.leaf text/plain []0 [no header|]1\n");
    check_index("Content-Type: message/global\n\nSubject: x\n\nbody\n",
                "message message/global [Content-Type: message/global||]2 [Subject: x||body|]3\n"
                ".leaf text/plain [Subject: x||]2 [body|]1\n");
    check_index("Content-Type: message/global\nContent-Transfer-Encoding: base64\n\nQQ==\n",
                "leaf message/global [Content-Type: message/global|Content-Transfer-Encoding: base64||]3 [QQ==|]1\n");
    check_index(RFC822, "message message/rfc822 " RFC822_HEAD "[]0\n.leaf text/plain []0 []0\n");
    check_index(MIXED "--b\nContent-Type: message/rfc822\n\n--b\nContent-Type: message/rfc822\n\nSubject: x\n--b--\n",
                "multipart multipart/mixed " HEAD
                "[--b|Content-Type: message/rfc822||--b|Content-Type: message/rfc822||Subject: x|--b--|]8\n"
                ".message message/rfc822 " RFC822_HEAD "[]0\n..leaf text/plain []0 []0\n"
                ".message message/rfc822 " RFC822_HEAD "[Subject: x]0\n..leaf text/plain [Subject: x]0 []0\n");
    check_index(MIXED "--b\nContent-Type: message/rfc822\n--b--\n",
                "multipart multipart/mixed " HEAD "[--b|Content-Type: message/rfc822|--b--|]3\n"
                ".message message/rfc822 [Content-Type: message/rfc822]0 []0\n..leaf text/plain []0 []0\n");
    /* a digest's parts are messages, whatever begins them */
    check_index("Content-Type: multipart/digest; boundary=d\n\n--d\n\nSubject: x\n\nb\n--d\nno header\n--d\n"
                "Content-Type: text/html\n\nh\n--d\nFrom here\nto there\n--d--\n",
                "multipart multipart/digest [Content-Type: multipart/digest; boundary=d||]2 "
                "[--d||Subject: x||b|--d|no header|--d|Content-Type: text/html||h|--d|From here|to there|--d--|]15\n"
                ".message message/rfc822 [|]1 [Subject: x||b]2\n..leaf text/plain [Subject: x||]2 [b]0\n"
                ".message message/rfc822 []0 [no header]0\n..leaf text/plain []0 [no header]0\n"
                ".leaf text/html [Content-Type: text/html||]2 [h]0\n"
                ".message message/rfc822 []0 [From here|to there]1\n..leaf text/plain []0 [From here|to there]1\n");
}

static void test_odd_bytes(void **state)
{
    (void)state;
    static const char message[] = "Subject: a\0b\r\rc\r\n d\r\nX\0: y\r\n\r\nb\0\r\r\n";
    text saved, got;
    text_init(&got, NULL, 4096);
    mime_index *index = make_index(SPAN(message), &saved);
    print_index(index, SPAN(message), &got);
    assert_string_equal(text_str(&got), "leaf text/plain [Subject: a0bc| d|X0: y||]4 [b0|]1\n");
    ll_span subject = mime_index_root(index)->envelope->subject;
    assert_true(span_equal(subject, SPAN("abc d")));
    mime_index_del(&index);
    text_fini(&saved);
    text_fini(&got);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain),
        cmocka_unit_test(test_header_less),
        cmocka_unit_test(test_multipart),
        cmocka_unit_test(test_nested),
        cmocka_unit_test(test_message),
        cmocka_unit_test(test_odd_bytes),
        cmocka_unit_test(test_from_at_boundary),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
