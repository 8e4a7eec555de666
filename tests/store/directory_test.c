/* directory_test.c - domains, aliases, slots, settings; from many threads; after a reopen.
 * SPDX-License-Identifier: MIT */
#include "scratch.h"

#include "keys/random.h"
#include "store/db.h"
#include "store/directory.h"

#include <pthread.h>

static const uint8_t key[KEYS_KEY] = "0123456789abcdef0123456789abcde";
static const uint8_t other_key[KEYS_KEY] = "0123456789abcdef0123456789abcdX";

typedef struct fixture {
    scratch scratch;
    directory *d;
} fixture;

static void fixture_init(fixture *f)
{
    scratch_init(&f->scratch);
    assert_int_equal(directory_open(&f->d, scratch_path(&f->scratch, "d.sqlite"), key, DB_CREATE, NULL), LL_OK);
    assert_int_equal(directory_domain_add(f->d, SPAN("Example.COM"), 1000), LL_OK);
}

static void fixture_reopen(fixture *f)
{
    directory_close(&f->d);
    assert_int_equal(directory_open(&f->d, scratch_path(&f->scratch, "d.sqlite"), key, 0, NULL), LL_OK);
}

static void fixture_fini(fixture *f)
{
    directory_close(&f->d);
    scratch_fini(&f->scratch);
}

static directory_alias make_alias(const char *local, const char *domain)
{
    directory_alias a = {.quota_bytes = 5000000000, .created = 1234};
    random_id(a.id);
    random_id(a.vault);
    random_bytes(a.drop_public, sizeof a.drop_public);
    slot_salts_make(&a.salts);
    snprintf(a.local, sizeof a.local, "%s", local);
    snprintf(a.domain, sizeof a.domain, "%s", domain);
    return a;
}

/* Of random bytes: the directory does not look into it. */
static directory_slot make_slot(const char *label, int64_t created)
{
    directory_slot s = {.created = created};
    s.slot.kind = SLOT_GENERATED;
    random_id(s.slot.id);
    random_bytes(s.slot.wrapped, sizeof s.slot.wrapped);
    random_bytes(s.slot.stored_key, sizeof s.slot.stored_key);
    random_bytes(s.slot.server_key, sizeof s.slot.server_key);
    s.slot.wrapped[0] = 1; /* version */
    snprintf(s.label, sizeof s.label, "%s", label);
    return s;
}

static void domains(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        ll_status want;
    } cases[] = {
        {"example.com", LL_EEXISTS},
        {"EXAMPLE.com", LL_EEXISTS},
        {"a.example", LL_OK},
        {"xn--bcher-kva.example", LL_OK},
        {"", LL_EINVAL},
        {"example.com.", LL_EINVAL},
        {".example", LL_EINVAL},
        {"a..b", LL_EINVAL},
        {"-a.example", LL_EINVAL},
        {"a-.example", LL_EINVAL},
        {"a_b.example", LL_EINVAL},
        {"b\xc3\xbc"
         "cher.example",
         LL_EINVAL},
        {"[192.0.2.1]", LL_EINVAL},
        {"localhost", LL_OK},
        {"a123456789012345678901234567890123456789012345678901234567890123.example", LL_EINVAL},
    };
    fixture f;
    fixture_init(&f);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(directory_domain_add(f.d, span_str(cases[i].name), 1), cases[i].want);
    }
    assert_int_equal(directory_domain_find(f.d, SPAN("eXample.com")), LL_OK);
    assert_int_equal(directory_domain_find(f.d, SPAN("example.org")), LL_ENOTFOUND);
    assert_int_equal(directory_domain_find(f.d, SPAN("..")), LL_ENOTFOUND);
    char names[3][DIRECTORY_DOMAIN_MAX + 1];
    size_t count;
    assert_int_equal(directory_domain_list(f.d, SPAN(""), names, 3, &count), LL_OK);
    assert_int_equal(count, 3);
    assert_string_equal(names[0], "a.example");
    assert_string_equal(names[2], "localhost");
    assert_int_equal(directory_domain_list(f.d, span_str(names[2]), names, 3, &count), LL_OK);
    assert_int_equal(count, 1);
    assert_string_equal(names[0], "xn--bcher-kva.example");
    directory_alias a = make_alias("user", "localhost");
    assert_int_equal(directory_alias_add(f.d, &a, NULL, 0), LL_OK);
    assert_int_equal(directory_domain_remove(f.d, SPAN("localhost")), LL_EDENIED);
    assert_int_equal(directory_domain_remove(f.d, SPAN("a.example")), LL_OK);
    assert_int_equal(directory_domain_remove(f.d, SPAN("a.example")), LL_ENOTFOUND);
    fixture_fini(&f);
}

static void aliases_are_found_by_address(void **state)
{
    (void)state;
    static const struct {
        const char *address, *local;
    } cases[] = {
        {"anna@example.com", "anna"},
        {"ANNA@EXAMPLE.COM", "anna"},
        {"anna+lists@example.com", "anna"},
        {"Anna+shop@example.com", "anna+shop"},
        {"anna+a+b@example.com", "anna"},
        {"+tag@example.com", NULL},
        {"anna@example.org", NULL},
        {"bert@example.com", NULL},
        {"anna", NULL},
        {"@example.com", NULL},
        {"anna@", NULL},
        {"", NULL},
        {"\"odd@name\"@example.com", NULL},
        {"odd@name@example.com", "odd@name"},
        {"a\ranna@example.com", NULL},
        {"annaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@example.com", NULL},
    };
    fixture f;
    fixture_init(&f);
    directory_alias anna = make_alias("Anna", "example.com"), shop = make_alias("anna+shop", "Example.com"),
                    odd = make_alias("odd@name", "example.com"), got;
    assert_int_equal(directory_alias_add(f.d, &anna, NULL, 0), LL_OK);
    assert_int_equal(directory_alias_add(f.d, &shop, NULL, 0), LL_OK);
    assert_int_equal(directory_alias_add(f.d, &odd, NULL, 0), LL_OK);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ll_status status = directory_alias_find(f.d, span_str(cases[i].address), &got);
        assert_int_equal(status, cases[i].local ? LL_OK : LL_ENOTFOUND);
        if (cases[i].local) {
            assert_string_equal(got.local, cases[i].local);
            assert_string_equal(got.domain, "example.com");
        }
    }
    fixture_fini(&f);
}

static void aliases_keep_everything(void **state)
{
    (void)state;
    fixture f;
    fixture_init(&f);
    directory_alias a = make_alias("anna", "example.com"), got;
    directory_slot slots[2] = {make_slot("first", 10), make_slot("second", 20)}, listed[SLOT_COUNT_MAX];
    size_t count;
    assert_int_equal(directory_alias_add(f.d, &a, slots, 2), LL_OK);
    fixture_reopen(&f);
    assert_int_equal(directory_alias_get(f.d, a.id, &got), LL_OK);
    assert_memory_equal(got.vault, a.vault, sizeof a.vault);
    assert_memory_equal(got.drop_public, a.drop_public, sizeof a.drop_public);
    assert_memory_equal(&got.salts, &a.salts, sizeof a.salts);
    assert_int_equal(got.quota_bytes, a.quota_bytes);
    assert_int_equal(got.created, 1234);
    assert_false(got.disabled);
    assert_int_equal(directory_slot_list(f.d, a.id, listed, &count), LL_OK);
    assert_int_equal(count, 2);
    assert_string_equal(listed[1].label, "second");
    assert_memory_equal(&listed[0].slot, &slots[0].slot, sizeof slots[0].slot);
    /* conflicts */
    directory_alias b = make_alias("ANNA", "example.com");
    assert_int_equal(directory_alias_add(f.d, &b, NULL, 0), LL_EEXISTS);
    b = make_alias("bert", "example.net");
    assert_int_equal(directory_alias_add(f.d, &b, NULL, 0), LL_ENOTFOUND);
    b = make_alias("bert", "example.com");
    memcpy(b.vault, a.vault, sizeof b.vault);
    assert_int_equal(directory_alias_add(f.d, &b, NULL, 0), LL_EEXISTS);
    b = make_alias("", "example.com");
    assert_int_equal(directory_alias_add(f.d, &b, NULL, 0), LL_EINVAL);
    b = make_alias("bert", "example.com"); /* its second slot clashes: nothing of it is there */
    directory_slot twice[2] = {slots[0], slots[0]};
    assert_int_equal(directory_alias_add(f.d, &b, twice, 2), LL_EEXISTS);
    assert_int_equal(directory_alias_get(f.d, b.id, &got), LL_ENOTFOUND);
    /* changes */
    assert_int_equal(directory_alias_quota(f.d, a.id, 77), LL_OK);
    assert_int_equal(directory_alias_disable(f.d, a.id, true), LL_OK);
    assert_int_equal(directory_alias_quota(f.d, b.id, 77), LL_ENOTFOUND);
    assert_int_equal(directory_alias_get(f.d, a.id, &got), LL_OK);
    assert_int_equal(got.quota_bytes, 77);
    assert_true(got.disabled);
    uint64_t aliases;
    assert_int_equal(directory_alias_count(f.d, &aliases), LL_OK);
    assert_int_equal(aliases, 1);
    assert_int_equal(directory_alias_remove(f.d, a.id), LL_OK);
    assert_int_equal(directory_alias_remove(f.d, a.id), LL_ENOTFOUND);
    assert_int_equal(directory_slot_list(f.d, a.id, listed, &count), LL_OK);
    assert_int_equal(count, 0);
    fixture_fini(&f);
}

static void aliases_are_listed_in_pages(void **state)
{
    (void)state;
    fixture f;
    fixture_init(&f);
    for (int i = 0; i < 7; i++) {
        char local[8];
        snprintf(local, sizeof local, "user%d", 6 - i);
        directory_alias a = make_alias(local, "example.com");
        assert_int_equal(directory_alias_add(f.d, &a, NULL, 0), LL_OK);
    }
    directory_alias page[3];
    size_t count, total = 0;
    char after[DIRECTORY_LOCAL_MAX + 1] = "";
    do {
        assert_int_equal(directory_alias_list(f.d, SPAN("EXAMPLE.com"), span_str(after), page, 3, &count), LL_OK);
        for (size_t i = 0; i < count; i++) {
            char want[8];
            snprintf(want, sizeof want, "user%d", (int)(total + i));
            assert_string_equal(page[i].local, want);
            strcpy(after, page[i].local);
        }
        total += count;
    } while (count);
    assert_int_equal(total, 7);
    fixture_fini(&f);
}

static void slots(void **state)
{
    (void)state;
    fixture f;
    fixture_init(&f);
    directory_alias a = make_alias("anna", "example.com");
    directory_slot first = make_slot("first", 10), second = make_slot("second", 20), third = make_slot("third", 30),
                   listed[SLOT_COUNT_MAX];
    size_t count;
    assert_int_equal(directory_alias_add(f.d, &a, &first, 1), LL_OK);
    assert_int_equal(directory_slot_remove(f.d, a.id, first.slot.id), LL_EDENIED); /* the last one */
    assert_int_equal(directory_slot_replace(f.d, a.id, third.slot.id, &second), LL_ENOTFOUND);
    assert_int_equal(directory_slot_replace(f.d, a.id, first.slot.id, &second), LL_OK);
    fixture_reopen(&f);
    assert_int_equal(directory_slot_list(f.d, a.id, listed, &count), LL_OK);
    assert_int_equal(count, 1);
    assert_string_equal(listed[0].label, "second");
    assert_int_equal(directory_slot_add(f.d, a.id, &third), LL_OK);
    assert_int_equal(directory_slot_add(f.d, a.id, &third), LL_EEXISTS);
    /* a replacement that fails leaves the old one */
    assert_int_equal(directory_slot_replace(f.d, a.id, second.slot.id, &third), LL_EEXISTS);
    assert_int_equal(directory_slot_list(f.d, a.id, listed, &count), LL_OK);
    assert_int_equal(count, 2);
    assert_int_equal(directory_slot_remove(f.d, a.id, second.slot.id), LL_OK);
    assert_int_equal(directory_slot_remove(f.d, a.id, second.slot.id), LL_ENOTFOUND);
    /* touching, to the hour */
    assert_int_equal(directory_slot_touch(f.d, a.id, third.slot.id, 7300), LL_OK);
    assert_int_equal(directory_slot_touch(f.d, a.id, third.slot.id, 7400), LL_OK);
    assert_int_equal(directory_slot_touch(f.d, a.id, second.slot.id, 7400), LL_ENOTFOUND);
    assert_int_equal(directory_slot_list(f.d, a.id, listed, &count), LL_OK);
    assert_int_equal(listed[0].last_used, 7200);
    /* the ceiling, and an alias that is not there */
    for (int i = 1; i < SLOT_COUNT_MAX; i++) {
        directory_slot more = make_slot("more", 100 + i);
        assert_int_equal(directory_slot_add(f.d, a.id, &more), LL_OK);
    }
    assert_int_equal(directory_slot_add(f.d, a.id, &first), LL_ELIMIT);
    directory_alias nobody = make_alias("nobody", "example.com");
    assert_int_equal(directory_slot_add(f.d, nobody.id, &first), LL_ENOTFOUND);
    fixture_fini(&f);
}

static void settings(void **state)
{
    (void)state;
    fixture f;
    text t;
    fixture_init(&f);
    text_init(&t, NULL, 100000);
    assert_int_equal(directory_setting(f.d, SPAN("a"), &t), LL_ENOTFOUND);
    assert_int_equal(directory_setting_set(f.d, SPAN("a"), span_of("x\0y", 3)), LL_OK);
    assert_int_equal(directory_setting_set(f.d, SPAN("a"), span_of("x\0z", 3)), LL_OK);
    fixture_reopen(&f);
    assert_int_equal(directory_setting(f.d, SPAN("a"), &t), LL_OK);
    assert_true(span_equal(text_span(&t), span_of("x\0z", 3)));
    assert_int_equal(directory_setting_set(f.d, SPAN("a"), SPAN("")), LL_OK);
    assert_int_equal(directory_setting(f.d, SPAN("a"), &t), LL_ENOTFOUND);
    static char big[DIRECTORY_VALUE_MAX + 1];
    assert_int_equal(directory_setting_set(f.d, SPAN("b"), span_of(big, sizeof big)), LL_ELIMIT);
    assert_int_equal(directory_setting_set(f.d, SPAN("b"), span_of(big, sizeof big - 1)), LL_OK);
    text_fini(&t);
    fixture_fini(&f);
}

static void wrong_key_and_read_only(void **state)
{
    (void)state;
    fixture f;
    fixture_init(&f);
    directory *d;
    assert_int_equal(directory_open(&d, scratch_path(&f.scratch, "d.sqlite"), other_key, 0, NULL), LL_ECORRUPT);
    assert_null(d);
    assert_int_equal(directory_open(&d, scratch_path(&f.scratch, "none.sqlite"), key, 0, NULL), LL_ENOTFOUND);
    assert_int_equal(directory_open(&d, scratch_path(&f.scratch, "d.sqlite"), key, DB_READONLY, NULL), LL_OK);
    assert_int_equal(directory_domain_find(d, SPAN("example.com")), LL_OK);
    assert_int_equal(directory_domain_add(d, SPAN("example.org"), 1), LL_EREADONLY);
    assert_int_equal(directory_domain_add(f.d, SPAN("example.org"), 1), LL_OK);
    assert_int_equal(directory_domain_find(d, SPAN("example.org")), LL_OK);
    directory_close(&d);
    fixture_fini(&f);
}

typedef struct worker {
    directory *d;
    int number;
    int failures;
} worker;

static void *worker_run(void *self)
{
    worker *w = self;
    for (int i = 0; i < 10; i++) {
        char local[32], address[64];
        directory_alias got;
        snprintf(local, sizeof local, "user%d-%d", w->number, i);
        snprintf(address, sizeof address, "%s@example.com", local);
        directory_alias a = make_alias(local, "example.com");
        directory_slot first = make_slot("x", 1);
        w->failures += directory_alias_add(w->d, &a, &first, 1) != LL_OK;
        w->failures += directory_alias_find(w->d, span_str(address), &got) != LL_OK;
        w->failures += memcmp(got.id, a.id, sizeof a.id) != 0;
    }
    return NULL;
}

static void many_threads(void **state)
{
    (void)state;
    fixture f;
    fixture_init(&f);
    pthread_t threads[8];
    worker workers[8];
    for (int i = 0; i < 8; i++) {
        workers[i] = (worker){f.d, i, 0};
        pthread_create(&threads[i], NULL, worker_run, &workers[i]);
    }
    for (int i = 0; i < 8; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(workers[i].failures, 0);
    }
    uint64_t count;
    assert_int_equal(directory_alias_count(f.d, &count), LL_OK);
    assert_int_equal(count, 80);
    fixture_fini(&f);
}

static void accounts(void **state)
{
    (void)state;
    fixture f;
    fixture_init(&f);
    directory_account got, rows[4];
    directory_alias a = make_alias("ann", "example.com"), b;
    directory_slot first = make_slot("first", 1);
    size_t count;
    uint64_t bytes;
    assert_int_equal(directory_account_add(f.d, SPAN("Owner-1"), 500, 9), LL_OK);
    assert_int_equal(directory_account_add(f.d, SPAN("owner-1"), 500, 9), LL_EEXISTS);
    assert_int_equal(directory_account_add(f.d, SPAN("two words"), 0, 9), LL_EINVAL);
    assert_int_equal(directory_account_add(f.d, SPAN(""), 0, 9), LL_EINVAL);
    assert_int_equal(directory_account_add(f.d, SPAN("other@example.com"), 0, 9), LL_OK);

    snprintf(a.account, sizeof a.account, "nobody");
    assert_int_equal(directory_alias_add(f.d, &a, &first, 1), LL_ENOTFOUND);
    snprintf(a.account, sizeof a.account, "owner-1");
    assert_int_equal(directory_alias_add(f.d, &a, &first, 1), LL_OK);
    assert_int_equal(directory_alias_get(f.d, a.id, &b), LL_OK);
    assert_string_equal(b.account, "owner-1");
    assert_int_equal(directory_account_remove(f.d, SPAN("owner-1")), LL_EDENIED);
    assert_int_equal(directory_account_quota(f.d, SPAN("OWNER-1"), 700), LL_OK);
    assert_int_equal(directory_account_quota(f.d, SPAN("nobody"), 700), LL_ENOTFOUND);

    fixture_reopen(&f);
    assert_int_equal(directory_account_find(f.d, SPAN("Owner-1"), &got), LL_OK);
    assert_int_equal(got.quota_bytes, 700);
    assert_int_equal(got.created, 9);
    assert_int_equal(got.aliases, 1);
    assert_int_equal(directory_account_find(f.d, SPAN("owner"), &got), LL_ENOTFOUND);
    assert_int_equal(directory_account_list(f.d, SPAN(""), rows, 4, &count), LL_OK);
    assert_int_equal(count, 2);
    assert_string_equal(rows[0].name, "other@example.com");
    assert_int_equal(rows[0].aliases, 0);

    assert_int_equal(directory_alias_account(f.d, a.id, SPAN("nobody")), LL_ENOTFOUND);
    assert_int_equal(directory_alias_account(f.d, first.slot.id, SPAN("owner-1")), LL_ENOTFOUND);
    assert_int_equal(directory_alias_account(f.d, a.id, SPAN("Other@example.com")), LL_OK);
    assert_int_equal(directory_account_remove(f.d, SPAN("owner-1")), LL_OK);
    assert_int_equal(directory_account_remove(f.d, SPAN("owner-1")), LL_ENOTFOUND);
    assert_int_equal(directory_alias_account(f.d, a.id, SPAN("")), LL_OK);
    assert_int_equal(directory_alias_get(f.d, a.id, &b), LL_OK);
    assert_string_equal(b.account, "");

    assert_int_equal(directory_domain_quota(f.d, SPAN("EXAMPLE.com"), 12345), LL_OK);
    assert_int_equal(directory_domain_quota(f.d, SPAN("nowhere.example"), 1), LL_ENOTFOUND);
    assert_int_equal(directory_domain_quota_get(f.d, SPAN("example.com"), &bytes), LL_OK);
    assert_int_equal(bytes, 12345);
    assert_int_equal(directory_domain_quota_get(f.d, SPAN("nowhere.example"), &bytes), LL_ENOTFOUND);
    fixture_fini(&f);
}

static void notes(void **state)
{
    (void)state;
    fixture f;
    text value;
    fixture_init(&f);
    text_init(&value, NULL, 100);
    directory_note some[2] = {{"bytes/1", "11"}, {"bytes/2", "22"}};
    assert_int_equal(directory_notes_set(f.d, some, 2), LL_OK);
    snprintf(some[1].value, sizeof some[1].value, "33");
    assert_int_equal(directory_notes_set(f.d, some, 2), LL_OK);
    fixture_reopen(&f);
    assert_int_equal(directory_setting(f.d, SPAN("bytes/2"), &value), LL_OK);
    assert_string_equal(text_str(&value), "33");
    text_fini(&value);
    fixture_fini(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accounts),
        cmocka_unit_test(notes),
        cmocka_unit_test(domains),
        cmocka_unit_test(aliases_are_found_by_address),
        cmocka_unit_test(aliases_keep_everything),
        cmocka_unit_test(aliases_are_listed_in_pages),
        cmocka_unit_test(slots),
        cmocka_unit_test(settings),
        cmocka_unit_test(wrong_key_and_read_only),
        cmocka_unit_test(many_threads),
    };
    return keys_init() ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
