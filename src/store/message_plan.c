/* message_plan.c - see message_plan.h
 * SPDX-License-Identifier: MIT */
#include "store/message_plan.h"

#include "base/memory.h"
#include "mime/index.h"
#include "store/transfer.h"

void message_plan_fini(message_plan *plan)
{
    memory_free(NULL, plan->pieces);
    *plan = (message_plan){0};
}

static ll_status add(message_plan *plan, const message_piece *piece)
{
    if (plan->count == plan->room) {
        size_t room = plan->room ? plan->room * 2 : 8;
        message_piece *grown = memory_resize(NULL, plan->pieces, room * sizeof *grown);
        if (!grown)
            return LL_ENOMEM;
        plan->pieces = grown;
        plan->room = room;
    }
    plan->pieces[plan->count++] = *piece;
    return LL_OK;
}

/* A leaf's body: does it become a piece? */
static ll_status plan_leaf(message_plan *plan, db *d, const incoming *content, const mime_part *leaf)
{
    bool coded = span_equal_nocase(leaf->encoding, SPAN("base64"));
    if (leaf->body_size < (coded ? MESSAGE_CODED_LEAST : MESSAGE_TEXT_LEAST) || plan->count >= MESSAGE_PIECES_MAX)
        return LL_OK;
    part_found found = {0};
    ll_status status = LL_OK;
    if (coded)
        status = part_probe(d, content, leaf->body_offset, leaf->body_size, &found);
    /* One that is mostly something else is taken as it is. */
    if (!status && found.text < leaf->body_size / 2)
        coded = false;
    if (!status && !coded && leaf->body_size >= MESSAGE_TEXT_LEAST)
        status = part_hash(d, content, leaf->body_offset, leaf->body_size, &found);
    if (status || !found.text || (coded && found.text < MESSAGE_CODED_LEAST))
        return status;
    bool shared = found.plain >= MESSAGE_PART_LEAST;
    if (!coded && !shared)
        return LL_OK;
    message_piece piece = {.place = leaf->body_offset,
                           .text = found.text,
                           .plain = found.plain,
                           .transfer = found.transfer,
                           .where = shared ? MESSAGE_SHARED : MESSAGE_IN_HEAD};
    memcpy(piece.hash, found.hash, sizeof piece.hash);
    return add(plan, &piece);
}

static ll_status plan_leaves(message_plan *plan, db *d, const incoming *content, const mime_index *index)
{
    ll_status status = LL_OK;
    for (uint32_t n = 0; !status && n < mime_index_parts(index); n++) {
        const mime_part *part = mime_index_part(index, n);
        if (part->kind == MIME_LEAF)
            status = plan_leaf(plan, d, content, part);
    }
    return status;
}

static void count_head(message_plan *plan)
{
    plan->head_size = plan->size;
    for (size_t i = 0; i < plan->count; i++) {
        const message_piece *p = &plan->pieces[i];
        plan->head_size -= p->text;
        plan->head_size += p->where == MESSAGE_IN_HEAD ? p->plain : 0;
    }
}

static ll_status add_own(message_plan *plan, uint64_t from, uint64_t to)
{
    message_piece piece = {.place = from, .text = to - from, .plain = to - from, .where = MESSAGE_OWN};
    return from < to ? add(plan, &piece) : LL_OK;
}

/* The head is too large: it keeps the header, if that is not. */
static ll_status spill(message_plan *plan, uint64_t header)
{
    message_plan full = {.size = plan->size, .head_size = header <= MESSAGE_HEAD_MAX ? header : 0};
    uint64_t at = full.head_size;
    ll_status status = LL_OK;
    for (size_t i = 0; !status && i < plan->count; i++) {
        const message_piece *p = &plan->pieces[i];
        if (p->where == MESSAGE_IN_HEAD)
            continue;
        status = add_own(&full, at, p->place);
        if (!status)
            status = add(&full, p);
        at = p->place + p->text;
    }
    if (!status)
        status = add_own(&full, at, plan->size);
    message_plan_fini(plan);
    *plan = full;
    return status;
}

ll_status message_plan_make(message_plan *plan, db *d, const incoming *content, ll_span facts)
{
    mime_index *index = NULL;
    uint64_t header = 0;
    *plan = (message_plan){.size = content->size};
    ll_status status = facts.size ? mime_index_open(&index, NULL, facts) : LL_ECORRUPT;
    if (!status && mime_index_size(index) == plan->size) {
        header = mime_index_root(index)->header_size;
        status = plan_leaves(plan, d, content, index);
    } else if (status == LL_ECORRUPT || status == LL_EVERSION) {
        status = LL_OK;
    }
    mime_index_del(&index);
    count_head(plan);
    return !status && plan->head_size > MESSAGE_HEAD_MAX ? spill(plan, header) : status;
}

ll_status message_plan_whole(message_plan *plan, const incoming *content)
{
    *plan = (message_plan){.size = content->size};
    return add_own(plan, 0, plan->size);
}
