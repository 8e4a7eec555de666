/* server_key_test.c - the key file: made once, refused when others can read it or when damaged.
 * SPDX-License-Identifier: MIT */
#include "test.h"

#include "keys/server_key.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/letterlock-server-key-XXXXXX";
static char path[128];
static text why;

static int setup(void **state)
{
    (void)state;
    text_init(&why, NULL, 4096);
    if (keys_init() || !mkdtemp(folder))
        return 1;
    snprintf(path, sizeof path, "%s/server.key", folder);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    unlink(path);
    text_fini(&why);
    return rmdir(folder);
}

static void overwrite(const char *content, size_t size)
{
    int file = open(path, O_WRONLY | O_TRUNC);
    assert_true(file >= 0);
    assert_int_equal(write(file, content, size), size);
    close(file);
}

static void create_and_load(void **state)
{
    (void)state;
    uint8_t made[KEYS_KEY], got[KEYS_KEY];
    struct stat facts;
    unlink(path);
    assert_int_equal(server_key_load(path, false, got, &why), LL_ENOTFOUND);
    assert_non_null(strstr(text_str(&why), path));
    umask(0777);
    assert_int_equal(server_key_create(path, made, NULL), LL_OK);
    umask(022);
    assert_int_equal(stat(path, &facts), 0);
    assert_int_equal(facts.st_mode & 0777, 0600);
    assert_int_equal(server_key_load(path, false, got, NULL), LL_OK);
    assert_memory_equal(made, got, KEYS_KEY);
    assert_int_equal(server_key_create(path, got, &why), LL_EEXISTS);
    assert_int_equal(server_key_load(path, false, got, NULL), LL_OK);
    assert_memory_equal(made, got, KEYS_KEY);
    assert_int_equal(server_key_create("/nonexistent/folder/key", got, NULL), LL_ENOTFOUND);
}

static void permissions(void **state)
{
    (void)state;
    uint8_t got[KEYS_KEY];
    unlink(path);
    assert_int_equal(server_key_create(path, got, NULL), LL_OK);
    static const mode_t bad[] = {0640, 0604, 0660, 0666, 0610, 0601};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        chmod(path, bad[i]);
        text_clear(&why);
        assert_int_equal(server_key_load(path, false, got, &why), LL_EDENIED);
        assert_non_null(strstr(text_str(&why), "chmod 600"));
    }
    chmod(path, 0440);
    assert_int_equal(server_key_load(path, true, got, NULL), LL_OK);
    chmod(path, 0444);
    assert_int_equal(server_key_load(path, true, got, NULL), LL_EDENIED);
    chmod(path, 0400);
    assert_int_equal(server_key_load(path, false, got, NULL), LL_OK);
    assert_int_equal(server_key_load(folder, false, got, NULL), LL_EDENIED);
}

static void damaged(void **state)
{
    (void)state;
    uint8_t got[KEYS_KEY];
    char line[128];
    unlink(path);
    assert_int_equal(server_key_create(path, got, NULL), LL_OK);
    int file = open(path, O_RDONLY);
    ssize_t size = read(file, line, sizeof line);
    close(file);
    assert_int_equal(size, 24 + 64 + 1);
    overwrite(line, (size_t)size - 1);
    assert_int_equal(server_key_load(path, false, got, NULL), LL_OK);
    for (size_t cut = 0; cut + 1 < (size_t)size; cut++) {
        overwrite(line, cut);
        assert_int_equal(server_key_load(path, false, got, NULL), LL_ECORRUPT);
    }
    line[size] = '\n';
    overwrite(line, (size_t)size + 1);
    assert_int_equal(server_key_load(path, false, got, NULL), LL_ECORRUPT);
    line[40] = 'g';
    overwrite(line, (size_t)size);
    assert_int_equal(server_key_load(path, false, got, NULL), LL_ECORRUPT);
}

static void derived(void **state)
{
    (void)state;
    uint8_t key[KEYS_KEY] = {1}, a[KEYS_KEY], b[KEYS_KEY];
    server_key_derive(key, SERVER_KEY_DIRECTORY, a);
    server_key_derive(key, SERVER_KEY_DIRECTORY, b);
    assert_memory_equal(a, b, KEYS_KEY);
    assert_memory_not_equal(a, key, KEYS_KEY);
    server_key_derive(key, SERVER_KEY_QUEUE, b);
    assert_memory_not_equal(a, b, KEYS_KEY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(create_and_load), cmocka_unit_test(permissions),
                                       cmocka_unit_test(damaged), cmocka_unit_test(derived)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
