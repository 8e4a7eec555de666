/* packing.c - see packing.h
 * SPDX-License-Identifier: MIT
 *
 * The dictionary in digested form is the same for all connections and never changes once it is made: it exists once per
 * process, like SQLite itself. Contexts are big (140 KB to decompress, some 900 KB to compress) and costly to make, so
 * a connection keeps its own, from the first time it needs one. */
#include "store/packing.h"

#include "base/memory.h"
#include "store/dictionary_mail.h"

#include <pthread.h>
#define ZSTD_STATIC_LINKING_ONLY /* for an allocator of our own, which its shared library has as well */
#include <zstd.h>

struct packing {
    db_companion companion; /* first: the connection owns it */
    ZSTD_CCtx *compress;
    ZSTD_DCtx *decompress;
    char *packed; /* ZSTD_compressBound(PACKING_MAX) */
    char *buffer[PACKING_USES];
    size_t buffer_size[PACKING_USES];
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct {
    ZSTD_CDict *compress;
    ZSTD_DDict *decompress; /* NULL: there was no memory */
} mail;

static void digest(void)
{
    mail.compress = ZSTD_createCDict(dictionary_mail, dictionary_mail_size, PACKING_LEVEL);
    mail.decompress = ZSTD_createDDict(dictionary_mail, dictionary_mail_size);
}

/* zstd's contexts hold mail: what it frees is wiped. The size stands before the block. */
enum { block_head = 16 };

static void *block_new(void *opaque, size_t size)
{
    (void)opaque;
    char *block = memory_new(NULL, size + block_head);
    if (!block)
        return NULL;
    memcpy(block, &size, sizeof size);
    return block + block_head;
}

static void block_free(void *opaque, void *address)
{
    (void)opaque;
    size_t size;
    if (!address)
        return;
    char *block = (char *)address - block_head;
    memcpy(&size, block, sizeof size);
    memory_wipe(block, size + block_head);
    memory_free(NULL, block);
}

static ZSTD_customMem wiping(void)
{
    return (ZSTD_customMem){block_new, block_free, NULL};
}

static void wipe(char **memory, size_t size)
{
    if (*memory)
        memory_wipe(*memory, size);
    memory_free(NULL, *memory);
    *memory = NULL;
}

static void packing_del(db_companion *companion)
{
    packing *p = (packing *)companion;
    ZSTD_freeCCtx(p->compress);
    ZSTD_freeDCtx(p->decompress);
    wipe(&p->packed, ZSTD_compressBound(PACKING_MAX));
    for (size_t i = 0; i < PACKING_USES; i++)
        wipe(&p->buffer[i], p->buffer_size[i]);
    memory_free(NULL, p);
}

packing *packing_of(db *d)
{
    packing *p = (packing *)db_companion_of(d);
    if (p)
        return p;
    p = memory_new(NULL, sizeof *p);
    if (!p)
        return NULL;
    pthread_once(&once, digest);
    p->companion.del = packing_del;
    db_companion_set(d, &p->companion);
    return p;
}

char *packing_buffer(packing *p, packing_use use, size_t size)
{
    if (p->buffer_size[use] < size) {
        wipe(&p->buffer[use], p->buffer_size[use]);
        p->buffer[use] = memory_new(NULL, size);
        p->buffer_size[use] = p->buffer[use] ? size : 0;
    }
    return p->buffer[use];
}

/* ------------------------------------------------------------------------------------------------------ Pack */

static bool compress_ready(packing *p)
{
    if (!p->packed)
        p->packed = memory_new(NULL, ZSTD_compressBound(PACKING_MAX));
    if (!p->compress) {
        p->compress = ZSTD_createCCtx_advanced(wiping());
        if (p->compress) {
            ZSTD_CCtx_setParameter(p->compress, ZSTD_c_compressionLevel, PACKING_LEVEL);
            ZSTD_CCtx_setParameter(p->compress, ZSTD_c_checksumFlag, 1);
            ZSTD_CCtx_setParameter(p->compress, ZSTD_c_dictIDFlag, 0);
        }
    }
    return p->packed && p->compress;
}

static size_t compress(packing *p, ll_span bytes, bool with_mail)
{
    if (ZSTD_isError(ZSTD_CCtx_refCDict(p->compress, with_mail ? mail.compress : NULL)))
        return 0;
    size_t size = ZSTD_compress2(p->compress, p->packed, ZSTD_compressBound(PACKING_MAX), bytes.data, bytes.size);
    return ZSTD_isError(size) ? 0 : size;
}

void packing_pack(packing *p, ll_span bytes, bool with_mail, ll_span *out, int64_t *encoding)
{
    *out = bytes;
    *encoding = PACKING_NONE;
    if (bytes.size < PACKING_LEAST || bytes.size > PACKING_MAX || !compress_ready(p))
        return;
    with_mail = with_mail && mail.compress && mail.decompress;
    size_t size = compress(p, bytes, with_mail);
    if (!size || size + bytes.size / PACKING_GAIN >= bytes.size)
        return;
    *out = span_of(p->packed, size);
    *encoding = with_mail ? PACKING_MAIL : PACKING_ZSTD;
}

bool packing_promises(packing *p, ll_span bytes)
{
    enum { sample = 8192 };
    if (!compress_ready(p))
        return false;
    ll_span middle = span_first(span_from(bytes, bytes.size > 2 * sample ? bytes.size / 2 : 0), sample);
    size_t size = compress(p, middle, false);
    return size && size + middle.size / PACKING_GAIN < middle.size;
}

/* ------------------------------------------------------------------------------------------------------ Open */

ll_status packing_open(packing *p, ll_span blob, int64_t encoding, size_t size, char *buffer, ll_span *out)
{
    if (encoding < PACKING_NONE || encoding > PACKING_MAIL)
        return LL_EVERSION;
    if (encoding == PACKING_NONE) {
        *out = blob;
        return blob.size == size ? LL_OK : LL_ECORRUPT;
    }
    if (!p->decompress)
        p->decompress = ZSTD_createDCtx_advanced(wiping());
    if (!p->decompress || (encoding == PACKING_MAIL && !mail.decompress))
        return LL_ENOMEM;
    size_t got = encoding == PACKING_MAIL
                     ? ZSTD_decompress_usingDDict(p->decompress, buffer, size, blob.data, blob.size, mail.decompress)
                     : ZSTD_decompressDCtx(p->decompress, buffer, size, blob.data, blob.size);
    *out = span_of(buffer, size);
    return !ZSTD_isError(got) && got == size ? LL_OK : LL_ECORRUPT;
}

bool packing_size(ll_span blob, int64_t encoding, size_t *size)
{
    unsigned long long says = blob.size;
    if (encoding == PACKING_ZSTD || encoding == PACKING_MAIL)
        says = ZSTD_getFrameContentSize(blob.data, blob.size); /* an error is a very large number */
    else if (encoding != PACKING_NONE)
        return false;
    *size = (size_t)says;
    return says <= PACKING_MAX;
}
