/* salvage.h - everything readable from a damaged vault, as a Maildir (invariant 8).
 * SPDX-License-Identifier: MIT
 *
 *     pages     every page is decrypted by itself (pages.h); those that are damaged are named
 *     rows      every row on a good page goes into a new file, encrypted under a key of this process only, in the table
 *               that its page belongs to (page_map.h) or, where even that is lost, whose columns it fits
 *     mail      that file is read as any vault is, and each message written out; it is removed at the end
 *
 * So one bad page costs what stands on it and nothing else, whichever it is: neither page 1 nor the schema, interior
 * pages or indexes are needed. The damaged file is opened for reading only.
 *
 * Where a mailbox's row is gone its messages go to "Mailbox <n>"; where a message's entries are gone it goes to
 * "Salvaged" with the date at which it came; content whose message is gone goes to "Salvaged parts"; of a message that
 * cannot be had whole, the beginning up to the damage goes to "Incomplete", or its header and what stood beside its
 * parts, if where these stood is lost. Messages that were
 * expunged are left out as far as that can be known. */
#ifndef STORE_SALVAGE_H
#define STORE_SALVAGE_H

#include "base/text.h"
#include "keys/keys.h"

typedef struct salvage_numbers {
    uint32_t pages, bad_pages, missing_pages; /* missing: the file was cut off */
    uint64_t rows;                            /* that were read */
    uint64_t placed;                          /* messages written, in the mailboxes where they were */
    uint64_t loose;                           /* messages written to "Salvaged" */
    uint64_t parts;                           /* files in "Salvaged parts" */
    uint64_t incomplete;                      /* files in "Incomplete": what is left of a message that is lost */
    uint64_t lost; /* places of messages that are known and could not be written: see unreadable.txt */
} salvage_numbers;

/* out: a folder that is empty or not there. It gets the Maildir, `unreadable.txt` with a line for each damaged page and
 * each message that could not be had, and `mailboxes.txt` with the true names of the mailboxes. LL_EEXISTS: the folder
 * has something in it; LL_ECORRUPT: nothing could be decrypted (another key, or no vault); LL_ENOTFOUND, LL_EDENIED,
 * LL_EFULL, LL_EIO, LL_ENOMEM. *why (may be NULL) gets a sentence. Nobody may have the vault open for writing. Slow:
 * reads the file twice and writes its content twice. */
LL_MUST_USE ll_status salvage_run(const char *path, const uint8_t key[KEYS_KEY], const char *out,
                                  salvage_numbers *numbers, text *why);

/* Only look: how many pages there are and which are damaged; a line for each in *report (may be NULL). LL_OK: all are
 * good; LL_ECORRUPT: some are not, or are missing, or as pages_open. */
LL_MUST_USE ll_status salvage_look(const char *path, const uint8_t key[KEYS_KEY], salvage_numbers *numbers,
                                   text *report);

#endif
