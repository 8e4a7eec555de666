/* page_codec.c - see page_codec.h
 * SPDX-License-Identifier: MIT
 *
 * The trap: the format's 32-bit block counter starts anywhere and wraps to 0 within a page; OpenSSL's carries into the
 * nonce there. So a run of blocks that passes the wrap is two calls. */
#include "keys/page_codec.h"

#include "base/memory.h"
#include "keys/random.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

enum {
    NONCE = 16,       /* 12 of nonce, 4 of counter */
    BLOCK = 64,       /* of ChaCha20 */
    PAGE1_OFFSET = 24 /* where ciphertext begins on page 1 */
};

static const char magic[] = "SQLite format 3"; /* with its NUL 16 bytes */

struct page_codec {
    uint8_t key[KEYS_KEY];
    uint8_t salt[KEYS_SALT];
    EVP_CIPHER_CTX *master; /* holds the key; only the IV changes */
    EVP_CIPHER_CTX *page;   /* gets a new key for every page */
    EVP_MAC_CTX *mac;
    const random_source *random; /* of nonces; NULL: the kernel */
    bool forced;
    uint32_t forced_counter;
};

ll_status page_codec_new(page_codec **out, const uint8_t key[KEYS_KEY], const uint8_t salt[KEYS_SALT])
{
    *out = NULL;
    page_codec *c = memory_new(NULL, sizeof *c);
    if (!c)
        return LL_ENOMEM;
    EVP_MAC *poly1305 = EVP_MAC_fetch(NULL, "POLY1305", NULL);
    c->master = EVP_CIPHER_CTX_new();
    c->page = EVP_CIPHER_CTX_new();
    c->mac = poly1305 ? EVP_MAC_CTX_new(poly1305) : NULL;
    EVP_MAC_free(poly1305);
    if (!c->master || !c->page || !c->mac || !EVP_EncryptInit_ex2(c->master, EVP_chacha20(), NULL, NULL, NULL) ||
        !EVP_EncryptInit_ex2(c->page, EVP_chacha20(), NULL, NULL, NULL)) {
        page_codec_del(&c);
        return LL_ENOMEM;
    }
    ll_status status = page_codec_set(c, key, salt);
    if (status)
        page_codec_del(&c);
    *out = c;
    return status;
}

ll_status page_codec_set(page_codec *codec, const uint8_t key[KEYS_KEY], const uint8_t salt[KEYS_SALT])
{
    static const uint8_t zero[NONCE];
    memmove(codec->key, key, KEYS_KEY);
    memmove(codec->salt, salt, KEYS_SALT);
    return EVP_EncryptInit_ex2(codec->master, NULL, codec->key, zero, NULL) ? LL_OK : LL_ENOMEM;
}

const uint8_t *page_codec_salt(const page_codec *codec)
{
    return codec->salt;
}

void page_codec_random(page_codec *codec, const random_source *source)
{
    codec->random = source;
}

void page_codec_force_counter(page_codec *codec, uint32_t counter)
{
    codec->forced = true;
    codec->forced_counter = counter;
}

ll_status page_codec_copy(page_codec **out, const page_codec *from)
{
    ll_status status = page_codec_new(out, from->key, from->salt);
    if (!status)
        (*out)->random = from->random;
    return status;
}

ll_status page_codec_assign(page_codec *codec, const page_codec *from)
{
    return page_codec_set(codec, from->key, from->salt);
}

void page_codec_del(page_codec **codec)
{
    page_codec *c = *codec;
    if (!c)
        return;
    *codec = NULL;
    /* OpenSSL wipes its contexts when it frees them. */
    EVP_CIPHER_CTX_free(c->master);
    EVP_CIPHER_CTX_free(c->page);
    EVP_MAC_CTX_free(c->mac);
    memory_wipe(c, sizeof *c);
    memory_free(NULL, c);
}

static uint32_t load_u32(const uint8_t *from)
{
    return (uint32_t)from[0] | (uint32_t)from[1] << 8 | (uint32_t)from[2] << 16 | (uint32_t)from[3] << 24;
}

static void store_u32(uint8_t *to, uint32_t number)
{
    for (size_t i = 0; i < 4; i++)
        to[i] = (uint8_t)(number >> (8 * i));
}

/* ChaCha20 in place from a block on, with the counter wrapping at 32 bits and the nonce untouched. key: NULL keeps the
 * context's. */
static bool chacha(EVP_CIPHER_CTX *ctx, const uint8_t *key, const uint8_t nonce[12], uint32_t block, uint8_t *data,
                   size_t size)
{
    uint8_t iv[NONCE]; /* OpenSSL's: counter, nonce */
    memcpy(iv + 4, nonce, 12);
    while (size) {
        uint64_t before_wrap = ((uint64_t)UINT32_MAX - block + 1) * BLOCK;
        size_t part = size < before_wrap ? size : (size_t)before_wrap;
        int done = 0;
        store_u32(iv, block);
        if (!EVP_EncryptInit_ex2(ctx, NULL, key, iv, NULL) || !EVP_EncryptUpdate(ctx, data, &done, data, (int)part))
            return false;
        data += part;
        size -= part;
        block = 0;
    }
    return true;
}

/* The two one-time keys of a page: for Poly1305, then for ChaCha20. */
static bool page_keys(page_codec *c, const uint8_t nonce[NONCE], uint32_t block, uint8_t keys[BLOCK])
{
    memset(keys, 0, BLOCK);
    return chacha(c->master, NULL, nonce, block, keys, BLOCK);
}

static bool page_tag(page_codec *c, const uint8_t key[KEYS_KEY], const uint8_t *bytes, size_t size,
                     uint8_t tag[KEYS_TAG])
{
    size_t done = 0;
    return EVP_MAC_init(c->mac, key, KEYS_KEY, NULL) && EVP_MAC_update(c->mac, bytes, size) &&
           EVP_MAC_final(c->mac, tag, &done, KEYS_TAG) && done == KEYS_TAG;
}

static bool page_size_valid(size_t size, uint32_t number)
{
    return number > 0 && size >= PAGE_CODEC_SIZE_MIN && size <= PAGE_CODEC_SIZE_MAX && (size & (size - 1)) == 0;
}

ll_status page_codec_encrypt(page_codec *codec, uint8_t *page, size_t size, uint32_t number)
{
    if (!page_size_valid(size, number))
        return LL_EINVAL;
    size_t offset = number == 1 ? PAGE1_OFFSET : 0, end = size - PAGE_CODEC_RESERVED;
    uint8_t keys[BLOCK], *nonce = page + end;
    random_take(codec->random, nonce, NONCE);
    if (codec->forced)
        store_u32(nonce + 12, codec->forced_counter ^ number);
    uint32_t block = load_u32(nonce + 12) ^ number;
    bool good = page_keys(codec, nonce, block, keys) &&
                chacha(codec->page, keys + KEYS_KEY, nonce, block + 1, page + offset, end - offset);
    if (number == 1)
        memcpy(page, codec->salt, KEYS_SALT);
    good = good && page_tag(codec, keys, page, end + NONCE, nonce + NONCE);
    memory_wipe(keys, sizeof keys);
    return good ? LL_OK : LL_ENOMEM;
}

ll_status page_codec_decrypt(page_codec *codec, uint8_t *page, size_t size, uint32_t number)
{
    if (!page_size_valid(size, number))
        return LL_EINVAL;
    size_t offset = number == 1 ? PAGE1_OFFSET : 0, end = size - PAGE_CODEC_RESERVED;
    const uint8_t *nonce = page + end;
    uint8_t keys[BLOCK], tag[KEYS_TAG];
    uint32_t block = load_u32(nonce + 12) ^ number;
    ll_status status = LL_OK;
    if (!page_keys(codec, nonce, block, keys) || !page_tag(codec, keys, page, end + NONCE, tag))
        status = LL_ENOMEM;
    else if (CRYPTO_memcmp(tag, nonce + NONCE, KEYS_TAG) != 0)
        status = LL_ECORRUPT;
    else if (!chacha(codec->page, keys + KEYS_KEY, nonce, block + 1, page + offset, end - offset))
        status = LL_ENOMEM;
    if (!status && number == 1)
        memcpy(page, magic, sizeof magic);
    memory_wipe(keys, sizeof keys);
    return status;
}
