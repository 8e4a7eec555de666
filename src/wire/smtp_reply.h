/* smtp_reply.h - one reply on the wire, RFC 5321 section 4.2.1: code, enhanced code of RFC 2034, text.
 * SPDX-License-Identifier: MIT */
#ifndef WIRE_SMTP_REPLY_H
#define WIRE_SMTP_REPLY_H

#include "base/text.h"

enum {
    SMTP_REPLY_TEXT_MAX = 1000, /* of one reply: enough for an explanation with a link, small enough times recipients */
    SMTP_REPLY_LINE_MAX = 480,  /* text in one line: with codes and CRLF below the 512 of RFC 5321 section 4.5.3.1.5 */
    SMTP_REPLY_LINES_MAX = 16,  /* lines of one reply; further '\n' become spaces */
    /* What one reply comes to at worst: its text, and around each line "250-5.7.999 " and CRLF. */
    SMTP_REPLY_MAX = SMTP_REPLY_TEXT_MAX + (SMTP_REPLY_LINES_MAX + SMTP_REPLY_TEXT_MAX / 256) * 20
};

/* Append a reply. enhanced: "5.7.1" or NULL. text: cut at SMTP_REPLY_TEXT_MAX; '\n' and SMTP_REPLY_LINE_MAX begin
 * another line ("250-"); other controls become spaces, and so do bytes above 127 unless utf8 (RFC 6531
 * section 3.7.4.2). */
void smtp_reply_add(text *out, int code, const char *enhanced, ll_span words, bool utf8);

#endif
