/* write_envelope.h - ENVELOPE (RFC 3501 section 7.4.2) from the MIME index.
 * SPDX-License-Identifier: MIT */
#ifndef IMAP_WRITE_ENVELOPE_H
#define IMAP_WRITE_ENVELOPE_H

#include "mime/index.h"

/* Append "(date subject from sender ... message-id)". NULL writes an envelope of NILs. utf8: the client takes UTF-8 in
 * quoted strings (RFC 6855 section 3); else what is not ASCII goes as literals. */
void write_envelope(text *out, const mime_envelope *envelope, bool utf8);

#endif
