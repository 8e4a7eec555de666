/* salvage.c - see salvage.h
 * SPDX-License-Identifier: MIT */
#include "store/salvage.h"

#include "base/memory.h"
#include "keys/random.h"
#include "store/maildir.h"
#include "store/message.h"
#include "store/part.h"
#include "store/salvage_rows.h"
#include "store/schema.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

typedef struct salvage {
    salvage_numbers numbers;
    pages *pages;
    page_map *map;
    db *db; /* the new file */
    char db_path[PATH_MAX];
    maildir mail;
    FILE *unreadable, *mailboxes;
    text *report;     /* salvage_look's */
    const char *kept; /* for unreadable.txt: what of the last message that could not be had is in "Incomplete" */
} salvage;

/* ---------------------------------------------------------------------------------------------------------- Pages */

static void each_bad(void *ctx, uint32_t number)
{
    salvage *s = ctx;
    s->numbers.bad_pages++;
    if (s->unreadable)
        fprintf(s->unreadable, "page %" PRIu32 " is damaged\n", number);
    if (s->report)
        text_print(s->report, "page %" PRIu32 " is damaged\n", number);
}

static ll_status look(salvage *s, const char *path, const uint8_t key[KEYS_KEY], text *why)
{
    ll_status status = pages_open(&s->pages, path, key, why);
    if (status)
        return status;
    s->numbers.pages = pages_count(s->pages);
    s->numbers.missing_pages = pages_missing(s->pages);
    if (s->numbers.missing_pages && s->unreadable)
        fprintf(s->unreadable, "%" PRIu32 " pages are missing at the end of the file\n", s->numbers.missing_pages);
    if (s->numbers.missing_pages && s->report)
        text_print(s->report, "%" PRIu32 " pages are missing at the end of the file\n", s->numbers.missing_pages);
    return page_map_new(&s->map, s->pages, each_bad, s);
}

ll_status salvage_look(const char *path, const uint8_t key[KEYS_KEY], salvage_numbers *numbers, text *report)
{
    salvage s = {.report = report};
    ll_status status = look(&s, path, key, report);
    *numbers = s.numbers;
    page_map_del(&s.map);
    pages_close(&s.pages);
    return !status && (numbers->bad_pages || numbers->missing_pages) ? LL_ECORRUPT : status;
}

/* ----------------------------------------------------------------------------------------------------------- Rows */

static void db_remove(salvage *s)
{
    static const char *const endings[] = {"", "-wal", "-shm", "-journal"};
    db_close(&s->db);
    for (size_t i = 0; s->db_path[0] && i < sizeof endings / sizeof *endings; i++) {
        char name[PATH_MAX + 16];
        snprintf(name, sizeof name, "%s%s", s->db_path, endings[i]);
        unlink(name);
    }
}

/* A file of our own: nobody else ever has its key. */
static ll_status db_make(salvage *s, text *why)
{
    uint8_t key[DB_KEY];
    random_bytes(key, sizeof key);
    if (snprintf(s->db_path, sizeof s->db_path, "%s/tmp/letterlock-rows", s->mail.root) >= (int)sizeof s->db_path)
        return LL_EINVAL;
    ll_status status = db_open(&s->db, s->db_path, key, DB_CREATE, why);
    memory_wipe(key, sizeof key);
    if (!status)
        status = schema_open(s->db, SCHEMA_VAULT, true, why);
    /* It need not survive anything. Foreign keys would refuse the rows of what is lost. */
    return status ? status : db_exec(s->db, "PRAGMA synchronous = OFF; PRAGMA foreign_keys = OFF");
}

/* What one lost row would make unreachable though its content is there. Sizes are compared when it is read. */
static const char *const mending[] = {
    /* Without its row a message has no head: pieces that stand behind one are no message, but their parts are loose. */
    "DELETE FROM piece WHERE message IN (SELECT message FROM piece WHERE message NOT IN (SELECT id FROM message) "
    "GROUP BY message HAVING min(coalesce(place, 0)) > 0)",
    "INSERT OR IGNORE INTO message(id, refs, size, received, thread) "
    "SELECT message, 1, size, internaldate, 0 FROM entry WHERE message NOT IN (SELECT id FROM message)",
    "INSERT OR IGNORE INTO mailbox(id, name, uidvalidity, uidnext, modseq, messages, unseen, deleted, bytes, "
    "deleted_bytes, recent_uid, attributes, subscribed, noselect, created) SELECT DISTINCT mailbox, 'Mailbox ' || "
    "mailbox, 1, 1, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0 FROM entry WHERE mailbox NOT IN (SELECT id FROM mailbox)",
};

static ll_status part_insert(db *d, int64_t part, uint64_t size, int64_t encoding)
{
    db_stmt *q = db_prepare(d, "INSERT OR IGNORE INTO part(id, refs, size, encoding) VALUES(?1, 1, ?2, ?3)");
    db_bind_int(q, 1, part);
    db_bind_int(q, 2, (int64_t)size);
    db_bind_int(q, 3, encoding);
    return db_run(q);
}

/* The row of a part, as its chunks say: all but the last are of one size. */
static ll_status part_mend(db *d, int64_t part)
{
    size_t size = 0, most = 0;
    uint64_t last = 0;
    bool known = true;
    db_stmt *q = db_prepare(d, "SELECT ordinal, data, encoding FROM chunk WHERE part = ?1 ORDER BY ordinal");
    db_bind_int(q, 1, part);
    ll_status status;
    while ((status = db_step(q)) == LL_MORE) {
        last = (uint64_t)db_column_int(q, 0);
        known = packing_size(db_column_blob(q, 1), db_column_int(q, 2), &size);
        most = known && size > most ? size : most;
    }
    bool old = most > PART_CHUNK;
    uint64_t chunk = old ? PART_CHUNK_OLD : PART_CHUNK;
    if (status || !known || last > INT64_MAX / chunk - 1)
        return status;
    return part_insert(d, part, last * chunk + size, old ? PART_OLD : PART_ALIGNED);
}

static ll_status parts_mend(db *d)
{
    int64_t part = INT64_MIN;
    ll_status status = LL_OK;
    while (!status) {
        db_stmt *q = db_prepare(d, "SELECT part FROM chunk WHERE part > ?1 AND part NOT IN (SELECT id FROM part) "
                                   "ORDER BY part LIMIT 1");
        db_bind_int(q, 1, part);
        status = db_take_int(q, &part);
        if (!status)
            status = part_mend(d, part);
    }
    return status == LL_ENOTFOUND ? LL_OK : status;
}

static ll_status rows_take(salvage *s, text *why)
{
    ll_status status = db_make(s, why);
    if (!status)
        status = db_begin(s->db);
    if (!status)
        status = salvage_rows(s->pages, s->map, s->db, &s->numbers.rows);
    for (size_t i = 0; !status && i < sizeof mending / sizeof *mending; i++)
        status = db_exec(s->db, mending[i]);
    if (!status)
        status = parts_mend(s->db);
    return status ? status : db_commit(s->db);
}

/* ----------------------------------------------------------------------------------------------------------- Mail */

static ll_status sink(void *ctx, ll_span bytes)
{
    return maildir_data(&((salvage *)ctx)->mail, bytes);
}

/* Is it the disk that we write to? Then there is no point in going on. */
static bool is_ours(ll_status status)
{
    return status == LL_EFULL || status == LL_EDENIED || status == LL_ENOMEM || status == LL_EIO;
}

/* What could be read of a message up to the damage is right: it is kept apart. */
static ll_status incomplete_end(salvage *s, const maildir_mail *mail)
{
    char folder[PATH_MAX];
    memcpy(folder, s->mail.folder, sizeof folder);
    ll_status status = maildir_mailbox(&s->mail, SPAN("Incomplete"), 0);
    if (!status)
        status = maildir_end(&s->mail, mail);
    memcpy(s->mail.folder, folder, sizeof folder);
    s->numbers.incomplete += !status;
    return status;
}

/* Not even the beginning could be read: the rows of its pieces are lost, so nobody knows where they stood. */
static ll_status remains(salvage *s, const maildir_mail *mail)
{
    ll_status status = message_remains(s->db, mail->message, sink, s);
    return status == LL_ECORRUPT || status == LL_EVERSION || status == LL_ENOTFOUND ? LL_OK : status;
}

/* LL_ECORRUPT: it could not be read as it was. */
static ll_status message_write(salvage *s, const maildir_mail *mail, uint64_t size)
{
    ll_status status = maildir_begin(&s->mail);
    if (status)
        return status;
    status = message_content(s->db, mail->message, 0, size, sink, s);
    if (!status && s->mail.written != size)
        status = LL_ECORRUPT;
    if (!status)
        return maildir_end(&s->mail, mail);
    s->kept = ": nothing of it";
    if (!is_ours(status) && s->mail.written) {
        s->kept = ": its beginning is in \"Incomplete\"";
    } else if (!is_ours(status)) {
        ll_status rest = remains(s, mail);
        status = rest ? rest : status;
        s->kept = s->mail.written ? ": its body is lost; its header, and what stood beside its parts, is in "
                                    "\"Incomplete\""
                                  : s->kept;
    }
    if (!is_ours(status) && s->mail.written) {
        ll_status kept = incomplete_end(s, mail);
        status = kept ? kept : status;
    }
    maildir_drop(&s->mail);
    return is_ours(status) ? status : LL_ECORRUPT;
}

static uint64_t keyword_bits(ll_span keywords)
{
    uint64_t bits = 0;
    for (size_t i = 0; i < keywords.size && i < 8; i++)
        bits |= (uint64_t)(uint8_t)keywords.data[i] << (8 * i);
    return bits;
}

static ll_status mailbox_keywords(salvage *s, int64_t mailbox)
{
    db_stmt *q = db_prepare(s->db, "SELECT number, name FROM keyword WHERE mailbox = ?1 ORDER BY number");
    db_bind_int(q, 1, mailbox);
    ll_status status;
    while ((status = db_step(q)) == LL_MORE) {
        status = maildir_keyword(&s->mail, (unsigned)db_column_int(q, 0), db_column_text(q, 1));
        if (status) {
            db_reset(q);
            return status;
        }
    }
    return status;
}

static ll_status mailbox_messages(salvage *s, int64_t mailbox, ll_span name)
{
    db_stmt *q =
        db_prepare(s->db, "SELECT e.uid, e.message, e.flags, e.keywords, e.internaldate, m.size FROM entry e JOIN "
                          "message m ON m.id = e.message WHERE e.mailbox = ?1 ORDER BY e.uid");
    db_bind_int(q, 1, mailbox);
    ll_status status;
    while ((status = db_step(q)) == LL_MORE) {
        maildir_mail mail = {.uid = (uint32_t)db_column_int(q, 0),
                             .message = db_column_int(q, 1),
                             .flags = (unsigned)db_column_int(q, 2),
                             .keywords = keyword_bits(db_column_blob(q, 3)),
                             .date = db_column_int(q, 4)};
        status = message_write(s, &mail, (uint64_t)db_column_int(q, 5));
        s->numbers.placed += status == LL_OK;
        if (status == LL_ECORRUPT) {
            s->numbers.lost++;
            fprintf(s->unreadable, "%.*s: message with UID %" PRIu32 " of %" PRId64 " bytes, date %" PRId64 "%s\n",
                    SPAN_PRINT(name), mail.uid, db_column_int(q, 5), mail.date, s->kept);
        } else if (status) {
            db_reset(q);
            return status;
        }
    }
    return status;
}

static ll_status mailboxes_write(salvage *s)
{
    db_stmt *q = db_prepare(s->db, "SELECT id, name FROM mailbox WHERE NOT noselect ORDER BY name");
    ll_status status;
    while ((status = db_step(q)) == LL_MORE) {
        ll_span name = db_column_text(q, 1);
        status = maildir_mailbox(&s->mail, name, db_column_int(q, 0));
        if (!status)
            status = mailbox_keywords(s, db_column_int(q, 0));
        if (!status)
            status = mailbox_messages(s, db_column_int(q, 0), name);
        fprintf(s->mailboxes, "%s\t%.*s\n", s->mail.folder + strlen(s->mail.root), SPAN_PRINT(name));
        if (status) {
            db_reset(q);
            return status;
        }
    }
    return status;
}

/* Rows of (message, date, size) into a folder. *count: written. */
static ll_status loose_write(salvage *s, db_stmt *q, const char *folder, uint64_t *count, bool tell)
{
    ll_status status;
    bool made = false;
    while ((status = db_step(q)) == LL_MORE) {
        maildir_mail mail = {.message = db_column_int(q, 0), .date = db_column_int(q, 1)};
        status = made ? LL_OK : maildir_mailbox(&s->mail, span_str(folder), 0);
        made = true;
        if (!status)
            status = message_write(s, &mail, (uint64_t)db_column_int(q, 2));
        *count += status == LL_OK;
        if (status == LL_ECORRUPT && tell) {
            s->numbers.lost++;
            fprintf(s->unreadable, "message %" PRId64 " of %" PRId64 " bytes, date %" PRId64 ", mailbox not known%s\n",
                    mail.message, db_column_int(q, 2), mail.date, s->kept);
        } else if (status && status != LL_ECORRUPT) {
            db_reset(q);
            return status;
        }
    }
    return status;
}

/* A part that no message is known to have becomes a message of that part alone. Its number is above all others. */
static const char loose_parts[] =
    "INSERT INTO message(id, refs, size, received, thread) SELECT id + (1 << 48), 1, size, 0, -1 FROM part "
    "WHERE id NOT IN (SELECT part FROM piece) AND id IN (SELECT part FROM chunk);"
    "INSERT INTO piece(message, ordinal, part) SELECT id, 0, id - (1 << 48) FROM message WHERE thread = -1";

static ll_status mail_write(salvage *s)
{
    ll_status status = mailboxes_write(s);
    if (!status)
        status = loose_write(s,
                             db_prepare(s->db, "SELECT id, received, size FROM message WHERE id NOT IN (SELECT message "
                                               "FROM entry) AND id NOT IN (SELECT message FROM held)"),
                             "Salvaged", &s->numbers.loose, true);
    if (!status)
        status = db_exec(s->db, loose_parts);
    return status
               ? status
               : loose_write(s,
                             db_prepare(s->db, "SELECT id, received, size FROM message WHERE thread = -1 ORDER BY id"),
                             "Salvaged parts", &s->numbers.parts, false);
}

/* ------------------------------------------------------------------------------------------------------------ All */

static FILE *list_open(const salvage *s, const char *name)
{
    char path[PATH_MAX + 32];
    snprintf(path, sizeof path, "%s/%s", s->mail.root, name);
    return fopen(path, "wxe");
}

static ll_status out_open(salvage *s, const char *out, text *why)
{
    ll_status status = maildir_create(&s->mail, out);
    if (!status) {
        s->unreadable = list_open(s, "unreadable.txt");
        s->mailboxes = list_open(s, "mailboxes.txt");
        status = s->unreadable && s->mailboxes ? LL_OK : LL_EIO;
    }
    if (status && why)
        text_print(why, "%s: %s", out,
                   status == LL_EEXISTS ? "there is something in it: name a folder that is empty or not there"
                                        : ll_status_text(status));
    return status;
}

static ll_status list_close(FILE **list)
{
    bool good = !*list || (!ferror(*list) && fclose(*list) == 0);
    *list = NULL;
    return good ? LL_OK : LL_EIO;
}

static ll_status out_close(salvage *s)
{
    ll_status first = list_close(&s->unreadable), second = list_close(&s->mailboxes);
    ll_status status = maildir_close(&s->mail);
    return status ? status : first ? first : second;
}

ll_status salvage_run(const char *path, const uint8_t key[KEYS_KEY], const char *out, salvage_numbers *numbers,
                      text *why)
{
    pages *probe = NULL;
    *numbers = (salvage_numbers){0};
    ll_status status = pages_open(&probe, path, key, why); /* before anything is made */
    pages_close(&probe);
    salvage *s = status ? NULL : memory_new(NULL, sizeof *s);
    if (!s)
        return status ? status : LL_ENOMEM;
    status = out_open(s, out, why);
    if (!status) {
        status = look(s, path, key, why);
        if (!status)
            status = rows_take(s, why);
        if (!status)
            status = mail_write(s);
        db_remove(s);
        ll_status closed = out_close(s);
        status = status ? status : closed;
    }
    if (status && why && !why->size)
        text_print(why, "%s: %s", out, ll_status_text(status));
    *numbers = s->numbers;
    page_map_del(&s->map);
    pages_close(&s->pages);
    memory_free(NULL, s);
    return status;
}
