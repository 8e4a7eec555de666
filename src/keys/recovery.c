/* recovery.c - see recovery.h
 * SPDX-License-Identifier: MIT */
#include "keys/recovery.h"

#include "base/memory.h"
#include "keys/derive.h"
#include "keys/random.h"

#include <sodium.h>

enum { SYMBOLS = 36, CODE_SYMBOLS = 32, GROUP = 4 };

static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

void recovery_make(uint8_t code[RECOVERY_CODE])
{
    random_bytes(code, RECOVERY_CODE);
}

/* The code, then the first 20 bits of its digest (in three bytes, the last half used). */
static void with_check(const uint8_t code[RECOVERY_CODE], uint8_t out[RECOVERY_CODE + 3])
{
    uint8_t digest[32];
    uint8_t named[8 + RECOVERY_CODE] = {'r', 'e', 'c', 'o', 'v', 'e', 'r', 'y'};
    memcpy(named + 8, code, RECOVERY_CODE);
    derive_digest((ll_span){NULL, 0}, derive_span(named, sizeof named), digest);
    memcpy(out, code, RECOVERY_CODE);
    memcpy(out + RECOVERY_CODE, digest, 3);
    memory_wipe(named, sizeof named);
    memory_wipe(digest, sizeof digest);
}

/* Symbol n is bits 5n to 5n + 4, the highest bit first. */
static unsigned symbol_at(const uint8_t *bytes, size_t n)
{
    size_t bit = 5 * n;
    unsigned pair = (unsigned)bytes[bit / 8] << 8 | (bit / 8 + 1 < RECOVERY_CODE + 3 ? bytes[bit / 8 + 1] : 0u);
    return pair >> (11 - bit % 8) & 31;
}

void recovery_print(const uint8_t code[RECOVERY_CODE], char out[RECOVERY_TEXT + 1])
{
    uint8_t bytes[RECOVERY_CODE + 3];
    with_check(code, bytes);
    size_t at = 0;
    for (size_t n = 0; n < SYMBOLS; n++) {
        if (n && n % GROUP == 0)
            out[at++] = '-';
        out[at++] = alphabet[symbol_at(bytes, n)];
    }
    out[at] = '\0';
    memory_wipe(bytes, sizeof bytes);
}

/* The value of a typed character; -1: to be passed over; -2: cannot stand in a code. */
static int symbol_value(char c)
{
    c = ascii_upper(c);
    if (c == ' ' || c == '-' || c == '\t' || c == '\r' || c == '\n')
        return -1;
    if (c == 'O')
        c = '0';
    if (c == 'I' || c == 'L')
        c = '1';
    const char *found = c ? strchr(alphabet, c) : NULL;
    return found ? (int)(found - alphabet) : -2;
}

static bool read_symbols(ll_span typed, uint8_t symbols[SYMBOLS])
{
    size_t n = 0;
    for (size_t i = 0; i < typed.size; i++) {
        int value = symbol_value(typed.data[i]);
        if (value == -1)
            continue;
        if (value < 0 || n == SYMBOLS)
            return false;
        symbols[n++] = (uint8_t)value;
    }
    return n == SYMBOLS;
}

ll_status recovery_parse(ll_span typed, uint8_t code[RECOVERY_CODE])
{
    uint8_t symbols[SYMBOLS], bytes[RECOVERY_CODE + 3] = {0};
    uint32_t bits = 0;
    size_t held = 0, at = 0;
    bool good = read_symbols(typed, symbols);
    for (size_t n = 0; good && n < CODE_SYMBOLS; n++) {
        bits = bits << 5 | symbols[n];
        held += 5;
        if (held >= 8) {
            held -= 8;
            code[at++] = (uint8_t)(bits >> held);
        }
    }
    if (good) {
        with_check(code, bytes);
        for (size_t n = CODE_SYMBOLS; n < SYMBOLS; n++)
            good = symbol_at(bytes, n) == symbols[n] && good;
    }
    if (!good)
        memory_wipe(code, RECOVERY_CODE);
    memory_wipe(symbols, sizeof symbols);
    memory_wipe(bytes, sizeof bytes);
    memory_wipe(&bits, sizeof bits);
    return good ? LL_OK : LL_ESYNTAX;
}
