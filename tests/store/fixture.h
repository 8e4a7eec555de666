/* fixture.h - what the files in fixtures/ hold, and how they become encrypted files again.
 * SPDX-License-Identifier: MIT */
#ifndef TESTS_STORE_FIXTURE_H
#define TESTS_STORE_FIXTURE_H

#include "base/text.h"

#include "store/db.h"

#include <stdio.h>
#include <stdlib.h>

#define FIXTURE_MESSAGE_MAX 4096
#define FIXTURE_INBOX       4 /* messages 0 to 3 were appended to INBOX; 2 was moved to Trash, 3 expunged and is held */
#define FIXTURE_WAITING     2 /* messages 4 and 5 wait in the drop */
#define FIXTURE_FOLDER      "Lists/Knots \xc3\xa9" /* copies of messages 0 and 1 */
#define FIXTURE_GENERATED   "Vb7kQm2xTz9Lr4Wc8Np3Hs6Yd1Jf"
#define FIXTURE_CHOSEN      "correct horse battery staple"
#define FIXTURE_RECOVERY    0x11 /* every byte of the code */
#define FIXTURE_DROP_KEY                                                                                               \
    {                                                                                                                  \
        6, 6, 6                                                                                                        \
    }
#define FIXTURE_DIRECTORY_KEY                                                                                          \
    {                                                                                                                  \
        5, 5, 5                                                                                                        \
    }

/* Message number n, with its end. Bytes of many kinds, lines with and without CR, and no line end at the end. */
static inline void fixture_message(unsigned n, char out[FIXTURE_MESSAGE_MAX])
{
    size_t used = (size_t)snprintf(out, FIXTURE_MESSAGE_MAX,
                                   "From: Ann <ann@example.com>\r\nTo: bob@example.com\r\nSubject: letter %u\r\n"
                                   "Message-ID: <%u@fixture.example.com>\r\nDate: Thu, 1 Jun 2017 10:00:%02u +0200\r\n"
                                   "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=iso-8859-1\r\n\r\n",
                                   n, n, n);
    for (unsigned i = 0; i < 300 + 400 * n; i++)
        out[used++] = i % 61 == 60 ? '\n' : (char)(1 + (i * (n + 3)) % 255);
    out[used] = '\0';
}

/* Make the encrypted file from FIXTURES/name, which must not be there. The sums of sqlite_sequence come with the rows.
 */
static inline ll_status fixture_build(const char *path, const uint8_t key[DB_KEY], const char *folder, const char *name)
{
    char from[600];
    db *d = NULL;
    snprintf(from, sizeof from, "%s/%s", folder, name);
    FILE *in = fopen(from, "rb");
    char *sql = calloc(1, 1 << 20);
    bool good = in && sql && fread(sql, 1, (1 << 20) - 1, in) > 0;
    if (in)
        fclose(in);
    ll_status status = good ? db_open(&d, path, key, DB_CREATE, NULL) : LL_ENOTFOUND;
    if (!status)
        status = db_begin(d);
    if (!status)
        status = db_exec(d, sql);
    if (!status)
        status = db_commit(d);
    db_close(&d);
    free(sql);
    return status;
}

#endif
