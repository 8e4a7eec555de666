/* intake.c - see intake.h
 * SPDX-License-Identifier: MIT */
#include "post/intake.h"

#include "keys/random.h"

#include <inttypes.h>
#include <stdio.h>

static void answer_with(intake_answer *a, int code, const char *enhanced, const char *why)
{
    a->code = code;
    a->enhanced = enhanced;
    a->text = why;
}

/* <postmaster> without a domain is ours, whoever we are (RFC 5321 section 4.5.1): the host's own domain, else the first
 * that has one. */
static ll_status find_postmaster(const intake *house, directory_alias *alias)
{
    text address;
    text_init(&address, NULL, 512);
    text_print(&address, "postmaster@%s", house->hostname);
    ll_status status = directory_alias_find(house->directory, text_span(&address), alias);
    char names[8][DIRECTORY_DOMAIN_MAX + 1];
    size_t count = 0;
    if (status == LL_ENOTFOUND && directory_domain_list(house->directory, SPAN(""), names, 8, &count))
        count = 0;
    for (size_t i = 0; status == LL_ENOTFOUND && i < count; i++) {
        text_clear(&address);
        text_print(&address, "postmaster@%s", names[i]);
        status = directory_alias_find(house->directory, text_span(&address), alias);
    }
    text_fini(&address);
    return status;
}

static ll_status find_alias(const intake *house, const smtp_path *to, directory_alias *alias, intake_answer *answer)
{
    if (to->postmaster)
        return find_postmaster(house, alias);
    ll_status status = directory_domain_find(house->directory, smtp_path_domain(to));
    if (status == LL_ENOTFOUND || status == LL_EINVAL) {
        answer_with(answer, 550, "5.7.1", "relaying is refused: this server does not take mail for that domain");
        return LL_EDENIED;
    }
    if (status)
        return status;
    text address;
    text_init(&address, NULL, 512);
    text_add(&address, smtp_path_local(to));
    text_add_byte(&address, '@');
    text_add(&address, smtp_path_domain(to));
    status = directory_alias_find(house->directory, text_span(&address), alias);
    text_fini(&address);
    return status;
}

/* ------------------------------------------------------------------------------------------------------- quota */

static ll_span note_name(const uint8_t alias[KEYS_ID], char name[8 + RANDOM_HEX + 1])
{
    memcpy(name, "bytes/", 6);
    random_id_hex(alias, name + 6);
    return span_str(name);
}

ll_status intake_bytes_note(directory *d, const uint8_t alias[KEYS_ID], uint64_t bytes)
{
    char name[8 + RANDOM_HEX + 1], value[24];
    int size = snprintf(value, sizeof value, "%" PRIu64, bytes);
    return directory_setting_set(d, note_name(alias, name), span_of(value, (size_t)size));
}

void intake_bytes_print(const uint8_t alias[KEYS_ID], uint64_t bytes, directory_note *note)
{
    (void)note_name(alias, note->key);
    snprintf(note->value, sizeof note->value, "%" PRIu64, bytes);
}

ll_status intake_bytes_forget(directory *d, const uint8_t alias[KEYS_ID])
{
    char name[8 + RANDOM_HEX + 1];
    return directory_setting_set(d, note_name(alias, name), SPAN(""));
}

ll_status intake_bytes_noted(directory *d, const uint8_t alias[KEYS_ID], uint64_t *bytes)
{
    char name[8 + RANDOM_HEX + 1];
    text value;
    text_init(&value, NULL, 64);
    *bytes = 0;
    ll_status status = directory_setting(d, note_name(alias, name), &value);
    if (!status && !span_u64(text_span(&value), bytes))
        status = LL_ECORRUPT;
    text_fini(&value);
    return status == LL_ENOTFOUND ? LL_OK : status;
}

void intake_confirm(const intake *house, deliver_recipient *recipients, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        directory_alias alias;
        deliver_recipient *to = &recipients[i];
        to->status = directory_alias_get(house->directory, to->alias, &alias);
        if (!to->status && alias.disabled)
            to->status = LL_ENOTFOUND;
        to->most = ledger_of(house->ledger, to->alias).most;
    }
}

void intake_rcpt(const intake *house, const smtp_path *to, uint64_t size, intake_answer *answer)
{
    directory_alias alias;
    *answer = (intake_answer){0};
    ll_status status = find_alias(house, to, &alias, answer);
    if (answer->code)
        return;
    if (status == LL_ENOTFOUND || status == LL_EINVAL || (!status && alias.disabled)) {
        answer_with(answer, 550, "5.1.1", "no such mailbox here");
        return;
    }
    ledger_numbers n = ledger_of(house->ledger, alias.id);
    if (status) {
        answer_with(answer, 451, "4.3.0", "mailboxes cannot be looked up at the moment, try again later");
        return;
    }
    if (size > n.most) {
        answer_with(answer, 552, "5.2.2", "the message is larger than all that the mailbox may keep");
        return;
    }
    if (!n.room || size > n.room) {
        answer_with(answer, 452, "4.2.2", "the mailbox is full, try again later");
        return;
    }
    answer_with(answer, 250, "2.1.5", "");
    answer->room = n.room;
    answer->shared = n.shared;
    answer->recipient.most = n.most;
    memcpy(answer->recipient.alias, alias.id, KEYS_ID);
    memcpy(answer->recipient.drop_public, alias.drop_public, KEYS_KEY);
}
