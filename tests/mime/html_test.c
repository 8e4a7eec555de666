/* html_test.c - HTML to text, whole and byte by byte.
 * SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mime/html.h"

static void check(const char *html, const char *want)
{
    for (size_t piece = 1; piece < 100; piece += 98) {
        mime_html h = {0};
        text got;
        text_init(&got, NULL, 1 << 16);
        for (ll_span rest = span_str(html); rest.size; rest = span_from(rest, piece))
            mime_html_push(&h, span_first(rest, piece), &got);
        mime_html_finish(&h, &got);
        assert_string_equal(text_str(&got), want);
        text_fini(&got);
    }
}

static void test_text(void **state)
{
    (void)state;
    check("", "");
    check("plain", "plain");
    check("  a \r\n b  ", "a b");
    check("<p>one</p><p>two</p>", "one\ntwo");
    check("<b>bo</b>ld <i>x</i>y", "bold xy");
    check("a<br>b<br/>c", "a\nb\nc");
    check("<table><tr><td>1</td><td>2</td></tr></table>", "1 2");
    check("x<!-- <p>hidden</p> -- > -->y<!doctype html><?xml ?>z", "xyz");
    check("<!-->x", "x");
    check("<style>p{}</style>a<SCRIPT type=\"x\">if (a<b) x='</p>'; </scr</script>b", "a\nb");
    check("<img alt='a &amp; picture' src=\"a>b\">c", "a & picture c");
    check("<a href=\"x\" title=t>l</a>", "t l");
    check("1 < 2 & 3 > 2", "1 < 2 & 3 > 2");
    check("<", "<");
    check("</", "</");
    check("a</>b<a", "ab");
    check("<averyveryverylongelementname x>y", "y");
    check("h\xc3\xa9<b>\xe2\x82\xac</b>", "h\xc3\xa9\xe2\x82\xac");
}

static void test_references(void **state)
{
    (void)state;
    check("&lt;p&gt; &amp;amp; &eacute;&Eacute; &#233;&#xE9;&#XE9;",
          "<p> &amp; \xc3\xa9\xc3\x89 \xc3\xa9\xc3\xa9\xc3\xa9");
    check("a&nbsp;b&#160;c&shy;d", "a b cd");
    check("&euro &copy;", "\xe2\x82\xac \xc2\xa9");
    check("&unknown; &; &#; &#x; &#99999999; &#0;", "&unknown; &; &#; &#x; \xef\xbf\xbd \xef\xbf\xbd");
    check("&#128;", "\xe2\x82\xac");
    check("&zwnj;&aring;&zeta;", "\xc3\xa5\xce\xb6");
    check("&aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa;",
          "&aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa;");
    check("&am", "&am");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_text), cmocka_unit_test(test_references)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
