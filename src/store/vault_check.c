/* vault_check.c - is a vault what it says it is? See vault_check in vault.h
 * SPDX-License-Identifier: MIT */
#include "store/vault.h"

#include "store/mailbox_view.h"
#include "store/message.h"
#include "store/part.h"
#include "store/schema.h"
#include "store/search_index_check.h"
#include "store/transfer.h"

/* Each query gives one row per fault: an id and what was found and expected there. */
static const struct {
    const char *what;
    const char *sql;
} faults[] = {
    {"mailbox: messages, rows", "SELECT id, messages, (SELECT count(*) FROM entry e WHERE e.mailbox = m.id) AS n FROM "
                                "mailbox m WHERE messages <> n"},
    {"mailbox: unseen, rows", "SELECT id, unseen, (SELECT count(*) FROM entry e WHERE e.mailbox = m.id AND NOT e.flags "
                              "& 1) AS n FROM mailbox m WHERE unseen <> n"},
    {"mailbox: deleted, rows", "SELECT id, deleted, (SELECT count(*) FROM entry e WHERE e.mailbox = m.id AND e.flags & "
                               "8) AS n FROM mailbox m WHERE deleted <> n"},
    {"mailbox: bytes, rows", "SELECT id, bytes, (SELECT coalesce(sum(size), 0) FROM entry e WHERE e.mailbox = m.id) AS "
                             "n FROM mailbox m WHERE bytes <> n"},
    {"mailbox: deleted_bytes, rows", "SELECT id, deleted_bytes, (SELECT coalesce(sum(size), 0) FROM entry e WHERE "
                                     "e.mailbox = m.id AND e.flags & 8) AS n FROM mailbox m WHERE deleted_bytes <> n"},
    {"mailbox: uidnext, highest uid", "SELECT id, uidnext, (SELECT coalesce(max(uid), 0) FROM entry e WHERE e.mailbox "
                                      "= m.id) AS n FROM mailbox m WHERE uidnext <= n"},
    {"mailbox: uidnext, highest vanished uid", "SELECT id, uidnext, (SELECT coalesce(max(uid_last), 0) FROM vanished x "
                                               "WHERE x.mailbox = m.id) AS n FROM mailbox m WHERE uidnext <= n"},
    {"mailbox: modseq, highest of its entries", "SELECT id, modseq, (SELECT coalesce(max(modseq), 0) FROM entry e "
                                                "WHERE e.mailbox = m.id) AS n FROM mailbox m WHERE modseq < n"},
    {"entry: modseq, not in the log of changes",
     "SELECT uid, modseq, 0 FROM entry e WHERE NOT EXISTS (SELECT 1 FROM changed c WHERE c.mailbox = e.mailbox AND "
     "c.modseq = e.modseq AND e.uid BETWEEN c.uid_first AND c.uid_last) AND NOT EXISTS (SELECT 1 FROM changed c WHERE "
     "c.mailbox = e.mailbox AND c.modseq >= e.modseq AND c.uid_first = 0)"},
    {"changed: modseq, its mailbox's", "SELECT c.mailbox, c.modseq, m.modseq FROM changed c JOIN mailbox m ON m.id = "
                                       "c.mailbox WHERE c.modseq > m.modseq OR c.uid_first > c.uid_last"},
    {"mailbox: modseq, the vault's",
     "SELECT id, modseq, (SELECT value FROM meta WHERE key = 'modseq') AS n FROM mailbox m WHERE modseq > n"},
    {"mailbox: uidvalidity, the vault's", "SELECT id, uidvalidity, (SELECT value FROM meta WHERE key = 'uidvalidity') "
                                          "AS n FROM mailbox m WHERE uidvalidity > n"},
    {"mailbox: keywords, highest number + 1",
     "SELECT mailbox, count(*) AS c, max(number) + 1 AS n FROM keyword GROUP BY mailbox HAVING c <> n"},
    {"mailbox: a uid in entry and in held",
     "SELECT mailbox, uid, 0 FROM entry NATURAL JOIN (SELECT mailbox, uid FROM held)"},
    {"vault: bytes, sum of mailboxes", "SELECT 0, value, (SELECT coalesce(sum(bytes), 0) FROM mailbox) AS n FROM meta "
                                       "WHERE key = 'bytes' AND value <> n"},
    {"vault: messages, sum of mailboxes", "SELECT 0, value, (SELECT coalesce(sum(messages), 0) FROM mailbox) AS n FROM "
                                          "meta WHERE key = 'messages' AND value <> n"},
    {"message: refs, rows (letterlock vault compact mends it)",
     "SELECT id, refs, coalesce(c.n, 0) AS n FROM message m LEFT JOIN (SELECT message, count(*) AS n FROM "
     "(SELECT message FROM entry UNION ALL SELECT message FROM held) GROUP BY message) c ON c.message = m.id WHERE "
     "refs <> coalesce(c.n, 0)"},
    {"entry: no such message", "SELECT mailbox, uid, message FROM entry WHERE message NOT IN (SELECT id FROM message)"},
    {"held: no such message", "SELECT mailbox, uid, message FROM held WHERE message NOT IN (SELECT id FROM message)"},
    {"entry: size, the message's",
     "SELECT e.uid, e.size, m.size FROM entry e JOIN message m ON m.id = e.message WHERE e.size <> m.size"},
    {"message: size, its head and pieces",
     "SELECT id, size, head_size + (SELECT coalesce(sum(coalesce(p.size, t.size, 0) - coalesce(p.plain, 0)), 0) FROM "
     "piece p LEFT JOIN part t ON t.id = p.part WHERE p.message = m.id) AS n FROM message m WHERE size <> n"},
    {"piece: no such part",
     "SELECT message, ordinal, part FROM piece WHERE part <> 0 AND part NOT IN (SELECT id FROM part)"},
    {"mailbox: last number given, highest id",
     "SELECT 0, coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'mailbox'), 0) AS c, (SELECT "
     "coalesce(max(id), 0) FROM mailbox) AS n WHERE c < n"},
    {"message: last number given, highest id",
     "SELECT 0, coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'message'), 0) AS c, (SELECT "
     "coalesce(max(id), 0) FROM message) AS n WHERE c < n"},
    {"thread: no such message",
     "SELECT thread, thread, 0 FROM thread WHERE thread NOT IN (SELECT thread FROM message)"},
    {"part: refs, rows (letterlock vault compact mends it)",
     "SELECT id, refs, coalesce(c.n, 0) AS n FROM part t LEFT JOIN (SELECT part, count(*) AS n FROM "
     "piece GROUP BY part) c ON c.part = t.id WHERE refs <> coalesce(c.n, 0)"},
};

static ll_status look(db *d, size_t i, text *report, bool *faulty)
{
    db_stmt *q = db_prepare(d, faults[i].sql);
    ll_status status;
    while ((status = db_step(q)) == LL_MORE) {
        *faulty = true;
        if (report)
            text_print(report, "%s: at %lld found %lld, want %lld\n", faults[i].what, (long long)db_column_int(q, 0),
                       (long long)db_column_int(q, 1), (long long)db_column_int(q, 2));
    }
    return status;
}

static ll_status foreign_keys(db *d, text *report, bool *faulty)
{
    db_stmt *q = db_prepare(d, "PRAGMA foreign_key_check");
    ll_status status;
    while ((status = db_step(q)) == LL_MORE) {
        *faulty = true;
        if (report)
            text_print(report, "%.*s: row without its parent\n", SPAN_PRINT(db_column_text(q, 0)));
    }
    return status;
}

/* ------------------------------------------------------------------------------------------------- Content */

typedef struct content {
    uint64_t bytes;
    digest hash;
    bool hashed;
} content;

static ll_status take(void *ctx, ll_span bytes)
{
    content *c = ctx;
    c->bytes += bytes.size;
    if (c->hashed)
        digest_add(&c->hash, bytes);
    return LL_OK;
}

/* A row is damaged; or the whole check ends. */
static ll_status fault(ll_status status, const char *what, int64_t id, text *report, bool *faulty)
{
    if (status != LL_OK && status != LL_ECORRUPT && status != LL_EVERSION)
        return status;
    *faulty = true;
    if (report)
        text_print(report, "%s: at %lld\n", what, (long long)id);
    return LL_OK;
}

/* Every part can be read, and is what its hash says. */
static ll_status check_parts(db *d, text *report, bool *faulty)
{
    db_stmt *q = db_prepare(d, "SELECT id, size, encoding, hash FROM part ORDER BY id");
    ll_status status;
    while ((status = db_step(q)) == LL_MORE) {
        part_row part = {db_column_int(q, 0), db_column_int(q, 2), (uint64_t)db_column_int(q, 1)};
        content c = {.hashed = !db_column_is_null(q, 3)};
        uint8_t hash[DIGEST_SIZE];
        digest_init(&c.hash);
        status = part_read(d, &part, TRANSFER_NONE, 0, part.size, take, &c);
        digest_take(&c.hash, hash);
        if (status || c.bytes != part.size)
            status = fault(status, "part: content cannot be read", part.id, report, faulty);
        else if (c.hashed && !span_equal(db_column_blob(q, 3), span_of((const char *)hash, sizeof hash)))
            status = fault(LL_OK, "part: hash, its content's", part.id, report, faulty);
        if (status) {
            db_reset(q);
            return status;
        }
    }
    return status;
}

/* Every message can be read from its first byte to its last. */
static ll_status check_messages(db *d, text *report, bool *faulty)
{
    db_stmt *q = db_prepare(d, "SELECT id, size FROM message ORDER BY id");
    ll_status status;
    while ((status = db_step(q)) == LL_MORE) {
        int64_t id = db_column_int(q, 0);
        uint64_t size = (uint64_t)db_column_int(q, 1);
        content c = {.hashed = false};
        status = message_content(d, id, 0, UINT64_MAX, take, &c);
        if (status || c.bytes != size)
            status = fault(status, "message: content cannot be read", id, report, faulty);
        if (status) {
            db_reset(q);
            return status;
        }
    }
    return status;
}

static ll_status check_all(db *d, text *report, bool *faulty)
{
    ll_status status = db_verify(d, report);
    if (!status)
        status = foreign_keys(d, report, faulty);
    for (size_t i = 0; !status && i < sizeof faults / sizeof *faults; i++)
        status = look(d, i, report, faulty);
    if (!status)
        status = check_parts(d, report, faulty);
    if (!status)
        status = mailbox_view_check(d, report, faulty);
    if (!status)
        status = check_messages(d, report, faulty);
    ll_status index = status ? status : search_check(d, false, report);
    *faulty = *faulty || index == LL_ECORRUPT;
    return index == LL_ECORRUPT ? LL_OK : index;
}

ll_status vault_check(const char *path, const uint8_t key[KEYS_KEY], text *report)
{
    db *d = NULL;
    bool faulty = false;
    ll_status status = db_open(&d, path, key, DB_READONLY, report);
    if (!status)
        status = schema_open(d, SCHEMA_VAULT, false, report);
    if (status == LL_EREADONLY && report)
        text_add_str(report,
                     ": it is of an older version; its owner's next login brings it to this one, check it then");
    if (!status)
        status = db_begin_read(d);
    if (!status) {
        status = check_all(d, report, &faulty);
        db_rollback(d);
    }
    db_close(&d);
    return !status && faulty ? LL_ECORRUPT : status;
}
