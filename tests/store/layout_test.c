/* layout_test.c - names, modes, the lock.
 * SPDX-License-Identifier: MIT */
#include "scratch.h"

#include "store/layout.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

static void names(void **state)
{
    (void)state;
    layout l;
    uint8_t id[KEYS_ID] = {0xab, 0xcd, [15] = 0x01};
    assert_int_equal(layout_init(&l, "/var/lib/letterlock//"), LL_OK);
    assert_string_equal(layout_of(&l, LAYOUT_CONF).string, "/var/lib/letterlock/letterlock.conf");
    assert_string_equal(layout_of(&l, LAYOUT_CERTIFICATE_KEY).string, "/var/lib/letterlock/tls/key.pem");
    assert_string_equal(layout_of(&l, LAYOUT_DROP).string, "/var/lib/letterlock/drop.sqlite");
    assert_string_equal(layout_vault(&l, id).string,
                        "/var/lib/letterlock/vaults/abcd0000000000000000000000000001.sqlite");
    assert_int_equal(layout_init(&l, ""), LL_EINVAL);
    char longer[PATH_MAX];
    memset(longer, 'a', sizeof longer - 1);
    longer[sizeof longer - 1] = 0;
    assert_int_equal(layout_init(&l, longer), LL_EINVAL);
}

static void mode_of(const char *path, unsigned want)
{
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, want);
}

static void creation(void **state)
{
    (void)state;
    scratch s;
    layout l;
    text why;
    scratch_init(&s);
    text_init(&why, NULL, 4096);
    assert_int_equal(layout_init(&l, scratch_path(&s, "data")), LL_OK);
    assert_int_equal(layout_create(&l, &why), LL_OK);
    assert_int_equal(layout_create(&l, &why), LL_OK);
    mode_of(l.root, 0700);
    mode_of(layout_of(&l, LAYOUT_VAULTS).string, 0700);
    mode_of(layout_of(&l, LAYOUT_TMP).string, 0700);
    mode_of(layout_of(&l, LAYOUT_TLS).string, 0700);
    assert_int_equal(chmod(l.root, 0755), 0);
    assert_int_equal(layout_create(&l, &why), LL_EDENIED);
    assert_non_null(strstr(text_str(&why), "chmod 700"));
    assert_int_equal(layout_init(&l, scratch_path(&s, "no/such/parent")), LL_OK);
    assert_int_equal(layout_create(&l, NULL), LL_ENOTFOUND);
    text_fini(&why);
    scratch_fini(&s);
}

static void the_lock_excludes(void **state)
{
    (void)state;
    scratch s;
    layout l;
    text why;
    int a, b;
    scratch_init(&s);
    text_init(&why, NULL, 4096);
    assert_int_equal(layout_init(&l, s.dir), LL_OK);
    assert_int_equal(layout_lock(&l, &a, &why), LL_OK);
    mode_of(layout_of(&l, LAYOUT_LOCK).string, 0600);
    assert_int_equal(layout_lock(&l, &b, &why), LL_EBUSY); /* another open file, as another process has */
    assert_int_equal(b, -1);
    char says[64];
    snprintf(says, sizeof says, "in use by process %ld", (long)getpid());
    assert_non_null(strstr(text_str(&why), says));
    layout_unlock(&a);
    assert_int_equal(layout_lock(&l, &b, &why), LL_OK);
    layout_unlock(&b);
    text_fini(&why);
    scratch_fini(&s);
}

static void vaults_go_with_their_tails(void **state)
{
    (void)state;
    static const char *const tails[] = {"", "-wal", "-shm"};
    scratch s;
    layout l;
    uint8_t id[KEYS_ID] = {1};
    scratch_init(&s);
    assert_int_equal(layout_init(&l, s.dir), LL_OK);
    assert_int_equal(layout_create(&l, NULL), LL_OK);
    char path[PATH_MAX + 8];
    for (int i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s%s", layout_vault(&l, id).string, tails[i]);
        close(open(path, O_CREAT | O_WRONLY, 0600));
    }
    assert_int_equal(layout_vault_remove(&l, id), LL_OK);
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(layout_vault_remove(&l, id), LL_ENOTFOUND);
    scratch_fini(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names),
        cmocka_unit_test(creation),
        cmocka_unit_test(the_lock_excludes),
        cmocka_unit_test(vaults_go_with_their_tails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
