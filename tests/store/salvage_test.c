/* salvage_test.c - a small vault with each of its pages damaged in turn: what is on the others is saved (invariant 8).
 * SPDX-License-Identifier: MIT */
#include "vault_fixture.h"

#include "store/salvage.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

enum { MESSAGES = 40, PAGES_MAX = 400, PLACES = MESSAGES + 10 };

typedef struct page_fact {
    char name[64]; /* of the b-tree; empty: pointer map, or free */
    char type[16];
    unsigned cells;
} page_fact;

typedef struct stage {
    fixture f;
    char *bytes, *old; /* of the file, and before the last changes */
    size_t size, old_size;
    char path[512]; /* of the damaged copy */
    char out[512];
    page_fact pages[PAGES_MAX + 1];
    unsigned pages_count;
} stage;

static char message_text[MESSAGES][24000];

static void messages_make(void)
{
    for (unsigned n = 0; n < MESSAGES; n++) {
        int used =
            snprintf(message_text[n], 400,
                     "From: a%u@example.com\r\nSubject: salvage %u\r\nMessage-ID: <s%u@example.com>\r\n\r\n", n, n, n);
        unsigned size = n % 8 == 7 ? 22000 : 300 + 37 * n;
        for (unsigned i = 0; i < size; i++)
            message_text[n][used++] = i % 70 == 69 ? '\n' : (char)('!' + (i * 31 + i / 7 * n) % 90);
    }
}

static char *file_read(const char *path, size_t *size)
{
    struct stat st;
    int fd = open(path, O_RDONLY);
    assert_true(fd >= 0 && !fstat(fd, &st));
    char *bytes = malloc((size_t)st.st_size + 1);
    *size = (size_t)st.st_size;
    assert_int_equal(read(fd, bytes, *size), (ssize_t)*size);
    bytes[*size] = '\0';
    close(fd);
    return bytes;
}

static void file_write(const char *path, const char *bytes, size_t size)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, size), (ssize_t)size);
    close(fd);
}

/* Which page belongs to what, by SQLite's own account. */
static void pages_learn(stage *s)
{
    db *d = NULL;
    assert_int_equal(db_open(&d, s->f.path, s->f.key, DB_READONLY, NULL), LL_OK);
    db_stmt *q = db_prepare(d, "SELECT pageno, name, pagetype, ncell FROM dbstat");
    while (db_step(q) == LL_MORE) {
        int64_t n = db_column_int(q, 0);
        assert_true(n <= PAGES_MAX);
        snprintf(s->pages[n].name, sizeof s->pages[n].name, "%.*s", SPAN_PRINT(db_column_text(q, 1)));
        snprintf(s->pages[n].type, sizeof s->pages[n].type, "%.*s", SPAN_PRINT(db_column_text(q, 2)));
        s->pages[n].cells = (unsigned)db_column_int(q, 3);
    }
    db_close(&d);
}

static void fill(stage *s, bool second)
{
    client c;
    uint32_t uid = 0;
    ll_span keyword = SPAN("$Label1");
    client_init(&c, &s->f);
    for (unsigned n = second ? MESSAGES / 2 : 0; n < (second ? MESSAGES : MESSAGES / 2); n++)
        assert_int_equal(client_append_full(&c, n % 2 ? "INBOX" : "Archive", span_str(message_text[n]),
                                            n % 4 == 1 ? F(SEEN) | F(FLAGGED) : 0, &keyword, n % 5 == 0, 1500000000 + n,
                                            &uid),
                         LL_OK);
    if (second) {
        assert_int_equal(client_open(&c, "INBOX", false), LL_OK);
        assert_int_equal(client_append(&c, "INBOX", "Subject: expunged\r\n\r\n", F(DELETED), &uid), LL_OK);
        assert_true(client_latest(&c));
        assert_int_equal(client_copy(&c, 1, 10, "Sent", false), LL_OK);
        assert_int_equal(client_expunge(&c, uid, uid), LL_OK);
        assert_true(client_latest(&c));
        client_told(&c);
    }
    client_fini(&c);
}

static void begin(stage *s)
{
    memset(s, 0, sizeof *s);
    messages_make();
    fixture_init(&s->f, 0);
    fill(s, false);
    fixture_close(&s->f);
    s->old = file_read(s->f.path, &s->old_size);
    fixture_open(&s->f);
    fill(s, true);
    fixture_close(&s->f);
    s->bytes = file_read(s->f.path, &s->size);
    s->pages_count = (unsigned)(s->size / DB_PAGE);
    assert_true(s->pages_count <= PAGES_MAX);
    pages_learn(s);
    snprintf(s->path, sizeof s->path, "%s/damaged.sqlite", s->f.scratch.dir);
    snprintf(s->out, sizeof s->out, "%s/out", s->f.scratch.dir);
    file_write(s->path, s->bytes, s->size);
}

static void end(stage *s)
{
    free(s->bytes);
    free(s->old);
    fixture_fini(&s->f);
}

/* --------------------------------------------------------------------------------------------------- What came out */

typedef struct haul {
    bool found[MESSAGES];
    unsigned files, strange;
} haul;

static haul hauled; /* nftw has no context */

static int look_at(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st, (void)ftw;
    size_t size = 0;
    if (flag != FTW_F || !strstr(path, "/cur/"))
        return 0;
    char *bytes = file_read(path, &size);
    bool known = false;
    for (unsigned n = 0; n < MESSAGES && !known; n++)
        if (span_equal(span_of(bytes, size), span_str(message_text[n])))
            hauled.found[n] = known = true;
    hauled.files++;
    hauled.strange += !known;
    free(bytes);
    return 0;
}

static unsigned missing(void)
{
    unsigned count = 0;
    for (unsigned n = 0; n < MESSAGES; n++)
        count += !hauled.found[n];
    return count;
}

static ll_status salvage(stage *s, salvage_numbers *numbers)
{
    text why;
    size_t before = 0, after = 0;
    memset(&hauled, 0, sizeof hauled);
    text_init(&why, NULL, 4096);
    char *was = file_read(s->path, &before);
    ll_status status = salvage_run(s->path, s->f.key, s->out, numbers, &why);
    char *is = file_read(s->path, &after);
    if (status)
        print_message("salvage: %s: %s\n", ll_status_name(status), text_str(&why));
    else
        nftw(s->out, look_at, 16, FTW_PHYS);
    assert_int_equal(before, after);
    assert_memory_equal(was, is, before); /* it only reads */
    free(was);
    free(is);
    text_fini(&why);
    nftw(s->out, scratch_remove_one, 16, FTW_DEPTH | FTW_PHYS);
    return status;
}

static ll_status check(stage *s)
{
    text report;
    text_init(&report, NULL, 1 << 16);
    ll_status status = vault_check(s->path, s->f.key, &report);
    text_fini(&report);
    return status;
}

static bool holds_content(const page_fact *p)
{
    return strcmp(p->name, "chunk") == 0 || strcmp(p->name, "piece") == 0 || strcmp(p->name, "part") == 0 ||
           strcmp(p->name, "message") == 0;
}

/* --------------------------------------------------------------------------------------------------------- Tests */

static void test_whole(void **state)
{
    (void)state;
    stage s;
    salvage_numbers n;
    struct stat st;
    char name[600];
    begin(&s);
    assert_int_equal(salvage_run(s.path, s.f.key, s.out, &n, NULL), LL_OK);
    memset(&hauled, 0, sizeof hauled);
    nftw(s.out, look_at, 16, FTW_PHYS);
    assert_int_equal(n.bad_pages + n.missing_pages + n.lost + n.loose + n.parts, 0);
    assert_int_equal(n.placed, PLACES); /* without what was expunged */
    assert_int_equal(hauled.files, PLACES);
    assert_int_equal(missing() + hauled.strange, 0);
    /* message 1 is the first of INBOX: \Seen and \Flagged; message 20 is in Archive, with the keyword */
    snprintf(name, sizeof name, "%s/cur/1500000001.2_1.letterlock,S=%zu:2,FS", s.out, strlen(message_text[1]));
    assert_int_equal(stat(name, &st), 0);
    assert_int_equal(st.st_mtime, 1500000001);
    assert_int_equal(st.st_mode & 0777, 0600);
    snprintf(name, sizeof name, "%s/.Archive/cur/1500000020.21_11.letterlock,S=%zu:2,a", s.out,
             strlen(message_text[20]));
    assert_int_equal(stat(name, &st), 0);
    snprintf(name, sizeof name, "%s/.Archive/dovecot-keywords", s.out);
    assert_int_equal(stat(name, &st), 0);
    snprintf(name, sizeof name, "%s/tmp/letterlock-rows", s.out);
    assert_int_equal(stat(name, &st), -1);
    /* a second time into the same folder */
    assert_int_equal(salvage_run(s.path, s.f.key, s.out, &n, NULL), LL_EEXISTS);
    end(&s);
}

static void each_page(const char *what, void (*damage)(stage *s, unsigned page), unsigned every)
{
    stage s;
    salvage_numbers n;
    unsigned lossless = 0;
    begin(&s);
    for (unsigned p = 1; p <= s.pages_count; p += every) {
        const page_fact *fact = &s.pages[p];
        file_write(s.path, s.bytes, s.size);
        damage(&s, p);
        if (*fact->name) /* what SQLite never looks at it cannot report; our own look does */
            assert_int_not_equal(check(&s), LL_OK);
        assert_int_equal(salvage_look(s.path, s.f.key, &n, NULL), LL_ECORRUPT);
        assert_int_equal(n.bad_pages, 1);
        assert_int_equal(salvage(&s, &n), LL_OK);
        unsigned most = !holds_content(fact) ? 0 : fact->cells ? fact->cells : 1;
        if (missing() > most)
            print_message("%s page %u (%s %s, %u cells): %u messages missing\n", what, p, fact->name, fact->type,
                          fact->cells, missing());
        assert_true(missing() <= most);
        lossless += !missing();
    }
    print_message("%s: %u pages, nothing lost for %u of them\n", what, s.pages_count / every, lossless);
    end(&s);
}

static void flip(stage *s, unsigned page)
{
    int fd = open(s->path, O_WRONLY);
    size_t at = (size_t)(page - 1) * DB_PAGE + 4000;
    char byte = (char)(s->bytes[at] ^ 4);
    assert_int_equal(pwrite(fd, &byte, 1, (off_t)at), 1);
    close(fd);
}

static void zero(stage *s, unsigned page)
{
    static const char nothing[DB_PAGE];
    int fd = open(s->path, O_WRONLY);
    assert_int_equal(pwrite(fd, nothing, DB_PAGE, (off_t)(page - 1) * DB_PAGE), DB_PAGE);
    close(fd);
}

static void test_flipped(void **state)
{
    (void)state;
    each_page("flipped", flip, 1);
}

static void test_zeroed(void **state)
{
    (void)state;
    each_page("zeroed", zero, 4);
}

/* A tenth of the pages at once, by a fixed sequence: the sources that say where a leaf belongs fail together. */
static void test_many(void **state)
{
    (void)state;
    stage s;
    salvage_numbers n;
    uint32_t roll = 1;
    begin(&s);
    for (unsigned round = 0; round < 25; round++) {
        unsigned most = 0, count = 0;
        file_write(s.path, s.bytes, s.size);
        for (unsigned p = 1; p <= s.pages_count; p++) {
            const page_fact *fact = &s.pages[p];
            roll = roll * 1664525u + 1013904223u;
            if (roll >> 16 > 65536 / 10 && p > round % 4) /* often with page 1, the pointer map, and the next ones */
                continue;
            flip(&s, p);
            count++;
            most += !holds_content(fact) ? 0 : fact->cells ? fact->cells : 1;
        }
        assert_int_equal(salvage_look(s.path, s.f.key, &n, NULL), count ? LL_ECORRUPT : LL_OK);
        assert_int_equal(n.bad_pages, count);
        assert_int_equal(salvage(&s, &n), LL_OK);
        if (missing() > most)
            print_message("round %u: %u pages, %u messages missing, at most %u\n", round, count, missing(), most);
        assert_true(missing() <= most);
    }
    end(&s);
}

static void test_truncated(void **state)
{
    (void)state;
    stage s;
    salvage_numbers n;
    begin(&s);
    unsigned before = MESSAGES + 1;
    for (unsigned eighth = 7; eighth; eighth--) {
        size_t size = s.size / 8 * eighth + 100; /* within a page */
        file_write(s.path, s.bytes, size);
        assert_int_not_equal(check(&s), LL_OK);
        assert_int_equal(salvage_look(s.path, s.f.key, &n, NULL), LL_ECORRUPT);
        assert_int_equal(n.pages + n.missing_pages, s.pages_count);
        assert_int_equal(salvage(&s, &n), LL_OK);
        assert_true(MESSAGES - missing() <= before);
        before = MESSAGES - missing();
        unsigned most = 0;
        for (unsigned p = n.pages; p <= s.pages_count; p++)
            most += !holds_content(&s.pages[p]) ? 0 : s.pages[p].cells ? s.pages[p].cells : 1;
        assert_true(missing() <= most);
    }
    end(&s);
}

/* A page of last week authenticates: that it does not belong shows in what does not fit together. */
static void test_put_back(void **state)
{
    (void)state;
    stage s;
    salvage_numbers n;
    unsigned tried = 0, seen = 0;
    begin(&s);
    for (unsigned p = 1; p <= s.old_size / DB_PAGE && p <= s.pages_count; p++) {
        size_t at = (size_t)(p - 1) * DB_PAGE;
        if (memcmp(s.bytes + at, s.old + at, DB_PAGE) == 0)
            continue;
        file_write(s.path, s.bytes, s.size);
        int fd = open(s.path, O_WRONLY);
        assert_int_equal(pwrite(fd, s.old + at, DB_PAGE, (off_t)at), DB_PAGE);
        close(fd);
        tried++;
        ll_status status = check(&s);
        seen += status != LL_OK;
        assert_int_equal(salvage_look(s.path, s.f.key, &n, NULL), LL_OK);
        assert_int_equal(salvage(&s, &n), LL_OK);
        const page_fact *fact = &s.pages[p];
        if (!status || missing() > MESSAGES / 2)
            print_message("old page %u (%s %s): check says %s, %u messages missing\n", p, fact->name, fact->type,
                          ll_status_name(status), missing());
        assert_true(missing() <= (holds_content(fact) ? fact->cells + 1 : 0));
    }
    print_message("%u old pages put back, check noticed %u\n", tried, seen);
    assert_true(tried > 5 && seen + 3 >= tried);
    end(&s);
}

/* What was committed and is only in the -wal counts, whatever becomes of the file. */
static void test_wal(void **state)
{
    (void)state;
    stage s;
    salvage_numbers n;
    char name[600];
    size_t size = 0;
    begin(&s);
    fixture_open(&s.f);
    client c;
    client_init(&c, &s.f);
    assert_int_equal(client_open(&c, "INBOX", false), LL_OK);
    assert_int_equal(client_store(&c, 1, 1, LL_FLAGS_REMOVE, F(FLAGGED)), LL_OK);
    assert_int_equal(client_append(&c, "INBOX", "Subject: in the wal\r\n\r\n", 0, NULL), LL_OK);
    snprintf(name, sizeof name, "%s-wal", s.f.path);
    char *wal = file_read(name, &size);
    assert_true(size > DB_PAGE);
    snprintf(name, sizeof name, "%s-wal", s.path);
    file_write(name, wal, size);
    assert_int_equal(salvage(&s, &n), LL_OK);
    assert_int_equal(n.placed, PLACES + 1);
    assert_int_equal(missing(), 0);
    assert_int_equal(hauled.strange, 1);
    /* Of a frame the number of its page, and for how many pages it commits, are in clear: damage there costs the frame.
     */
    memset(wal + 32, 0xff, 8);
    file_write(name, wal, size);
    free(wal);
    assert_int_equal(salvage(&s, &n), LL_OK);
    assert_int_equal(n.placed, PLACES + 1);
    assert_int_equal(missing(), 0);
    client_fini(&c);
    end(&s);
}

static void test_wrong_key(void **state)
{
    (void)state;
    stage s;
    salvage_numbers n;
    struct stat st;
    uint8_t other[KEYS_KEY] = {1};
    begin(&s);
    assert_int_equal(salvage_run(s.path, other, s.out, &n, NULL), LL_ECORRUPT);
    assert_int_equal(stat(s.out, &st), -1); /* nothing is made */
    assert_int_equal(salvage_run("/nonexistent/v", other, s.out, &n, NULL), LL_ENOTFOUND);
    end(&s);
}

/* --------------------------------------------------------------------------------------------------- Lost rows */

/* Mail with an attachment of several chunks, that compresses and is stored decoded. */
static void attached(text *t, unsigned n, text *content)
{
    static const char code[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    text_clear(t);
    text_clear(content);
    while (content->size < 300000)
        text_print(content, "line %zu of attachment %u\n", content->size, n);
    text_cut(content, 300000);
    text_print(t,
               "Subject: attached %u\r\nMIME-Version: 1.0\r\nContent-Type: application/x-a\r\n"
               "Content-Transfer-Encoding: base64\r\n\r\n",
               n);
    for (size_t i = 0; i < content->size; i += 3) {
        const uint8_t *b = (const uint8_t *)content->data + i;
        char four[4] = {code[b[0] >> 2], code[(b[0] << 4 | b[1] >> 4) & 63], code[(b[1] << 2 | b[2] >> 6) & 63],
                        code[b[2] & 63]};
        text_add(t, span_of(four, 4));
        if (i % 57 == 54)
            text_add_str(t, "\r\n");
    }
}

static ll_span wanted;
static unsigned seen_wanted;

static int look_for(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st, (void)ftw;
    size_t size = 0;
    if (flag != FTW_F || !strstr(path, "/cur/"))
        return 0;
    char *bytes = file_read(path, &size);
    seen_wanted += span_equal(span_of(bytes, size), wanted);
    free(bytes);
    return 0;
}

/* The row of a part is gone: its chunks say what it was. The row of a message is gone: its attachment is not. */
static void test_lost_rows(void **state)
{
    (void)state;
    static const char *const losses[] = {"DELETE FROM part", "DELETE FROM message"};
    for (size_t i = 0; i < 2; i++) {
        fixture f;
        client c;
        char out[600];
        uint32_t uid;
        text mail, content;
        salvage_numbers n;
        text_init(&mail, NULL, 1 << 20);
        text_init(&content, NULL, 1 << 20);
        attached(&mail, 1, &content);
        fixture_init(&f, 0);
        client_init(&c, &f);
        assert_int_equal(client_append_full(&c, "INBOX", text_span(&mail), 0, NULL, 0, 1500000000, &uid), LL_OK);
        client_fini(&c);
        db *d = f.vault->writer_db;
        assert_int_equal(db_exec(d, "PRAGMA foreign_keys = OFF"), LL_OK);
        assert_int_equal(db_exec(d, losses[i]), LL_OK);
        fixture_close(&f);
        snprintf(out, sizeof out, "%s/out", f.scratch.dir);
        assert_int_equal(salvage_run(f.path, f.key, out, &n, NULL), LL_OK);
        wanted = i ? text_span(&content) : text_span(&mail);
        seen_wanted = 0;
        nftw(out, look_for, 16, FTW_PHYS);
        assert_int_equal(seen_wanted, 1);
        assert_int_equal(i ? n.parts : n.placed, 1);
        text_fini(&mail);
        text_fini(&content);
        keyring_del(&f.keyring);
        secret_arena_del(&f.arena);
        scratch_fini(&f.scratch);
    }
}

static char seen_file[4096];

static int take_incomplete(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st, (void)ftw;
    size_t size = 0;
    const char *name = strstr(path, "/.Incomplete/cur/") ? "mail" : strstr(path, "/unreadable.txt") ? "list" : NULL;
    if (flag != FTW_F || !name)
        return 0;
    char *bytes = file_read(path, &size);
    size_t used = strlen(seen_file);
    snprintf(seen_file + used, sizeof seen_file - used, "[%s]%s", name, bytes);
    free(bytes);
    return 0;
}

/* Which parts a message has is lost, or where the first one stood: its header and its text are not. */
static void test_lost_pieces(void **state)
{
    (void)state;
    static const char *const losses[] = {"DELETE FROM piece", "UPDATE piece SET ordinal = ordinal + 1"};
    for (size_t i = 0; i < 2; i++) {
        fixture f;
        client c;
        char out[600];
        text mail, content;
        salvage_numbers n;
        text_init(&mail, NULL, 1 << 20);
        text_init(&content, NULL, 1 << 20);
        attached(&mail, 1, &content);
        fixture_init(&f, 0);
        client_init(&c, &f);
        assert_int_equal(client_append_full(&c, "INBOX", text_span(&mail), 0, NULL, 0, 1500000000, NULL), LL_OK);
        assert_int_equal(client_append(&c, "INBOX", "Subject: whole\r\n\r\nbody\r\n", 0, NULL), LL_OK);
        client_fini(&c);
        assert_int_equal(db_exec(f.vault->writer_db, losses[i]), LL_OK);
        fixture_close(&f);
        snprintf(out, sizeof out, "%s/out", f.scratch.dir);
        assert_int_equal(salvage_run(f.path, f.key, out, &n, NULL), LL_OK);
        assert_int_equal(n.placed, 1);
        assert_int_equal(n.lost, 1);
        assert_int_equal(n.incomplete, 1);
        seen_file[0] = '\0';
        nftw(out, take_incomplete, 16, FTW_PHYS);
        assert_non_null(strstr(seen_file, "[mail]Subject: attached 1\r\nMIME-Version: 1.0\r\n"));
        assert_non_null(strstr(seen_file, "INBOX: message with UID 1 of "));
        assert_non_null(strstr(seen_file, ": its body is lost; its header, and what stood beside its parts, is in"));
        wanted = text_span(&content); /* what the row of a piece does not say, the chunks have */
        seen_wanted = 0;
        nftw(out, look_for, 16, FTW_PHYS);
        assert_int_equal(seen_wanted, i ? 0 : 1);
        assert_int_equal(n.parts, i ? 0 : 1);
        text_fini(&mail);
        text_fini(&content);
        keyring_del(&f.keyring);
        secret_arena_del(&f.arena);
        scratch_fini(&f.scratch);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole),       cmocka_unit_test(test_flipped),   cmocka_unit_test(test_zeroed),
        cmocka_unit_test(test_many),        cmocka_unit_test(test_truncated), cmocka_unit_test(test_put_back),
        cmocka_unit_test(test_wal),         cmocka_unit_test(test_wrong_key), cmocka_unit_test(test_lost_rows),
        cmocka_unit_test(test_lost_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
