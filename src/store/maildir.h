/* maildir.h - a new Maildir++ to write mail into: for salvage, and to leave with one's mail.
 * SPDX-License-Identifier: MIT
 *
 * INBOX is the folder itself; mailbox "Lists/Knots" is ".Lists.Knots" in it. Letters, digits, space, '-', '_' and what
 * is not ASCII stand for themselves in a folder's name, other bytes are %XX; names that get too long end in a number.
 * Files: cur/<date>.<message>_<uid>.letterlock,S=<size>:2,<flags>, with the date as mtime. Keywords are the letters a
 * to z, named in dovecot-keywords. Modes 0700 and 0600: it is all in clear. */
#ifndef STORE_MAILDIR_H
#define STORE_MAILDIR_H

#include "base/text.h"

#include <limits.h>

typedef struct maildir {
    char root[PATH_MAX];
    char folder[PATH_MAX]; /* of the mailbox chosen last */
    int fd;                /* the file being written */
    char name[PATH_MAX];   /* its name in tmp/ */
    uint64_t written;
} maildir;

/* Make the folder, or take it if it is empty. LL_EEXISTS: there is something in it; LL_ENOTFOUND: what it should stand
 * in is not there; LL_EDENIED, LL_EFULL, LL_EIO, LL_EINVAL (path too long). */
LL_MUST_USE ll_status maildir_create(maildir *m, const char *path);
/* What follows goes into this mailbox, which is made. number: of the mailbox, for names that are too long. */
LL_MUST_USE ll_status maildir_mailbox(maildir *m, ll_span name, int64_t number);
/* Line `n name` of dovecot-keywords in the mailbox. */
LL_MUST_USE ll_status maildir_keyword(maildir *m, unsigned n, ll_span name);
/* A file of the mailbox: begin, data ..., then end with where it belongs, or drop it. */
LL_MUST_USE ll_status maildir_begin(maildir *m);
LL_MUST_USE ll_status maildir_data(maildir *m, ll_span bytes);
typedef struct maildir_mail {
    int64_t message;
    uint32_t uid;
    int64_t date;
    unsigned flags;    /* bits LL_FLAG_x */
    uint64_t keywords; /* bit n: keyword n */
} maildir_mail;
LL_MUST_USE ll_status maildir_end(maildir *m, const maildir_mail *mail);
void maildir_drop(maildir *m);
/* All of it is on the disk: one wait at the end. */
LL_MUST_USE ll_status maildir_close(maildir *m);

#endif
