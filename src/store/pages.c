/* pages.c - see pages.h
 * SPDX-License-Identifier: MIT */
#include "store/pages.h"

#include "base/memory.h"
#include "keys/page_codec.h"
#include "store/db.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    wal_header = 32,
    wal_frame = 24, /* before each page */
    wal_magic = 0x377f0682,
    pages_tried = 4096 /* before the key is said to be wrong: a run of 32 MiB that is damaged from its start on */
};

struct pages {
    int fd, wal;
    size_t size;
    uint32_t count, missing;
    page_codec *codec;
    uint32_t *frames; /* of each page, its last committed frame in the WAL, from 1; 0: none. NULL: no WAL */
    uint32_t frames_count;
};

static uint32_t load_32(const uint8_t *from)
{
    return (uint32_t)from[0] << 24 | (uint32_t)from[1] << 16 | (uint32_t)from[2] << 8 | from[3];
}

/* As many bytes as there are; the rest is zero. */
static ssize_t read_at(int fd, void *out, size_t size, uint64_t offset)
{
    size_t done = 0;
    memset(out, 0, size);
    while (done < size) {
        ssize_t got = pread(fd, (uint8_t *)out + done, size - done, (off_t)(offset + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        if (got == 0)
            break;
        done += (size_t)got;
    }
    return (ssize_t)done;
}

static uint64_t frame_offset(const pages *p, uint32_t frame)
{
    return wal_header + (uint64_t)(frame - 1) * (wal_frame + p->size);
}

/* Only frames of the present round count (their salts are the header's), up to the last one that ends a commit. */
static ll_status wal_scan(pages *p, uint64_t wal_size)
{
    uint8_t header[wal_header], frame[wal_frame];
    uint32_t last = 0, pages_then = 0, highest = 0;
    if (read_at(p->wal, header, sizeof header, 0) != sizeof header || (load_32(header) & ~1u) != wal_magic ||
        load_32(header + 8) != p->size)
        return LL_OK; /* nothing was committed into it, or it cannot be understood */
    uint64_t most = (wal_size - wal_header) / (wal_frame + p->size);
    uint64_t limit = p->count + most; /* frames' own numbers are in clear: what is above this is damage */
    for (uint32_t n = 1; n <= most && n < UINT32_MAX; n++) {
        if (read_at(p->wal, frame, sizeof frame, frame_offset(p, n)) != sizeof frame ||
            memcmp(frame + 8, header + 16, 8) != 0)
            break;
        uint32_t number = load_32(frame), commit = load_32(frame + 4);
        if (number > limit || commit > limit)
            continue;
        highest = number > highest ? number : highest;
        if (commit) {
            last = n;
            pages_then = commit;
        }
    }
    if (!last)
        return LL_OK;
    p->frames_count = (highest > pages_then ? highest : pages_then) + 1;
    p->frames = memory_new(NULL, p->frames_count * sizeof *p->frames);
    if (!p->frames)
        return LL_ENOMEM;
    for (uint32_t n = 1; n <= last; n++) {
        if (read_at(p->wal, frame, sizeof frame, frame_offset(p, n)) != sizeof frame)
            return LL_EIO;
        if (load_32(frame) < p->frames_count)
            p->frames[load_32(frame)] = n;
    }
    p->count = pages_then;
    return LL_OK;
}

static ll_status wal_open(pages *p, const char *path)
{
    char name[PATH_MAX];
    struct stat st;
    if (snprintf(name, sizeof name, "%s-wal", path) >= (int)sizeof name)
        return LL_OK;
    p->wal = open(name, O_RDONLY | O_CLOEXEC);
    if (p->wal < 0)
        return errno == ENOENT ? LL_OK : LL_EIO;
    return fstat(p->wal, &st) || st.st_size <= wal_header ? LL_OK : wal_scan(p, (uint64_t)st.st_size);
}

/* The page size stands in clear on page 1, which may be damaged: then ours. */
static size_t size_of(int fd)
{
    uint8_t head[24];
    size_t size = 0;
    if (read_at(fd, head, sizeof head, 0) == sizeof head)
        size = (size_t)head[16] << 8 | head[17];
    size = size == 1 ? 65536 : size;
    bool valid = size >= PAGE_CODEC_SIZE_MIN && (size & (size - 1)) == 0 && head[20] == PAGE_CODEC_RESERVED;
    return valid ? size : DB_PAGE;
}

/* Does the key open anything? And how long does the file think that it is? */
static ll_status look(pages *p)
{
    uint8_t *page = memory_new(NULL, p->size);
    if (!page)
        return LL_ENOMEM;
    ll_status status = LL_ECORRUPT;
    if (pages_read(p, 1, page) == LL_OK) {
        uint32_t said = load_32(page + 28);
        p->missing = said > p->count ? said - p->count : 0;
        status = LL_OK;
    }
    for (uint32_t n = 2; status && n <= p->count && n < pages_tried; n++)
        status = pages_read(p, n, page);
    memory_wipe(page, p->size);
    memory_free(NULL, page);
    return status ? LL_ECORRUPT : LL_OK;
}

static ll_status open_files(pages *p, const char *path)
{
    struct stat st;
    p->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (p->fd < 0)
        return errno == ENOENT ? LL_ENOTFOUND : errno == EACCES ? LL_EDENIED : LL_EIO;
    if (fstat(p->fd, &st) || !S_ISREG(st.st_mode))
        return LL_EIO;
    p->size = size_of(p->fd);
    uint64_t count = ((uint64_t)st.st_size + p->size - 1) / p->size;
    p->count = count > UINT32_MAX - 1 ? UINT32_MAX - 1 : (uint32_t)count;
    return wal_open(p, path);
}

ll_status pages_open(pages **out, const char *path, const uint8_t key[KEYS_KEY], text *why)
{
    static const uint8_t no_salt[KEYS_SALT];
    *out = NULL;
    pages *p = memory_new(NULL, sizeof *p);
    if (!p)
        return LL_ENOMEM;
    p->fd = p->wal = -1;
    ll_status status = page_codec_new(&p->codec, key, no_salt);
    if (!status)
        status = open_files(p, path);
    if (!status)
        status = look(p);
    if (status && why)
        text_print(why, "%s: %s", path,
                   status == LL_ECORRUPT ? "no page of it can be decrypted: this is not its key, or it is no vault"
                                         : ll_status_text(status));
    if (status)
        pages_close(&p);
    *out = p;
    return status;
}

void pages_close(pages **p)
{
    pages *gone = *p;
    *p = NULL;
    if (!gone)
        return;
    if (gone->fd >= 0)
        close(gone->fd);
    if (gone->wal >= 0)
        close(gone->wal);
    page_codec_del(&gone->codec);
    memory_free(NULL, gone->frames);
    memory_free(NULL, gone);
}

uint32_t pages_count(const pages *p)
{
    return p->count;
}

uint32_t pages_missing(const pages *p)
{
    return p->missing;
}

size_t pages_size(const pages *p)
{
    return p->size;
}

size_t pages_usable(const pages *p)
{
    return p->size - PAGE_CODEC_RESERVED;
}

static ll_status read_from(pages *p, int fd, uint64_t offset, uint32_t number, uint8_t *out)
{
    ssize_t got = read_at(fd, out, p->size, offset);
    if (got < 0)
        return LL_EIO;
    return (size_t)got < p->size ? LL_ECORRUPT : page_codec_decrypt(p->codec, out, p->size, number);
}

/* A frame that is damaged leaves the page as it was before. */
ll_status pages_read(pages *p, uint32_t number, uint8_t *out)
{
    if (!number || number > p->count)
        return LL_ECORRUPT;
    uint32_t frame = number < p->frames_count ? p->frames[number] : 0;
    if (frame && read_from(p, p->wal, frame_offset(p, frame) + wal_frame, number, out) == LL_OK)
        return LL_OK;
    ll_status status = read_from(p, p->fd, (uint64_t)(number - 1) * p->size, number, out);
    return status == LL_EIO || status == LL_ENOMEM ? status : status ? LL_ECORRUPT : LL_OK;
}
