/* layout.c - what the data directory holds, and under which names.
 * SPDX-License-Identifier: MIT */
#include "store/layout.h"

#include "keys/random.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const layout_names[] = {
    [LAYOUT_CONF] = "letterlock.conf",
    [LAYOUT_SERVER_KEY] = "server.key",
    [LAYOUT_CERTIFICATE] = "tls/cert.pem",
    [LAYOUT_CERTIFICATE_KEY] = "tls/key.pem",
    [LAYOUT_CONTROL] = "control.socket",
    [LAYOUT_LOCK] = "lock",
    [LAYOUT_DIRECTORY] = "directory.sqlite",
    [LAYOUT_DROP] = "drop.sqlite",
    [LAYOUT_VAULTS] = "vaults",
    [LAYOUT_TMP] = "tmp",
    [LAYOUT_TLS] = "tls",
};

ll_status layout_init(layout *l, const char *root)
{
    size_t size = strlen(root);
    while (size > 1 && root[size - 1] == '/') {
        size--;
    }
    if (size == 0 || size >= sizeof l->root) {
        return LL_EINVAL;
    }
    memcpy(l->root, root, size);
    l->root[size] = 0;
    return LL_OK;
}

layout_path layout_of(const layout *l, layout_name name)
{
    layout_path path;
    snprintf(path.string, sizeof path.string, "%s/%s", l->root, layout_names[name]);
    return path;
}

layout_path layout_vault(const layout *l, const uint8_t vault[KEYS_ID])
{
    layout_path path;
    char hex[RANDOM_HEX + 1];
    random_id_hex(vault, hex);
    snprintf(path.string, sizeof path.string, "%s/vaults/%s.sqlite", l->root, hex);
    return path;
}

static ll_status layout_errno(int error)
{
    switch (error) {
    case ENOSPC:
    case EDQUOT:
        return LL_EFULL;
    case EACCES:
    case EPERM:
    case EROFS:
        return LL_EDENIED;
    case ENOENT:
    case ENOTDIR:
        return LL_ENOTFOUND;
    default:
        return LL_EIO;
    }
}

static ll_status layout_fail(text *why, const char *path, int error)
{
    if (why) {
        text_print(why, "%s: %s", path, strerror(error));
    }
    return layout_errno(error);
}

static ll_status layout_sync(const char *path, text *why)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int bad = fd < 0 || fsync(fd) ? errno : 0;
    if (fd >= 0) {
        close(fd);
    }
    return bad ? layout_fail(why, path, bad) : LL_OK;
}

/* A directory of mode 0700; one that is there already must be closed to others. */
static ll_status layout_folder(const char *path, text *why)
{
    struct stat st;
    if (mkdir(path, 0700) && errno != EEXIST) {
        return layout_fail(why, path, errno);
    }
    if (stat(path, &st)) {
        return layout_fail(why, path, errno);
    }
    if (!S_ISDIR(st.st_mode)) {
        return layout_fail(why, path, ENOTDIR);
    }
    if (st.st_mode & 077) {
        if (why) {
            text_print(why, "%s: others may enter it; say: chmod 700 %s", path, path);
        }
        return LL_EDENIED;
    }
    return LL_OK;
}

/* The root's own name must survive a power cut too. */
static ll_status layout_sync_parent(const layout *l, text *why)
{
    char parent[sizeof l->root];
    memcpy(parent, l->root, sizeof parent);
    char *slash = strrchr(parent, '/');
    if (!slash) {
        return layout_sync(".", why);
    }
    slash[slash == parent] = '\0'; /* "/data": the parent is "/" */
    return layout_sync(parent, why);
}

ll_status layout_create(const layout *l, text *why)
{
    static const layout_name below[] = {LAYOUT_VAULTS, LAYOUT_TMP, LAYOUT_TLS};
    ll_status status = layout_folder(l->root, why);
    for (size_t i = 0; status == LL_OK && i < sizeof below / sizeof *below; i++) {
        layout_path path = layout_of(l, below[i]);
        status = layout_folder(path.string, why);
    }
    if (status == LL_OK) {
        status = layout_sync(l->root, why);
    }
    return status ? status : layout_sync_parent(l, why);
}

/* Who holds the lock wrote its process id into it. */
static void layout_explain_lock(const layout *l, int fd, text *why)
{
    char pid[24];
    ssize_t got = pread(fd, pid, sizeof pid, 0);
    ll_span shown = span_trim(span_of(pid, got > 0 ? (size_t)got : 0));
    uint32_t number;
    if (span_u32(shown, &number)) {
        text_print(why, "%s is in use by process %u", l->root, number);
    } else {
        text_print(why, "%s is in use by another process", l->root);
    }
}

ll_status layout_lock(const layout *l, int *fd, text *why)
{
    layout_path path = layout_of(l, LAYOUT_LOCK);
    *fd = open(path.string, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (*fd < 0) {
        return layout_fail(why, path.string, errno);
    }
    if (flock(*fd, LOCK_EX | LOCK_NB)) {
        ll_status status = errno == EWOULDBLOCK ? LL_EBUSY : LL_EIO;
        if (why) {
            layout_explain_lock(l, *fd, why);
        }
        close(*fd);
        *fd = -1;
        return status;
    }
    char pid[24];
    int size = snprintf(pid, sizeof pid, "%ld\n", (long)getpid());
    /* For people only: on a full disk the lock holds all the same. */
    if (ftruncate(*fd, 0) || pwrite(*fd, pid, (size_t)size, 0) != size) {
        (void)!ftruncate(*fd, 0);
    }
    return LL_OK;
}

void layout_unlock(int *fd)
{
    if (*fd >= 0) {
        close(*fd);
        *fd = -1;
    }
}

ll_status layout_vault_remove(const layout *l, const uint8_t vault[KEYS_ID])
{
    static const char *const tails[] = {"", "-wal", "-shm"};
    layout_path path = layout_vault(l, vault);
    ll_status status = LL_OK;
    for (size_t i = 0; i < sizeof tails / sizeof *tails; i++) {
        char name[PATH_MAX + 8];
        snprintf(name, sizeof name, "%s%s", path.string, tails[i]);
        if (unlink(name) && (i == 0 || errno != ENOENT)) {
            status = layout_errno(errno);
        }
    }
    layout_path folder = layout_of(l, LAYOUT_VAULTS);
    return status ? status : layout_sync(folder.string, NULL);
}
