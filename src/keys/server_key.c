/* server_key.c - see server_key.h
 * SPDX-License-Identifier: MIT */
#include "keys/server_key.h"

#include "base/memory.h"
#include "keys/derive.h"
#include "keys/random.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char prefix[] = "letterlock-server-key-1:";

enum { PREFIX = sizeof prefix - 1, HEX = 2 * KEYS_KEY, LINE = PREFIX + HEX + 1 };

static ll_status errno_status(int error)
{
    switch (error) {
    case ENOENT:
    case ENOTDIR:
        return LL_ENOTFOUND;
    case EEXIST:
        return LL_EEXISTS;
    case EACCES:
    case EPERM:
    case EROFS:
    case ELOOP:
        return LL_EDENIED;
    case ENOSPC:
    case EDQUOT:
        return LL_EFULL;
    default:
        return LL_EIO;
    }
}

static ll_status explain_errno(text *why, const char *path, int error)
{
    char words[128];
    if (why)
        text_print(why, "server key %s: %s", path, strerror_r(error, words, sizeof words));
    return errno_status(error);
}

static ll_status explain(text *why, const char *path, ll_status status, const char *sentence)
{
    if (why)
        text_print(why, "server key %s %s", path, sentence);
    return status;
}

/* ------------------------------------------------------------------------------------------------------ Create */

/* 0 or errno. */
static int write_all(int file, const char *bytes, size_t size)
{
    while (size) {
        ssize_t done = write(file, bytes, size);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return done < 0 ? errno : EIO;
        bytes += done;
        size -= (size_t)done;
    }
    return fsync(file) ? errno : 0;
}

static int sync_folder(const char *path)
{
    char copy[PATH_MAX];
    if (strlen(path) >= sizeof copy)
        return ENAMETOOLONG;
    memcpy(copy, path, strlen(path) + 1);
    int folder = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0)
        return errno;
    int error = fsync(folder) ? errno : 0;
    close(folder);
    return error;
}

ll_status server_key_create(const char *path, uint8_t key[KEYS_KEY], text *why)
{
    char line[LINE + 1];
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (file < 0)
        return explain_errno(why, path, errno);
    random_bytes(key, KEYS_KEY);
    memcpy(line, prefix, PREFIX);
    sodium_bin2hex(line + PREFIX, HEX + 1, key, KEYS_KEY);
    line[LINE - 1] = '\n';
    /* The mode is set again because a strange umask may have taken the owner's bits. */
    int error = fchmod(file, 0600) ? errno : write_all(file, line, LINE);
    if (close(file) && !error)
        error = errno;
    if (!error)
        error = sync_folder(path);
    memory_wipe(line, sizeof line);
    if (!error)
        return LL_OK;
    unlink(path); /* half a key must not be found by the next start */
    memory_wipe(key, KEYS_KEY);
    return explain_errno(why, path, error);
}

/* -------------------------------------------------------------------------------------------------------- Load */

static ll_status check_file(int file, const char *path, bool credential, text *why)
{
    struct stat facts;
    if (fstat(file, &facts))
        return explain_errno(why, path, errno);
    if (!S_ISREG(facts.st_mode))
        return explain(why, path, LL_EDENIED, "is not a regular file");
    if (facts.st_uid != geteuid() && facts.st_uid != 0)
        return explain(why, path, LL_EDENIED, "belongs to another user: chown it to the user that runs letterlock");
    if (facts.st_mode & (credential ? 0037 : 0077))
        return explain(why, path, LL_EDENIED, "may be read or changed by others: chmod 600 it");
    return LL_OK;
}

/* The line's end is optional: a credential may have been made without. */
static ll_status parse_line(const char *line, size_t size, uint8_t key[KEYS_KEY])
{
    size_t done = 0;
    if (size && line[size - 1] == '\n')
        size--;
    if (size != LINE - 1 || memcmp(line, prefix, PREFIX) != 0)
        return LL_ECORRUPT;
    bool good = sodium_hex2bin(key, KEYS_KEY, line + PREFIX, HEX, NULL, &done, NULL) == 0 && done == KEYS_KEY;
    return good ? LL_OK : LL_ECORRUPT;
}

static ll_status read_key(int file, const char *path, uint8_t key[KEYS_KEY], text *why)
{
    char line[LINE + 1]; /* one byte more than may be there */
    size_t size = 0;
    ll_status status = LL_OK;
    for (ssize_t done = 1; size < sizeof line && done > 0 && !status;) {
        done = read(file, line + size, sizeof line - size);
        if (done > 0)
            size += (size_t)done;
        else if (done < 0 && errno == EINTR)
            done = 1;
        else if (done < 0)
            status = explain_errno(why, path, errno);
    }
    if (!status && parse_line(line, size, key))
        status = explain(why, path, LL_ECORRUPT, "is damaged, or not a server key: restore it from your copy");
    memory_wipe(line, sizeof line);
    return status;
}

ll_status server_key_load(const char *path, bool credential, uint8_t key[KEYS_KEY], text *why)
{
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (file < 0)
        return explain_errno(why, path, errno);
    ll_status status = check_file(file, path, credential, why);
    if (!status)
        status = read_key(file, path, key, why);
    close(file);
    return status;
}

void server_key_derive(const uint8_t key[KEYS_KEY], const char *purpose, uint8_t out[KEYS_KEY])
{
    const ll_span info[] = {SPAN("letterlock server key 1: "), span_str(purpose)};
    derive_hkdf(span_of(NULL, 0), derive_span(key, KEYS_KEY), info, 2, out);
}
