/* deliver.c - see deliver.h
 * SPDX-License-Identifier: MIT */
#include "post/deliver.h"

#include "base/memory.h"
#include "store/absorb.h"
#include "store/deliver.h"

#include <assert.h>

typedef struct delivery delivery;

/* One unlocked vault at work on the message. */
typedef struct into_vault {
    delivery *delivery;
    size_t recipient;
    vault *vault;
} into_vault;

struct delivery {
    deliver_house house;
    spool *content;
    text index;
    deliver_recipient *recipients;
    size_t count;
    int64_t now;
    bool each;
    deliver_done *done;
    void *context;
    into_vault *vaults; /* one per recipient; vault is NULL for the locked ones */
    size_t under_way;
    bool *to_drop; /* recipients that the drop is taking, or shall take */
};

static void delivery_del(delivery *d)
{
    for (size_t i = 0; d->vaults && i < d->count; i++)
        if (d->vaults[i].vault)
            vaults_release(d->house.vaults, &d->vaults[i].vault);
    memory_free(NULL, d->vaults);
    memory_free(NULL, d->to_drop);
    memory_free(NULL, d->recipients);
    text_fini(&d->index);
    spool_del(&d->content);
    memory_free(NULL, d);
}

/* The room of those who do not get it. */
static void give_room(const deliver_house *house, deliver_recipient *recipients, size_t count, uint64_t size, bool all)
{
    for (size_t i = 0; i < count; i++) {
        deliver_recipient *to = &recipients[i];
        if (to->taken && (all || to->status))
            ledger_give(house->ledger, to->alias, size);
        to->taken = false;
    }
}

static void finish(delivery *d)
{
    give_room(&d->house, d->recipients, d->count, spool_size(d->content), false);
    d->done(d->context, d->recipients, d->count);
    delivery_del(d);
}

/* An owner who logged in meanwhile shall not wait for the next login to see it. */
typedef struct absorbing {
    vaults *vaults;
    vault *vault;
} absorbing;

static void absorb_done(void *context, ll_status status)
{
    absorbing *a = context;
    (void)status; /* what could not be absorbed waits */
    vaults_release(a->vaults, &a->vault);
    memory_free(NULL, a);
}

static void absorb_if_unlocked(const delivery *d, size_t i)
{
    vault *v = vaults_find(d->house.vaults, d->recipients[i].alias);
    absorbing *a = v ? memory_new(NULL, sizeof *a) : NULL;
    if (!a) {
        vaults_release(d->house.vaults, &v);
        return;
    }
    *a = (absorbing){d->house.vaults, v};
    vault_absorb(v, d->house.drop, absorb_done, a);
}

static size_t drop_wanted(const delivery *d)
{
    size_t wanted = 0;
    for (size_t i = 0; i < d->count; i++)
        wanted += d->to_drop[i];
    return wanted;
}

/* Ask the drop to take the message for all that are marked. LL_OK: `done` will come. */
static ll_status drop_ask(delivery *d, drop_done *done)
{
    drop_recipient *list = memory_new(NULL, (d->count + 1) * sizeof *list);
    size_t n = 0;
    if (!list)
        return LL_ENOMEM;
    for (size_t i = 0; i < d->count; i++)
        if (d->to_drop[i]) {
            memcpy(list[n].alias, d->recipients[i].alias, KEYS_ID);
            memcpy(list[n++].public_key, d->recipients[i].drop_public, KEYS_KEY);
        }
    ll_status status = drop_put(d->house.drop, d->content, list, n, d->now, done, d);
    memory_free(NULL, list);
    return status;
}

static void drop_answered(delivery *d, ll_status status)
{
    for (size_t i = 0; i < d->count; i++)
        if (d->to_drop[i]) {
            d->recipients[i].status = status;
            d->to_drop[i] = false;
            if (!status)
                absorb_if_unlocked(d, i);
        }
}

/* ------------------------------------------------------------------------------ third: what a vault could not take */

static void second_drop_done(void *context, ll_status status)
{
    delivery *d = context;
    drop_answered(d, status);
    finish(d);
}

static void after_vaults(delivery *d)
{
    if (!drop_wanted(d)) {
        finish(d);
        return;
    }
    ll_status status = drop_ask(d, second_drop_done);
    if (status)
        second_drop_done(d, status);
}

/* ------------------------------------------------------------------------------------- second: the unlocked vaults */

/* Too many messages, or one too large, is told to the sender if that one can be told by itself; anything else goes to
 * the drop. */
static void vault_done(void *context, ll_status status)
{
    into_vault *into = context;
    delivery *d = into->delivery;
    d->recipients[into->recipient].status = status;
    bool over = status == LL_EQUOTA || status == LL_ELIMIT;
    if (status && !(over && d->each))
        d->to_drop[into->recipient] = true;
    if (--d->under_way == 0)
        after_vaults(d);
}

static void to_vaults(delivery *d)
{
    d->under_way = 1; /* ours, so that an answer from inside the loop does not end it */
    for (size_t i = 0; i < d->count; i++) {
        into_vault *into = &d->vaults[i];
        if (!into->vault)
            continue;
        *into = (into_vault){d, i, into->vault};
        d->under_way++;
        vault_deliver(into->vault, d->content, text_span(&d->index), d->now, true, vault_done, into);
    }
    if (--d->under_way == 0)
        after_vaults(d);
}

/* ----------------------------------------------------------------------------------------------- first: the drop */

static void first_drop_done(void *context, ll_status status)
{
    delivery *d = context;
    drop_answered(d, status);
    if (status && !d->each) {
        /* Nobody has it yet: let the sender try again with all of it. */
        for (size_t i = 0; i < d->count; i++)
            d->recipients[i].status = status;
        finish(d);
        return;
    }
    to_vaults(d);
}

/* LL_EQUOTA: one of several has no room, and all have one answer. */
static ll_status take_room(const deliver_house *house, deliver_recipient *recipients, size_t count, uint64_t size,
                           bool each)
{
    for (size_t i = 0; i < count; i++) {
        deliver_recipient *to = &recipients[i];
        if (to->status)
            continue;
        ll_status status = ledger_take(house->ledger, to->alias, size);
        to->taken = !status;
        if (status && !each)
            return status;
        to->status = status;
    }
    return LL_OK;
}

static delivery *delivery_new(const deliver_house *house, size_t count)
{
    delivery *d = memory_new(NULL, sizeof *d);
    if (!d)
        return NULL;
    d->house = *house;
    d->count = count;
    text_init(&d->index, NULL, deliver_index_max);
    d->vaults = memory_new(NULL, (count + 1) * sizeof *d->vaults);
    d->to_drop = memory_new(NULL, count + 1);
    if (d->vaults && d->to_drop)
        return d;
    d->count = 0;
    delivery_del(d);
    return NULL;
}

ll_status deliver_message(const deliver_house *house, spool **content, text *index, deliver_recipient **recipients,
                          size_t count, int64_t now, bool each, deliver_done *done, void *context)
{
    assert(count > 0);
    delivery *d = delivery_new(house, count);
    if (!d)
        return LL_ENOMEM;
    d->each = each || count == 1;
    uint64_t bytes = spool_size(*content);
    ll_status status = take_room(house, *recipients, count, bytes, d->each);
    if (status) {
        give_room(house, *recipients, count, bytes, true);
        d->count = 0;
        delivery_del(d);
        return status;
    }
    for (size_t i = 0; i < count; i++) {
        deliver_recipient *to = &(*recipients)[i];
        d->vaults[i].vault = to->status ? NULL : vaults_find(house->vaults, to->alias);
        d->to_drop[i] = !to->status && !d->vaults[i].vault;
    }
    d->content = *content;
    d->index = *index;
    d->recipients = *recipients;
    d->now = now;
    d->done = done;
    d->context = context;
    /* Taken over before anything can call `done`, which may free where they came from. */
    text given = *index;
    *content = NULL;
    text_init(index, given.allocator, given.size_max);
    *recipients = NULL;
    if (!drop_wanted(d)) {
        to_vaults(d);
        return LL_OK;
    }
    status = drop_ask(d, first_drop_done);
    if (status) {
        give_room(house, d->recipients, count, bytes, true);
        *content = d->content;
        *index = given;
        *recipients = d->recipients;
        d->content = NULL;
        text_init(&d->index, NULL, 0);
        d->recipients = NULL;
        delivery_del(d);
    }
    return status;
}
