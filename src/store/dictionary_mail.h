/* dictionary_mail.h - what mail has in common, for zstd: encoding 2 of packing.h.
 * SPDX-License-Identifier: MIT
 *
 * dictionary_mail.c is made by tools/dictionary from tools/dictionary.txt. It belongs to the format of the vault:
 * vaults hold frames that only these very bytes open, so it is never changed; a better one becomes a number of its own.
 */
#ifndef STORE_DICTIONARY_MAIL_H
#define STORE_DICTIONARY_MAIL_H

#include <stddef.h>

extern const char dictionary_mail[];
extern const size_t dictionary_mail_size;

#endif
