/* sample.c - see sample.h
 * SPDX-License-Identifier: MIT */
#include "sample.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* Body sizes in KB of sixteen messages that follow each other. */
static const unsigned char sizes_kb[16] = {2, 6, 3, 16, 1, 4, 10, 2, 48, 5, 3, 8, 4, 24, 6, 12};

static const char *const words[64] = {
    "letter",  "answer",    "about",    "meeting", "tomorrow", "please",  "project", "invoice", "attached", "kind",
    "regards", "because",   "before",   "between", "country",  "during",  "enough",  "family",  "friend",   "garden",
    "happen",  "important", "journey",  "little",  "machine",  "morning", "nothing", "number",  "office",   "people",
    "perhaps", "place",     "possible", "problem", "rather",   "reason",  "report",  "river",   "school",   "second",
    "small",   "something", "station",  "street",  "summer",   "system",  "table",   "their",   "there",    "think",
    "thought", "through",   "together", "toward",  "under",    "until",   "village", "water",   "weather",  "window",
    "winter",  "without",   "world",    "years"};

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* Half of the words are common ones, the others are made of the beginnings of two and are rare each: a vocabulary of
 * some thousand, as mail has. */
static size_t add_word(char *to, uint64_t *random)
{
    uint64_t bits = next_random(random);
    const char *word = words[bits & 63];
    if (bits >> 6 & 1) {
        size_t length = strlen(word);
        memcpy(to, word, length);
        return length;
    }
    memcpy(to, word, 4);
    memcpy(to + 4, words[bits >> 7 & 63], 3);
    memcpy(to + 7, words[bits >> 13 & 63] + 1, 3);
    return 10;
}

/* Lines of words, about `size` bytes. */
static char *add_text(char *to, size_t size, uint64_t *random)
{
    const char *end = to + size;
    size_t column = 0;
    while (to < end) {
        if (column > 60) {
            memcpy(to, "\r\n", 2);
            to += 2;
            column = 0;
        }
        size_t length = add_word(to, random);
        to[length] = ' ';
        to += length + 1;
        column += length + 1;
    }
    memcpy(to, "\r\n", 2);
    return to + 2;
}

/* Words that stand nowhere else, for searches: in every tenth, hundredth and thousandth message. */
static char *add_needles(char *to, unsigned long number)
{
    return to + sprintf(to, "Dear reader%s%s%s,\r\n", number % 10 ? "" : " quicksilvery",
                        number % 100 ? "" : " xylophonist", number % 1000 ? "" : " zephyrously");
}

/* Lines of base64, about `size` bytes. */
static char *add_base64(char *to, size_t size, uint64_t *random)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t lines = size / 78 + 1; lines; lines--) {
        for (int i = 0; i < 76; i += 4) {
            uint64_t bits = next_random(random);
            for (int k = 0; k < 4; k++, bits >>= 6)
                *to++ = alphabet[bits & 63];
        }
        memcpy(to, "\r\n", 2);
        to += 2;
    }
    return to;
}

size_t sample_make(unsigned long number, char *to)
{
    uint64_t random = number * 0x9e3779b97f4a7c15u + 0x1234567;
    size_t size = sizes_kb[number % 16] * (size_t)1024;
    char *at = to;
    for (int i = 0; i < 4; i++)
        next_random(&random);
    at += sprintf(at,
                  "From: Sender %lu <sender%lu@elsewhere.example>\r\nTo: Owner <owner@example.com>\r\n"
                  "Subject: %s %s %s %lu\r\nDate: Mon, 1 Jan 2024 %02lu:%02lu:%02lu +0000\r\n"
                  "Message-ID: <%016llx.%lu@elsewhere.example>\r\nMIME-Version: 1.0\r\n",
                  number % 97, number % 97, words[number % 64], words[next_random(&random) % 64],
                  words[number / 64 % 64], number, number / 3600 % 24, number / 60 % 60, number % 60,
                  (unsigned long long)next_random(&random), number);
    if (number % 4 != 3) {
        at += sprintf(at, "Content-Type: text/plain; charset=utf-8\r\n\r\n");
        at = add_needles(at, number);
        return (size_t)(add_text(at, size, &random) - to);
    }
    at += sprintf(at,
                  "Content-Type: multipart/mixed; boundary=\"b%lu\"\r\n\r\n--b%lu\r\nContent-Type: text/plain\r\n\r\n",
                  number, number);
    at = add_needles(at, number);
    at = add_text(at, 1024, &random);
    at += sprintf(at,
                  "--b%lu\r\nContent-Type: application/octet-stream; name=\"f%lu.bin\"\r\n"
                  "Content-Transfer-Encoding: base64\r\n\r\n",
                  number, number);
    at = add_base64(at, size, &random);
    at += sprintf(at, "--b%lu--\r\n", number);
    return (size_t)(at - to);
}
