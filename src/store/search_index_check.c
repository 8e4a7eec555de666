/* search_index_check.c - see search_index_check.h
 * SPDX-License-Identifier: MIT */
#include "store/search_index_check.h"

#include "base/memory.h"
#include "store/search_merge.h"
#include "store/search_read.h"
#include "store/search_sign.h"

typedef struct check {
    db *d;
    text *report;
    unsigned faults;
    search_segment segment; /* under way */
    uint64_t sum;           /* over its pairs of term and message */
    uint64_t pairs;
    search_block block; /* for blocks made anew */
    text messages, sign, made;
} check;

static void fault(check *c, const char *what, int64_t where)
{
    if (c->faults++ < SEARCH_CHECK_FAULTS && c->report)
        text_print(c->report, "search index: %s: at %lld\n", what, (long long)where);
}

/* A number for each pair of term and message: segments are compared by the sums over theirs, so that the order in which
 * they come does not matter and neither has to be kept. 64 bits: by accident no two are the same. */
static uint64_t pair_number(uint64_t term, uint32_t message)
{
    uint64_t h = (term ^ message) * UINT64_C(0xff51afd7ed558ccd);
    h = (h ^ h >> 33) * UINT64_C(0xc4ceb9fe1a85ec53);
    return h ^ h >> 33;
}

static uint64_t term_number(search_class class, ll_span term)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325) + class;
    for (size_t i = 0; i < term.size; i++)
        h = (h ^ (uint8_t)term.data[i]) * UINT64_C(0x100000001b3);
    return h * UINT64_C(0x9e3779b97f4a7c15);
}

/* Messages of the index that are there no longer count for nothing. */
static ll_status add_messages(check *c, const uidset *there, uint64_t term)
{
    const uint32_t *messages = (const uint32_t *)(const void *)c->messages.data;
    for (size_t i = 0; i < c->messages.size / sizeof *messages; i++) {
        if (there && !uidset_has(there, messages[i] + 1))
            continue;
        c->sum += pair_number(term, messages[i]);
        c->pairs++;
    }
    return LL_OK;
}

/* All pairs of a decoded block. LL_ECORRUPT: not sorted, or postings that do not fit. */
static ll_status add_block(check *c, search_class class, search_block *b, const uidset *there)
{
    search_postings at = search_postings_of(b);
    ll_span rest = span_from(text_span(&b->terms), 1), before = {NULL, 0};
    while (rest.size) {
        ll_span term = span_cut(&rest, '\n');
        if (before.data && span_compare(before, term) >= 0)
            return LL_ECORRUPT;
        before = term;
        text_clear(&c->messages);
        ll_status status = search_postings_take(&at, (uint32_t)(c->segment.last - c->segment.first), &c->messages);
        if (!status)
            status = add_messages(c, there, term_number(class, term));
        if (status)
            return status;
    }
    return at.at == at.end ? LL_OK : LL_ECORRUPT;
}

/* A signature that lacks something would hide messages. */
static ll_status check_sign(check *c, search_class class, int64_t id)
{
    if (!search_sign_has(class))
        return LL_OK;
    ll_status status = search_block_sign(c->d, id, &c->sign);
    if (status)
        return status == LL_ENOTFOUND ? LL_OK : status;
    text_clear(&c->made);
    status = search_sign_make(&c->made, class, text_span(&c->block.terms));
    if (!status && !span_equal(text_span(&c->sign), text_span(&c->made)))
        fault(c, "a signature is not its block's", id);
    return status;
}

static ll_status read_segment(check *c, const uidset *there)
{
    ll_status status = LL_OK;
    c->sum = c->pairs = 0;
    for (search_class class = 0; !status && class < SEARCH_CLASSES; class ++) {
        int64_t last = search_block_id(c->segment.id, class, search_ordinal_max);
        for (int64_t id = search_block_id(c->segment.id, class, 0); !status && id <= last; id++) {
            status = search_block_next(c->d, &id, last, &c->block);
            if (!status)
                status = search_block_postings_load(c->d, id, &c->block);
            if (!status)
                status = add_block(c, class, &c->block, there);
            if (!status)
                status = check_sign(c, class, id);
            if (status == LL_ECORRUPT) {
                fault(c, "a block cannot be read", id);
                status = LL_OK;
            }
        }
        status = status == LL_ENOTFOUND ? LL_OK : status;
    }
    return status;
}

/* ---- Anew */

static ll_status take_block(void *ctx, search_class class, uint32_t ordinal, ll_span terms, ll_span postings)
{
    check *c = ctx;
    (void)ordinal;
    if (class >= SEARCH_CLASSES) /* a signature */
        return LL_OK;
    ll_status status = search_block_terms_set(&c->block, terms);
    if (!status)
        status = search_block_postings_set(&c->block, postings);
    return status ? status : add_block(c, class, &c->block, NULL);
}

static ll_status flush(check *c, search_batch **batch)
{
    search_packer w;
    ll_status status = search_packer_init(&w, take_block, c);
    if (!status)
        status = search_batch_write(*batch, &w);
    search_packer_fini(&w);
    search_batch_del(batch);
    return status;
}

/* The messages of the segment's range, in batches. */
static ll_status read_messages(check *c, search_reader *reader, uidset *there)
{
    search_batch *batch = NULL;
    ll_status status = LL_OK, more = LL_MORE;
    c->sum = c->pairs = 0;
    for (int64_t id = c->segment.first - 1; !status && more == LL_MORE;) {
        db_stmt *q =
            db_prepare(c->d, "SELECT id, size, facts FROM message WHERE id > ?1 AND id <= ?2 ORDER BY id LIMIT 1");
        db_bind_int(q, 1, id);
        db_bind_int(q, 2, c->segment.last);
        more = db_first(q) ? LL_OK : LL_MORE;
        if (more == LL_MORE) {
            id = db_column_int(q, 0);
            uidset_add(there, (uint32_t)(id - c->segment.first) + 1);
            status = batch ? LL_OK : search_batch_new(&batch);
            if (!status) {
                search_batch_message(batch, (uint32_t)(id - c->segment.first));
                status =
                    search_read_message(reader, c->d, id, (uint64_t)db_column_int(q, 1), db_column_blob(q, 2), batch);
            }
            db_reset(q);
        }
        if (!status && batch && (more != LL_MORE || search_batch_full(batch)))
            status = flush(c, &batch);
    }
    search_batch_del(&batch);
    return status;
}

static ll_status compare(check *c, search_reader *reader)
{
    uidset *there = uidset_new();
    ll_status status = there ? read_messages(c, reader, there) : LL_ENOMEM;
    uint64_t sum = c->sum, pairs = c->pairs;
    if (!status)
        status = read_segment(c, there);
    if (!status && (sum != c->sum || pairs != c->pairs))
        fault(c, "a segment has other terms than its messages", c->segment.id);
    uidset_del(&there);
    return status;
}

/* What a lost row leaves behind. Each query gives a number, which should be 0. Segments that are being removed lose
 * blocks in the order of their ids. */
static ll_status strays(check *c)
{
    static const struct {
        const char *what, *sql;
    } all[] = {
        {"blocks that belong to no segment, how many",
         "SELECT count(*) FROM search_terms WHERE id >> 24 NOT IN (SELECT id FROM search_segment)"},
        {"terms without postings, how many", "SELECT count(*) FROM search_terms WHERE (id >> 19) & 31 < 16 AND "
                                             "id NOT IN (SELECT id FROM search_postings)"},
        {"postings without terms, how many",
         "SELECT count(*) FROM search_postings WHERE id NOT IN (SELECT id FROM search_terms)"},
        {"signatures without terms, how many",
         "SELECT count(*) FROM search_terms s JOIN search_segment g ON g.id = s.id >> 24 AND g.state = 1 WHERE "
         "(s.id >> 19) & 31 >= 16 AND s.id - (16 << 19) NOT IN (SELECT id FROM search_terms)"},
        {"classes of which a block is lost, how many",
         "SELECT count(*) FROM (SELECT 1 FROM search_terms s JOIN search_segment g ON g.id = s.id >> 24 AND g.state = "
         "1 "
         "WHERE (s.id >> 19) & 31 < 16 GROUP BY s.id >> 19 HAVING count(*) <> max(s.id & 524287) + 1)"},
    };
    ll_status status = LL_OK;
    for (size_t i = 0; !status && i < sizeof all / sizeof *all; i++) {
        int64_t count = 0;
        status = db_take_int(db_prepare(c->d, all[i].sql), &count);
        if (!status && count)
            fault(c, all[i].what, count);
    }
    return status;
}

static ll_status check_segments(check *c, bool deep)
{
    search_segments all;
    search_reader *reader = NULL;
    ll_status status = search_segments_load(c->d, &all);
    if (status == LL_ECORRUPT) {
        fault(c, "segments do not follow each other", all.end);
        return LL_OK;
    }
    if (!status && deep)
        status = search_reader_new(&reader);
    for (size_t i = 0; !status && i < all.count; i++) {
        c->segment = all.all[i];
        status = deep ? compare(c, reader) : read_segment(c, NULL);
    }
    search_reader_del(&reader);
    return status ? status : strays(c);
}

ll_status search_check(db *d, bool deep, text *report)
{
    check c = {.d = d, .report = report};
    text_init(&c.messages, NULL, search_postings_max);
    text_init(&c.sign, NULL, search_terms_max);
    text_init(&c.made, NULL, search_sign_max);
    ll_status status = search_block_init(&c.block);
    if (!status)
        status = check_segments(&c, deep);
    search_block_fini(&c.block);
    text_fini(&c.messages);
    text_fini(&c.sign);
    text_fini(&c.made);
    return !status && c.faults ? LL_ECORRUPT : status;
}
