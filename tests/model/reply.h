/* reply.h - a strict reader of what an IMAP server says, for the model test: written from the grammar of RFC 3501
 * section 9, RFC 4731, RFC 7162 and RFC 5530 alone.
 * SPDX-License-Identifier: MIT
 *
 * Every byte must be what the grammar allows: one SP where one stands, CRLF at the end, nothing left over. Only what
 * the test's commands can bring about is known; anything else is a fault. */
#ifndef TESTS_MODEL_REPLY_H
#define TESTS_MODEL_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { REPLY_NUMBERS = 8192, REPLY_ITEMS = 12, REPLY_UPDATES = 64 };

typedef enum reply_kind {
    REPLY_TAGGED,
    REPLY_PLUS,
    REPLY_STATE, /* untagged OK, NO, BAD */
    REPLY_BYE,
    REPLY_EXISTS,
    REPLY_RECENT,
    REPLY_EXPUNGE,
    REPLY_FETCH,
    REPLY_FLAGS,
    REPLY_SEARCH,
    REPLY_SORT,
    REPLY_ESEARCH,
    REPLY_VANISHED,
    REPLY_STATUS,
    REPLY_ENABLED,
    REPLY_THREAD, /* body: what follows "THREAD" */
    REPLY_LIST,
    REPLY_OTHER /* CAPABILITY */
} reply_kind;

/* Items of FETCH, in `items` in the order in which they came. */
enum {
    ITEM_FLAGS = 1,
    ITEM_UID = 2,
    ITEM_DATE = 4,
    ITEM_SIZE = 8,
    ITEM_PEEK = 16,
    ITEM_BODY = 32,
    ITEM_ENVELOPE = 64,
    ITEM_MODSEQ = 128
};
/* Bits of flags: 0 to 4 as LL_FLAG_x, then the keywords of the test, then \Recent and "\*". */
enum {
    FLAG_SEEN = 1,
    FLAG_ANSWERED = 2,
    FLAG_FLAGGED = 4,
    FLAG_DELETED = 8,
    FLAG_DRAFT = 16,
    FLAG_KEYWORDS = 32,
    FLAG_ALL = 255,
    FLAG_RECENT = 256,
    FLAG_STAR = 512
};
extern const char *const flag_names[10];

typedef struct reply {
    reply_kind kind;
    char tag[16];
    char state[4];                 /* OK, NO, BAD */
    char code[32], argument[2048]; /* response code */
    uint32_t number;               /* of EXISTS, EXPUNGE, FETCH ... */
    unsigned items;                /* FETCH: the set of them; STATUS: how many */
    unsigned order[REPLY_ITEMS];
    size_t order_count;
    uint32_t flags, uid, size;
    uint64_t modseq; /* of FETCH, SEARCH, ESEARCH; 0: none */
    char date[32];
    const char *body; /* into the bytes read */
    size_t body_size;
    bool earlier;
    bool uidfetch; /* FETCH: number is a UID */
    /* SEARCH, VANISHED, ESEARCH ALL */
    uint32_t *numbers; /* REPLY_NUMBERS of them, the caller's */
    size_t count;
    bool is_uid, has_min, has_max, has_all, has_count, has_partial;
    char partial[32]; /* its range */
    uint32_t min, max, total;
    /* ADDTO and REMOVEFROM, RFC 5267: parts of `numbers`, in the order in which they came */
    struct {
        bool add;
        uint32_t at;
        size_t first, count;
    } updates[REPLY_UPDATES];
    size_t updates_count;
    /* STATUS */
    char name[64]; /* LIST too; ESEARCH: of several mailboxes, number is its UIDVALIDITY */
    char old[64];  /* LIST: OLDNAME */
    bool nonexistent, subscribed;
    struct {
        char name[20];
        uint64_t value;
    } status[10];
} reply;

/* Read one response from the bytes. >0: its length; 0: it is not complete; -1: it is not IMAP, *why says so. */
long reply_read(const char *bytes, size_t size, reply *r, const char **why);
/* "1,3:5" written out in its own order; false: not a set, or too large. */
bool reply_set(const char *text, size_t size, uint32_t *numbers, size_t *count);

#endif
