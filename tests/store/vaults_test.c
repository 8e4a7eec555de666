/* vaults_test.c - the registry of unlocked vaults.
 * SPDX-License-Identifier: MIT */
#include "vault_fixture.h"

#include "store/vaults.h"

typedef struct answer {
    int count;
    ll_status status;
    vault *vault;
} answer;

static void note(void *ctx, ll_status status, vault *v)
{
    answer *a = ctx;
    a->count++;
    a->status = status;
    a->vault = v;
}

static void note_closed(void *ctx)
{
    *(bool *)ctx = true;
}

static void wait_for(fixture *f, const answer *a)
{
    while (!a->count)
        assert_true(fixture_pump(f));
}

/* Tick until the vault is locked again. */
static void wait_closed(fixture *f, vaults *all, uint64_t now_ms)
{
    for (int i = 0; i < 10000 && vaults_count(all); i++) {
        vaults_tick(all, now_ms);
        fixture_pump_ready(f);
        usleep(100);
    }
    assert_int_equal(vaults_count(all), 0);
    assert_int_equal(keyring_count(f->keyring), 0);
}

static void run(int workers)
{
    fixture f;
    vaults *all;
    answer a = {0}, b = {0}, wrong = {0};
    uint8_t other[KEYS_KEY] = {1};
    fixture_init(&f, workers);
    fixture_close(&f);
    assert_int_equal(vaults_new(&all, &f.config, 1000, 1), LL_OK);
    assert_null(vaults_find(all, f.alias));
    vaults_open(all, f.alias, f.path, f.key, 0, note, &a);
    vaults_open(all, f.alias, f.path, f.key, 0, note, &b);
    vaults_open(all, f.alias, f.path, other, 0, note, &wrong);
    wait_for(&f, &a);
    wait_for(&f, &b);
    wait_for(&f, &wrong);
    assert_int_equal(a.status, LL_OK);
    assert_int_equal(b.status, LL_OK);
    assert_ptr_equal(a.vault, b.vault); /* one opening */
    assert_int_equal(wrong.status, LL_EAUTH);
    assert_null(wrong.vault);
    vault *found = vaults_find(all, f.alias);
    assert_ptr_equal(found, a.vault);
    vaults_release(all, &found);

    uint8_t second[KEYS_ID] = {2};
    answer full = {0};
    vaults_open(all, second, f.path, f.key, 0, note, &full);
    assert_int_equal(full.status, LL_ELIMIT);

    vaults_tick(all, 5000);
    vaults_release(all, &a.vault);
    vaults_tick(all, 6000); /* b still holds it */
    assert_int_equal(vaults_count(all), 1);
    vaults_release(all, &b.vault);
    vaults_tick(all, 7000); /* idle from now */
    vaults_tick(all, 7999);
    assert_int_equal(vaults_count(all), 1);
    found = vaults_find(all, f.alias); /* still unlocked: delivery goes straight in */
    assert_non_null(found);
    vaults_tick(all, 8500);
    vaults_release(all, &found);
    vaults_tick(all, 9000); /* idle anew */
    vaults_tick(all, 9999);
    assert_int_equal(keyring_count(f.keyring), 1);
    vaults_tick(all, 10000);
    wait_closed(&f, all, 10000);
    assert_null(vaults_find(all, f.alias));

    /* At once, when somebody is to be locked out; and not under anybody's feet. */
    answer d = {0};
    assert_int_equal(vaults_lock(all, f.alias), LL_OK);
    vaults_open(all, f.alias, f.path, f.key, 0, note, &d);
    wait_for(&f, &d);
    assert_int_equal(vaults_lock(all, f.alias), LL_EBUSY);
    vaults_release(all, &d.vault);
    while (vaults_lock(all, f.alias)) {
        fixture_pump_ready(&f);
        usleep(100);
    }
    assert_int_equal(vaults_count(all), 0);
    assert_int_equal(keyring_count(f.keyring), 0);

    /* A wrong key, and again the right one, also while it is closing. */
    answer bad = {0}, again = {0};
    vaults_open(all, f.alias, f.path, other, 0, note, &bad);
    wait_for(&f, &bad);
    assert_int_equal(bad.status, LL_ECORRUPT);
    answer c = {0};
    vaults_open(all, f.alias, f.path, f.key, 0, note, &c);
    wait_for(&f, &c);
    vaults_release(all, &c.vault);
    vaults_tick(all, 20000);
    vaults_tick(all, 22000);
    vaults_open(all, f.alias, f.path, f.key, 0, note, &again);
    wait_for(&f, &again);
    assert_int_equal(again.status, LL_OK);
    assert_true(vault_key_is(again.vault, f.key));

    bool closed = false;
    vaults_close_all(all, note_closed, &closed);
    answer late = {0};
    vaults_open(all, f.alias, f.path, f.key, 0, note, &late);
    assert_int_equal(late.status, LL_ECLOSED);
    assert_false(closed);
    vaults_release(all, &again.vault);
    while (!closed)
        assert_true(fixture_pump(&f));
    assert_int_equal(keyring_count(f.keyring), 0);
    vaults_del(&all);
    fixture_open(&f);
    fixture_fini(&f);
}

static unsigned readers_idle(vault *v)
{
    pthread_mutex_lock(&v->mutex);
    unsigned count = v->readers.idle_count;
    pthread_mutex_unlock(&v->mutex);
    return count;
}

/* A session is there, but nothing happens: the vault lays down what it can make again, and goes on as before. */
static void rests(int workers)
{
    fixture f;
    vaults *all;
    answer a = {0};
    client c;
    fixture_init(&f, workers);
    fixture_close(&f);
    assert_int_equal(vaults_new(&all, &f.config, 1000000, 1), LL_OK);
    vaults_open(all, f.alias, f.path, f.key, 0, note, &a);
    wait_for(&f, &a);
    f.vault = a.vault;
    client_init(&c, &f);
    assert_int_equal(client_append(&c, "INBOX", "a", 0, NULL), LL_OK);
    assert_int_equal(client_open(&c, "INBOX", false), LL_OK);
    assert_int_equal(client_read(&c, 1, 0, 1), LL_OK);
    uint64_t work = vault_work(a.vault), now = 10000;
    for (int i = 0; i < 1000 && !readers_idle(a.vault); i++)
        usleep(1000);
    assert_true(readers_idle(a.vault) > 0);
    vaults_tick(all, now);
    vaults_tick(all, now + VAULTS_REST_MS - 1);
    usleep(2000);
    assert_true(readers_idle(a.vault) > 0);
    for (int i = 0; i < 1000 && readers_idle(a.vault); i++) {
        vaults_tick(all, now += VAULTS_REST_MS);
        usleep(1000);
    }
    assert_int_equal(readers_idle(a.vault), 0);
    assert_int_equal(vault_work(a.vault), work);
    assert_int_equal(client_read(&c, 1, 0, 1), LL_OK);
    assert_int_equal(client_append(&c, "INBOX", "b", 0, NULL), LL_OK);
    client_fini(&c);
    f.vault = NULL;
    vaults_release(all, &a.vault);
    bool closed = false;
    vaults_close_all(all, note_closed, &closed);
    while (!closed) {
        fixture_pump_ready(&f);
        vaults_tick(all, now);
        usleep(100);
    }
    vaults_del(&all);
    fixture_open(&f);
    fixture_fini(&f);
}

/* The fixture's vault and two more. */
static void make_room(int workers)
{
    fixture f;
    vaults *all;
    uint8_t ids[3][KEYS_ID] = {{0}, {7}, {8}};
    char paths[3][sizeof f.path + 8];
    fixture_init(&f, workers);
    fixture_close(&f);
    memcpy(ids[0], f.alias, KEYS_ID);
    for (int i = 0; i < 3; i++) {
        snprintf(paths[i], sizeof paths[i], "%s%s", f.path, i ? (i == 1 ? ".1" : ".2") : "");
        if (i)
            assert_int_equal(vault_create(paths[i], f.key, ids[i], f.drop_public, f.drop_secret, NULL), LL_OK);
    }
    assert_int_equal(vaults_new(&all, &f.config, 60000, 2), LL_OK);
    answer answers[3] = {{0}}, full = {0}, back = {0};
    for (int i = 0; i < 2; i++) {
        vaults_open(all, ids[i], paths[i], f.key, 0, note, &answers[i]);
        wait_for(&f, &answers[i]);
    }
    vaults_open(all, ids[2], paths[2], f.key, 0, note, &full); /* both are in use */
    wait_for(&f, &full);
    assert_int_equal(full.status, LL_ELIMIT);
    vaults_release(all, &answers[1].vault);
    vaults_tick(all, 1000);
    vaults_release(all, &answers[0].vault);
    vaults_tick(all, 2000);
    vaults_open(all, ids[2], paths[2], f.key, 0, note, &answers[2]); /* the one longest idle goes, within its grace */
    wait_for(&f, &answers[2]);
    assert_int_equal(answers[2].status, LL_OK);
    while (vaults_count(all) > 2)
        fixture_pump_ready(&f);
    assert_null(vaults_find(all, ids[1]));
    vault *stays = vaults_find(all, ids[0]);
    assert_non_null(stays);
    vaults_open(all, ids[1], paths[1], f.key, 0, note, &back); /* nobody is idle now */
    wait_for(&f, &back);
    assert_int_equal(back.status, LL_ELIMIT);
    vaults_release(all, &stays);
    vaults_release(all, &answers[2].vault);
    bool closed = false;
    vaults_close_all(all, note_closed, &closed);
    while (!closed)
        assert_true(fixture_pump(&f));
    vaults_del(&all);
    fixture_open(&f);
    fixture_fini(&f);
}

static void test_room_at_once(void **state)
{
    (void)state;
    make_room(0);
}

static void test_room_threads(void **state)
{
    (void)state;
    make_room(2);
}

static void test_at_once(void **state)
{
    (void)state;
    run(0);
}

static void test_threads(void **state)
{
    (void)state;
    run(2);
}

static void test_rest_at_once(void **state)
{
    (void)state;
    rests(0);
}

static void test_rest_threads(void **state)
{
    (void)state;
    rests(2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rest_at_once), cmocka_unit_test(test_rest_threads),
                                       cmocka_unit_test(test_at_once),      cmocka_unit_test(test_threads),
                                       cmocka_unit_test(test_room_at_once), cmocka_unit_test(test_room_threads)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
