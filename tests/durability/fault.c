/* fault.c - see fault.h
 * SPDX-License-Identifier: MIT */
#include "fault.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SECTOR 512

typedef struct bytes {
    char *data;
    size_t size;
} bytes;

/* A write or (data NULL) a truncation that no sync has followed. */
typedef struct pending {
    struct pending *next;
    size_t offset, size;
    char *data;
} pending;

/* One file by name, as the disk has it. */
typedef struct image {
    struct image *next;
    char path[512];
    bytes durable;
    pending *first, *last;
    bool removed; /* and its name's removal may not be durable */
} image;

static struct disk {
    sqlite3_vfs vfs, *real;
    fault_plan plan;
    uint64_t points;
    bool struck, off;
    char name[96];
    image *images;
} disk; /* the VFS is registered once per process, so this is one too */

typedef struct file {
    sqlite3_file base;
    image *image; /* NULL: nothing to remember (shared memory has no file of its own here) */
    sqlite3_file *real;
} file;

/* ------------------------------------------------------------------------------------------------------ The disk */

static void bytes_resize(bytes *b, size_t size)
{
    b->data = realloc(b->data, size + 1);
    if (size > b->size)
        memset(b->data + b->size, 0, size - b->size);
    b->size = size;
}

static void bytes_put(bytes *b, size_t offset, const char *data, size_t size)
{
    if (offset + size > b->size)
        bytes_resize(b, offset + size);
    memcpy(b->data + offset, data, size);
}

static void pending_apply(const pending *p, bytes *to)
{
    if (p->data)
        bytes_put(to, p->offset, p->data, p->size);
    else
        bytes_resize(to, p->offset);
}

static uint32_t roll(void)
{
    disk.plan.seed = disk.plan.seed * 1664525u + 1013904223u;
    return disk.plan.seed >> 16;
}

/* Some sectors of it: on the disk they may arrive in any order. */
static void pending_apply_some(const pending *p, bytes *to)
{
    if (!p->data) {
        if (roll() & 1)
            pending_apply(p, to);
        return;
    }
    for (size_t at = 0; at < p->size;) {
        size_t length = SECTOR - (p->offset + at) % SECTOR;
        if (length > p->size - at)
            length = p->size - at;
        if (roll() & 1)
            bytes_put(to, p->offset + at, p->data + at, length);
        at += length;
    }
}

static void image_forget(image *i, bool apply)
{
    for (pending *p; (p = i->first) != NULL;) {
        i->first = p->next;
        if (apply)
            pending_apply(p, &i->durable);
        free(p->data);
        free(p);
    }
    i->last = NULL;
}

static void image_note(image *i, size_t offset, const void *data, size_t size)
{
    pending *p = calloc(1, sizeof *p);
    *p = (pending){.offset = offset, .size = size};
    if (data) {
        p->data = malloc(size + 1);
        memcpy(p->data, data, size);
    }
    if (i->last)
        i->last->next = p;
    else
        i->first = p;
    i->last = p;
}

static void image_read(image *i)
{
    FILE *in = fopen(i->path, "rb");
    if (!in)
        return;
    fseek(in, 0, SEEK_END);
    long size = ftell(in);
    rewind(in);
    bytes_resize(&i->durable, size > 0 ? (size_t)size : 0);
    if (fread(i->durable.data, 1, i->durable.size, in) != i->durable.size)
        abort();
    fclose(in);
}

static image *image_find(const char *path)
{
    for (image *i = disk.images; i; i = i->next)
        if (strcmp(i->path, path) == 0)
            return i;
    return NULL;
}

/* Before the file is opened: what is there now is durable. */
static image *image_of(const char *path)
{
    image *i = image_find(path);
    if (i && !i->removed)
        return i;
    if (!i) {
        i = calloc(1, sizeof *i);
        snprintf(i->path, sizeof i->path, "%s", path);
        i->next = disk.images;
        disk.images = i;
    }
    image_forget(i, false);
    bytes_resize(&i->durable, 0);
    i->removed = false;
    image_read(i);
    return i;
}

static void image_restore(image *i)
{
    if (i->removed && !disk.plan.undelete)
        return;
    for (pending *p = i->first; p; p = p->next)
        if (disk.plan.keep == FAULT_KEEP_ALL)
            pending_apply(p, &i->durable);
        else if (disk.plan.keep == FAULT_KEEP_SOME)
            pending_apply_some(p, &i->durable);
    FILE *out = fopen(i->path, "wb");
    if (!out || fwrite(i->durable.data, 1, i->durable.size, out) != i->durable.size)
        abort();
    fclose(out);
}

/* The name of the operation at which it struck, without folder. */
static void strike(const char *what, const char *path)
{
    const char *slash = path ? strrchr(path, '/') : NULL;
    disk.struck = true;
    snprintf(disk.name, sizeof disk.name, "%s %.60s", what, slash ? slash + 1 : "");
    if (disk.plan.what == FAULT_POWER)
        disk.off = true;
}

/* What is to happen at this point? */
static fault_what point(const char *what, const char *path)
{
    if (disk.off)
        return FAULT_POWER;
    if (disk.plan.reads != (strcmp(what, "read") == 0))
        return FAULT_NONE;
    uint64_t number = disk.points++;
    if (disk.plan.what == FAULT_NONE || number < disk.plan.at || (number > disk.plan.at && !disk.plan.lasting))
        return FAULT_NONE;
    if (disk.plan.what == FAULT_LIE && strcmp(what, "sync") != 0)
        return FAULT_NONE;
    if (number == disk.plan.at)
        strike(what, path);
    return disk.plan.what;
}

/* ------------------------------------------------------------------------------------------------------ One file */

static sqlite3_file *real_of(sqlite3_file *f)
{
    return ((file *)f)->real;
}

static const char *path_of(sqlite3_file *f)
{
    const image *i = ((file *)f)->image;
    return i ? i->path : NULL;
}

static int file_close(sqlite3_file *f)
{
    return real_of(f)->pMethods->xClose(real_of(f));
}

static int file_read(sqlite3_file *f, void *out, int size, sqlite3_int64 offset)
{
    return point("read", path_of(f)) != FAULT_NONE ? SQLITE_IOERR_READ
                                                   : real_of(f)->pMethods->xRead(real_of(f), out, size, offset);
}

static int write_through(sqlite3_file *f, const void *data, int size, sqlite3_int64 offset)
{
    int rc = real_of(f)->pMethods->xWrite(real_of(f), data, size, offset);
    if (rc == SQLITE_OK && ((file *)f)->image)
        image_note(((file *)f)->image, (size_t)offset, data, (size_t)size);
    return rc;
}

static int file_write(sqlite3_file *f, const void *data, int size, sqlite3_int64 offset)
{
    bool was_off = disk.off;
    switch (point("write", path_of(f))) {
    case FAULT_NONE:
        return write_through(f, data, size, offset);
    case FAULT_FULL:
        return SQLITE_FULL;
    case FAULT_SHORT:
        (void)write_through(f, data, size / 2, offset);
        return SQLITE_IOERR_WRITE;
    case FAULT_POWER:
        if (!was_off && ((file *)f)->image) /* it was under way */
            image_note(((file *)f)->image, (size_t)offset, data, (size_t)size);
        return SQLITE_IOERR_WRITE;
    default:
        return SQLITE_IOERR_WRITE;
    }
}

static int file_truncate(sqlite3_file *f, sqlite3_int64 size)
{
    if (point("truncate", path_of(f)) != FAULT_NONE)
        return SQLITE_IOERR_TRUNCATE;
    int rc = real_of(f)->pMethods->xTruncate(real_of(f), size);
    if (rc == SQLITE_OK && ((file *)f)->image)
        image_note(((file *)f)->image, (size_t)size, NULL, 0);
    return rc;
}

static int file_sync(sqlite3_file *f, int flags)
{
    (void)flags;
    image *i = ((file *)f)->image;
    switch (point("sync", path_of(f))) {
    case FAULT_NONE:
        if (i)
            image_forget(i, true);
        return SQLITE_OK; /* tests need no disk to turn */
    case FAULT_LIE:
        return SQLITE_OK;
    case FAULT_POWER:
        return SQLITE_IOERR_FSYNC;
    default:
        if (i)
            image_forget(i, false);
        return SQLITE_IOERR_FSYNC;
    }
}

static int file_size(sqlite3_file *f, sqlite3_int64 *size)
{
    return disk.off ? SQLITE_IOERR_FSTAT : real_of(f)->pMethods->xFileSize(real_of(f), size);
}

static int file_lock(sqlite3_file *f, int level)
{
    return real_of(f)->pMethods->xLock(real_of(f), level);
}

static int file_unlock(sqlite3_file *f, int level)
{
    return real_of(f)->pMethods->xUnlock(real_of(f), level);
}

static int file_reserved(sqlite3_file *f, int *out)
{
    return real_of(f)->pMethods->xCheckReservedLock(real_of(f), out);
}

static int file_control(sqlite3_file *f, int op, void *arg)
{
    if (op == SQLITE_FCNTL_SIZE_HINT || op == SQLITE_FCNTL_CHUNK_SIZE)
        return SQLITE_OK; /* it would make the file longer behind our back */
    return real_of(f)->pMethods->xFileControl(real_of(f), op, arg);
}

static int file_sector(sqlite3_file *f)
{
    return real_of(f)->pMethods->xSectorSize(real_of(f));
}

static int file_traits(sqlite3_file *f)
{
    return real_of(f)->pMethods->xDeviceCharacteristics(real_of(f));
}

static int file_shm_map(sqlite3_file *f, int page, int size, int extend, void volatile **out)
{
    if (extend && point("shm", path_of(f)) != FAULT_NONE)
        return SQLITE_IOERR_SHMMAP;
    return real_of(f)->pMethods->xShmMap(real_of(f), page, size, extend, out);
}

static int file_shm_lock(sqlite3_file *f, int offset, int n, int flags)
{
    return real_of(f)->pMethods->xShmLock(real_of(f), offset, n, flags);
}

static void file_shm_barrier(sqlite3_file *f)
{
    real_of(f)->pMethods->xShmBarrier(real_of(f));
}

static int file_shm_unmap(sqlite3_file *f, int remove)
{
    return real_of(f)->pMethods->xShmUnmap(real_of(f), remove);
}

static const sqlite3_io_methods methods = {
    2,           file_close,   file_read,     file_write,       file_truncate,  file_sync,
    file_size,   file_lock,    file_unlock,   file_reserved,    file_control,   file_sector,
    file_traits, file_shm_map, file_shm_lock, file_shm_barrier, file_shm_unmap, NULL,
    NULL};

/* ------------------------------------------------------------------------------------------------------ The VFS */

static int vfs_open(sqlite3_vfs *self, sqlite3_filename path, sqlite3_file *f, int flags, int *out_flags)
{
    (void)self;
    file *mine = (file *)f;
    f->pMethods = NULL;
    if (disk.off)
        return SQLITE_CANTOPEN;
    bool makes = (flags & SQLITE_OPEN_CREATE) && path && access(path, F_OK);
    if (makes && point("create", path) != FAULT_NONE)
        return SQLITE_CANTOPEN;
    mine->image = path ? image_of(path) : NULL;
    mine->real = (sqlite3_file *)(mine + 1);
    int rc = disk.real->xOpen(disk.real, path, mine->real, flags, out_flags);
    if (mine->real->pMethods)
        f->pMethods = &methods;
    return rc;
}

static int vfs_delete(sqlite3_vfs *self, const char *path, int sync)
{
    (void)self;
    if (point("unlink", path) != FAULT_NONE)
        return SQLITE_IOERR_DELETE;
    image *i = image_find(path);
    int rc = disk.real->xDelete(disk.real, path, 0);
    if (rc == SQLITE_OK && i) {
        i->removed = true;
        if (sync)
            image_forget(i, false), bytes_resize(&i->durable, 0), i->path[0] = '\0';
    }
    return rc;
}

static int vfs_access(sqlite3_vfs *self, const char *path, int flags, int *out)
{
    (void)self;
    return disk.off ? SQLITE_IOERR_ACCESS : disk.real->xAccess(disk.real, path, flags, out);
}

bool fault_install(void)
{
    if (disk.real)
        return true;
    disk.real = sqlite3_vfs_find("unix");
    if (!disk.real)
        return false;
    disk.vfs = *disk.real;
    disk.vfs.pNext = NULL;
    disk.vfs.zName = "fault";
    disk.vfs.szOsFile = (int)sizeof(file) + disk.real->szOsFile;
    disk.vfs.xOpen = vfs_open;
    disk.vfs.xDelete = vfs_delete;
    disk.vfs.xAccess = vfs_access;
    return sqlite3_vfs_register(&disk.vfs, 0) == SQLITE_OK && sqlite3mc_vfs_create("fault", 1) == SQLITE_OK;
}

static void images_clear(void)
{
    for (image *i; (i = disk.images) != NULL;) {
        disk.images = i->next;
        image_forget(i, false);
        free(i->durable.data);
        free(i);
    }
}

void fault_begin(fault_plan plan)
{
    images_clear();
    disk.plan = plan;
    disk.points = 0;
    disk.struck = disk.off = false;
    disk.name[0] = '\0';
}

uint64_t fault_points(void)
{
    return disk.points;
}

bool fault_has_struck(void)
{
    return disk.struck;
}

const char *fault_struck_name(void)
{
    return disk.name;
}

void fault_power_cut(void)
{
    disk.off = true;
}

void fault_end(void)
{
    bool off = disk.off;
    for (image *i = disk.images; off && i; i = i->next)
        if (i->path[0]) {
            char shm[520];
            image_restore(i);
            snprintf(shm, sizeof shm, "%s-shm", i->path);
            unlink(shm);
        }
    images_clear();
    disk.off = false;
    disk.plan = (fault_plan){0};
}
