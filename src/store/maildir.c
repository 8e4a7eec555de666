/* maildir.c - see maildir.h
 * SPDX-License-Identifier: MIT */
#include "store/maildir.h"

#include "letterlock.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    folder_max = 200, /* bytes of a folder's name: NAME_MAX is 255, and programs add endings */
    keywords_shown = 26
};

static ll_status system_status(void)
{
    switch (errno) {
    case ENOENT:
    case ENOTDIR:
        return LL_ENOTFOUND;
    case EACCES:
    case EPERM:
    case EROFS:
        return LL_EDENIED;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return LL_EFULL;
    case EEXIST:
        return LL_EEXISTS;
    case ENAMETOOLONG:
        return LL_EINVAL;
    default:
        return LL_EIO;
    }
}

static bool is_empty(const char *path)
{
    DIR *list = opendir(path);
    bool empty = list != NULL;
    for (struct dirent *entry; list && (entry = readdir(list)) != NULL;)
        empty &= strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
    if (list)
        closedir(list);
    return empty;
}

static ll_status make_below(const char *folder, const char *name)
{
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s/%s", folder, name) >= (int)sizeof path)
        return LL_EINVAL;
    return mkdir(path, 0700) && errno != EEXIST ? system_status() : LL_OK;
}

static ll_status make_three(const char *folder)
{
    ll_status status = make_below(folder, "tmp");
    if (!status)
        status = make_below(folder, "new");
    return status ? status : make_below(folder, "cur");
}

ll_status maildir_create(maildir *m, const char *path)
{
    *m = (maildir){.fd = -1};
    if (snprintf(m->root, sizeof m->root, "%s", path) >= (int)sizeof m->root - 2 * NAME_MAX)
        return LL_EINVAL;
    if (mkdir(path, 0700) && (errno != EEXIST || !is_empty(path)))
        return system_status();
    memcpy(m->folder, m->root, sizeof m->folder);
    return make_three(m->root);
}

static bool is_plain(char c)
{
    return isalnum((unsigned char)c) || (unsigned char)c >= 0x80 || c == ' ' || c == '-' || c == '_';
}

/* Where it would get too long: false. */
static bool folder_name(char out[folder_max + 8], ll_span name)
{
    size_t used = 1;
    out[0] = '.';
    for (size_t i = 0; i < name.size; i++) {
        if (used + 3 > folder_max)
            return false;
        if (name.data[i] == '/')
            out[used++] = '.';
        else if (is_plain(name.data[i]))
            out[used++] = name.data[i];
        else
            used += (size_t)snprintf(out + used, 4, "%%%02X", (unsigned)(unsigned char)name.data[i]);
    }
    out[used] = '\0';
    return true;
}

ll_status maildir_mailbox(maildir *m, ll_span name, int64_t number)
{
    char folder[folder_max + 40];
    memcpy(m->folder, m->root, sizeof m->folder);
    if (span_equal(name, SPAN("INBOX")))
        return LL_OK;
    if (!name.size || !folder_name(folder, name))
        snprintf(folder, sizeof folder, ".Mailbox %" PRId64, number);
    ll_status status = make_below(m->root, folder);
    if (!status && snprintf(m->folder, sizeof m->folder, "%.*s/%s", PATH_MAX - NAME_MAX, m->root, folder) < 0)
        status = LL_EINVAL;
    return status ? status : make_three(m->folder);
}

ll_status maildir_keyword(maildir *m, unsigned n, ll_span name)
{
    char path[PATH_MAX + 32];
    if (n >= keywords_shown)
        return LL_OK;
    snprintf(path, sizeof path, "%s/dovecot-keywords", m->folder);
    FILE *out = fopen(path, "ae");
    if (!out)
        return system_status();
    fprintf(out, "%u %.*s\n", n, SPAN_PRINT(name));
    return fclose(out) ? system_status() : LL_OK;
}

ll_status maildir_begin(maildir *m)
{
    if (snprintf(m->name, sizeof m->name, "%s/tmp/letterlock", m->folder) >= (int)sizeof m->name)
        return LL_EINVAL;
    m->written = 0;
    m->fd = open(m->name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    return m->fd < 0 ? system_status() : LL_OK;
}

ll_status maildir_data(maildir *m, ll_span bytes)
{
    while (bytes.size) {
        ssize_t done = write(m->fd, bytes.data, bytes.size);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return system_status();
        bytes = span_from(bytes, (size_t)done);
        m->written += (uint64_t)done;
    }
    return LL_OK;
}

/* In the order of the alphabet, as the format wants it. */
static void flag_letters(const maildir_mail *mail, char out[40])
{
    static const struct {
        char letter;
        unsigned flag;
    } letters[] = {{'D', LL_FLAG_DRAFT},
                   {'F', LL_FLAG_FLAGGED},
                   {'R', LL_FLAG_ANSWERED},
                   {'S', LL_FLAG_SEEN},
                   {'T', LL_FLAG_DELETED}};
    size_t used = 0;
    for (size_t i = 0; i < sizeof letters / sizeof *letters; i++)
        if (mail->flags >> letters[i].flag & 1)
            out[used++] = letters[i].letter;
    for (unsigned n = 0; n < keywords_shown; n++)
        if (mail->keywords >> n & 1)
            out[used++] = (char)('a' + n);
    out[used] = '\0';
}

ll_status maildir_end(maildir *m, const maildir_mail *mail)
{
    char path[PATH_MAX + 160], flags[40];
    struct timespec times[2] = {{.tv_sec = mail->date}, {.tv_sec = mail->date}};
    flag_letters(mail, flags);
    snprintf(path, sizeof path, "%s/cur/%" PRId64 ".%" PRId64 "_%u.letterlock,S=%" PRIu64 ":2,%s", m->folder,
             mail->date > 0 ? mail->date : 0, mail->message, mail->uid, m->written, flags);
    bool good = !futimens(m->fd, times) || errno == EINVAL; /* a date that the file system cannot hold */
    good = !close(m->fd) && good;
    m->fd = -1;
    if (!good || rename(m->name, path)) {
        ll_status status = system_status();
        unlink(m->name);
        return status;
    }
    return LL_OK;
}

ll_status maildir_close(maildir *m)
{
    int fd = open(m->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ll_status status = fd < 0 || syncfs(fd) ? system_status() : LL_OK;
    if (fd >= 0)
        close(fd);
    return status;
}

void maildir_drop(maildir *m)
{
    if (m->fd < 0)
        return;
    close(m->fd);
    m->fd = -1;
    unlink(m->name);
}
