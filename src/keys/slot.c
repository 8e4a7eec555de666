/* slot.c - see slot.h
 * SPDX-License-Identifier: MIT
 *
 * A saved slot: version (1), kind (1), id (16), wrapped (73); generated slots go on with StoredKey (32) and ServerKey
 * (32). */
#include "keys/slot.h"

#include "base/memory.h"
#include "keys/derive.h"
#include "keys/password.h"
#include "keys/random.h"
#include "keys/scram.h"

#include <sodium.h>

enum { VERSION = 1, SAVED_PLAIN = 2 + KEYS_ID + SLOT_WRAPPED };

/* ---------------------------------------------------------------------------------------------------- Wrapping */

static const char purpose[] = "letterlock vault key";

static void slot_kek(const slot *s, const uint8_t alias[KEYS_ID], ll_span secret, uint8_t kek[KEYS_KEY])
{
    const uint8_t kind = (uint8_t)s->kind;
    const ll_span info[] = {SPAN(purpose), derive_span(&kind, 1), derive_span(s->id, KEYS_ID)};
    derive_hkdf(derive_span(alias, KEYS_ID), secret, info, 3, kek);
}

enum { PLACE = 1 + 1 + 2 * KEYS_ID + sizeof purpose - 1 };

/* The associated data: version, kind, alias, slot, purpose. */
static void slot_place(const slot *s, const uint8_t alias[KEYS_ID], uint8_t place[PLACE])
{
    place[0] = VERSION;
    place[1] = (uint8_t)s->kind;
    memcpy(place + 2, alias, KEYS_ID);
    memcpy(place + 2 + KEYS_ID, s->id, KEYS_ID);
    memcpy(place + 2 + 2 * KEYS_ID, purpose, sizeof purpose - 1);
}

static void slot_wrap(slot *s, const uint8_t alias[KEYS_ID], ll_span secret, const uint8_t key[KEYS_KEY])
{
    uint8_t kek[KEYS_KEY], place[PLACE];
    slot_kek(s, alias, secret, kek);
    slot_place(s, alias, place);
    s->wrapped[0] = VERSION;
    random_bytes(s->wrapped + 1, KEYS_NONCE);
    crypto_aead_xchacha20poly1305_ietf_encrypt(s->wrapped + 1 + KEYS_NONCE, NULL, key, KEYS_KEY, place, sizeof place,
                                               NULL, s->wrapped + 1, kek);
    memory_wipe(kek, sizeof kek);
}

static ll_status slot_unwrap(const slot *s, const uint8_t alias[KEYS_ID], ll_span secret, uint8_t key[KEYS_KEY])
{
    if (s->wrapped[0] != VERSION)
        return s->wrapped[0] > VERSION ? LL_EVERSION : LL_EAUTH;
    uint8_t kek[KEYS_KEY], place[PLACE];
    slot_kek(s, alias, secret, kek);
    slot_place(s, alias, place);
    int wrong = crypto_aead_xchacha20poly1305_ietf_decrypt(
        key, NULL, NULL, s->wrapped + 1 + KEYS_NONCE, KEYS_KEY + KEYS_TAG, place, sizeof place, s->wrapped + 1, kek);
    memory_wipe(kek, sizeof kek);
    return wrong ? LL_EAUTH : LL_OK;
}

ll_status slot_unwrap_client_key(const slot *from, const uint8_t alias[KEYS_ID], const uint8_t client_key[KEYS_KEY],
                                 uint8_t key[KEYS_KEY])
{
    return from->kind == SLOT_GENERATED ? slot_unwrap(from, alias, derive_span(client_key, KEYS_KEY), key) : LL_EAUTH;
}

ll_status slot_unwrap_recovery(const slot *from, const uint8_t alias[KEYS_ID], const uint8_t code[RECOVERY_CODE],
                               uint8_t key[KEYS_KEY])
{
    return from->kind == SLOT_RECOVERY ? slot_unwrap(from, alias, derive_span(code, RECOVERY_CODE), key) : LL_EAUTH;
}

/* ------------------------------------------------------------------------------------------------------ Deriving */

/* LL_ENOMEM: libsodium could not have the memory. */
static ll_status argon(const slot_salts *salts, ll_span prepared, uint8_t out[KEYS_KEY])
{
    return crypto_pwhash(out, KEYS_KEY, prepared.data, prepared.size, salts->argon, salts->argon_passes,
                         (size_t)salts->argon_kib * 1024, crypto_pwhash_ALG_ARGON2ID13)
               ? LL_ENOMEM
               : LL_OK;
}

void slot_salts_make(slot_salts *salts)
{
    *salts = (slot_salts){
        .scram_iterations = SLOT_SCRAM_ITERATIONS, .argon_kib = SLOT_ARGON_KIB, .argon_passes = SLOT_ARGON_PASSES};
    random_bytes(salts->scram, KEYS_SALT);
    random_bytes(salts->argon, KEYS_SALT);
}

/* ------------------------------------------------------------------------------------------------------ Making */

static void slot_begin(slot *s, slot_kind kind)
{
    *s = (slot){.kind = kind};
    random_id(s->id);
}

ll_status slot_make_generated(const uint8_t alias[KEYS_ID], const slot_salts *salts, ll_span password,
                              const uint8_t key[KEYS_KEY], slot *out)
{
    slot_begin(out, SLOT_GENERATED);
    if (!password_is_generated_like(password, NULL))
        return LL_EINVAL;
    scram_keys keys; /* printable ASCII needs no preparation */
    ll_status status = scram_derive(password, salts->scram, KEYS_SALT, salts->scram_iterations, &keys);
    if (status)
        return status;
    memcpy(out->stored_key, keys.stored, KEYS_KEY);
    memcpy(out->server_key, keys.server, KEYS_KEY);
    slot_wrap(out, alias, derive_span(keys.client, KEYS_KEY), key);
    memory_wipe(&keys, sizeof keys);
    return LL_OK;
}

ll_status slot_make_chosen(const uint8_t alias[KEYS_ID], const slot_salts *salts, ll_span password,
                           const uint8_t key[KEYS_KEY], slot *out)
{
    slot_begin(out, SLOT_CHOSEN);
    if (!password_is_acceptable(password, NULL))
        return LL_EINVAL;
    text prepared;
    text_init(&prepared, NULL, PASSWORD_PREPARED_MAX);
    uint8_t hash[KEYS_KEY];
    ll_status status = password_prepare(password, &prepared);
    if (!status)
        status = argon(salts, text_span(&prepared), hash);
    if (!status)
        slot_wrap(out, alias, derive_span(hash, sizeof hash), key);
    memory_wipe(hash, sizeof hash);
    text_wipe(&prepared);
    return status == LL_EAUTH ? LL_EINVAL : status;
}

ll_status slot_make_recovery(const uint8_t alias[KEYS_ID], const uint8_t code[RECOVERY_CODE],
                             const uint8_t key[KEYS_KEY], slot *out)
{
    slot_begin(out, SLOT_RECOVERY);
    slot_wrap(out, alias, derive_span(code, RECOVERY_CODE), key);
    return LL_OK;
}

/* ------------------------------------------------------------------------------------------------------ Login */

static bool any_of_kind(const slot *slots, size_t count, slot_kind kind)
{
    for (size_t i = 0; i < count; i++)
        if (slots[i].kind == kind)
            return true;
    return false;
}

/* Try all slots of a kind. A slot of a newer version among them is somebody else's affair unless nothing opens. */
static ll_status try_slots(const uint8_t alias[KEYS_ID], const slot *slots, size_t count, slot_kind kind,
                           ll_span secret, uint8_t key[KEYS_KEY], size_t *index)
{
    ll_status status = LL_EAUTH;
    for (size_t i = 0; i < count; i++) {
        if (slots[i].kind != kind)
            continue;
        ll_status one = slot_unwrap(&slots[i], alias, secret, key);
        if (one == LL_OK) {
            *index = i;
            return LL_OK;
        }
        if (one == LL_EVERSION)
            status = one;
    }
    return status;
}

static ll_status login_prepared(const uint8_t alias[KEYS_ID], const slot_salts *salts, const slot *slots, size_t count,
                                ll_span prepared, uint8_t key[KEYS_KEY], size_t *index)
{
    /* PBKDF2 is paid even without generated slots, so that the cost says nothing of their presence. */
    scram_keys keys;
    ll_status status = scram_derive(prepared, salts->scram, KEYS_SALT, salts->scram_iterations, &keys);
    if (!status)
        status = try_slots(alias, slots, count, SLOT_GENERATED, derive_span(keys.client, KEYS_KEY), key, index);
    memory_wipe(&keys, sizeof keys);
    if (status == LL_OK || status == LL_ENOMEM || !any_of_kind(slots, count, SLOT_CHOSEN))
        return status;
    uint8_t hash[KEYS_KEY];
    ll_status chosen = argon(salts, prepared, hash);
    if (!chosen)
        chosen = try_slots(alias, slots, count, SLOT_CHOSEN, derive_span(hash, sizeof hash), key, index);
    memory_wipe(hash, sizeof hash);
    return chosen == LL_EAUTH ? status : chosen;
}

ll_status slot_login_plain(const uint8_t alias[KEYS_ID], const slot_salts *salts, const slot *slots, size_t count,
                           ll_span password, uint8_t key[KEYS_KEY], size_t *index)
{
    if (count > SLOT_COUNT_MAX)
        return LL_ELIMIT;
    text prepared;
    text_init(&prepared, NULL, PASSWORD_PREPARED_MAX);
    ll_status status = password_prepare(password, &prepared);
    if (!status)
        status = login_prepared(alias, salts, slots, count, text_span(&prepared), key, index);
    text_wipe(&prepared);
    return status;
}

ll_status slot_login_recovery(const uint8_t alias[KEYS_ID], const slot *slots, size_t count,
                              const uint8_t code[RECOVERY_CODE], uint8_t key[KEYS_KEY], size_t *index)
{
    return try_slots(alias, slots, count, SLOT_RECOVERY, derive_span(code, RECOVERY_CODE), key, index);
}

/* ------------------------------------------------------------------------------------------------- Nobody's login */

/* A keyed hash of the name, one for each use. Only the first PASSWORD_MAX bytes count: names are shorter. */
static void fake_hash(const uint8_t secret[KEYS_KEY], ll_span use, ll_span user, uint8_t out[KEYS_KEY])
{
    char lower[PASSWORD_MAX];
    size_t size = user.size < sizeof lower ? user.size : sizeof lower;
    for (size_t i = 0; i < size; i++)
        lower[i] = ascii_lower(user.data[i]);
    const ll_span pieces[] = {use, span_of(lower, size)};
    derive_hmac(derive_span(secret, KEYS_KEY), pieces, 2, out);
}

/* "ann+lists@..." logs in as ann, so nobody+lists must look like nobody: the subaddress does not count. The bytes go to
 * `plain`. */
static ll_span without_subaddress(ll_span user, char plain[PASSWORD_MAX])
{
    size_t at = span_find(user, '@'), plus = span_find(span_first(user, at), '+');
    if (plus == 0 || plus >= at || user.size > PASSWORD_MAX)
        return user;
    memcpy(plain, user.data, plus);
    memcpy(plain + plus, user.data + at, user.size - at);
    return span_of(plain, plus + user.size - at);
}

void slot_salts_fake(const uint8_t secret[KEYS_KEY], ll_span user, slot_salts *salts)
{
    char plain[PASSWORD_MAX];
    user = without_subaddress(user, plain);
    uint8_t hash[KEYS_KEY];
    slot_salts_make(salts);
    fake_hash(secret, SPAN("salts:"), user, hash);
    memcpy(salts->scram, hash, KEYS_SALT);
    memcpy(salts->argon, hash + KEYS_SALT, KEYS_SALT);
    memory_wipe(hash, sizeof hash);
}

ll_status slot_login_fake(const uint8_t secret[KEYS_KEY], ll_span user, ll_span password)
{
    uint8_t hash[KEYS_KEY], key[KEYS_KEY], alias[KEYS_ID];
    slot_salts salts;
    char plain[PASSWORD_MAX];
    user = without_subaddress(user, plain);
    slot_salts_fake(secret, user, &salts);
    fake_hash(secret, SPAN("kind:"), user, hash);
    /* Half of those who might exist have a chosen password. The slot opens with nothing. */
    slot nobody;
    slot_begin(&nobody, hash[0] & 1 ? SLOT_CHOSEN : SLOT_GENERATED);
    nobody.wrapped[0] = VERSION;
    random_bytes(nobody.wrapped + 1, sizeof nobody.wrapped - 1);
    random_id(alias);
    size_t index;
    ll_status status = slot_login_plain(alias, &salts, &nobody, 1, password, key, &index);
    memory_wipe(hash, sizeof hash);
    memory_wipe(key, sizeof key);
    return status == LL_ENOMEM ? status : LL_EAUTH;
}

/* ------------------------------------------------------------------------------------------------------ Saving */

size_t slot_save(const slot *from, uint8_t out[SLOT_SAVED_MAX])
{
    out[0] = VERSION;
    out[1] = (uint8_t)from->kind;
    memcpy(out + 2, from->id, KEYS_ID);
    memcpy(out + 2 + KEYS_ID, from->wrapped, SLOT_WRAPPED);
    if (from->kind != SLOT_GENERATED)
        return SAVED_PLAIN;
    memcpy(out + SAVED_PLAIN, from->stored_key, KEYS_KEY);
    memcpy(out + SAVED_PLAIN + KEYS_KEY, from->server_key, KEYS_KEY);
    return SLOT_SAVED_MAX;
}

ll_status slot_load(ll_span saved, slot *out)
{
    *out = (slot){.kind = SLOT_CHOSEN};
    if (saved.size == 0)
        return LL_ECORRUPT;
    const uint8_t *bytes = (const uint8_t *)saved.data;
    if (bytes[0] != VERSION)
        return bytes[0] > VERSION ? LL_EVERSION : LL_ECORRUPT;
    if (saved.size < SAVED_PLAIN || bytes[1] < SLOT_GENERATED || bytes[1] > SLOT_RECOVERY)
        return LL_ECORRUPT;
    if (saved.size != (bytes[1] == SLOT_GENERATED ? (size_t)SLOT_SAVED_MAX : (size_t)SAVED_PLAIN))
        return LL_ECORRUPT;
    out->kind = (slot_kind)bytes[1];
    memcpy(out->id, bytes + 2, KEYS_ID);
    memcpy(out->wrapped, bytes + 2 + KEYS_ID, SLOT_WRAPPED);
    if (out->kind == SLOT_GENERATED) {
        memcpy(out->stored_key, bytes + SAVED_PLAIN, KEYS_KEY);
        memcpy(out->server_key, bytes + SAVED_PLAIN + KEYS_KEY, KEYS_KEY);
    }
    return out->wrapped[0] == VERSION ? LL_OK : out->wrapped[0] > VERSION ? LL_EVERSION : LL_ECORRUPT;
}

static void put_u32(uint8_t *to, uint32_t number)
{
    for (size_t i = 0; i < 4; i++)
        to[i] = (uint8_t)(number >> (24 - 8 * i));
}

static uint32_t get_u32(const uint8_t *from)
{
    return (uint32_t)from[0] << 24 | (uint32_t)from[1] << 16 | (uint32_t)from[2] << 8 | from[3];
}

void slot_salts_save(const slot_salts *salts, uint8_t out[SLOT_SALTS_SAVED])
{
    out[0] = VERSION;
    memcpy(out + 1, salts->scram, KEYS_SALT);
    memcpy(out + 1 + KEYS_SALT, salts->argon, KEYS_SALT);
    put_u32(out + 1 + 2 * KEYS_SALT, salts->scram_iterations);
    put_u32(out + 5 + 2 * KEYS_SALT, salts->argon_kib);
    put_u32(out + 9 + 2 * KEYS_SALT, salts->argon_passes);
}

ll_status slot_salts_load(ll_span saved, slot_salts *salts)
{
    *salts = (slot_salts){0};
    const uint8_t *bytes = (const uint8_t *)saved.data;
    if (saved.size && bytes[0] > VERSION)
        return LL_EVERSION;
    if (saved.size != SLOT_SALTS_SAVED || bytes[0] != VERSION)
        return LL_ECORRUPT;
    memcpy(salts->scram, bytes + 1, KEYS_SALT);
    memcpy(salts->argon, bytes + 1 + KEYS_SALT, KEYS_SALT);
    salts->scram_iterations = get_u32(bytes + 1 + 2 * KEYS_SALT);
    salts->argon_kib = get_u32(bytes + 5 + 2 * KEYS_SALT);
    salts->argon_passes = get_u32(bytes + 9 + 2 * KEYS_SALT);
    bool sane = salts->scram_iterations >= SLOT_SCRAM_ITERATIONS &&
                salts->scram_iterations <= SLOT_SCRAM_ITERATIONS_MAX && salts->argon_kib >= SLOT_ARGON_KIB_MIN &&
                salts->argon_kib <= SLOT_ARGON_KIB_MAX && salts->argon_passes >= 1 &&
                salts->argon_passes <= SLOT_ARGON_PASSES_MAX;
    return sane ? LL_OK : LL_ECORRUPT;
}
