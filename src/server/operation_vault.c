/* operation_vault.c - vault check and salvage: one vault looked at with its owner's key
 * SPDX-License-Identifier: MIT
 *
 * Both run in the command line's own process, also beside a running server, and only read: the vault's pages, and the
 * directory for the slots. So they take relative paths, what salvage writes belongs to who called it, and no key goes
 * over the control socket. */
#include "server/operation.h"

#include "base/memory.h"
#include "keys/random.h"
#include "keys/server_key.h"
#include "store/db.h"
#include "store/salvage.h"

#include <fcntl.h>
#include <unistd.h>

enum { report_max = 1 << 20, aliases_at_once = 50 };

bool operation_is_alone(const operation *op)
{
    return op->run == operation_vault_check || op->run == operation_salvage;
}

const argument *operation_vault_input(const json_t *arguments)
{
    static const argument password = {"current", ARGUMENT_INPUT, NULL,
                                      "the password of the address, or its recovery code"};
    static const argument key = {"current", ARGUMENT_INPUT, NULL, "the vault's key, 64 hexadecimal digits"};
    if (operation_string(arguments, "key-file").size || json_object_get(arguments, "current"))
        return NULL;
    return operation_flag(arguments, "key") ? &key : &password;
}

/* The vault that is meant, and what opens it. */
typedef struct target {
    char path[PATH_MAX];
    uint8_t key[KEYS_KEY];
    directory *directory;
    layout layout;
} target;

/* ------------------------------------------------------------------------------------------------------------ Keys */

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
}

static ll_status key_parse(ll_span hex, uint8_t key[KEYS_KEY], text *error)
{
    hex = span_trim(hex);
    bool good = hex.size == 2 * KEYS_KEY;
    for (size_t i = 0; good && i < KEYS_KEY; i++) {
        int high = hex_digit(hex.data[2 * i]), low = hex_digit(hex.data[2 * i + 1]);
        good = high >= 0 && low >= 0;
        key[i] = (uint8_t)(high * 16 + low);
    }
    if (!good)
        text_print(error, "a key is %d hexadecimal digits", 2 * KEYS_KEY);
    return good ? LL_OK : LL_EINVAL;
}

static ll_status key_read(ll_span file, uint8_t key[KEYS_KEY], text *error)
{
    char path[PATH_MAX], content[256];
    snprintf(path, sizeof path, "%.*s", SPAN_PRINT(file));
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, content, sizeof content);
    if (fd >= 0)
        close(fd);
    if (got < 0)
        text_print(error, "%s cannot be read", path);
    ll_status status = got < 0 ? LL_ENOTFOUND : key_parse(span_of(content, (size_t)got), key, error);
    memory_wipe(content, sizeof content);
    return status;
}

/* Login by unwrapping, as everywhere. */
static ll_status key_unwrap(target *t, const directory_alias *alias, ll_span secret, text *error)
{
    directory_slot *kept = memory_new(NULL, SLOT_COUNT_MAX * sizeof *kept);
    slot slots[SLOT_COUNT_MAX];
    size_t count = 0, by = 0;
    uint8_t code[RECOVERY_CODE];
    ll_status status = kept ? directory_slot_list(t->directory, alias->id, kept, &count) : LL_ENOMEM;
    for (size_t i = 0; !status && i < count; i++)
        slots[i] = kept[i].slot;
    memory_free(NULL, kept);
    if (status)
        return status;
    status = LL_EAUTH;
    if (recovery_parse(secret, code) == LL_OK)
        status = slot_login_recovery(alias->id, slots, count, code, t->key, &by);
    if (status == LL_EAUTH)
        status = slot_login_plain(alias->id, &alias->salts, slots, count, secret, t->key, &by);
    memory_wipe(code, sizeof code);
    if (status == LL_EAUTH)
        text_add_str(error, "the password, or recovery code, on the first line of standard input is wrong");
    return status;
}

/* ----------------------------------------------------------------------------------------------------------- Which */

static ll_status directory_need(target *t, const json_t *arguments, text *error)
{
    uint8_t key[KEYS_KEY], sub[KEYS_KEY];
    char data[PATH_MAX];
    ll_span folder = operation_string(arguments, "data");
    if (!folder.size) {
        text_add_str(error, "--data DIR is needed, to find the address and unwrap its key; or a file, and --key");
        return LL_EINVAL;
    }
    snprintf(data, sizeof data, "%.*s", SPAN_PRINT(folder));
    ll_status status = layout_init(&t->layout, data);
    if (!status)
        status = server_key_load(layout_of(&t->layout, LAYOUT_SERVER_KEY).string, false, key, error);
    if (status)
        return status;
    server_key_derive(key, SERVER_KEY_DIRECTORY, sub);
    status = directory_open(&t->directory, layout_of(&t->layout, LAYOUT_DIRECTORY).string, sub, DB_READONLY, error);
    memory_wipe(key, sizeof key);
    memory_wipe(sub, sizeof sub);
    return status;
}

/* Whose vault has this id, by its file's name? */
static ll_status alias_in_domain(target *t, ll_span domain, ll_span hex, directory_alias *out)
{
    directory_alias *list = memory_new(NULL, aliases_at_once * sizeof *list);
    char after[DIRECTORY_LOCAL_MAX + 1] = "";
    size_t count = aliases_at_once;
    ll_status status = list ? LL_OK : LL_ENOMEM;
    while (!status && count == aliases_at_once) {
        status = directory_alias_list(t->directory, domain, span_str(after), list, aliases_at_once, &count);
        for (size_t i = 0; !status && i < count; i++) {
            char name[RANDOM_HEX + 1];
            random_id_hex(list[i].vault, name);
            if (span_equal(hex, span_str(name))) {
                *out = list[i];
                memory_free(NULL, list);
                return LL_OK;
            }
        }
        if (!status && count)
            memcpy(after, list[count - 1].local, sizeof after);
    }
    memory_free(NULL, list);
    return status ? status : LL_ENOTFOUND;
}

static ll_status alias_of_file(target *t, directory_alias *out, text *error)
{
    const char *slash = strrchr(t->path, '/');
    ll_span hex = span_first(span_str(slash ? slash + 1 : t->path), RANDOM_HEX);
    char domain[1][DIRECTORY_DOMAIN_MAX + 1] = {""}, after[DIRECTORY_DOMAIN_MAX + 1] = "";
    size_t count = 1;
    ll_status status = LL_ENOTFOUND;
    while (status == LL_ENOTFOUND && count) {
        ll_status listed = directory_domain_list(t->directory, span_str(after), domain, 1, &count);
        if (listed)
            return listed;
        if (count)
            status = alias_in_domain(t, span_str(domain[0]), hex, out);
        memcpy(after, domain[0], sizeof after);
    }
    if (status == LL_ENOTFOUND)
        text_print(error, "the name of %s does not say whose vault it is: give --address ADDRESS, or --key", t->path);
    return status;
}

/* A word that names no file but has an '@' is an address. */
static bool is_address(ll_span word)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%.*s", SPAN_PRINT(word));
    return memchr(word.data, '@', word.size) && access(path, F_OK);
}

static ll_status target_find(target *t, const json_t *arguments, text *error)
{
    ll_span word = operation_string(arguments, "vault"), address = operation_string(arguments, "address");
    ll_span key_file = operation_string(arguments, "key-file"), secret = operation_string(arguments, "current");
    bool by_address = is_address(word), keyed = key_file.size || operation_flag(arguments, "key");
    directory_alias alias;
    ll_status status = LL_OK;
    snprintf(t->path, sizeof t->path, "%.*s", SPAN_PRINT(word));
    if (by_address || !keyed)
        status = directory_need(t, arguments, error);
    if (!status && (by_address || (!keyed && address.size))) {
        status = directory_alias_find(t->directory, by_address ? word : address, &alias);
        if (status == LL_ENOTFOUND)
            text_print(error, "there is no address %.*s", SPAN_PRINT(by_address ? word : address));
    } else if (!status && !keyed)
        status = alias_of_file(t, &alias, error);
    if (!status && by_address)
        memcpy(t->path, layout_vault(&t->layout, alias.vault).string, sizeof t->path);
    if (status)
        return status;
    if (!keyed)
        return key_unwrap(t, &alias, secret, error);
    return key_file.size ? key_read(key_file, t->key, error) : key_parse(secret, t->key, error);
}

static ll_status target_open(target **out, server *s, const json_t *arguments, text *error)
{
    *out = NULL;
    if (s) {
        text_add_str(error, "this runs on the command line only");
        return LL_EINVAL;
    }
    target *t = memory_new(NULL, sizeof *t);
    ll_status status = t ? keys_init() : LL_ENOMEM;
    if (!status)
        status = target_find(t, arguments, error);
    *out = t;
    return status;
}

static void target_close(target **t)
{
    if (!*t)
        return;
    directory_close(&(*t)->directory);
    memory_wipe((*t)->key, KEYS_KEY);
    memory_free(NULL, *t);
    *t = NULL;
}

/* ---------------------------------------------------------------------------------------------------------- Check */

static json_t *lines_of(const text *report)
{
    json_t *lines = json_array();
    ll_span rest = text_span(report);
    while (rest.size) {
        ll_span line = span_first(rest, span_find(rest, '\n'));
        rest = span_from(rest, line.size + 1);
        if (line.size)
            json_array_append_new(lines, json_stringn(line.data, line.size));
    }
    return lines;
}

/* First every page, which needs nothing to be whole; then what SQLite and the rows themselves say. */
static ll_status check_run(const target *t, json_t **result, text *error)
{
    text report;
    salvage_numbers n = {0};
    text_init(&report, NULL, report_max);
    ll_status looked = salvage_look(t->path, t->key, &n, &report);
    if (looked && !n.pages) { /* not even begun */
        text_add(error, text_span(&report));
        text_fini(&report);
        return looked;
    }
    ll_status checked = vault_check(t->path, t->key, &report);
    bool faulty = looked || checked;
    const char *verdict = !faulty                 ? "no fault was found"
                          : looked == LL_ECORRUPT ? "it is damaged: `letterlock salvage` writes out what can be read"
                          : checked == LL_ECORRUPT
                              ? "its parts do not fit together: an old copy of a part was put back, "
                                "or it is our fault; `letterlock salvage` writes out its messages"
                              : "it could not be checked to the end";
    *result = json_pack("{s:s, s:I, s:I, s:I, s:o, s:s, s:b}", "file", t->path, "pages", (json_int_t)n.pages,
                        "damaged_pages", (json_int_t)n.bad_pages, "missing_pages", (json_int_t)n.missing_pages,
                        "findings", lines_of(&report), "verdict", verdict, "failed", faulty);
    text_fini(&report);
    return *result ? LL_OK : LL_ENOMEM;
}

ll_status operation_vault_check(server *s, const json_t *arguments, json_t **result, text *error)
{
    target *t = NULL;
    ll_status status = target_open(&t, s, arguments, error);
    if (!status)
        status = check_run(t, result, error);
    target_close(&t);
    return status;
}

/* --------------------------------------------------------------------------------------------------------- Salvage */

ll_status operation_salvage(server *s, const json_t *arguments, json_t **result, text *error)
{
    target *t = NULL;
    salvage_numbers n;
    char out[PATH_MAX];
    ll_status status = target_open(&t, s, arguments, error);
    snprintf(out, sizeof out, "%.*s", SPAN_PRINT(operation_string(arguments, "folder")));
    if (!status)
        status = salvage_run(t->path, t->key, out, &n, error);
    if (!status)
        *result = json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:b}", "file", t->path, "folder", out,
                            "pages", (json_int_t)n.pages, "damaged_pages", (json_int_t)n.bad_pages, "missing_pages",
                            (json_int_t)n.missing_pages, "messages", (json_int_t)n.placed, "without_mailbox",
                            (json_int_t)n.loose, "loose_parts", (json_int_t)n.parts, "incomplete",
                            (json_int_t)n.incomplete, "unreadable", (json_int_t)n.lost, "failed", n.lost > 0);
    target_close(&t);
    return status ? status : *result ? LL_OK : LL_ENOMEM;
}
