/* operation_check.c - check: looks for faults and says what to do about each
 * SPDX-License-Identifier: MIT */
#include "server/operation.h"

#include "keys/certificate.h"
#include "keys/random.h"
#include "keys/server_key.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <resolv.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    check_certificate_days = 21,  /* renewals run a month before the end: three weeks before it, one has failed */
    check_descriptors_min = 4096, /* a hundred vaults of six, and a few thousand connections */
    check_dns_seconds = 3,        /* one question; a machine without DNS must not hang here */
    check_file_max = 262144       /* a PEM file */
};

typedef struct checking {
    server *server;
    json_t *findings;
    unsigned faults;
} checking;

static void found(checking *c, const char *what, const char *state, const char *remedy)
{
    if (strcmp(state, "ok") != 0 && strcmp(state, "note") != 0)
        c->faults++;
    json_array_append_new(c->findings, json_pack("{s:s, s:s, s:s}", "state", state, "what", what, "remedy", remedy));
}

static void check_mode(checking *c, const char *path, mode_t allowed)
{
    struct stat facts;
    char what[PATH_MAX + 64], remedy[PATH_MAX + 64];
    snprintf(what, sizeof what, "permissions of %s", path);
    if (stat(path, &facts)) {
        snprintf(remedy, sizeof remedy, "%s: restore it from a backup, or check who owns it", strerror(errno));
        found(c, what, "fault", remedy);
    } else if (facts.st_mode & 07777 & ~allowed) {
        snprintf(remedy, sizeof remedy, "chmod %o %s", (unsigned)allowed, path);
        found(c, what, "fault", remedy);
    } else
        found(c, what, "ok", "");
}

static void check_permissions(checking *c)
{
    const layout *l = &c->server->layout;
    check_mode(c, l->root, 0700);
    static const layout_name files[] = {LAYOUT_SERVER_KEY, LAYOUT_DIRECTORY, LAYOUT_DROP};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        check_mode(c, layout_of(l, files[i]).string, 0600);
    check_mode(c, layout_of(l, LAYOUT_VAULTS).string, 0700);
}

static void check_limits(checking *c)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_max < check_descriptors_min)
        found(c, "file descriptors", "warning", "raise the limit (ulimit -n, LimitNOFILE=) to 65536");
    else
        found(c, "file descriptors", "ok", "");
    size_t need = secret_arena_bytes(server_secrets(c->server->config));
    bool enough = geteuid() == 0 || (getrlimit(RLIMIT_MEMLOCK, &limit) == 0 && limit.rlim_max >= need);
    found(c, "locked memory for keys", enough ? "ok" : "fault",
          enough ? "" : "raise the limit (ulimit -l, LimitMEMLOCK=)");
}

static bool read_file(const char *path, text *out)
{
    FILE *file = fopen(path, "re");
    char *room;
    while (file && (room = text_grow(out, 4096)) != NULL) {
        size_t got = fread(room, 1, 4096, file);
        text_grown(out, got);
        if (got < 4096)
            break;
    }
    if (file)
        fclose(file);
    return file && !text_status(out);
}

static void check_certificate(checking *c)
{
    const server *s = c->server;
    char certificate[PATH_MAX * 2], key[PATH_MAX * 2];
    snprintf(certificate, sizeof certificate, "%s%s%s", s->config->tls_certificate[0] == '/' ? "" : s->layout.root,
             s->config->tls_certificate[0] == '/' ? "" : "/", s->config->tls_certificate);
    snprintf(key, sizeof key, "%s%s%s", s->config->tls_key[0] == '/' ? "" : s->layout.root,
             s->config->tls_key[0] == '/' ? "" : "/", s->config->tls_key);
    text pem, key_pem;
    text_init(&pem, NULL, check_file_max);
    text_init(&key_pem, NULL, check_file_max);
    certificate_facts facts = {0};
    if (!read_file(certificate, &pem) || certificate_read(text_span(&pem), &facts))
        found(c, "certificate", "fault", "tls_certificate must name a PEM file with a certificate");
    else {
        int64_t left = (facts.not_after - time(NULL)) / 86400;
        found(c, "certificate is valid",
              left < 0                        ? "fault"
              : left < check_certificate_days ? "warning"
                                              : "ok",
              left < check_certificate_days ? "renew it and send SIGHUP" : "");
        bool covers = certificate_covers(&facts, span_str(s->config->hostname));
        found(c, "certificate names the host", covers ? "ok" : "warning",
              covers ? "" : "its names must include the setting `hostname`");
        found(c, "certificate is trusted by clients", facts.self_signed ? "note" : "ok",
              facts.self_signed ? "it is self-signed: clients will ask; get one from a certificate authority" : "");
        bool fits = read_file(key, &key_pem) && certificate_fits(text_span(&pem), text_span(&key_pem)) == LL_OK;
        found(c, "private key fits the certificate", fits ? "ok" : "fault",
              fits ? "" : "tls_key must name the key of tls_certificate");
        check_mode(c, key, 0600);
    }
    certificate_facts_fini(&facts);
    text_wipe(&key_pem);
    text_fini(&pem);
}

/* Would a listener find its port? Only asked when the server does not run. */
static void check_port(checking *c, const char *name, const char *address, uint16_t port)
{
    char what[128];
    snprintf(what, sizeof what, "%s can listen on %s:%u", name, address, port);
    struct sockaddr_in six4 = {.sin_family = AF_INET, .sin_port = htons(port)};
    if (strcmp(address, "*") != 0 && inet_pton(AF_INET, address, &six4.sin_addr) != 1)
        return; /* IPv6: the server itself will say */
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    bool good = fd >= 0 && bind(fd, (const struct sockaddr *)&six4, sizeof six4) == 0;
    found(c, what, good ? "ok" : "fault",
          good              ? ""
          : errno == EACCES ? "run as root, or give the program CAP_NET_BIND_SERVICE"
                            : "another program has the port: stop it, or change the setting");
    if (fd >= 0)
        close(fd);
}

static void check_ports(checking *c)
{
    const config *g = c->server->config;
    const struct {
        const char *name, *value;
    } kinds[] = {
        {"smtp", g->listen_smtp}, {"lmtp", g->listen_lmtp}, {"imap", g->listen_imap}, {"imaps", g->listen_imaps}};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        ll_span rest = span_str(kinds[i].value);
        char address[64];
        uint16_t port;
        while (config_listen_next(&rest, address, &port))
            if (!c->server->loop)
                check_port(c, kinds[i].name, address, port);
    }
    if (c->server->loop)
        found(c, "listeners", "ok", "");
}

/* The MX of each domain should be us. Without an answer there is nothing to say. */
static void check_mx(checking *c, const char *domain)
{
    unsigned char answer[4096];
    struct __res_state state = {0};
    char what[400], remedy[800];
    snprintf(what, sizeof what, "DNS: MX of %s", domain);
    if (res_ninit(&state))
        return;
    state.retrans = check_dns_seconds;
    state.retry = 1;
    int size = res_nquery(&state, domain, ns_c_in, ns_t_mx, answer, sizeof answer);
    res_nclose(&state);
    ns_msg message;
    if (size < 0 || ns_initparse(answer, size, &message)) {
        found(c, what, "note", "no answer from DNS, or no MX record: mail for the domain will not find this server");
        return;
    }
    for (int i = 0; i < ns_msg_count(message, ns_s_an); i++) {
        ns_rr record;
        char host[NS_MAXDNAME];
        if (ns_parserr(&message, ns_s_an, i, &record) || ns_rr_type(record) != ns_t_mx ||
            dn_expand(ns_msg_base(message), ns_msg_end(message), ns_rr_rdata(record) + 2, host, sizeof host) < 0)
            continue;
        if (span_equal_nocase(span_str(host), span_str(c->server->config->hostname))) {
            found(c, what, "ok", "");
            return;
        }
    }
    snprintf(remedy, sizeof remedy, "add the record: %s. MX 10 %s.", domain, c->server->config->hostname);
    found(c, what, "warning", remedy);
}

/* A crash between removing an alias and its file leaves the file: nobody can open it, but it takes room. */
static void check_orphans(checking *c, const json_t *known)
{
    layout_path folder = layout_of(&c->server->layout, LAYOUT_VAULTS);
    DIR *list = opendir(folder.string);
    unsigned orphans = 0;
    for (struct dirent *entry; list && (entry = readdir(list)) != NULL;) {
        char id[RANDOM_HEX + 1], what[PATH_MAX + 300];
        if (strlen(entry->d_name) != RANDOM_HEX + strlen(".sqlite"))
            continue;
        snprintf(id, sizeof id, "%.32s", entry->d_name);
        if (json_object_get(known, id))
            continue;
        orphans++;
        snprintf(what, sizeof what, "%s/%s belongs to no alias", folder.string, entry->d_name);
        found(c, what, "warning",
              "if the directory was not restored from an old copy: remove it, with its -wal and -shm");
    }
    if (list)
        closedir(list);
    if (!orphans)
        found(c, "every vault file has its alias", "ok", "");
}

ll_status operation_check(server *s, const json_t *arguments, json_t **result, text *error)
{
    checking c = {.server = s, .findings = json_array()};
    json_t *domains = NULL, *row;
    size_t i;
    check_permissions(&c);
    check_limits(&c);
    check_certificate(&c);
    check_ports(&c);
    ll_status status = operation_domain_list(s, arguments, &domains, error);
    json_array_foreach(domains, i, row)
    {
        if (!status)
            check_mx(&c, json_string_value(json_object_get(row, "domain")));
    }
    json_decref(domains);
    json_t *known = json_object();
    if (!status)
        status = operation_alias_vaults(s, known);
    if (!status)
        check_orphans(&c, known);
    json_decref(known);
    *result = json_pack("{s:o, s:i, s:b}", "findings", c.findings, "faults", (int)c.faults, "failed", c.faults > 0);
    return status;
}
