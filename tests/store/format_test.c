/* format_test.c - docs/format.md names every table, index and column that the program writes.
 * SPDX-License-Identifier: MIT */
#include "scratch.h"

#include "store/schema.h"

#include <fcntl.h>

static char page[1 << 18];

static void page_read(void)
{
    int fd = open(FORMAT, O_RDONLY);
    assert_true(fd >= 0);
    ssize_t got = read(fd, page, sizeof page - 1);
    assert_true(got > 0);
    page[got] = '\0';
    close(fd);
}

/* From the heading that begins with these words to the next heading of the same level. */
static ll_span section(ll_span in, const char *heading, const char *next)
{
    const char *from = memmem(in.data, in.size, heading, strlen(heading));
    if (!from)
        return SPAN("");
    ll_span rest = span_from(in, (size_t)(from - in.data) + strlen(heading));
    const char *to = memmem(rest.data, rest.size, next, strlen(next));
    return to ? span_first(rest, (size_t)(to - rest.data)) : rest;
}

static bool names(ll_span in, ll_span name)
{
    char quoted[100];
    snprintf(quoted, sizeof quoted, "`%.*s`", SPAN_PRINT(name));
    return memmem(in.data, in.size, quoted, strlen(quoted)) != NULL;
}

static void check_file(schema_kind kind, const char *heading)
{
    static const uint8_t key[DB_KEY] = {3};
    scratch s;
    db *d = NULL;
    unsigned absent = 0;
    scratch_init(&s);
    assert_int_equal(db_open(&d, scratch_path(&s, "f.sqlite"), key, DB_CREATE, NULL), LL_OK);
    assert_int_equal(schema_open(d, kind, true, NULL), LL_OK);
    ll_span about = section(span_str(page), heading, "\n## ");
    assert_true(about.size > 0);
    db_stmt *q = db_prepare(d, "SELECT l.name, c.name FROM pragma_table_list l LEFT JOIN pragma_table_info(l.name) c "
                               "WHERE l.type = 'table' AND l.name NOT LIKE 'sqlite%' AND l.schema = 'main'");
    while (db_step(q) == LL_MORE) {
        char title[100];
        snprintf(title, sizeof title, "`%.*s`", SPAN_PRINT(db_column_text(q, 0)));
        ll_span here = section(about, "### ", "no such words");
        for (; here.size && !names(span_first(here, span_find(here, '\n')), db_column_text(q, 0));)
            here = section(here, "\n### ", "no such words");
        here = section(here, "", "\n### ");
        if (!here.size || !names(here, db_column_text(q, 1))) {
            print_message("docs/format.md does not say what %s of %s is\n", (const char *)db_column_text(q, 1).data,
                          title);
            absent++;
        }
    }
    q = db_prepare(d, "SELECT name FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL");
    while (db_step(q) == LL_MORE)
        if (!names(about, db_column_text(q, 0))) {
            print_message("docs/format.md has no index %s\n", (const char *)db_column_text(q, 0).data);
            absent++;
        }
    assert_int_equal(absent, 0);
    db_close(&d);
    scratch_fini(&s);
}

static void test_all_is_said(void **state)
{
    (void)state;
    page_read();
    check_file(SCHEMA_VAULT, "\n## Vault");
    check_file(SCHEMA_DIRECTORY, "\n## Directory");
    check_file(SCHEMA_DROP, "\n## Drop");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_all_is_said)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
