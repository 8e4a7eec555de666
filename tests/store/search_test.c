/* search_test.c - what the connector says about terms of a search, against messages read by brute force.
 * SPDX-License-Identifier: MIT
 *
 * For every needle: certain within truth, truth within certain and possible. Messages and needles are made from a fixed
 * seed: charsets, encodings, HTML, nested messages, CJK, combining marks, punctuation, very long lines. */
#include "search_mail.h"
#include "vault_fixture.h"

#include "base/uidset.h"
#include "base/utf.h"
#include "mime/fold.h"
#include "mime/indexer.h"
#include "mime/readable.h"
#include "store/search_index.h"
#include "store/search_turns.h"
#include "store/search_index_check.h"

#include <stdio.h>

enum { MESSAGES = 240, TEXTS = 4096, NEEDLES = 2000, TERMS = 40 };

/* --------------------------------------------------------------------------------------------------- Truth */

typedef enum truth_kind { IN_BODY, IN_HEAD, IN_FACT, IN_FIELD } truth_kind;

/* One text that SEARCH looks at, folded. */
typedef struct truth_text {
    uint32_t message; /* position */
    truth_kind kind;
    mime_fact fact;
    char name[64];
    text folded;
} truth_text;

static truth_text texts[TEXTS * 8];
static size_t texts_count;

static truth_text *new_text(uint32_t message, truth_kind kind)
{
    assert_true(texts_count < sizeof texts / sizeof *texts);
    truth_text *t = &texts[texts_count++];
    *t = (truth_text){.message = message, .kind = kind};
    text_init(&t->folded, NULL, 1 << 26);
    return t;
}

static void fold_into(text *out, ll_span utf8)
{
    mime_fold f;
    mime_fold_init(&f, NULL);
    bool more = true;
    while (more)
        more = mime_fold_push(&f, &utf8, out);
    mime_fold_end(&f, out);
    mime_fold_fini(&f);
}

static void gather_piece(void *ctx, bool as_read, ll_span utf8)
{
    text_add(&((text *)ctx)[as_read], utf8);
}

static void truth_header(uint32_t n, ll_span message, const mime_part *part)
{
    mime_field field;
    ll_span header = span_first(span_from(message, part->header_offset), part->header_size);
    while (mime_field_next(&header, &field)) {
        text line;
        size_t value = 0;
        text_init(&line, NULL, 1 << 24);
        mime_readable_field(&field, &line, &value);
        fold_into(&new_text(n, part->parent ? IN_BODY : IN_HEAD)->folded, text_span(&line));
        if (!part->parent && field.name.size) {
            truth_text *t = new_text(n, IN_FIELD);
            snprintf(t->name, sizeof t->name, "%.*s", SPAN_PRINT(field.name));
            fold_into(&t->folded, span_from(text_span(&line), value));
        }
        text_fini(&line);
    }
}

static void truth_body(uint32_t n, ll_span message, const mime_part *part)
{
    mime_readable r;
    text both[2];
    if (!mime_readable_is_text(part))
        return;
    text_init(&both[0], NULL, 1 << 24);
    text_init(&both[1], NULL, 1 << 24);
    assert_int_equal(mime_readable_open(&r, NULL, part, gather_piece, both), LL_OK);
    mime_readable_push(&r, span_first(span_from(message, part->body_offset), part->body_size));
    mime_readable_end(&r);
    mime_readable_close(&r);
    for (size_t i = 0; i < 2; i++) {
        fold_into(&new_text(n, IN_BODY)->folded, text_span(&both[i]));
        text_fini(&both[i]);
    }
}

static void truth_add(uint32_t n, ll_span message)
{
    text saved;
    mime_index *index;
    text_init(&saved, NULL, mime_saved_max);
    assert_int_equal(mime_indexer_whole(NULL, message, &saved), LL_OK);
    assert_int_equal(mime_index_open(&index, NULL, text_span(&saved)), LL_OK);
    for (mime_fact fact = 0; fact < MIME_FACTS; fact++) {
        text value;
        text_init(&value, NULL, 1 << 24);
        if (mime_readable_fact(mime_index_root(index)->envelope, fact, &value)) {
            truth_text *t = new_text(n, IN_FACT);
            t->fact = fact;
            fold_into(&t->folded, text_span(&value));
        }
        text_fini(&value);
    }
    for (uint32_t i = 0; i < mime_index_parts(index); i++) {
        truth_header(n, message, mime_index_part(index, i));
        truth_body(n, message, mime_index_part(index, i));
    }
    mime_index_del(&index);
    text_fini(&saved);
}

/* A fact, or a field that holds it as it was written (mime/readable.h). */
static bool counts_as(const truth_text *t, mime_fact fact)
{
    mime_fact of;
    if (t->kind == IN_FIELD)
        return mime_readable_fact_of(span_str(t->name), &of) && of == fact;
    return t->kind == IN_FACT && t->fact == fact;
}

static bool text_counts(const truth_text *t, const ll_term *term)
{
    mime_fact fact;
    switch (term->kind) {
    case LL_TERM_BODY:
        return t->kind == IN_BODY;
    case LL_TERM_TEXT:
        return t->kind == IN_BODY || t->kind == IN_HEAD;
    case LL_TERM_HEADER:
        if (t->kind == IN_FIELD)
            return span_equal_nocase(span_str(t->name), term->name);
        return mime_readable_fact_of(term->name, &fact) && fact <= MIME_FACT_BCC && counts_as(t, fact) &&
               mime_readable_is_one_run(term->needle);
    default:
        return counts_as(t, (mime_fact)((int)term->kind - (int)LL_TERM_FROM));
    }
}

static void truth_of(const ll_term *term, bool matches[MESSAGES])
{
    memset(matches, 0, MESSAGES * sizeof *matches);
    for (size_t i = 0; i < texts_count; i++) {
        const truth_text *t = &texts[i];
        if (matches[t->message] || !text_counts(t, term))
            continue;
        matches[t->message] = !term->needle.size || (t->folded.size && memmem(t->folded.data, t->folded.size,
                                                                              term->needle.data, term->needle.size));
    }
}

/* ------------------------------------------------------------------------------------------------- Needles */

/* A piece of a text, or something that is in none. */
static void make_needle(text *out, ll_term *term)
{
    static const ll_term_kind kinds[] = {LL_TERM_BODY, LL_TERM_BODY, LL_TERM_TEXT,    LL_TERM_FROM,   LL_TERM_TO,
                                         LL_TERM_CC,   LL_TERM_BCC,  LL_TERM_SUBJECT, LL_TERM_HEADER, LL_TERM_HEADER};
    static const char *const names[] = {"from",       "X-Thing", "x-other", "Message-Id",
                                        "references", "x-none",  "x-empty", "DATE"};
    *term = (ll_term){.kind = kinds[dice(10)]};
    if (term->kind == LL_TERM_HEADER)
        term->name = span_str(names[dice(8)]);
    const truth_text *from = &texts[dice((uint32_t)texts_count)];
    for (int tries = 0; tries < 200 && (!text_counts(from, term) || !from->folded.size); tries++)
        from = &texts[dice((uint32_t)texts_count)];
    size_t start = from->folded.size, size = dice(4) ? 1 + dice(3) + dice(2) * dice(12) : 1 + dice(30);
    text_clear(out);
    if (from->folded.size) {
        start = dice((uint32_t)from->folded.size);
        text_add(out, span_first(span_from(text_span(&from->folded), start), size));
    }
    while (out->size && ((uint8_t)out->data[0] & 0xc0) == 0x80) /* whole characters */
        text_drop(out, 1);
    text_cut(out, utf_valid_size(text_span(out), NULL));
    if (dice(10) == 0)
        text_add_byte(out, "qz 7"[dice(4)]);
    if (dice(60) == 0 && term->kind == LL_TERM_HEADER)
        text_clear(out);
    term->needle = text_span(out);
}

static size_t certain_count, possible_count, match_count;

static bool has(const uidset *set, uint32_t uid)
{
    return set && uidset_has(set, uid);
}

static void check_term(client *c, size_t n, const ll_term *term, const uint32_t *uids, size_t count)
{
    bool matches[MESSAGES];
    truth_of(term, matches);
    const call_found *found = n < c->call->found_count ? &c->call->found[n] : &(call_found){NULL, NULL};
    for (size_t i = 0; i < count; i++) {
        if (!uids[i])
            continue;
        bool certain = has(found->certain, uids[i]), possible = has(found->possible, uids[i]);
        certain_count += certain;
        possible_count += possible && !certain;
        match_count += matches[i];
        if ((certain && !matches[i]) || (matches[i] && !certain && !possible))
            fail_msg("kind %d name '%.*s' needle '%.*s' message %zu: matches %d certain %d possible %d", term->kind,
                     SPAN_PRINT(term->name), SPAN_PRINT(term->needle), i, matches[i], certain, possible);
    }
}

static void ask_needles(client *c, const uint32_t *uids, size_t count, size_t needles)
{
    ll_term terms[TERMS];
    text kept[TERMS];
    for (size_t i = 0; i < TERMS; i++)
        text_init(&kept[i], NULL, 1 << 16);
    for (size_t done = 0; done < needles; done += TERMS) {
        for (size_t i = 0; i < TERMS; i++)
            make_needle(&kept[i], &terms[i]);
        assert_int_equal(ASK(c, search, c->mailbox, terms, TERMS), LL_OK);
        for (size_t i = 0; i < TERMS; i++)
            check_term(c, i, &terms[i], uids, count);
    }
    for (size_t i = 0; i < TERMS; i++)
        text_fini(&kept[i]);
}

static void wait_for_index(fixture *f)
{
    for (int i = 0; i < 20000 && fixture_refs(f) > 1 + 1; i++) { /* the client's connector has one */
        fixture_pump_ready(f);
        usleep(100);
    }
}

static db *open_reader(fixture *f)
{
    db *d;
    text why;
    text_init(&why, NULL, 1024);
    ll_status status = db_open(&d, f->path, f->key, DB_READONLY, &why);
    if (status)
        fail_msg("%s: %s errno %d", ll_status_name(status), text_str(&why), errno);
    text_fini(&why);
    return d;
}

static int64_t count_of(fixture *f, const char *sql)
{
    db *d = open_reader(f);
    int64_t count = 0;
    assert_int_equal(db_take_int(db_prepare(d, sql), &count), LL_OK);
    db_close(&d);
    return count;
}

static void check_index(fixture *f)
{
    db *d = open_reader(f);
    text report;
    text_init(&report, NULL, 1 << 16);
    assert_int_equal(db_begin_read(d), LL_OK);
    ll_status status = search_check(d, true, &report);
    db_rollback(d);
    db_close(&d);
    if (status)
        fail_msg("%s: %s", ll_status_name(status), text_str(&report));
    text_fini(&report);
}

static void append_some(client *c, uint32_t *uids, size_t *count, size_t more)
{
    for (; more; more--, (*count)++) {
        text message;
        text_init(&message, NULL, 1 << 24);
        add_message(&message, 0);
        assert_int_equal(client_append_full(c, "INBOX", text_span(&message), 0, NULL, 0, 1600000000, &uids[*count]),
                         LL_OK);
        truth_add((uint32_t)*count, text_span(&message));
        text_fini(&message);
    }
}

static int workers;

static void oracle(void **state)
{
    (void)state;
    fixture f;
    client c;
    uint32_t uids[MESSAGES] = {0};
    size_t count = 0;
    seed = 42;
    texts_count = 0;
    certain_count = possible_count = match_count = 0;
    fixture_init(&f, workers);
    client_init(&c, &f);
    assert_int_equal(client_open(&c, "INBOX", false), LL_OK);
    append_some(&c, uids, &count, 3);
    ask_needles(&c, uids, count, TERMS); /* with workers: nothing is in the index yet */
    while (count < 200) {
        append_some(&c, uids, &count, count < 100 ? 9 : 29); /* each wave another segment, so that some are merged */
        ask_needles(&c, uids, count, TERMS);
        wait_for_index(&f);
    }
    ask_needles(&c, uids, count, NEEDLES - 20 * TERMS);
    assert_int_equal(count_of(&f, "SELECT max(id) FROM message"), count_of(&f, "SELECT max(last) FROM search_segment"));
    assert_int_equal(count_of(&f, "SELECT count(*) FROM search_segment WHERE state <> 1"), 0);
    assert_in_range(count_of(&f, "SELECT count(*) FROM search_segment"), 1, 11);
    check_index(&f);
    for (uint32_t i = 0; i < count; i += 3) { /* a third goes, but is held: this session was not told */
        assert_int_equal(client_store(&c, uids[i], uids[i], LL_FLAGS_ADD, F(DELETED)), LL_OK);
        assert_int_equal(client_expunge(&c, uids[i], uids[i]), LL_OK);
    }
    ask_needles(&c, uids, count, 4 * TERMS);
    assert_true(client_latest(&c));
    client_told(&c);
    for (uint32_t i = 0; i < count; i += 3)
        uids[i] = 0;
    while (count < MESSAGES - 20) {
        append_some(&c, uids, &count, 5);
        ask_needles(&c, uids, count, TERMS);
        wait_for_index(&f);
    }
    ask_needles(&c, uids, count, 4 * TERMS);
    check_index(&f);
    /* the index is worth something: most of what matches is certain */
    print_message("certain %zu possible %zu matches %zu\n", certain_count, possible_count, match_count);
    assert_true(certain_count > match_count / 4 * 3);
    client_fini(&c);
    fixture_close(&f);
    fixture_open(&f); /* and after a restart */
    client_init(&c, &f);
    assert_int_equal(client_open(&c, "INBOX", false), LL_OK);
    ask_needles(&c, uids, count, 4 * TERMS);
    client_fini(&c);
    fixture_fini(&f);
    for (size_t i = 0; i < texts_count; i++)
        text_fini(&texts[i].folded);
}

static void oracle_with_workers(void **state)
{
    workers = 2;
    oracle(state);
    workers = 0;
}

/* ------------------------------------------------------------------------------------------------- Numbers */

static bool found_uid(client *c, size_t n, uint32_t uid, bool certain)
{
    if (n >= c->call->found_count)
        return false;
    return has(certain ? c->call->found[n].certain : c->call->found[n].possible, uid);
}

static void numbers(void **state)
{
    (void)state;
    fixture f;
    client c;
    fixture_init(&f, 0);
    client_init(&c, &f);
    f.now = 19700 * INT64_C(86400) + 5; /* savedate */
    static const char *const messages[] = {"Date: Thu, 2 Jan 1970 23:30:00 -0500\r\n\r\nx", "Subject: y\r\n\r\nxyz",
                                           "Date: 31 Dec 1969 01:00 +0900\r\n\r\n"};
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(
            client_append_full(&c, "INBOX", span_str(messages[i]), 0, NULL, 0, (int64_t)i * 86400 - 1, NULL), LL_OK);
    assert_int_equal(client_open(&c, "INBOX", false), LL_OK);
    ll_term terms[] = {{.kind = LL_TERM_INTERNALDATE, .first = -1, .last = -1},
                       {.kind = LL_TERM_INTERNALDATE, .first = 0, .last = INT64_MAX},
                       {.kind = LL_TERM_SENT, .first = 1, .last = 1},
                       {.kind = LL_TERM_SENT, .first = INT64_MIN, .last = -1},
                       {.kind = LL_TERM_SAVED, .first = 19700, .last = 19700},
                       {.kind = LL_TERM_SIZE, .first = 18, .last = INT64_MAX},
                       {.kind = LL_TERM_SAVED, .first = 19701, .last = 19999}};
    static const bool want[][3] = {{true, false, false}, {false, true, true}, {true, false, false},
                                   {false, false, true}, {true, true, true},  {true, false, true},
                                   {false, false, false}};
    assert_int_equal(client_copy(&c, 1, 3, "Archive", false), LL_OK);
    for (int round = 0; round < 2; round++) {
        assert_int_equal(ASK(&c, search, c.mailbox, terms, 7), LL_OK);
        for (size_t n = 0; n < 7; n++)
            for (uint32_t uid = 1; uid <= 3; uid++) {
                assert_int_equal(found_uid(&c, n, uid, true), want[n][uid - 1]);
                assert_false(found_uid(&c, n, uid, false));
            }
        client_close(&c);
        assert_int_equal(client_open(&c, "Archive", false), LL_OK);
    }
    client_fini(&c);
    fixture_fini(&f);
}

/* Terms beyond what the index takes at a time, and needles that say nothing. */
static void many_terms(void **state)
{
    (void)state;
    fixture f;
    client c;
    ll_term terms[300];
    fixture_init(&f, 0);
    client_init(&c, &f);
    assert_int_equal(client_append(&c, "INBOX", "Subject: hello\r\n\r\nworld", 0, NULL), LL_OK);
    assert_int_equal(client_append(&c, "INBOX", "Subject: other\r\n\r\nnothing", 0, NULL), LL_OK);
    assert_int_equal(client_open(&c, "INBOX", false), LL_OK);
    for (size_t i = 0; i < 300; i++)
        terms[i] =
            (ll_term){.kind = i % 2 ? LL_TERM_TEXT : LL_TERM_SUBJECT, .needle = i == 7 ? SPAN("--") : SPAN("hello")};
    assert_int_equal(ASK(&c, search, c.mailbox, terms, 300), LL_OK);
    for (size_t i = 0; i < 300; i++)
        assert_true(i == 7 || found_uid(&c, i, 1, true) || found_uid(&c, i, 1, false));
    assert_true(found_uid(&c, 0, 1, true));
    assert_false(found_uid(&c, 0, 2, true) || found_uid(&c, 0, 2, false));
    assert_false(found_uid(&c, 7, 2, true) || found_uid(&c, 7, 2, false)); /* also of what is no word */
    client_fini(&c);
    fixture_fini(&f);
}

/* A vault whose index was damaged answers as truly, and heals. */
static void damage(void **state)
{
    (void)state;
    static const char *const harms[] = {
        "UPDATE search_terms SET data = x'0102030405' WHERE id = (SELECT min(id) FROM search_terms)",
        "UPDATE search_postings SET data = x'00'", "DELETE FROM search_postings",
        "UPDATE search_segment SET first = first + 1, last = last + 1", "UPDATE search_segment SET format = 9"};
    for (size_t i = 0; i < sizeof harms / sizeof *harms; i++) {
        fixture f;
        client c;
        db *d;
        ll_term term = {.kind = LL_TERM_BODY, .needle = SPAN("world")};
        fixture_init(&f, 0);
        client_init(&c, &f);
        assert_int_equal(client_append(&c, "INBOX", "Subject: hello\r\n\r\nworld", 0, NULL), LL_OK);
        assert_int_equal(client_open(&c, "INBOX", false), LL_OK);
        assert_int_equal(ASK(&c, search, c.mailbox, &term, 1), LL_OK);
        assert_true(found_uid(&c, 0, 1, true));
        assert_int_equal(db_open(&d, f.path, f.key, 0, NULL), LL_OK);
        assert_int_equal(db_exec(d, harms[i]), LL_OK);
        db_close(&d);
        assert_int_equal(ASK(&c, search, c.mailbox, &term, 1), LL_OK);
        assert_true(found_uid(&c, 0, 1, false) && !found_uid(&c, 0, 1, true));
        client_append(&c, "INBOX", "\r\nworld", 0, NULL);
        for (int n = 0; n < 2; n++)
            assert_int_equal(ASK(&c, search, c.mailbox, &term, 1), LL_OK);
        assert_true(found_uid(&c, 0, 1, true) && found_uid(&c, 0, 2, true));
        client_fini(&c);
        fixture_fini(&f);
    }
}

/* The check without the messages, as `letterlock vault check` asks for it. */
static bool check_finds(db *d, const char *what)
{
    text report;
    text_init(&report, NULL, 1 << 16);
    ll_status status = search_check(d, false, &report);
    bool found = status == LL_ECORRUPT && strstr(text_str(&report), what);
    if (!found)
        print_message("%s: %s: %s\n", what, ll_status_name(status), text_str(&report));
    text_fini(&report);
    return found;
}

/* A row that was lost without a trace in its b-tree (an old page that was put back) would hide messages: each class
 * and table. */
static void lost_rows(void **state)
{
    (void)state;
    fixture f;
    client c;
    fixture_init(&f, 0);
    client_init(&c, &f);
    for (int i = 0; i < 400; i++) {
        text message;
        text_init(&message, NULL, 1 << 24);
        add_message(&message, 0);
        assert_int_equal(client_append_full(&c, "INBOX", text_span(&message), 0, NULL, 0, 1600000000, NULL), LL_OK);
        text_fini(&message);
    }
    client_fini(&c);
    fixture_close(&f);
    fixture_open(&f);
    search_index_wake(f.vault);
    check_index(&f);
    db *d;
    assert_int_equal(db_open(&d, f.path, f.key, 0, NULL), LL_OK);
    int64_t classes = count_of(&f, "SELECT count(DISTINCT (id >> 19) & 31) FROM search_terms");
    assert_true(classes > 10);
    static const char *const lost[][2] = {
        {"DELETE FROM search_postings WHERE id = (SELECT max(id) FROM search_postings)", "terms without postings"},
        {"DELETE FROM search_terms WHERE id = (SELECT max(id) FROM search_postings)", "postings without terms"},
        {"DELETE FROM search_terms WHERE id = (SELECT min(id) FROM search_terms WHERE (id >> 19) & 31 >= 16) - (16 << "
         "19)",
         "signatures without terms"},
        {"DELETE FROM search_terms WHERE id = (SELECT id FROM search_terms WHERE id & 524287 = 0 AND EXISTS (SELECT 1 "
         "FROM search_terms s WHERE s.id = search_terms.id + 1) LIMIT 1);DELETE FROM search_postings WHERE id NOT IN "
         "(SELECT id FROM search_terms)",
         "classes of which a block is lost"},
        {"DELETE FROM search_segment WHERE state = 1", "blocks that belong to no segment"},
    };
    for (size_t i = 0; i < sizeof lost / sizeof *lost; i++) {
        assert_int_equal(db_begin(d), LL_OK);
        assert_int_equal(db_exec(d, lost[i][0]), LL_OK);
        assert_true(check_finds(d, lost[i][1]));
        db_rollback(d);
    }
    db_close(&d);
    fixture_close(&f);
    fixture_open(&f);
    check_index(&f);
    fixture_fini(&f);
}

/* What a crash leaves: a segment that was not finished. The next run removes it and makes the messages' own. */
static void crash(void **state)
{
    (void)state;
    fixture f;
    client c;
    db *d;
    ll_term term = {.kind = LL_TERM_BODY, .needle = SPAN("world")};
    fixture_init(&f, 0);
    client_init(&c, &f);
    assert_int_equal(client_append(&c, "INBOX", "\r\nworld", 0, NULL), LL_OK);
    assert_int_equal(db_open(&d, f.path, f.key, 0, NULL), LL_OK);
    assert_int_equal(db_exec(d,
                             "INSERT INTO search_segment(first, last, messages, state, format) VALUES(1, 1, 1, 0, 1);"
                             "INSERT INTO search_terms(id, data) VALUES(1 << 24, x'00020a0a');"),
                     LL_OK);
    db_close(&d);
    assert_int_equal(client_open(&c, "INBOX", false), LL_OK);
    assert_int_equal(ASK(&c, search, c.mailbox, &term, 1), LL_OK);
    assert_true(found_uid(&c, 0, 1, true));
    assert_int_equal(count_of(&f, "SELECT count(*) FROM search_segment"), 1);
    assert_int_equal(count_of(&f, "SELECT count(*) FROM search_terms WHERE id >> 24 = 1"), 0);
    check_index(&f);
    client_fini(&c);
    fixture_fini(&f);
}

/* Closing does not wait for an index that is long in the making; the next opening goes on with it. */
static void closed_meanwhile(void **state)
{
    (void)state;
    fixture f;
    client c;
    seed = 7;
    fixture_init(&f, 2);
    client_init(&c, &f);
    for (int i = 0; i < 150; i++) {
        text message;
        text_init(&message, NULL, 1 << 24);
        add_message(&message, 0);
        assert_int_equal(client_append_full(&c, "INBOX", text_span(&message), 0, NULL, 0, 1600000000, NULL), LL_OK);
        text_fini(&message);
        if (i == 100)
            search_index_stop(f.vault);
    }
    search_index_stop(f.vault);
    client_fini(&c);
    fixture_close(&f);
    assert_int_equal(count_of(&f, "SELECT count(*) FROM message"), 150);
    check_index(&f);
    fixture_open(&f);
    client_init(&c, &f);
    assert_int_equal(client_open(&c, "INBOX", false), LL_OK);
    f.now += 1000; /* what waits has waited long */
    ll_term term = {.kind = LL_TERM_BODY, .needle = SPAN("alpha")};
    assert_int_equal(ASK(&c, search, c.mailbox, &term, 1), LL_OK); /* wakes it */
    assert_int_equal(client_append(&c, "INBOX", "\r\nlast", 0, NULL), LL_OK);
    wait_for_index(&f);
    assert_in_range(count_of(&f, "SELECT max(last) FROM search_segment WHERE state = 1"), 150, 151);
    check_index(&f);
    client_fini(&c);
    fixture_fini(&f);
}

/* A mailbox that is gone, or made anew under its name, has no rows of the old one. */
static void other_mailboxes(void **state)
{
    (void)state;
    fixture f;
    client c;
    ll_term term = {.kind = LL_TERM_BODY, .needle = SPAN("world")};
    fixture_init(&f, 0);
    client_init(&c, &f);
    static const char *const names[] = {"A", "B", "C", "D", "E", "F"};
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(ASK(&c, create, span_str(names[i]), 0), LL_OK);
        for (size_t n = 0; n <= i; n++)
            assert_int_equal(client_append(&c, names[i], n % 2 ? "\r\nworld" : "\r\nother", 0, NULL), LL_OK);
    }
    for (size_t i = 0; i < 18; i++) { /* more than are kept in memory */
        size_t which = i * 5 % 6;
        assert_int_equal(client_open(&c, names[which], false), LL_OK);
        assert_int_equal(ASK(&c, search, c.mailbox, &term, 1), LL_OK);
        for (uint32_t uid = 1; uid <= 8; uid++)
            assert_int_equal(found_uid(&c, 0, uid, true), uid % 2 == 0 && uid <= which + 1);
        if (i == 6) {
            client_close(&c);
            assert_int_equal(ASK(&c, remove, span_str(names[which])), LL_OK);
            assert_int_equal(ASK(&c, create, span_str(names[which]), 0), LL_OK);
            for (size_t n = 0; n <= which; n++)
                assert_int_equal(client_append(&c, names[which], n % 2 ? "\r\nworld" : "\r\nx", 0, NULL), LL_OK);
        }
        client_close(&c);
    }
    client_fini(&c);
    fixture_fini(&f);
}

/* Expunged mail leaves the index too, without anybody searching or delivering. */
static void sparse(void **state)
{
    (void)state;
    enum { MAILS = 200, KEPT = 20 };
    fixture f;
    client c;
    seed = 11;
    fixture_init(&f, 2);
    client_init(&c, &f);
    for (int i = 0; i < MAILS; i++) {
        text message;
        text_init(&message, NULL, 1 << 24);
        add_message(&message, 0);
        assert_int_equal(client_append_full(&c, "INBOX", text_span(&message), F(DELETED), NULL, 0, 1, NULL), LL_OK);
        text_fini(&message);
    }
    assert_int_equal(client_open(&c, "INBOX", false), LL_OK);
    f.now += 1000;
    ll_term term = {.kind = LL_TERM_BODY, .needle = SPAN("alpha")};
    assert_int_equal(ASK(&c, search, c.mailbox, &term, 1), LL_OK); /* what waits is indexed */
    wait_for_index(&f);
    int64_t before = count_of(&f, "SELECT sum(length(data)) FROM search_terms");
    assert_int_equal(count_of(&f, "SELECT sum(messages) FROM search_segment WHERE state = 1"), MAILS);
    assert_int_equal(client_expunge(&c, KEPT + 1, MAILS), LL_OK);
    client_fini(&c);
    fixture_close(&f);
    fixture_open(&f);
    fixture_close(&f);
    assert_int_equal(count_of(&f, "SELECT count(*) FROM message"), KEPT);
    assert_int_equal(count_of(&f, "SELECT sum(messages) FROM search_segment WHERE state = 1"), KEPT);
    assert_int_equal(count_of(&f, "SELECT count(*) FROM search_segment WHERE state <> 1"), 0);
    assert_true(count_of(&f, "SELECT sum(length(data)) FROM search_terms") < before / 2);
    check_index(&f);
    fixture_open(&f);
    client_init(&c, &f);
    assert_int_equal(client_open(&c, "INBOX", false), LL_OK);
    assert_int_equal(client_expunge(&c, 1, KEPT), LL_OK); /* and nothing at all is left of nothing */
    client_fini(&c);
    fixture_close(&f);
    fixture_open(&f);
    fixture_close(&f);
    assert_int_equal(count_of(&f, "SELECT count(*) FROM search_terms"), 0);
    check_index(&f);
    fixture_open(&f);
    fixture_fini(&f);
}

/* ---- Turns */

typedef struct waiting {
    search_turn turn; /* first */
    int number, *next;
} waiting;

static void begun(search_turn *turn)
{
    waiting *w = (waiting *)turn;
    w->number = ++*w->next;
}

static void turns_in_order(void **state)
{
    (void)state;
    search_turns *t;
    int next = 0;
    waiting w[5];
    assert_int_equal(search_turns_new(&t, 2), LL_OK);
    for (int i = 0; i < 5; i++) {
        w[i] = (waiting){{NULL, begun}, 0, &next};
        assert_true(search_turns_take(t, &w[i].turn) == (i < 2));
    }
    search_turns_give(t);
    assert_true(w[2].number == 1 && !w[3].number);
    assert_true(search_turns_pass(t, &w[1].turn)); /* 3 begins, 1 waits behind 4 */
    assert_true(w[3].number == 2 && !w[4].number && !w[1].number);
    search_turns_give(t);
    search_turns_give(t);
    assert_true(w[4].number == 3 && w[1].number == 4);
    assert_false(search_turns_pass(t, &w[1].turn));
    search_turns_give(t);
    search_turns_give(t);
    assert_true(search_turns_take(t, &w[0].turn)); /* nobody waits: it is free */
    search_turns_give(t);
    search_turns_del(&t);
}

/* A vault whose turn it is not is not indexed, is closed as before if it is told to stop, and is indexed in its turn.
 */
static void waits_for_its_turn(void **state)
{
    (void)state;
    fixture f;
    client c;
    int next = 0;
    waiting mine = {{NULL, begun}, 0, &next};
    fixture_init(&f, 2);
    fixture_close(&f);
    assert_int_equal(search_turns_new(&f.config.search_turns, 1), LL_OK);
    search_turns *turns = f.config.search_turns;
    for (int round = 0; round < 2; round++) {
        assert_true(search_turns_take(turns, &mine.turn));
        fixture_open(&f);
        client_init(&c, &f);
        for (int i = 0; i < 100; i++)
            assert_int_equal(client_append(&c, "INBOX", "\r\nworld", 0, NULL), LL_OK);
        usleep(20000);
        fixture_pump_ready(&f);
        assert_int_equal(count_of(&f, "SELECT count(*) FROM search_segment"), 0);
        if (!round)
            search_index_stop(f.vault);
        search_turns_give(turns);
        wait_for_index(&f);
        assert_true((count_of(&f, "SELECT count(*) FROM search_segment") > 0) == (round > 0));
        client_fini(&c);
        fixture_close(&f);
    }
    assert_true(search_turns_take(turns, &mine.turn)); /* it was given back */
    search_turns_give(turns);
    check_index(&f);
    fixture_open(&f);
    fixture_fini(&f);
    search_turns_del(&turns);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers),
        cmocka_unit_test(many_terms),
        cmocka_unit_test(damage),
        cmocka_unit_test(lost_rows),
        cmocka_unit_test(sparse),
        cmocka_unit_test(turns_in_order),
        cmocka_unit_test(waits_for_its_turn),
        cmocka_unit_test(closed_meanwhile),
        cmocka_unit_test(other_mailboxes),
        cmocka_unit_test(crash),
        cmocka_unit_test(oracle),
        cmocka_unit_test(oracle_with_workers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
