/* random_test.c - a vault's randomness comes from its own hook, and without one from where libsodium is told to take
 * it: with the same numbers two vaults begin with the same salt, with the kernel's they do not.
 * SPDX-License-Identifier: MIT */
#include <letterlock.h>

#include <sodium.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SALT = 16 }; /* bytes at the beginning of the file */

static uint32_t state_of_generator;
static size_t asked;

static void check(bool right, const char *what)
{
    if (!right) {
        fprintf(stderr, "not so: %s\n", what);
        exit(1);
    }
}

static const char *name(void)
{
    return "of the test";
}

static void fill(void *out, size_t size)
{
    asked++;
    for (size_t i = 0; i < size; i++)
        ((unsigned char *)out)[i] =
            (unsigned char)((state_of_generator = state_of_generator * 1664525 + 1013904223) >> 24);
}

static uint32_t number(void)
{
    uint32_t n;
    fill(&n, sizeof n);
    return n;
}

/* The salt of a vault that is made and opened once. */
static void make(const char *folder, const char *called, unsigned char salt[SALT])
{
    static const uint8_t key[LL_VAULT_KEY] = {1, 2, 3};
    char path[128];
    ll_vault *vault = NULL;
    snprintf(path, sizeof path, "%s/%s", folder, called);
    check(ll_vault_create(path, key, false) == LL_OK, "a vault is made");
    check(ll_vault_open(&vault, path, key, NULL) == LL_OK, "it opens");
    check(ll_vault_close(&vault) == LL_OK, "it closes");
    FILE *file = fopen(path, "rb");
    check(file && fread(salt, 1, SALT, file) == SALT, "it has a salt");
    fclose(file);
    unlink(path);
}

/* --- a source for each vault --- */

typedef struct source {
    unsigned char mark; /* in what it gives; the rest counts */
    uint32_t calls;
} source;

enum { NONCE = 16, TAG = 16, PAGE = 8192, MARKS = 8 };

static void marked(void *context, void *bytes, size_t size)
{
    source *s = context;
    uint32_t n = ++s->calls;
    memset(bytes, s->mark, size);
    for (size_t i = MARKS; i < size && i < MARKS + sizeof n; i++)
        ((unsigned char *)bytes)[i] = (unsigned char)(n >> (8 * (i - MARKS)));
}

typedef struct user {
    ll_vault *vault;
    ll_session *session;
} user;

static void wake(void *context)
{
    (void)context;
}

static const char *mechanisms(void *context)
{
    (void)context;
    return "PLAIN";
}

static void let_in(void *context, ll_span mechanism, ll_span initial, bool login)
{
    user *u = context;
    const ll_connector *methods;
    void *self;
    (void)mechanism;
    (void)initial;
    (void)login;
    check(ll_vault_connector(u->vault, wake, u, &methods, &self) == LL_OK, "a connector");
    ll_session_authenticated(u->session, methods, self, (ll_span){"", 0});
}

/* A message of this size arrives by IMAP. */
static void append(user *u, size_t size)
{
    static const ll_host host = {.size = sizeof host, .wake = wake, .mechanisms = mechanisms, .auth_start = let_in};
    ll_session_config config = {
        .size = sizeof config, .flags = LL_SESSION_SECURE | LL_SESSION_CLEAR_LOGIN, .host = &host, .context = u};
    size_t room = size + 200, sent = 0, taken;
    bool stored = false;
    char *said = malloc(room);
    check(said && ll_session_new(&u->session, &config) == LL_OK, "a session");
    int head = snprintf(said, room, "a LOGIN u p\r\nb APPEND INBOX {%zu+}\r\n", size);
    for (size_t i = 0; i < size; i++) /* nothing that becomes small in the file */
        said[head + (int)i] = (char)('0' + (state_of_generator = state_of_generator * 1664525 + 1013904223) % 997 % 64);
    size_t all = (size_t)head + size + (size_t)snprintf(said + head + size, 32, "\r\nc LOGOUT\r\n");
    while (!(ll_session_wants(u->session) & LL_WANTS_CLOSE)) {
        ll_span out = ll_session_output(u->session);
        stored = stored || memmem(out.data, out.size, "b OK", 4);
        ll_session_sent(u->session, out.size);
        if (!(ll_session_wants(u->session) & LL_WANTS_INPUT) || sent == all)
            continue;
        check(ll_session_input(u->session, (ll_span){said + sent, all - sent}, &taken) != LL_ENOMEM, "input");
        sent += taken;
    }
    check(stored, "the message is there");
    ll_session_del(&u->session);
    free(said);
}

/* Pages of the file whose nonce has this mark. */
static unsigned pages_of(const char *path, unsigned char mark)
{
    static unsigned char page[PAGE];
    unsigned char want[MARKS];
    unsigned found = 0;
    FILE *file = fopen(path, "rb");
    check(file != NULL, "the file");
    memset(want, mark, sizeof want);
    while (fread(page, 1, PAGE, file) == PAGE)
        found += !memcmp(page + PAGE - TAG - NONCE, want, MARKS);
    fclose(file);
    return found;
}

static void open_with(user *u, const char *path, source *s)
{
    static const uint8_t key[LL_VAULT_KEY] = {4, 5, 6};
    ll_vault_config config = {.size = sizeof config, .context = s, .random = marked};
    check(ll_vault_create(path, key, false) == LL_OK, "a vault is made");
    check(pages_of(path, s->mark) == 0, "with the kernel's numbers");
    check(ll_vault_open(&u->vault, path, key, &config) == LL_OK, "it opens");
}

/* Two vaults at a time: each takes from its own source, for its key in memory, its pages and its uploads in files. */
static void two_sources(const char *folder)
{
    source a = {.mark = 'A'}, b = {.mark = 'B'};
    user one = {NULL, NULL}, two = {NULL, NULL};
    char path_one[128], path_two[128];
    snprintf(path_one, sizeof path_one, "%s/a", folder);
    snprintf(path_two, sizeof path_two, "%s/b", folder);
    open_with(&one, path_one, &a);
    open_with(&two, path_two, &b);
    check(a.calls >= 2 && b.calls >= 2, "keys in memory");
    uint32_t b_before = b.calls, a_before = a.calls;
    size_t asked_before = asked;
    append(&one, 1 << 20); /* too large for memory: a file */
    check(a.calls > a_before + 50, "pages of the first");
    check(b.calls == b_before, "nothing of the second");
    a_before = a.calls;
    append(&two, 100000);
    check(b.calls > b_before && a.calls == a_before, "and the other way round");
    check(asked == asked_before, "nothing of the process's");
    check(ll_vault_close(&one.vault) == LL_OK && ll_vault_close(&two.vault) == LL_OK, "they close");
    check(pages_of(path_one, 'A') > 50 && pages_of(path_one, 'B') == 0, "the first file has the first's nonces");
    check(pages_of(path_two, 'B') > 5 && pages_of(path_two, 'A') == 0, "the second file has the second's");
    unlink(path_one);
    unlink(path_two);
}

int main(void)
{
    char folder[] = "/tmp/ll-random-XXXXXX";
    unsigned char one[SALT], two[SALT], three[SALT];
    randombytes_implementation ours = {.implementation_name = name, .random = number, .buf = fill};
    check(mkdtemp(folder) != NULL, "a folder");
    check(randombytes_set_implementation(&ours) == 0, "libsodium takes it");
    check(sodium_init() == 0, "libsodium begins"); /* it asks once for itself */
    state_of_generator = 0;
    make(folder, "one", one);
    check(asked > 2, "it was asked for salt, nonces and keys");
    state_of_generator = 0;
    make(folder, "two", two);
    check(!memcmp(one, two, SALT), "the same numbers, the same salt");
    make(folder, "three", three);
    check(memcmp(one, three, SALT) != 0, "other numbers, another salt");
    two_sources(folder);
    rmdir(folder);
    return 0;
}
