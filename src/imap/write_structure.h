/* write_structure.h - BODY and BODYSTRUCTURE (RFC 3501 section 7.4.2) from the MIME index.
 * SPDX-License-Identifier: MIT
 *
 * Whatever the index says, what is written keeps to the grammar of section 9: no empty list, no missing string, text
 * with its lines. */
#ifndef IMAP_WRITE_STRUCTURE_H
#define IMAP_WRITE_STRUCTURE_H

#include "mime/index.h"

/* Append the structure of a part and all below it; extended: BODYSTRUCTURE; utf8: as
 * write_envelope. Depth: the index's, under mime_depth_max. */
void write_structure(text *out, const mime_part *part, bool extended, bool utf8);

#endif
