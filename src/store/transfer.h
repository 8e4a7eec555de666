/* transfer.h - how the plain bytes of a part are encoded in a message, and back to the very bytes that came.
 * SPDX-License-Identifier: MIT
 *
 * Base64 (RFC 2045 section 6.8) is a third larger than what it carries, and hides from compression that two bytes are
 * equal. So the vault keeps what it carries, and a number that says how it was written: transfer. Only text that this
 * number restores to the byte is taken (invariant 2); transfer_scan ends where something else begins, and the rest
 * stays as it came.
 *
 *     0                     as it is
 *     1 | e<<4 | l<<8       base64 in lines of l characters, a multiple of 4, or in one line (l == 0); e: lines end
 * with CRLF (0) or LF (1). Nothing follows the last line.
 *
 * Every other number is of a later version: LL_EVERSION. Threads: any; no state but what the caller holds. */
#ifndef STORE_TRANSFER_H
#define STORE_TRANSFER_H

#include "base/span.h"

enum {
    TRANSFER_NONE = 0,
    TRANSFER_BASE64 = 1,        /* some base64: what to scan for */
    TRANSFER_LINE_MAX = 1 << 16 /* characters of a line: what scanning keeps back; others are 76 long, some 1000 */
};

/* A number of another kind than those above. */
bool transfer_known(int64_t transfer);
/* Bytes in the message of `plain` bytes. */
uint64_t transfer_size(int64_t transfer, uint64_t plain);
/* Where reading may begin to give the bytes from `offset` on: the largest multiple of 3 of plain bytes whose text
 * begins at or before it. *start: the offset at which that text begins. */
uint64_t transfer_seek(int64_t transfer, uint64_t offset, uint64_t *start);
/* Write the text of `plain`, which stands at plain offset `at`, a multiple of 3, behind whatever came before: line ends
 * included. Its size must be a multiple of 3, unless it is the part's end. out has room for transfer_room(transfer,
 * plain.size). The bytes written. */
size_t transfer_encode(int64_t transfer, uint64_t at, ll_span plain, char *out);
size_t transfer_room(int64_t transfer, size_t plain);

/* Decoding while a message is stored: push its bytes, take the plain ones. */
typedef struct transfer_scanner {
    int64_t transfer;   /* known after the first line */
    uint64_t text;      /* bytes taken that the plain bytes restore */
    uint64_t plain;     /* bytes given */
    uint64_t line, end; /* characters per line (0: not known yet), bytes of a line's end */
    uint64_t column;    /* characters of the line under way */
    uint8_t kept[4];    /* characters of the group under way */
    unsigned kept_count;
    unsigned end_count; /* bytes of the line end under way */
    bool over;          /* something else began, or there was padding */
} transfer_scanner;

/* A scanner begins as {0}. Appends at most 3/4 of bytes.size + 3 to out, whose room is the caller's; *size is how many.
 * False: it is over, now or before; what `plain` and `text` say stands. At the end of the input they are what can be
 * restored. */
bool transfer_scan(transfer_scanner *s, ll_span bytes, char *out, size_t *size);
/* The input has ended: the number for what was taken. */
int64_t transfer_scanned(const transfer_scanner *s);

#endif
