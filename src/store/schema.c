/* schema.c - every table and index of the three kinds of file, as data.
 * SPDX-License-Identifier: MIT
 *
 * Conventions. Times are seconds since 1970 (UTC). Ids are 16 random bytes, unless they are INTEGER. All tables are
 * STRICT: a value has its column's type. What is looked up by a prefix of its primary key and is small is WITHOUT ROWID
 * (one b-tree, not two); rows with content are not, because an index b-tree moves all but 1 KB of a large cell to
 * overflow pages of its own. Measured for `chunk` with 12,000 messages of mail-like sizes: WITHOUT ROWID took 18 % more
 * space and three times as long for a point read (20 against 7 us); a rowid composed of part and ordinal would save a
 * further 1 us and no space, and cost the foreign key.
 *
 * Foreign keys are declared where the referring column is indexed, as SQLite scans the referring table otherwise;
 * elsewhere `refs` counters keep count (invariant 6: in the same transaction).
 *
 * Changing anything here: raise the version of that file, add a schema_step, extend tests/store/schema_test.c. */
#include "store/schema.h"

#include <ctype.h>
#include <stdio.h>

/* ------------------------------------------------------------------------------------------------------- Vault */

#define MAILBOX_VIEW_SQL                                                                                               \
    "CREATE TABLE mailbox_view(" /* a large mailbox as bitmaps, as it was at some mod-sequence: mailbox_view.h */      \
    "mailbox INTEGER PRIMARY KEY REFERENCES mailbox(id) ON DELETE CASCADE,"                                            \
    "view BLOB NOT NULL" /* ll_view_save */                                                                            \
    ") STRICT"

/* The log of changes: changed.h. Since 3; before, entry had an index by modseq. */
#define CHANGED_SQL                                                                                                    \
    "CREATE TABLE changed("                                                                                            \
    "mailbox INTEGER NOT NULL REFERENCES mailbox(id) ON DELETE CASCADE,"                                               \
    "modseq INTEGER NOT NULL,"    /* at which these were added, or got other flags */                                  \
    "uid_first INTEGER NOT NULL," /* 0: anything may have changed up to modseq */                                      \
    "uid_last INTEGER NOT NULL,"                                                                                       \
    "PRIMARY KEY(mailbox, modseq, uid_first)"                                                                          \
    ") WITHOUT ROWID, STRICT"

/* Which pieces refer to a part: nothing that a damaged count says takes a part away from them. Since 3. The minus is
 * for salvage: where a damaged file does not say what a page is of, these rows would pass for rows of `piece`, but no
 * key of ours is negative. */
#define PIECE_PART_SQL "CREATE INDEX piece_part ON piece(-part) WHERE part <> 0"

/* The search index (search_segment.h), made from the messages and at any time to be made anew. Since 2, so the step
 * from 1 makes the same tables. */
#define SEARCH_SEGMENT                                                                                                 \
    "CREATE TABLE search_segment("                                                                                     \
    "id INTEGER PRIMARY KEY AUTOINCREMENT,"                                                                            \
    "first INTEGER NOT NULL," /* it is of the messages with these ids; one live segment begins where the one before */ \
    "last INTEGER NOT NULL,"  /* it ends, so the last one says how far the index goes */                               \
    "messages INTEGER NOT NULL," /* how many they were */                                                              \
    "state INTEGER NOT NULL,"    /* search_state: being made, live, or to be removed */                                \
    "format INTEGER NOT NULL"    /* search_format: how texts were cut and blocks coded */                              \
    ") STRICT"
#define SEARCH_TERMS                                                                                                   \
    "CREATE TABLE search_terms("                                                                                       \
    "id INTEGER PRIMARY KEY," /* segment, class, ordinal: search_block_id */                                           \
    "data BLOB NOT NULL"      /* search_block.h */                                                                     \
    ") STRICT"
#define SEARCH_POSTINGS                                                                                                \
    "CREATE TABLE search_postings("                                                                                    \
    "id INTEGER PRIMARY KEY," /* as the terms' */                                                                      \
    "data BLOB NOT NULL"                                                                                               \
    ") STRICT"

static const schema_object vault_objects[] = {
    {"meta", "CREATE TABLE meta("
             "key TEXT PRIMARY KEY," /* alias: its id (BLOB); created; drop_public, drop_secret: the drop key (BLOB);
                                        modseq: not below that of any change; uidvalidity: the last one given, strictly
                                        increasing: max(previous + 1, unix time) (invariant 3); bytes: sum of
                                        entry.size, and messages: rows of entry, for the quota */
             "value ANY"
             ") WITHOUT ROWID, STRICT"},
    {"mailbox",
     "CREATE TABLE mailbox("
     "id INTEGER PRIMARY KEY AUTOINCREMENT," /* never used again: sessions and cursors hold it */
     "name TEXT NOT NULL UNIQUE,"      /* whole path, UTF-8 NFC, separator '/'; children are found by name range */
     "uidvalidity INTEGER NOT NULL,"   /* RFC 3501 section 2.3.1.1 */
     "uidnext INTEGER NOT NULL,"       /* the next message gets it */
     "modseq INTEGER NOT NULL,"        /* HIGHESTMODSEQ, RFC 7162 */
     "messages INTEGER NOT NULL,"      /* counters for STATUS: rows of entry, */
     "unseen INTEGER NOT NULL,"        /* those without \Seen, */
     "deleted INTEGER NOT NULL,"       /* those with \Deleted (RFC 9051), */
     "bytes INTEGER NOT NULL,"         /* sizes of all together (RFC 8438), */
     "deleted_bytes INTEGER NOT NULL," /* and of those with \Deleted (RFC 9208) */
     "recent_uid INTEGER NOT NULL,"    /* UIDs from here on are \Recent for the next session to select */
     "attributes INTEGER NOT NULL,"    /* LL_MAILBOX_SPECIAL bits, RFC 6154 */
     "subscribed INTEGER NOT NULL,"    /* 0, 1 */
     "noselect INTEGER NOT NULL,"      /* 0, 1: a name only, kept for its children */
     "created INTEGER NOT NULL"        /* time */
     ") STRICT"},
    {"subscription", "CREATE TABLE subscription("
                     "name TEXT PRIMARY KEY" /* subscribed, though there is no such mailbox (RFC 3501 section 6.3.6) */
                     ") WITHOUT ROWID, STRICT"},
    {"metadata", "CREATE TABLE metadata("                                    /* RFC 5464 */
                 "mailbox INTEGER REFERENCES mailbox(id) ON DELETE CASCADE," /* NULL: the account itself */
                 "entry TEXT NOT NULL,"      /* "/private/comment", lower case; never /private/specialuse, which is
                                                mailbox.attributes */
                 "value BLOB NOT NULL,"      /* any bytes */
                 "version INTEGER NOT NULL," /* mod-sequence at which it was set */
                 "UNIQUE(mailbox, entry)"
                 ") STRICT"},
    {"metadata_account", "CREATE UNIQUE INDEX metadata_account ON metadata(entry) WHERE mailbox IS NULL"},
    {"keyword", "CREATE TABLE keyword("
                "mailbox INTEGER NOT NULL REFERENCES mailbox(id) ON DELETE CASCADE,"
                "number INTEGER NOT NULL,"           /* 0 to LL_KEYWORDS_MAX - 1; never changes */
                "name TEXT NOT NULL COLLATE NOCASE," /* as it was first given */
                "PRIMARY KEY(mailbox, number),"
                "UNIQUE(mailbox, name)"
                ") WITHOUT ROWID, STRICT"},
    {"message", "CREATE TABLE message("
                "id INTEGER PRIMARY KEY AUTOINCREMENT," /* never used again: the search index holds it */
                "refs INTEGER NOT NULL,"                /* rows of entry and of held; at 0 the message goes */
                "size INTEGER NOT NULL,"                /* bytes */
                "sha256 BLOB,"                          /* of the whole message, if it was made */
                "received INTEGER NOT NULL,"            /* time at which it came here */
                "thread INTEGER NOT NULL,"              /* THREADID, RFC 8474: the first message of its thread */
                "facts BLOB,"                           /* saved MIME index; NULL: to be made by reading */
                "head BLOB," /* the bytes that are in no piece: its header, and mostly all of it; NULL: the pieces have
                                all. Since 2, like the others below */
                "head_size INTEGER NOT NULL DEFAULT 0,"     /* bytes that head holds */
                "head_encoding INTEGER NOT NULL DEFAULT 0," /* how: packing.h */
                "extract BLOB" /* the fields most asked for, of facts: mime/extract.h; NULL: none. Since 3 */
                ") STRICT"},
    {"message_thread", "CREATE INDEX message_thread ON message(thread)"},
    {"thread", "CREATE TABLE thread("
               "name BLOB PRIMARY KEY," /* a Message-ID that a message of the thread carries, hashed with its subject:
                                           thread.h */
               "thread INTEGER NOT NULL"
               ") WITHOUT ROWID, STRICT"},
    {"thread_thread", "CREATE INDEX thread_thread ON thread(thread)"},
    {"piece",
     "CREATE TABLE piece("
     "message INTEGER NOT NULL REFERENCES message(id) ON DELETE CASCADE,"
     "ordinal INTEGER NOT NULL,"            /* from 0, in the order in which they stand in the message */
     "part INTEGER NOT NULL,"               /* counted in part.refs; 0: its bytes are the next ones of message.head */
     "transfer INTEGER NOT NULL DEFAULT 0," /* how the part's bytes are encoded in the message: transfer.h. Since
                                               2 */
     "size INTEGER,"                        /* bytes in the message; NULL: part.size. Since 2 */
     "place INTEGER,"                       /* offset in the message: what no piece covers comes from message.head
                                               (invariant 2). NULL: right behind the piece before. Since 2 */
     "plain INTEGER,"                       /* part 0: bytes of head. Since 2 */
     "PRIMARY KEY(message, ordinal)"
     ") WITHOUT ROWID, STRICT"},
    {"piece_part", PIECE_PART_SQL},
    {"part", "CREATE TABLE part("
             "id INTEGER PRIMARY KEY,"
             "refs INTEGER NOT NULL,"     /* rows of piece; at 0 the part and its chunks go */
             "size INTEGER NOT NULL,"     /* bytes of content */
             "encoding INTEGER NOT NULL," /* how the chunks divide it: PART_ of part.h */
             "hash BLOB"                  /* digest.h of the content, for finding an equal part; NULL: not shared */
             ") STRICT"},
    {"part_hash", "CREATE UNIQUE INDEX part_hash ON part(hash) WHERE hash IS NOT NULL"},
    {"chunk", "CREATE TABLE chunk("
              "part INTEGER NOT NULL REFERENCES part(id) ON DELETE CASCADE,"
              "ordinal INTEGER NOT NULL,"            /* from 0 */
              "data BLOB NOT NULL,"                  /* at most 128 KiB: what one read must decrypt */
              "encoding INTEGER NOT NULL DEFAULT 0," /* how data holds its bytes: packing.h. Since 2 */
              "PRIMARY KEY(part, ordinal)"
              ") STRICT"},
    {"entry", "CREATE TABLE entry("
              "mailbox INTEGER NOT NULL REFERENCES mailbox(id),"
              "uid INTEGER NOT NULL,"
              "message INTEGER NOT NULL,"      /* counted in message.refs */
              "flags INTEGER NOT NULL,"        /* system flags, bit LL_FLAG_x */
              "keywords BLOB,"                 /* bit set of keyword numbers, little-endian; NULL: none */
              "internaldate INTEGER NOT NULL," /* RFC 3501 section 2.3.3 */
              "savedate INTEGER NOT NULL,"     /* time at which it came into this mailbox, RFC 8514 */
              "modseq INTEGER NOT NULL,"       /* of its last change */
              "size INTEGER NOT NULL,"         /* message.size, so that FETCH RFC822.SIZE reads this table only */
              "sent INTEGER,"                  /* days since 1970 of the Date field as written, for SENTSINCE; -1000000:
                                                  it has none; NULL: look into the message. Since 2 */
              "PRIMARY KEY(mailbox, uid)"
              ") WITHOUT ROWID, STRICT"},
    {"held", "CREATE TABLE held(" /* expunged, but a session that has not been told may still read it; emptied when the
                                     vault opens */
             "mailbox INTEGER NOT NULL," /* may be gone already */
             "uid INTEGER NOT NULL,"
             "message INTEGER NOT NULL," /* counted in message.refs */
             "modseq INTEGER NOT NULL,"  /* at which it vanished */
             "internaldate INTEGER NOT NULL,"
             "savedate INTEGER NOT NULL,"
             "size INTEGER NOT NULL,"
             "flags INTEGER NOT NULL DEFAULT 0," /* as entry's; since 2, like the others below */
             "keywords BLOB,"
             "sent INTEGER,"
             "PRIMARY KEY(mailbox, uid)"
             ") WITHOUT ROWID, STRICT"},
    {"vanished", "CREATE TABLE vanished(" /* the expunge log: VANISHED (EARLIER), RFC 7162 section 3.2.10 */
                 "mailbox INTEGER NOT NULL REFERENCES mailbox(id) ON DELETE CASCADE,"
                 "uid_first INTEGER NOT NULL,"
                 "uid_last INTEGER NOT NULL,"
                 "modseq INTEGER NOT NULL," /* at which they vanished */
                 "PRIMARY KEY(mailbox, modseq, uid_first)"
                 ") WITHOUT ROWID, STRICT"},
    {"changed", CHANGED_SQL},
    {"absorbed", "CREATE TABLE absorbed("
                 "drop_id BLOB PRIMARY KEY" /* drop entry that is in this vault already, and perhaps still in the drop:
                                               exactly once */
                 ") WITHOUT ROWID, STRICT"},
    {"remote_mailbox", "CREATE TABLE remote_mailbox(" /* what the upstream (upstream.h) says of a mailbox */
                       "mailbox INTEGER PRIMARY KEY REFERENCES mailbox(id) ON DELETE CASCADE,"
                       "id BLOB UNIQUE,"             /* its own name for it; NULL: none */
                       "visibility INTEGER NOT NULL" /* ll_visibility */
                       ") STRICT"},
    {"remote_message", "CREATE TABLE remote_message(" /* what the upstream calls an entry */
                       "id BLOB NOT NULL,"            /* the same in several mailboxes: one message with labels */
                       "mailbox INTEGER NOT NULL,"
                       "uid INTEGER NOT NULL,"
                       "PRIMARY KEY(id, mailbox),"
                       "UNIQUE(mailbox, uid),"
                       "FOREIGN KEY(mailbox, uid) REFERENCES entry(mailbox, uid) ON DELETE CASCADE"
                       ") WITHOUT ROWID, STRICT"},
    {"mailbox_view", MAILBOX_VIEW_SQL},               /* since 2 */
    {"remote_setting", "CREATE TABLE remote_setting(" /* what the upstream wants to be remembered */
                       "name BLOB PRIMARY KEY,"
                       "value BLOB NOT NULL"
                       ") WITHOUT ROWID, STRICT"},
    {"search_segment", SEARCH_SEGMENT},
    {"search_terms", SEARCH_TERMS},
    {"search_postings", SEARCH_POSTINGS},
};

/* --------------------------------------------------------------------------------------------------- Directory */

static const schema_object directory_objects[] = {
    {"domain", "CREATE TABLE domain("
               "name TEXT PRIMARY KEY,"           /* A-labels, lower case */
               "created INTEGER NOT NULL,"        /* time */
               "quota INTEGER NOT NULL DEFAULT 0" /* bytes of all its aliases together; 0: none */
               ") WITHOUT ROWID, STRICT"},
    {"alias", "CREATE TABLE alias("
              "id BLOB NOT NULL PRIMARY KEY,"
              "local TEXT NOT NULL," /* lower case */
              "domain TEXT NOT NULL REFERENCES domain(name),"
              "vault BLOB NOT NULL UNIQUE,"            /* id that names the file */
              "drop_public BLOB NOT NULL,"             /* X25519: mail for the locked vault is sealed to it */
              "salts BLOB NOT NULL,"                   /* slot_salts_save: salts and costs of its slots */
              "quota INTEGER NOT NULL,"                /* bytes; 0: none */
              "created INTEGER NOT NULL,"              /* time */
              "disabled INTEGER NOT NULL,"             /* 0, 1: no login, no delivery */
              "account TEXT REFERENCES account(name)," /* whose it is; NULL: nobody's in particular */
              "UNIQUE(domain, local)"
              ") STRICT"},
    {"alias_account", "CREATE INDEX alias_account ON alias(account)"},
    {"account", "CREATE TABLE account(" /* an owner of several aliases, which share its quota */
                "name TEXT PRIMARY KEY,"
                "quota INTEGER NOT NULL,"  /* bytes of all its aliases together; 0: none */
                "created INTEGER NOT NULL" /* time */
                ") WITHOUT ROWID, STRICT"},
    {"slot", "CREATE TABLE slot("
             "number INTEGER PRIMARY KEY," /* in the order in which they were made */
             "alias BLOB NOT NULL REFERENCES alias(id) ON DELETE CASCADE,"
             "id BLOB NOT NULL,"
             "kind INTEGER NOT NULL,"      /* slot_kind, as in data: for lists */
             "label TEXT NOT NULL,"        /* the owner's words: which app or device */
             "data BLOB NOT NULL,"         /* slot_save: the vault key, wrapped */
             "created INTEGER NOT NULL,"   /* time */
             "last_used INTEGER NOT NULL," /* time, to the hour; 0: never */
             "UNIQUE(alias, id)"
             ") STRICT"},
    {"setting", "CREATE TABLE setting("
                "key TEXT PRIMARY KEY,"
                "value BLOB NOT NULL"
                ") WITHOUT ROWID, STRICT"},
};

/* -------------------------------------------------------------------------------------------------------- Drop */

static const schema_object drop_objects[] = {
    {"blob", "CREATE TABLE blob(" /* one message, encrypted under a content key of its own (keys/seal.h) */
             "number INTEGER PRIMARY KEY,"
             "id BLOB NOT NULL,"        /* to which its chunks are bound */
             "refs INTEGER NOT NULL,"   /* rows of entry; at 0 it goes */
             "size INTEGER NOT NULL,"   /* plain bytes */
             "chunks INTEGER NOT NULL," /* rows of blob_chunk */
             "created INTEGER NOT NULL" /* time */
             ") STRICT"},
    {"blob_chunk", "CREATE TABLE blob_chunk("
                   "blob INTEGER NOT NULL REFERENCES blob(number) ON DELETE CASCADE,"
                   "ordinal INTEGER NOT NULL," /* from 0 */
                   "data BLOB NOT NULL,"       /* SEAL_CHUNK_SEALED bytes; the last may be shorter */
                   "PRIMARY KEY(blob, ordinal)"
                   ") STRICT"},
    {"entry", "CREATE TABLE entry("         /* a message waits for an alias */
              "number INTEGER PRIMARY KEY," /* in order of arrival */
              "id BLOB NOT NULL UNIQUE,"
              "alias BLOB NOT NULL,"
              "blob INTEGER NOT NULL,"    /* counted in blob.refs */
              "sealed BLOB NOT NULL,"     /* the content key, sealed to the alias */
              "size INTEGER NOT NULL,"    /* blob.size */
              "received INTEGER NOT NULL" /* time */
              ") STRICT"},
    {"entry_alias", "CREATE INDEX entry_alias ON entry(alias)"},
    {"waiting", "CREATE TABLE waiting(" /* sums over entry, for quotas and the status page */
                "alias BLOB PRIMARY KEY,"
                "entries INTEGER NOT NULL,"
                "bytes INTEGER NOT NULL"
                ") WITHOUT ROWID, STRICT"},
};

/* ------------------------------------------------------------------------------------------------------ Opening */

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const schema_step vault_steps[] = {
    /* 1 to 2: content that is split, shared and compressed; the search index. What is there stays as it is stored. */
    {.sql = "ALTER TABLE message ADD COLUMN head BLOB;"
            "ALTER TABLE message ADD COLUMN head_size INTEGER NOT NULL DEFAULT 0;"
            "ALTER TABLE message ADD COLUMN head_encoding INTEGER NOT NULL DEFAULT 0;"
            "ALTER TABLE piece ADD COLUMN transfer INTEGER NOT NULL DEFAULT 0;"
            "ALTER TABLE piece ADD COLUMN size INTEGER;"
            "ALTER TABLE piece ADD COLUMN place INTEGER;"
            "ALTER TABLE piece ADD COLUMN plain INTEGER;"
            "ALTER TABLE chunk ADD COLUMN encoding INTEGER NOT NULL DEFAULT 0;"
            "ALTER TABLE entry ADD COLUMN sent INTEGER;"
            "ALTER TABLE held ADD COLUMN flags INTEGER NOT NULL DEFAULT 0;"
            "ALTER TABLE held ADD COLUMN keywords BLOB;"
            "ALTER TABLE held ADD COLUMN sent INTEGER;" MAILBOX_VIEW_SQL ";" SEARCH_SEGMENT ";" SEARCH_TERMS
            ";" SEARCH_POSTINGS ";"},
    /* 2 to 3: the log of changes in place of an index. What was before it may be anything. Who has a part is indexed.
     * Views that were kept are made anew: some were written wrongly (imap/view_saved.c). */
    {.sql =
         "ALTER TABLE message ADD COLUMN extract BLOB;DROP INDEX entry_modseq;DELETE FROM mailbox_view;" PIECE_PART_SQL
         ";" CHANGED_SQL ";"
         "INSERT INTO changed(mailbox, modseq, uid_first, uid_last) SELECT id, modseq, 0, 4294967295 FROM mailbox;"},
};

static const schema_step directory_steps[] = {
    /* 1 to 2: accounts that own aliases; quotas of accounts and domains. */
    {.sql = "CREATE TABLE account(name TEXT PRIMARY KEY, quota INTEGER NOT NULL, created INTEGER NOT NULL) "
            "WITHOUT ROWID, STRICT;"
            "ALTER TABLE domain ADD COLUMN quota INTEGER NOT NULL DEFAULT 0;"
            "ALTER TABLE alias ADD COLUMN account TEXT REFERENCES account(name);"
            "CREATE INDEX alias_account ON alias(account);"},
};

const schema *schema_of(schema_kind kind)
{
    static const schema all[] = {
        [SCHEMA_VAULT] = {"vault", 0x4c4c7661, 3, vault_objects, COUNT(vault_objects), vault_steps}, /* "LLva" */
        [SCHEMA_DIRECTORY] = {"directory", 0x4c4c6469, 2, directory_objects, COUNT(directory_objects),
                              directory_steps},                                           /* "LLdi" */
        [SCHEMA_DROP] = {"drop", 0x4c4c6472, 1, drop_objects, COUNT(drop_objects), NULL}, /* "LLdr" */
    };
    return &all[kind];
}

static bool sql_is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

/* The next byte of SQL that matters: white space only between two words, no quotes around names (ALTER TABLE adds
 * them). */
static char sql_next(ll_span *sql, char previous)
{
    bool space = false;
    while (sql->size && (isspace((unsigned char)*sql->data) || *sql->data == '"')) {
        space |= *sql->data != '"';
        *sql = span_from(*sql, 1);
    }
    if (!sql->size) {
        return 0;
    }
    if (space && sql_is_word(previous) && sql_is_word(*sql->data)) {
        return ' ';
    }
    char c = *sql->data;
    *sql = span_from(*sql, 1);
    return c;
}

static bool sql_equal(ll_span a, ll_span b)
{
    char x = 0, y = 0;
    do {
        x = sql_next(&a, x);
        y = sql_next(&b, y);
    } while (x && x == y);
    return x == y;
}

static const schema_object *schema_find(const schema *definition, ll_span name)
{
    for (size_t i = 0; i < definition->objects_count; i++) {
        if (span_equal(name, span_str(definition->objects[i].name))) {
            return &definition->objects[i];
        }
    }
    return NULL;
}

static ll_status schema_differs(text *why, const schema *definition, ll_span name, const char *how)
{
    if (why) {
        text_print(why, "this %s is damaged: \"%.*s\" %s", definition->word, SPAN_PRINT(span_first(name, 64)), how);
    }
    return LL_ECORRUPT;
}

static ll_status schema_missing(db *d, const schema *definition, text *why)
{
    for (size_t i = 0; i < definition->objects_count; i++) {
        int64_t there = 0;
        db_stmt *q = db_prepare(d, "SELECT count(*) FROM sqlite_schema WHERE name = ?1 AND sql IS NOT NULL");
        db_bind_text(q, 1, span_str(definition->objects[i].name));
        ll_status status = db_take_int(q, &there);
        if (status) {
            return status;
        }
        if (there != 1) {
            return schema_differs(why, definition, span_str(definition->objects[i].name), "is missing");
        }
    }
    return LL_OK;
}

/* Indexes that SQLite makes for constraints have no SQL of their own, and its own tables are named sqlite_... */
ll_status schema_check(db *d, const schema *definition, text *why)
{
    db_stmt *q = db_prepare(
        d, "SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'");
    ll_status status;
    size_t found = 0; /* names are unique: as many as are defined, all of them known, are all */
    while ((status = db_step(q)) == LL_MORE) {
        ll_span name = db_column_text(q, 0);
        found++;
        const schema_object *object = schema_find(definition, name);
        ll_status bad = LL_OK;
        if (!object) {
            bad = schema_differs(why, definition, name, "does not belong here");
        } else if (!sql_equal(db_column_text(q, 1), span_str(object->sql))) {
            bad = schema_differs(why, definition, name, "is not as defined");
        }
        if (bad) {
            db_reset(q);
            return bad;
        }
    }
    return status || found == definition->objects_count ? status : schema_missing(d, definition, why);
}

static ll_status schema_fill(db *d, const schema *definition)
{
    char sql[48];
    ll_status status = LL_OK;
    for (size_t i = 0; status == LL_OK && i < definition->objects_count; i++) {
        status = db_exec(d, definition->objects[i].sql);
    }
    snprintf(sql, sizeof sql, "PRAGMA application_id = %u", definition->application_id);
    if (status == LL_OK) {
        status = db_exec(d, sql);
    }
    return status ? status : schema_version_set(d, definition->version);
}

static ll_status schema_create(db *d, const schema *definition)
{
    ll_status status = db_begin(d);
    if (status) {
        return status;
    }
    status = schema_fill(d, definition);
    if (status == LL_OK) {
        return db_commit(d);
    }
    db_rollback(d);
    return status;
}

static ll_status schema_refuse(text *why, ll_status status, const schema *definition, const char *how)
{
    if (why) {
        text_print(why, "this file %s (%s)", how, definition->word);
    }
    return status;
}

/* Is it ours, and of which version? */
static ll_status schema_identify(db *d, const schema *definition, uint32_t *version, bool *empty, text *why)
{
    int64_t application = 0, objects = 0;
    ll_status status = db_take_int(db_prepare(d, "PRAGMA application_id"), &application);
    if (status == LL_OK) {
        status = db_take_int(db_prepare(d, "SELECT count(*) FROM sqlite_schema"), &objects);
    }
    if (status == LL_OK) {
        status = schema_version(d, version);
    }
    *empty = objects == 0 && application == 0 && *version == 0;
    if (status || *empty) {
        return status;
    }
    if (application != (int64_t)definition->application_id) {
        return schema_refuse(why, LL_ECORRUPT, definition, "is of another kind");
    }
    if (*version == 0) {
        return schema_refuse(why, LL_ECORRUPT, definition, "has no version");
    }
    return *version > definition->version
               ? schema_refuse(why, LL_EVERSION, definition, "was written by a newer program; it was left as it is")
               : LL_OK;
}

ll_status schema_open_as(db *d, const schema *definition, bool create, text *why)
{
    uint32_t version = 0;
    bool empty = false;
    ll_status status = schema_identify(d, definition, &version, &empty, why);
    if (status) {
        return status;
    }
    if (empty) {
        return create ? schema_create(d, definition) : schema_refuse(why, LL_ECORRUPT, definition, "is empty");
    }
    if (version < definition->version) {
        status = schema_migrate(d, definition->steps, version, definition->version);
    }
    if (status) {
        return schema_refuse(why, status, definition, "could not be brought to this version");
    }
    return schema_check(d, definition, why);
}

ll_status schema_open(db *d, schema_kind kind, bool create, text *why)
{
    return schema_open_as(d, schema_of(kind), create, why);
}
