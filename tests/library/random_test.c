/* random_test.c - a vault's randomness comes from where libsodium is told to take it: with the same numbers two vaults
 * begin with the same salt, with the kernel's they do not.
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
    rmdir(folder);
    return 0;
}
