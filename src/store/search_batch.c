/* search_batch.c - see search_batch.h
 * SPDX-License-Identifier: MIT */
#include "store/search_batch.h"

#include "base/memory.h"

#include <stdlib.h>

typedef struct batch_term {
    uint32_t at, size; /* in the pool: the class, then the term */
    uint32_t hash;
    uint32_t seen; /* the message that had it last, plus 1 */
    uint32_t uses;
} batch_term;

typedef struct batch_pair {
    uint32_t term, message;
} batch_pair;

struct search_batch {
    text pool;
    batch_term *terms;
    size_t terms_count, terms_room;
    uint32_t *slots; /* term number + 1; 0: free */
    size_t slots_count;
    batch_pair *pairs;
    size_t pairs_count, pairs_room;
    uint32_t message;
    size_t message_terms, message_pool; /* as they were before the message */
};

enum { POOL_MAX = search_batch_bytes + 2 * search_message_bytes, SLOTS_MIN = 1 << 14 };

ll_status search_batch_new(search_batch **out)
{
    search_batch *b = *out = memory_new(NULL, sizeof *b);
    if (!b)
        return LL_ENOMEM;
    text_init(&b->pool, NULL, POOL_MAX);
    b->slots_count = SLOTS_MIN;
    b->slots = memory_new(NULL, b->slots_count * sizeof *b->slots);
    if (b->slots)
        return LL_OK;
    search_batch_del(out);
    return LL_ENOMEM;
}

void search_batch_del(search_batch **batch)
{
    search_batch *b = *batch;
    *batch = NULL;
    if (!b)
        return;
    text_wipe(&b->pool);
    memory_free(NULL, b->terms);
    memory_free(NULL, b->slots);
    memory_free(NULL, b->pairs);
    memory_free(NULL, b);
}

void search_batch_message(search_batch *b, uint32_t number)
{
    b->message = number;
    b->message_terms = b->terms_count;
    b->message_pool = b->pool.size;
}

/* Only where a term comes to stand: nobody gains by making it slow for himself, and 32 bits are kept with each term. */
static uint32_t hash_of(search_class class, ll_span term)
{
    uint64_t h = UINT64_C(0x9e3779b97f4a7c15) * (class + 1 + term.size);
    const char *at = term.data;
    size_t left = term.size;
    for (; left >= 8; at += 8, left -= 8) {
        uint64_t word;
        memcpy(&word, at, 8);
        h = (h ^ word) * UINT64_C(0xff51afd7ed558ccd);
        h ^= h >> 32;
    }
    uint64_t rest = 0;
    for (size_t i = 0; i < left; i++)
        rest = rest << 8 | (uint8_t)at[i];
    h = (h ^ rest) * UINT64_C(0xc4ceb9fe1a85ec53);
    return (uint32_t)(h ^ h >> 32);
}

static ll_status grow_slots(search_batch *b)
{
    size_t count = b->slots_count * 2;
    uint32_t *slots = memory_new(NULL, count * sizeof *slots);
    if (!slots)
        return LL_ENOMEM;
    for (size_t i = 0; i < b->terms_count; i++) {
        size_t at = b->terms[i].hash & (count - 1);
        while (slots[at])
            at = (at + 1) & (count - 1);
        slots[at] = (uint32_t)i + 1;
    }
    memory_free(NULL, b->slots);
    b->slots = slots;
    b->slots_count = count;
    return LL_OK;
}

/* Room for one more in an array. */
static bool room(void **array, size_t count, size_t *have, size_t size)
{
    if (count < *have)
        return true;
    size_t more = *have ? *have * 2 : 4096;
    void *grown = memory_resize(NULL, *array, more * size);
    if (!grown)
        return false;
    *array = grown;
    *have = more;
    return true;
}

/* The slot where the term is, or where it belongs. */
static size_t find_slot(const search_batch *b, search_class class, ll_span term, uint32_t hash)
{
    size_t at = hash & (b->slots_count - 1);
    for (; b->slots[at]; at = (at + 1) & (b->slots_count - 1)) {
        const batch_term *t = &b->terms[b->slots[at] - 1];
        const char *known = b->pool.data + t->at;
        if (t->hash == hash && t->size == term.size && known[0] == (char)class &&
            !memcmp(known + 1, term.data, term.size))
            break;
    }
    return at;
}

static ll_status add_term(search_batch *b, search_class class, ll_span term, uint32_t hash, size_t slot)
{
    bool many = b->terms_count - b->message_terms >= search_message_terms ||
                b->pool.size + term.size - b->message_pool > search_message_bytes;
    if (many && class != SEARCH_CLASS_ALWAYS) /* there is room for these few */
        return LL_ELIMIT;
    void *terms = b->terms;
    bool fits = room(&terms, b->terms_count, &b->terms_room, sizeof *b->terms);
    b->terms = terms;
    if (!fits)
        return LL_ENOMEM;
    b->terms[b->terms_count] = (batch_term){(uint32_t)b->pool.size, (uint32_t)term.size, hash, 0, 0};
    text_add_byte(&b->pool, (char)class);
    text_add(&b->pool, term);
    if (text_status(&b->pool))
        return text_status(&b->pool);
    b->slots[slot] = (uint32_t)++b->terms_count;
    return LL_OK;
}

/* The present message has the term. */
static ll_status use_term(search_batch *b, uint32_t number)
{
    batch_term *t = &b->terms[number];
    if (t->seen == b->message + 1)
        return LL_OK;
    void *pairs = b->pairs;
    bool fits = room(&pairs, b->pairs_count, &b->pairs_room, sizeof *b->pairs);
    b->pairs = pairs;
    if (!fits)
        return LL_ENOMEM;
    b->pairs[b->pairs_count++] = (batch_pair){number, b->message};
    t->seen = b->message + 1;
    t->uses++;
    return LL_OK;
}

ll_status search_batch_add(search_batch *b, search_class class, ll_span term)
{
    if (b->terms_count * 2 >= b->slots_count) {
        ll_status status = grow_slots(b);
        if (status)
            return status;
    }
    uint32_t hash = hash_of(class, term);
    size_t slot = find_slot(b, class, term, hash);
    if (!b->slots[slot]) {
        ll_status status = add_term(b, class, term, hash, slot);
        if (status)
            return status;
    }
    return use_term(b, b->slots[slot] - 1);
}

ll_status search_batch_possible(search_batch *b, search_class class)
{
    char name = (char)('a' + (int)class);
    return search_batch_add(b, SEARCH_CLASS_ALWAYS, span_of(&name, 1));
}

bool search_batch_full(const search_batch *b)
{
    return b->pool.size >= search_batch_bytes || b->terms_count >= search_batch_terms ||
           b->pairs_count >= search_batch_pairs;
}

bool search_batch_empty(const search_batch *b)
{
    return !b->terms_count;
}

/* ---- In order */

/* The first eight bytes of class and term compare most of them. */
typedef struct sort_key {
    uint64_t begin;
    uint32_t term;
    uint32_t size;
    const char *bytes;
} sort_key;

static int compare(const void *x, const void *y)
{
    const sort_key *a = x, *b = y;
    if (a->begin != b->begin)
        return a->begin < b->begin ? -1 : 1;
    return span_compare(span_of(a->bytes, a->size), span_of(b->bytes, b->size));
}

static sort_key *sorted_terms(const search_batch *b)
{
    sort_key *keys = memory_new(NULL, (b->terms_count + 1) * sizeof *keys);
    for (size_t i = 0; keys && i < b->terms_count; i++) {
        const batch_term *t = &b->terms[i];
        keys[i] = (sort_key){0, (uint32_t)i, t->size + 1, b->pool.data + t->at};
        for (size_t n = 0; n < 8; n++)
            keys[i].begin = keys[i].begin << 8 | (n <= t->size ? (uint8_t)keys[i].bytes[n] : 0);
    }
    if (keys)
        qsort(keys, b->terms_count, sizeof *keys, compare);
    return keys;
}

/* The messages of every term together; starts[i] is where those of term i begin. */
static uint32_t *gather_messages(const search_batch *b, size_t *starts)
{
    uint32_t *messages = memory_new(NULL, (b->pairs_count + 1) * sizeof *messages);
    size_t at = 0;
    for (size_t i = 0; i < b->terms_count; i++) {
        starts[i] = at;
        at += b->terms[i].uses;
    }
    for (size_t i = 0; messages && i < b->pairs_count; i++)
        messages[starts[b->pairs[i].term]++] = b->pairs[i].message;
    for (size_t i = 0; i < b->terms_count; i++)
        starts[i] -= b->terms[i].uses;
    return messages;
}

ll_status search_batch_write(search_batch *b, search_packer *w)
{
    size_t *starts = memory_new(NULL, (b->terms_count + 1) * sizeof *starts);
    sort_key *keys = sorted_terms(b);
    uint32_t *messages = starts ? gather_messages(b, starts) : NULL;
    ll_status status = keys && messages ? LL_OK : LL_ENOMEM;
    for (size_t i = 0; !status && i < b->terms_count; i++) {
        uint32_t term = keys[i].term;
        status = search_packer_add(w, (search_class)keys[i].bytes[0], span_of(keys[i].bytes + 1, keys[i].size - 1),
                                   messages + starts[term], b->terms[term].uses);
    }
    memory_free(NULL, starts);
    memory_free(NULL, keys);
    memory_free(NULL, messages);
    return status ? status : search_packer_end(w);
}
