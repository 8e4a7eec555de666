/* vaultcheck.c - open one alias's vault with its password, as its owner, and look for faults.
 * SPDX-License-Identifier: MIT
 *
 *     vaultcheck check DIR ADDRESS     integrity of the vault (vault_check); one line per fault
 *     vaultcheck key DIR ADDRESS       the vault key in hex: for tests that look for it where it must not be
 *     vaultcheck alias DIR ADDRESS     id of the alias, file of the vault
 *
 * For the tests; no server is needed. The password or recovery code is the first line of standard input. Exit status:
 * 0; 1: faults, or it failed; 2: usage; 3: this password does not open the vault. Compiled against the static
 * libraries of a build by vaultcheck.py. */
#include "base/memory.h"
#include "keys/random.h"
#include "keys/server_key.h"
#include "store/directory.h"
#include "store/layout.h"
#include "store/vault.h"

#include <stdio.h>

typedef struct owner {
    directory_alias alias;
    uint8_t key[KEYS_KEY];
} owner;

static int fail(const char *what, ll_status status, const text *why)
{
    fprintf(stderr, "vaultcheck: %s: %s %.*s\n", what, ll_status_text(status), SPAN_PRINT(text_span(why)));
    return 1;
}

static ll_status directory_of(const layout *l, directory **out, text *why)
{
    uint8_t key[KEYS_KEY], sub[KEYS_KEY];
    ll_status status = server_key_load(layout_of(l, LAYOUT_SERVER_KEY).string, false, key, why);
    if (!status) {
        server_key_derive(key, SERVER_KEY_DIRECTORY, sub);
        status = directory_open(out, layout_of(l, LAYOUT_DIRECTORY).string, sub, 0, why);
    }
    memory_wipe(key, sizeof key);
    memory_wipe(sub, sizeof sub);
    return status;
}

/* Login by unwrapping: a code of the recovery form, or a password. */
static ll_status unlock(directory *d, ll_span address, ll_span secret, owner *o)
{
    directory_slot kept[SLOT_COUNT_MAX];
    slot slots[SLOT_COUNT_MAX];
    size_t count = 0, index;
    uint8_t code[RECOVERY_CODE];
    ll_status status = directory_alias_find(d, address, &o->alias);
    if (!status)
        status = directory_slot_list(d, o->alias.id, kept, &count);
    if (status)
        return status;
    for (size_t i = 0; i < count; i++)
        slots[i] = kept[i].slot;
    if (recovery_parse(secret, code) == LL_OK)
        return slot_login_recovery(o->alias.id, slots, count, code, o->key, &index);
    return slot_login_plain(o->alias.id, &o->alias.salts, slots, count, secret, o->key, &index);
}

static int run(const char *what, const layout *l, const owner *o)
{
    text report;
    text_init(&report, NULL, 1 << 20);
    layout_path path = layout_vault(l, o->alias.vault);
    ll_status status = LL_OK;
    char hex[RANDOM_HEX + 1];
    if (strcmp(what, "check") == 0) {
        status = vault_check(path.string, o->key, &report);
    } else if (strcmp(what, "key") == 0) {
        for (size_t i = 0; i < KEYS_KEY; i++)
            printf("%02x", o->key[i]);
        printf("\n");
    } else {
        random_id_hex(o->alias.id, hex);
        printf("%s %s\n", hex, path.string);
    }
    int code = status ? fail("faults", status, &report) : 0;
    text_fini(&report);
    return code;
}

int main(int argc, char **argv)
{
    char password[1200];
    layout l;
    if (argc != 4 || (strcmp(argv[1], "check") && strcmp(argv[1], "key") && strcmp(argv[1], "alias")) ||
        !fgets(password, sizeof password, stdin)) {
        fprintf(stderr, "usage: vaultcheck check|key|alias DIR ADDRESS   (the password on standard input)\n");
        return 2;
    }
    text why;
    text_init(&why, NULL, 65536);
    directory *d = NULL;
    owner o = {0};
    ll_status status = keys_init();
    if (!status)
        status = layout_init(&l, argv[2]);
    if (!status)
        status = directory_of(&l, &d, &why);
    if (!status)
        status = unlock(d, span_str(argv[3]), span_trim(span_str(password)), &o);
    directory_close(&d);
    int code = status == LL_EAUTH ? 3 : status ? fail("cannot open", status, &why) : run(argv[1], &l, &o);
    memory_wipe(&o, sizeof o);
    memory_wipe(password, sizeof password);
    text_fini(&why);
    return code;
}
