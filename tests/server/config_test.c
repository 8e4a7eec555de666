/* config_test.c - settings: every type, every fault at once, and the printed file parses to itself.
 * SPDX-License-Identifier: MIT */
#include "server/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static void parse(const char *content, ll_status want, const char *want_errors)
{
    config c;
    text errors;
    text_init(&errors, NULL, 65536);
    assert_int_equal(config_init(&c), LL_OK);
    assert_int_equal(config_parse(&c, span_str(content), "f", &errors), want);
    assert_string_equal(text_str(&errors), want_errors);
    text_fini(&errors);
    config_fini(&c);
}

static void test_defaults(void **state)
{
    (void)state;
    config c;
    assert_int_equal(config_init(&c), LL_OK);
    assert_int_equal(c.message_size, 50 * 1048576);
    assert_int_equal(c.vault_grace, 60000);
    assert_int_equal(c.login_failure_delay, 1500);
    assert_string_equal(c.listen_imaps, "*:993");
    config_fini(&c);
}

static void test_values(void **state)
{
    (void)state;
    config c;
    text errors;
    text_init(&errors, NULL, 65536);
    assert_int_equal(config_init(&c), LL_OK);
    const char *file = "# comment\n\n hostname =  mail.example.org \r\nmessage_size=2G\n";
    assert_int_equal(config_parse(&c, span_str(file), "f", &errors), LL_EINVAL);
    assert_string_equal(text_str(&errors), "f:4: message_size must be from 64K to 1G\n");
    assert_string_equal(c.hostname, "mail.example.org");
    text_clear(&errors);
    assert_int_equal(
        config_parse(&c, SPAN("message_size = 1G\nvault_grace = 2m\nimap_idle = 1h\nworkers = 3\n"), "f", &errors),
        LL_OK);
    assert_int_equal(c.message_size, 1073741824);
    assert_int_equal(c.vault_grace, 120000);
    assert_int_equal(c.imap_idle, 3600000);
    assert_int_equal(c.workers, 3);
    text_fini(&errors);
    config_fini(&c);
}

static void test_faults_all_at_once(void **state)
{
    (void)state;
    parse(
        "nonsense\nhostnam = x\nworkers = many\nworkers = 4\nlisten_smtp = 127.0.0.1\n", LL_EINVAL,
        "f:1: a line must be `name = value`\n"
        "f:2: there is no setting \"hostnam\"; `letterlock config` lists them all\n"
        "f:3: workers must be a number, not \"many\"\n"
        "f:4: workers is set a second time\n"
        "f:5: listen_smtp must be addresses with port, such as 127.0.0.1:25 or [::1]:25 or *:25, not \"127.0.0.1\"\n");
}

static void test_types(void **state)
{
    (void)state;
    static const struct {
        const char *name, *value;
        ll_status want;
    } rows[] = {
        {"workers", "0", LL_EINVAL},
        {"workers", "256", LL_OK},
        {"workers", "257", LL_EINVAL},
        {"workers", "1K", LL_EINVAL},
        {"workers", "", LL_EINVAL},
        {"workers", "-1", LL_EINVAL},
        {"quota", "0", LL_OK},
        {"quota", "10G", LL_OK},
        {"quota", "99999999999999999999", LL_EINVAL},
        {"quota", "20000000000G", LL_EINVAL},
        {"vault_grace", "0", LL_OK},
        {"vault_grace", "5", LL_EINVAL},
        {"vault_grace", "5s", LL_OK},
        {"vault_grace", "5x", LL_EINVAL},
        {"listen_smtp", "", LL_OK},
        {"listen_smtp", "[::1]:25 *:26", LL_OK},
        {"listen_smtp", "::1:25", LL_EINVAL},
        {"listen_smtp", "a:0", LL_EINVAL},
        {"listen_smtp", "a:65536", LL_EINVAL},
        {"listen_smtp", ":25", LL_EINVAL},
        {"no_such", "1", LL_ENOTFOUND},
    };
    config c;
    assert_int_equal(config_init(&c), LL_OK);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        text error;
        text_init(&error, NULL, 4096);
        ll_status got = config_set(&c, span_str(rows[i].name), span_str(rows[i].value), &error);
        if (got != rows[i].want)
            fail_msg("%s = %s: %s", rows[i].name, rows[i].value, ll_status_name(got));
        assert_int_equal(error.size > 0, rows[i].want != LL_OK);
        text_fini(&error);
    }
    config_fini(&c);
}

static void test_listen_next(void **state)
{
    (void)state;
    ll_span rest = SPAN(" 127.0.0.1:25   [::1]:26 *:27 ");
    char address[64];
    uint16_t port;
    assert_true(config_listen_next(&rest, address, &port));
    assert_string_equal(address, "127.0.0.1");
    assert_int_equal(port, 25);
    assert_true(config_listen_next(&rest, address, &port));
    assert_string_equal(address, "::1");
    assert_true(config_listen_next(&rest, address, &port));
    assert_string_equal(address, "*");
    assert_int_equal(port, 27);
    assert_false(config_listen_next(&rest, address, &port));
}

/* What is printed parses, without a fault, to the same values. */
static void test_print_parses(void **state)
{
    (void)state;
    config a, b;
    text file, errors, again;
    text_init(&file, NULL, 1 << 20);
    text_init(&again, NULL, 1 << 20);
    text_init(&errors, NULL, 65536);
    assert_int_equal(config_init(&a), LL_OK);
    assert_int_equal(config_init(&b), LL_OK);
    assert_int_equal(config_set(&a, SPAN("quota"), SPAN("1234567"), &errors), LL_OK);
    assert_int_equal(config_set(&a, SPAN("vault_grace"), SPAN("1500ms"), &errors), LL_OK);
    config_print(&a, &file);
    assert_int_equal(config_parse(&b, text_span(&file), "f", &errors), LL_OK);
    config_print(&b, &again);
    assert_string_equal(text_str(&file), text_str(&again));
    assert_int_equal(b.quota, 1234567);
    text_fini(&file);
    text_fini(&again);
    text_fini(&errors);
    config_fini(&a);
    config_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults), cmocka_unit_test(test_values),      cmocka_unit_test(test_faults_all_at_once),
        cmocka_unit_test(test_types),    cmocka_unit_test(test_listen_next), cmocka_unit_test(test_print_parses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
