/* init.c - see init.h
 * SPDX-License-Identifier: MIT */
#include "server/init.h"

#include "base/memory.h"
#include "keys/certificate.h"
#include "keys/server_key.h"
#include "server/config.h"
#include "store/db.h"
#include "store/directory.h"
#include "store/drop.h"
#include "store/layout.h"
#include "wire/smtp_path.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    init_certificate_days = 3650, /* self-signed: nobody checks its date but its owner, who would only be annoyed */
    init_port_base_max = 64000    /* N + 993 is still a port */
};

/* A whole file with mode 0600, synced. */
static ll_status file_write(const char *path, ll_span content, text *error)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    size_t sent = 0;
    while (fd >= 0 && sent < content.size) {
        ssize_t wrote = write(fd, content.data + sent, content.size - sent);
        if (wrote <= 0)
            break;
        sent += (size_t)wrote;
    }
    bool good = fd >= 0 && sent == content.size && fsync(fd) == 0;
    int why = errno;
    if (fd >= 0)
        close(fd);
    if (good)
        return LL_OK;
    text_print(error, "cannot write %s: %s\n", path, strerror(why));
    return why == ENOSPC || why == EDQUOT ? LL_EFULL : LL_EIO;
}

static ll_status folder_sync(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return LL_EIO;
    int bad = fsync(fd);
    close(fd);
    return bad ? LL_EIO : LL_OK;
}

static ll_status make_config(const init_options *o, const layout *l, text *error)
{
    config c;
    ll_status status = config_init(&c);
    if (status)
        return status;
    static const struct {
        const char *name;
        unsigned port;
    } listeners[] = {{"listen_smtp", 25}, {"listen_lmtp", 24}, {"listen_imap", 143}, {"listen_imaps", 993}};
    for (size_t i = 0; o->port_base && !status && i < sizeof listeners / sizeof listeners[0]; i++) {
        char value[64];
        int size = snprintf(value, sizeof value, "127.0.0.1:%u", o->port_base + listeners[i].port);
        status = config_set(&c, span_str(listeners[i].name), span_of(value, (size_t)size), error);
    }
    if (!status)
        status = config_set(&c, SPAN("hostname"), span_str(o->hostname), error);
    text file;
    text_init(&file, NULL, config_file_max);
    config_print(&c, &file);
    if (!status)
        status = text_status(&file);
    if (!status)
        status = file_write(layout_of(l, LAYOUT_CONF).string, text_span(&file), error);
    text_fini(&file);
    config_fini(&c);
    return status;
}

static ll_status make_certificate(const init_options *o, const layout *l, text *error)
{
    text key, certificate;
    text_init(&key, NULL, CERTIFICATE_PEM_MAX);
    text_init(&certificate, NULL, CERTIFICATE_PEM_MAX);
    ll_status status = certificate_make(span_str(o->hostname), init_certificate_days, time(NULL), &key, &certificate);
    if (!status)
        status = file_write(layout_of(l, LAYOUT_CERTIFICATE_KEY).string, text_span(&key), error);
    if (!status)
        status = file_write(layout_of(l, LAYOUT_CERTIFICATE).string, text_span(&certificate), error);
    text_wipe(&key);
    text_fini(&certificate);
    return status ? status : folder_sync(layout_of(l, LAYOUT_TLS).string);
}

static ll_status make_stores(const init_options *o, const layout *l, const uint8_t key[KEYS_KEY], text *error)
{
    static const executor at_once = {NULL, NULL, NULL};
    uint8_t sub[KEYS_KEY];
    directory *d = NULL;
    drop *waiting = NULL;
    server_key_derive(key, SERVER_KEY_DIRECTORY, sub);
    ll_status status = directory_open(&d, layout_of(l, LAYOUT_DIRECTORY).string, sub, DB_CREATE, error);
    if (!status)
        status = directory_domain_add(d, span_str(o->domain), time(NULL));
    server_key_derive(key, SERVER_KEY_QUEUE, sub);
    if (!status)
        status = drop_open(&waiting, layout_of(l, LAYOUT_DROP).string, sub, &at_once, error);
    memory_wipe(sub, sizeof sub);
    drop_close(&waiting);
    directory_close(&d);
    return status;
}

static ll_status options_check(const init_options *o, text *error)
{
    if (!smtp_domain_valid(span_str(o->domain), false, false)) {
        text_print(error, "\"%.100s\" is not a domain name: give one such as example.com\n", o->domain);
        return LL_EINVAL;
    }
    if (!smtp_domain_valid(span_str(o->hostname), false, false)) {
        text_print(error, "\"%.100s\" is not a host name: give one such as mail.example.com\n", o->hostname);
        return LL_EINVAL;
    }
    if (o->port_base > init_port_base_max) {
        text_print(error, "--port-base must be at most %d, so that every port fits\n", init_port_base_max);
        return LL_EINVAL;
    }
    return LL_OK;
}

/* A directory that holds anything of ours is somebody's mail. */
static ll_status refuse_used(const layout *l, text *error)
{
    static const layout_name names[] = {LAYOUT_CONF, LAYOUT_SERVER_KEY, LAYOUT_DIRECTORY, LAYOUT_DROP};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        layout_path path = layout_of(l, names[i]);
        if (access(path.string, F_OK) == 0) {
            text_print(
                error,
                "%s is in use already (it has %s): choose another directory, or remove this one if its mail may go\n",
                l->root, path.string);
            return LL_EEXISTS;
        }
    }
    return LL_OK;
}

/* An empty directory of ours that others may enter (mkdir's default) becomes private. One with something in it is left
 * to layout_create, which says what to do. */
static void close_to_others(const layout *l)
{
    DIR *folder = opendir(l->root);
    bool empty = folder != NULL;
    for (struct dirent *entry; empty && (entry = readdir(folder)) != NULL;)
        empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
    if (folder)
        closedir(folder);
    if (empty && chmod(l->root, 0700))
        return; /* not ours: layout_create says so */
}

ll_status init_run(const init_options *options, text *error)
{
    init_options o = *options;
    if (!o.hostname)
        o.hostname = o.domain;
    layout l;
    int lock = -1;
    uint8_t key[KEYS_KEY] = {0};
    ll_status status = options_check(&o, error);
    if (!status)
        status = keys_init();
    if (!status)
        status = layout_init(&l, o.data);
    if (!status)
        status = refuse_used(&l, error);
    if (!status)
        close_to_others(&l);
    if (!status)
        status = layout_create(&l, error);
    if (!status)
        status = layout_lock(&l, &lock, error);
    if (!status)
        status = server_key_create(layout_of(&l, LAYOUT_SERVER_KEY).string, key, error);
    if (!status)
        status = make_certificate(&o, &l, error);
    if (!status)
        status = make_stores(&o, &l, key, error);
    if (!status)
        status = make_config(&o, &l, error);
    if (!status)
        status = folder_sync(l.root);
    memory_wipe(key, sizeof key);
    if (lock >= 0)
        layout_unlock(&lock);
    return status;
}
