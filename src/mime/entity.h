/* entity.h - named character references of HTML.
 * SPDX-License-Identifier: MIT */
#ifndef MIME_ENTITY_H
#define MIME_ENTITY_H

#include "base/text.h"

/* Append what a reference means, without '&' and ';': "amp", "eacute", "#233", "#xe9". false: not known, nothing
 * appended. */
bool mime_entity_add(text *out, ll_span reference);

#endif
