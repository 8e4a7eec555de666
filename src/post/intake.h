/* intake.h - may this recipient have mail from this door? The policy of RCPT.
 * SPDX-License-Identifier: MIT
 *
 * Blocks on the directory (a few pages): call it on a worker. Thread-safe. */
#ifndef POST_INTAKE_H
#define POST_INTAKE_H

#include "post/deliver.h"
#include "store/directory.h"
#include "wire/smtp_path.h"

/* What it asks. All borrowed. */
typedef struct intake {
    directory *directory;
    ledger *ledger;
    const char *hostname;
} intake;

typedef struct intake_answer {
    int code; /* 250, or the refusal */
    const char *enhanced;
    const char *text;
    deliver_recipient recipient;
    uint64_t room, shared; /* bytes left of its quotas, and of those that others share; UINT64_MAX: it has none */
} intake_answer;

/* size: of the message as far as the client has said, 0 if it has not.
 *   550 5.7.1  the domain is not ours: we relay for nobody here       550 5.1.1  no such alias in it
 *   552 5.2.2  the message alone is over the quota                    452 4.2.2  there is no room now
 *   451 4.3.0  the stores do not answer */
void intake_rcpt(const intake *house, const smtp_path *to, uint64_t size, intake_answer *answer);

/* The message has come, perhaps long after RCPT: are they still there? Sets status (LL_OK, LL_ENOTFOUND,
 * LL_EUNAVAILABLE
 * ...) and `most` of each. Blocks as intake_rcpt. */
void intake_confirm(const intake *house, deliver_recipient *recipients, size_t count);

/* Remember how much a vault holds: the ledger begins with it. As directory_setting_set. */
LL_MUST_USE ll_status intake_bytes_note(directory *d, const uint8_t alias[KEYS_ID], uint64_t bytes);
/* The same as a note, for several at once: directory_notes_set. */
void intake_bytes_print(const uint8_t alias[KEYS_ID], uint64_t bytes, directory_note *note);
/* What was noted, 0 if nothing was. */
LL_MUST_USE ll_status intake_bytes_noted(directory *d, const uint8_t alias[KEYS_ID], uint64_t *bytes);
/* Forget it: the alias was removed. */
LL_MUST_USE ll_status intake_bytes_forget(directory *d, const uint8_t alias[KEYS_ID]);

#endif
