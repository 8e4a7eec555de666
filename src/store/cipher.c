/* cipher.c - our page codec as a cipher of SQLite3 Multiple Ciphers.
 * SPDX-License-Identifier: MIT
 *
 * The eleven callbacks of its CipherDescriptor. "Legacy" is what that library calls a layout without the plain bytes 16
 * to 23 of page 1: we never have it. The password callback sees "raw:" and a binary or hexadecimal key, optionally with
 * the salt behind it; anything else leaves the codec without a key, and every page then fails. */
#include "store/cipher.h"

#include "base/memory.h"
#include "base/span.h"
#include "keys/page_codec.h"
#include "keys/random.h"

#include <sqlite3.h>

#define CIPHER_NAME   "letterlock"
#define CIPHER_RANDOM "letterlock.random" /* the connection's random_source, while its cipher is made */
#define CIPHER_MAGIC  "SQLite format 3"   /* with its NUL: bytes 0 to 15 of page 1, where the salt lies on the disk */

typedef struct cipher {
    page_codec *codec;
    bool keyed;
    const random_source *random; /* NULL: the kernel */
    uint8_t salt[KEYS_SALT];     /* what get_salt lends out, since that wants it writable */
} cipher;

static void *cipher_allocate(sqlite3 *handle)
{
    static const uint8_t nothing[KEYS_KEY];
    cipher *c = memory_new(NULL, sizeof *c);
    if (!c) {
        return NULL;
    }
    if (page_codec_new(&c->codec, nothing, nothing)) {
        memory_free(NULL, c);
        return NULL;
    }
    c->random = sqlite3_get_clientdata(handle, CIPHER_RANDOM);
    page_codec_random(c->codec, c->random);
    return c;
}

static void cipher_free(void *self)
{
    cipher *c = self;
    page_codec_del(&c->codec);
    memory_free(NULL, c);
}

/* For ATTACH and VACUUM INTO: `to` is freshly allocated. */
static void cipher_clone(void *to, void *from)
{
    cipher *target = to;
    const cipher *source = from;
    page_codec *copy;
    target->keyed = false;
    if (page_codec_copy(&copy, source->codec)) {
        return; /* no way to say it here: every page will fail */
    }
    page_codec_del(&target->codec);
    target->codec = copy;
    target->keyed = source->keyed;
    target->random = source->random;
    memcpy(target->salt, source->salt, sizeof target->salt);
}

static int cipher_legacy(void *self)
{
    (void)self;
    return 0;
}

/* 0: whatever the file says, or PRAGMA page_size. */
static int cipher_page_size(void *self)
{
    (void)self;
    return 0;
}

static int cipher_reserved(void *self)
{
    (void)self;
    return PAGE_CODEC_RESERVED;
}

static unsigned char *cipher_salt(void *self)
{
    cipher *c = self;
    return c->salt;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = ascii_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool hex_bytes(ll_span hex, uint8_t *out, size_t size)
{
    if (hex.size != 2 * size) {
        return false;
    }
    for (size_t i = 0; i < size; i++) {
        int high = hex_digit(hex.data[2 * i]), low = hex_digit(hex.data[2 * i + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        out[i] = (uint8_t)(high * 16 + low);
    }
    return true;
}

/* The key, and the salt if there is one, behind "raw:". *salted says whether. */
static bool cipher_raw(ll_span password, uint8_t out[KEYS_KEY + KEYS_SALT], bool *salted)
{
    ll_span prefix = SPAN("raw:");
    if (!span_equal(span_first(password, prefix.size), prefix)) {
        return false;
    }
    ll_span rest = span_from(password, prefix.size);
    *salted = rest.size == KEYS_KEY + KEYS_SALT || rest.size == 2 * (KEYS_KEY + KEYS_SALT);
    size_t size = *salted ? KEYS_KEY + KEYS_SALT : KEYS_KEY;
    if (rest.size == size) {
        memcpy(out, rest.data, size);
        return true;
    }
    return hex_bytes(rest, out, size);
}

/* file_salt: the salt of the file that exists, or NULL. rekey 1: choose a new salt; 2: do so only if there is none (WAL
 * mode). */
static void cipher_generate(void *self, char *password, int size, int rekey, unsigned char *file_salt)
{
    cipher *c = self;
    uint8_t key[KEYS_KEY + KEYS_SALT];
    bool fresh = file_salt == NULL || rekey == 1, salted = false;
    if (fresh) {
        random_take(c->random, c->salt, sizeof c->salt);
    } else {
        memcpy(c->salt, file_salt, sizeof c->salt);
    }
    c->keyed = cipher_raw(span_of(password, size > 0 ? (size_t)size : 0), key, &salted);
    if (c->keyed && fresh && salted) {
        memcpy(c->salt, key + KEYS_KEY, sizeof c->salt);
    }
    if (c->keyed) {
        c->keyed = page_codec_set(c->codec, key, c->salt) == LL_OK;
    }
    memory_wipe(key, sizeof key);
}

static int cipher_encrypt(void *self, int page, unsigned char *data, int size, int reserved)
{
    cipher *c = self;
    if (!c->keyed || reserved != PAGE_CODEC_RESERVED || page < 1 || size < 1) {
        return SQLITE_CORRUPT;
    }
    ll_status status = page_codec_encrypt(c->codec, data, (size_t)size, (uint32_t)page);
    return status == LL_OK ? SQLITE_OK : status == LL_ENOMEM ? SQLITE_NOMEM : SQLITE_CORRUPT;
}

static int cipher_decrypt(void *self, int page, unsigned char *data, int size, int reserved, int check)
{
    cipher *c = self;
    int bad = page == 1 ? SQLITE_NOTADB : SQLITE_CORRUPT;
    (void)check; /* authentication is not optional here */
    if (!c->keyed || reserved != PAGE_CODEC_RESERVED || page < 1 || size < 1) {
        return bad;
    }
    ll_status status = page_codec_decrypt(c->codec, data, (size_t)size, (uint32_t)page);
    if (status) {
        return status == LL_ENOMEM ? SQLITE_NOMEM : bad;
    }
    if (page == 1) {
        memcpy(data, CIPHER_MAGIC, sizeof CIPHER_MAGIC);
    }
    return SQLITE_OK;
}

ll_status cipher_register(void)
{
    static const CipherDescriptor descriptor = {CIPHER_NAME,     cipher_allocate,  cipher_free,     cipher_clone,
                                                cipher_legacy,   cipher_page_size, cipher_reserved, cipher_salt,
                                                cipher_generate, cipher_encrypt,   cipher_decrypt};
    static const CipherParams none[] = {{"", 0, 0, 0, 0}};
    return sqlite3mc_register_cipher(&descriptor, none, 0) == SQLITE_OK ? LL_OK : LL_ENOMEM;
}

ll_status cipher_key(sqlite3 *handle, const uint8_t key[KEYS_KEY], const random_source *random)
{
    char raw[4 + KEYS_KEY] = {'r', 'a', 'w', ':'};
    int index = sqlite3mc_cipher_index(CIPHER_NAME);
    if (index < 1 || sqlite3mc_config(handle, "cipher", index) != index) {
        return LL_ENOMEM;
    }
    if (random && sqlite3_set_clientdata(handle, CIPHER_RANDOM, (void *)(uintptr_t)random, NULL) != SQLITE_OK) {
        return LL_ENOMEM;
    }
    memcpy(raw + 4, key, KEYS_KEY);
    int rc = sqlite3_key_v2(handle, "main", raw, (int)sizeof raw);
    memory_wipe(raw, sizeof raw);
    return rc == SQLITE_OK ? LL_OK : LL_ENOMEM;
}
