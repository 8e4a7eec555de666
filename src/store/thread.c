/* thread.c - see thread.h
 * SPDX-License-Identifier: MIT */
#include "store/thread.h"

#include "base/utf.h"
#include "keys/derive.h"
#include "mime/index.h"
#include "mime/subject.h"

enum { NAME_BYTES = 16 }; /* of a SHA-256: nobody finds two names of one value, and by accident neither */

/* The Message-IDs that a message carries, without the brackets; its own is last. */
typedef struct names {
    ll_span ids[thread_names_max];
    size_t count;
} names;

static void add_name(names *n, ll_span id)
{
    if (!id.size)
        return;
    if (n->count == thread_names_max) { /* the first is the thread's root, the last are the nearest */
        memmove(&n->ids[1], &n->ids[2], (n->count - 2) * sizeof *n->ids);
        n->count--;
    }
    n->ids[n->count++] = id;
}

/* All of the field's "<...>". */
static void add_names(names *n, ll_span field)
{
    for (;;) {
        size_t open = span_find(field, '<');
        if (!field.size || open == field.size)
            return;
        field = span_from(field, open + 1);
        size_t close = span_find(field, '>');
        if (close == field.size)
            return;
        add_name(n, span_first(field, close));
        field = span_from(field, close);
    }
}

/* The folded base subject and NUL: what stands before each Message-ID when it is hashed. */
static ll_status write_subject(ll_span subject, text *out)
{
    text base;
    text_init(&base, NULL, thread_subject_max);
    mime_subject_base(subject, &base, NULL);
    ll_status status = text_status(&base);
    utf_fold(out, text_span(&base));
    text_add_byte(out, '\0');
    text_wipe(&base);
    return status == LL_ENOMEM ? status : text_status(out);
}

static ll_status hash_name(text *subject, ll_span id, uint8_t out[32])
{
    size_t size = subject->size;
    text_add(subject, id);
    if (text_status(subject))
        return text_status(subject);
    derive_sha256(text_span(subject), out);
    text_cut(subject, size);
    return LL_OK;
}

static ll_status find_thread(db *d, uint8_t hashes[][32], size_t count, int64_t *thread)
{
    db_stmt *q = db_prepare(d, "SELECT thread FROM thread WHERE name = ?1");
    for (size_t i = count; i > 0; i--) {
        db_bind_blob(q, 1, derive_span(hashes[i - 1], NAME_BYTES));
        ll_status status = db_take_int(q, thread);
        if (status != LL_ENOTFOUND)
            return status;
    }
    return LL_ENOTFOUND;
}

static ll_status save_names(db *d, uint8_t hashes[][32], size_t count, int64_t thread)
{
    db_stmt *q = db_prepare(d, "INSERT OR IGNORE INTO thread(name, thread) VALUES(?1, ?2)");
    ll_status status = LL_OK;
    for (size_t i = 0; !status && i < count; i++) {
        db_bind_blob(q, 1, derive_span(hashes[i], NAME_BYTES));
        db_bind_int(q, 2, thread);
        status = db_run(q);
    }
    return status;
}

static ll_status join(db *d, const mime_envelope *envelope, int64_t *thread)
{
    uint8_t hashes[thread_names_max][32];
    names n = {.count = 0};
    text subject;
    add_names(&n, envelope->references);
    add_names(&n, envelope->in_reply_to);
    add_names(&n, envelope->message_id);
    if (!n.count)
        return LL_OK;
    text_init(&subject, NULL, SIZE_MAX / 2);
    ll_status status = write_subject(envelope->subject, &subject);
    for (size_t i = 0; !status && i < n.count; i++)
        status = hash_name(&subject, n.ids[i], hashes[i]);
    text_wipe(&subject);
    if (status)
        return status;
    status = find_thread(d, hashes, n.count, thread);
    if (status && status != LL_ENOTFOUND)
        return status;
    return save_names(d, hashes, n.count, *thread);
}

ll_status thread_assign(db *d, int64_t message, ll_span facts)
{
    mime_index *index = NULL;
    int64_t thread = message; /* a new one is named by its first message */
    ll_status status = facts.size ? mime_index_open(&index, NULL, facts) : LL_ECORRUPT;
    if (status == LL_ENOMEM)
        return status;
    if (!status)
        status = join(d, mime_index_root(index)->envelope, &thread);
    else
        status = LL_OK;
    mime_index_del(&index);
    if (status)
        return status;
    db_stmt *q = db_prepare(d, "UPDATE message SET thread = ?2 WHERE id = ?1");
    db_bind_int(q, 1, message);
    db_bind_int(q, 2, thread);
    return db_run(q);
}

ll_status thread_release(db *d, int64_t thread)
{
    int64_t more = 0;
    db_stmt *q = db_prepare(d, "SELECT EXISTS(SELECT 1 FROM message WHERE thread = ?1)");
    db_bind_int(q, 1, thread);
    ll_status status = db_take_int(q, &more);
    if (status || more)
        return status;
    q = db_prepare(d, "DELETE FROM thread WHERE thread = ?1");
    db_bind_int(q, 1, thread);
    return db_run(q);
}
