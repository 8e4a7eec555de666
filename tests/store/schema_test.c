/* schema_test.c - the three definitions are made and found again; differences are named; steps run one by one.
 * SPDX-License-Identifier: MIT */
#include "scratch.h"

#include "store/schema.h"

static const uint8_t key[DB_KEY] = "0123456789abcdef0123456789abcde";

static db *open_file(const scratch *s)
{
    db *d;
    assert_int_equal(db_open(&d, scratch_path(s, "a.sqlite"), key, DB_CREATE, NULL), LL_OK);
    return d;
}

static void every_kind_is_made_and_found(void **state)
{
    (void)state;
    static const schema_kind kinds[] = {SCHEMA_VAULT, SCHEMA_DIRECTORY, SCHEMA_DROP};
    for (size_t i = 0; i < 3; i++) {
        scratch s;
        scratch_init(&s);
        text why;
        text_init(&why, NULL, 4096);
        db *d = open_file(&s);
        assert_int_equal(schema_open(d, kinds[i], false, &why), LL_ECORRUPT); /* empty, and not asked to fill it */
        text_clear(&why);
        assert_int_equal(schema_open(d, kinds[i], true, &why), LL_OK);
        assert_int_equal(schema_open(d, kinds[i], true, &why), LL_OK);
        db_close(&d);
        d = open_file(&s);
        if (schema_open(d, kinds[i], false, &why)) {
            fail_msg("%s", text_str(&why));
        }
        uint32_t version;
        assert_int_equal(schema_version(d, &version), LL_OK);
        assert_int_equal(version, schema_of(kinds[i])->version);
        /* as another kind */
        assert_int_equal(schema_open(d, kinds[(i + 1) % 3], true, &why), LL_ECORRUPT);
        assert_non_null(strstr(text_str(&why), "of another kind"));
        assert_int_equal(db_verify(d, NULL), LL_OK);
        db_close(&d);
        text_fini(&why);
        scratch_fini(&s);
    }
}

static void differences_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *change, *says;
    } cases[] = {
        {"CREATE TABLE extra(a)", "\"extra\" does not belong here"},
        {"DROP INDEX message_thread", "\"message_thread\" is missing"},
        {"ALTER TABLE held ADD COLUMN more INTEGER", "\"held\" is not as defined"},
        {"ALTER TABLE held RENAME TO kept; ALTER TABLE kept RENAME TO held", NULL},
        {"DROP TABLE absorbed", "\"absorbed\" is missing"},
        {"CREATE TRIGGER t AFTER INSERT ON meta BEGIN DELETE FROM meta; END", "\"t\" does not belong here"},
        {"ANALYZE", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        scratch s;
        scratch_init(&s);
        text why;
        text_init(&why, NULL, 4096);
        db *d = open_file(&s);
        assert_int_equal(schema_open(d, SCHEMA_VAULT, true, &why), LL_OK);
        assert_int_equal(db_exec(d, cases[i].change), LL_OK);
        assert_int_equal(schema_open(d, SCHEMA_VAULT, true, &why), cases[i].says ? LL_ECORRUPT : LL_OK);
        if (cases[i].says && !strstr(text_str(&why), cases[i].says)) {
            fail_msg("got %s", text_str(&why));
        }
        db_close(&d);
        text_fini(&why);
        scratch_fini(&s);
    }
}

static void newer_is_left_alone(void **state)
{
    (void)state;
    scratch s;
    scratch_init(&s);
    text why;
    text_init(&why, NULL, 4096);
    db *d = open_file(&s);
    assert_int_equal(schema_open(d, SCHEMA_VAULT, true, NULL), LL_OK);
    assert_int_equal(schema_version_set(d, 99), LL_OK);
    assert_int_equal(db_exec(d, "CREATE TABLE future(a)"), LL_OK);
    assert_int_equal(schema_open(d, SCHEMA_VAULT, true, &why), LL_EVERSION);
    assert_non_null(strstr(text_str(&why), "newer program"));
    uint32_t version;
    assert_int_equal(schema_version(d, &version), LL_OK);
    assert_int_equal(version, 99);
    db_close(&d);
    text_fini(&why);
    scratch_fini(&s);
}

/* A fake kind of file, at three versions. */
static ll_status fake_double(db *d)
{
    return db_exec(d, "UPDATE thing SET size = size * 2");
}

static ll_status fake_breaks(db *d)
{
    (void)d;
    return LL_EIO;
}

static const schema_object fake_v1[] = {{"thing", "CREATE TABLE thing(a INTEGER PRIMARY KEY) STRICT"}};
static const schema_object fake_v3[] = {
    {"thing", "CREATE TABLE thing(a INTEGER PRIMARY KEY, size INTEGER NOT NULL) STRICT"},
    {"part", "CREATE TABLE part(thing INTEGER REFERENCES thing(a) ON DELETE CASCADE) STRICT"},
    {"thing_size", "CREATE INDEX thing_size\n  ON thing ( size )"},
};
#define STEP_1                                                                                                         \
    "CREATE TABLE part(thing INTEGER REFERENCES thing(a) ON DELETE CASCADE) STRICT; INSERT INTO part SELECT a FROM "   \
    "thing"
#define STEP_2                                                                                                         \
    "CREATE TABLE new(a INTEGER PRIMARY KEY, size INTEGER NOT NULL) STRICT; INSERT INTO new SELECT a, a FROM thing;"   \
    "DROP TABLE thing; ALTER TABLE new RENAME TO thing; CREATE INDEX thing_size ON thing(size)"

static const schema_step fake_steps[] = {{STEP_1, NULL}, {STEP_2, fake_double}};
static const schema_step fake_bad_steps[] = {{STEP_1, NULL}, {STEP_2, fake_breaks}};
static const schema_step fake_dangling_steps[] = {{STEP_1 "; INSERT INTO part VALUES(77)", NULL}, {STEP_2, NULL}};

static const schema fake_1 = {"fake", 77, 1, fake_v1, 1, NULL};
static const schema fake_3 = {"fake", 77, 3, fake_v3, 3, fake_steps};
static const schema fake_3_bad = {"fake", 77, 3, fake_v3, 3, fake_bad_steps};
static const schema fake_3_dangling = {"fake", 77, 3, fake_v3, 3, fake_dangling_steps};

static void check_number(db *d, const char *literal, int64_t want)
{
    int64_t got;
    assert_int_equal(db_take_int(db_prepare(d, literal), &got), LL_OK);
    assert_int_equal(got, want);
}

static void steps_run(void **state)
{
    (void)state;
    scratch s;
    scratch_init(&s);
    db *d = open_file(&s), *r;
    assert_int_equal(schema_open_as(d, &fake_1, true, NULL), LL_OK);
    assert_int_equal(db_exec(d, "INSERT INTO thing VALUES(1), (2), (3)"), LL_OK);
    /* a reader cannot migrate */
    assert_int_equal(db_open(&r, scratch_path(&s, "a.sqlite"), key, DB_READONLY, NULL), LL_OK);
    assert_int_equal(schema_open_as(r, &fake_3, false, NULL), LL_EREADONLY);
    db_close(&r);
    /* a row that points nowhere stops the first step: still version 1 */
    assert_int_equal(schema_open_as(d, &fake_3_dangling, false, NULL), LL_ECORRUPT);
    check_number(d, "PRAGMA user_version", 1);
    assert_int_equal(schema_open_as(d, &fake_1, true, NULL), LL_OK);
    /* the second step breaks: version 2, with the first step kept and the second undone */
    assert_int_equal(schema_open_as(d, &fake_3_bad, false, NULL), LL_EIO);
    check_number(d, "PRAGMA user_version", 2);
    check_number(d, "SELECT count(*) FROM part", 3);
    check_number(d, "SELECT count(*) FROM sqlite_schema WHERE name = 'thing_size'", 0);
    db_close(&d);
    /* and the next start goes on from there */
    d = open_file(&s);
    text why;
    text_init(&why, NULL, 4096);
    if (schema_open_as(d, &fake_3, false, &why)) {
        fail_msg("%s", text_str(&why));
    }
    text_fini(&why);
    check_number(d, "PRAGMA user_version", 3);
    check_number(d, "SELECT sum(size) FROM thing", 12);
    check_number(d, "PRAGMA foreign_keys", 1);
    check_number(d, "SELECT count(*) FROM part", 3); /* dropping the old table has not cascaded */
    db_close(&d);
    scratch_fini(&s);
}

/* A directory as version 1 made it, with a row of everything. */
static void directory_of_version_1(void **state)
{
    (void)state;
    static const char version_1[] =
        "CREATE TABLE domain(name TEXT PRIMARY KEY,created INTEGER NOT NULL) WITHOUT ROWID, STRICT;"
        "CREATE TABLE alias(id BLOB NOT NULL PRIMARY KEY,local TEXT NOT NULL,"
        "domain TEXT NOT NULL REFERENCES domain(name),vault BLOB NOT NULL UNIQUE,drop_public BLOB NOT NULL,"
        "salts BLOB NOT NULL,quota INTEGER NOT NULL,created INTEGER NOT NULL,disabled INTEGER NOT NULL,"
        "UNIQUE(domain, local)) STRICT;"
        "CREATE TABLE slot(number INTEGER PRIMARY KEY,alias BLOB NOT NULL REFERENCES alias(id) ON DELETE CASCADE,"
        "id BLOB NOT NULL,kind INTEGER NOT NULL,label TEXT NOT NULL,data BLOB NOT NULL,created INTEGER NOT NULL,"
        "last_used INTEGER NOT NULL,UNIQUE(alias, id)) STRICT;"
        "CREATE TABLE setting(key TEXT PRIMARY KEY,value BLOB NOT NULL) WITHOUT ROWID, STRICT;"
        "INSERT INTO domain VALUES('example.com', 1);"
        "INSERT INTO alias VALUES(x'01', 'ann', 'example.com', x'02', x'03', x'04', 77, 5, 0);"
        "INSERT INTO slot VALUES(1, x'01', x'05', 1, 'first', x'06', 7, 8);"
        "INSERT INTO setting VALUES('a', x'09');"
        "PRAGMA application_id = 0x4c4c6469; PRAGMA user_version = 1";
    scratch s;
    scratch_init(&s);
    text why;
    text_init(&why, NULL, 4096);
    db *d = open_file(&s);
    assert_int_equal(db_exec(d, version_1), LL_OK);
    if (schema_open(d, SCHEMA_DIRECTORY, false, &why))
        fail_msg("%s", text_str(&why));
    int64_t there = 0;
    assert_int_equal(
        db_take_int(db_prepare(d, "SELECT count(*) FROM alias, domain, slot, setting WHERE alias.quota = 77 "
                                  "AND alias.account IS NULL AND domain.quota = 0 AND slot.last_used = 8"),
                    &there),
        LL_OK);
    assert_int_equal(there, 1);
    db_close(&d);
    d = open_file(&s);
    assert_int_equal(schema_open(d, SCHEMA_DIRECTORY, false, &why), LL_OK);
    assert_int_equal(db_verify(d, NULL), LL_OK);
    db_close(&d);
    text_fini(&why);
    scratch_fini(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(directory_of_version_1),
        cmocka_unit_test(every_kind_is_made_and_found),
        cmocka_unit_test(differences_are_named),
        cmocka_unit_test(newer_is_left_alone),
        cmocka_unit_test(steps_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
