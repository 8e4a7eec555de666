/* quota.c - see quota.h
 * SPDX-License-Identifier: MIT */
#include "server/quota.h"

#include "base/memory.h"
#include "keys/random.h"
#include "post/intake.h"
#include "server/log.h"

enum { batch = 64 /* rows of the directory at once */ };

static ll_status join(server *s, const directory_alias *alias)
{
    uint64_t noted = 0, waiting = 0;
    ll_status status = intake_bytes_noted(s->directory, alias->id, &noted);
    if (!status)
        status = drop_alias_bytes(s->drop, alias->id, &waiting, NULL);
    return status ? status
                  : ledger_join(s->ledger, alias->id, span_str(alias->domain), span_str(alias->account),
                                alias->quota_bytes, noted, waiting);
}

static ll_status join_domain(server *s, const char *domain)
{
    uint64_t quota = 0;
    char after[DIRECTORY_LOCAL_MAX + 1] = "";
    directory_alias *rows = memory_new(NULL, batch * sizeof *rows);
    ll_status status = rows ? directory_domain_quota_get(s->directory, span_str(domain), &quota) : LL_ENOMEM;
    if (!status)
        status = ledger_domain(s->ledger, span_str(domain), quota);
    for (size_t count = batch; !status && count == batch;) {
        status = directory_alias_list(s->directory, span_str(domain), span_str(after), rows, batch, &count);
        for (size_t i = 0; !status && i < count; i++)
            status = join(s, &rows[i]);
        if (!status && count)
            memcpy(after, rows[count - 1].local, sizeof after);
    }
    memory_free(NULL, rows);
    return status;
}

static ll_status join_domains(server *s)
{
    char names[batch][DIRECTORY_DOMAIN_MAX + 1], after[DIRECTORY_DOMAIN_MAX + 1] = "";
    ll_status status = LL_OK;
    for (size_t count = batch; !status && count == batch;) {
        status = directory_domain_list(s->directory, span_str(after), names, batch, &count);
        for (size_t i = 0; !status && i < count; i++)
            status = join_domain(s, names[i]);
        if (!status && count)
            memcpy(after, names[count - 1], sizeof after);
    }
    return status;
}

static ll_status join_accounts(server *s)
{
    directory_account rows[batch];
    char after[DIRECTORY_ACCOUNT_MAX + 1] = "";
    ll_status status = LL_OK;
    for (size_t count = batch; !status && count == batch;) {
        status = directory_account_list(s->directory, span_str(after), rows, batch, &count);
        for (size_t i = 0; !status && i < count; i++)
            status = ledger_account(s->ledger, span_str(rows[i].name), rows[i].quota_bytes);
        if (!status && count)
            memcpy(after, rows[count - 1].name, sizeof after);
    }
    return status;
}

ll_status quota_open(server *s)
{
    if (s->ledger)
        return LL_OK;
    uint64_t aliases = 0;
    ll_status status = directory_alias_count(s->directory, &aliases);
    if (!status)
        status = ledger_new(&s->ledger, 2 * aliases + 64);
    if (status)
        return status;
    ledger_default(s->ledger, s->config->quota);
    status = join_accounts(s);
    if (!status)
        status = join_domains(s);
    if (status)
        ledger_del(&s->ledger);
    return status;
}

ll_status quota_alias(server *s, const uint8_t alias[KEYS_ID])
{
    directory_alias row;
    if (!s->ledger)
        return LL_OK;
    ll_status status = directory_alias_get(s->directory, alias, &row);
    return status ? status : join(s, &row);
}

void quota_locking(server *s, const uint8_t alias[KEYS_ID], uint64_t bytes)
{
    if (s->ledger)
        ledger_closed(s->ledger, alias, bytes);
    ll_status status = intake_bytes_note(s->directory, alias, bytes);
    if (status)
        log_event("-", "quota-note-failed status=%s", ll_status_name(status));
}

/* ------------------------------------------------------------------------------------------------------------- Notes
 */

static void noted(void *context)
{
    server *s = context;
    s->noting = false;
}

static void note_work(void *context)
{
    server *s = context;
    uint8_t ids[DIRECTORY_NOTES_MAX][KEYS_ID];
    directory_note *notes = memory_new(NULL, DIRECTORY_NOTES_MAX * sizeof *notes);
    size_t changed = notes ? ledger_changed(s->ledger, ids, DIRECTORY_NOTES_MAX) : 0, count = 0;
    for (size_t i = 0; i < changed; i++) {
        vault *open = vaults_find(s->vaults, ids[i]);
        if (open) /* else it was noted when it was locked */
            intake_bytes_print(ids[i], vault_count(open).bytes, &notes[count++]);
        vaults_release(s->vaults, &open);
    }
    ll_status status = count ? directory_notes_set(s->directory, notes, count) : LL_OK;
    if (status) {
        log_event("-", "quota-note-failed status=%s", ll_status_name(status));
        for (size_t i = 0; i < changed; i++)
            ledger_mark(s->ledger, ids[i]);
    }
    memory_free(NULL, notes);
    executor_done(&s->executor, noted, s);
}

void quota_tick(server *s)
{
    if (s->noting || !ledger_has_changed(s->ledger))
        return;
    s->noting = true;
    executor_work(&s->executor, note_work, s);
}
