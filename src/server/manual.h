/* manual.h - the manual pages, printed from the tables (troff, man macros).
 * SPDX-License-Identifier: MIT */
#ifndef SERVER_MANUAL_H
#define SERVER_MANUAL_H

#include "base/text.h"

#define LETTERLOCK_VERSION "0.1.0"

/* "letterlock.1" (the commands), "letterlock.8" (running it), "letterlock.conf.5" (the settings). False: no such page.
 */
bool manual_print(const char *page, text *out);

#endif
