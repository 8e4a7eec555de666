/* search_mail.h - the mail of search_test.c: made by dice from `seed`, in all the ways that hide a text from a search.
 * SPDX-License-Identifier: MIT */
#ifndef TESTS_STORE_SEARCH_MAIL_H
#define TESTS_STORE_SEARCH_MAIL_H

#include "base/text.h"

#include <stdio.h>

static uint64_t seed;

static uint32_t dice(uint32_t n)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(seed >> 33) % n;
}

static const char *const words[] = {"alpha",
                                    "Beta",
                                    "GAMMA",
                                    "invoice",
                                    "Rechnung",
                                    "Stra\xc3\x9f"
                                    "e",
                                    "don't",
                                    "caf\xc3\xa9",
                                    "cafe\xcc\x81",
                                    "x-y_z",
                                    "2024-11-24",
                                    "a",
                                    "i",
                                    "foo.bar",
                                    "\xd0\x9f\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82",
                                    "\xe6\x9d\xb1\xe4\xba\xac\xe9\x83\xbd\xe3\x80\x82\xe5\xa4\xa7\xe9\x98\xaa",
                                    "\xef\xbc\xa1\xef\xbc\xa2",
                                    "\xe2\x80\x9cquoted\xe2\x80\x9d",
                                    "dash\xe2\x80\x94"
                                    "dash",
                                    "\xef\xac\x81"
                                    "fty",
                                    "s\xcc\xa3\xcc\x87",
                                    "s\xcc\x87\xcc\xa3",
                                    "\xf0\x9f\x98\x80",
                                    "\xe1\x84\x80\xe1\x85\xa1",
                                    "\xea\xb0\x80",
                                    "\xc2\xa0nbsp",
                                    "zero\xe2\x80\x8bwidth",
                                    "http://example.com/?q=1&r=a%20b",
                                    "joe@example.com",
                                    "==",
                                    "\xcc\x81",
                                    "-- "};

static void add_word(text *out)
{
    if (dice(12) == 0) {
        static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
        for (uint32_t n = 1 + dice(9); n; n--)
            text_add_byte(out, letters[dice(36)]);
    } else {
        text_add_str(out, words[dice(sizeof words / sizeof *words)]);
    }
}

static void add_words(text *out, uint32_t count)
{
    static const char *const gaps[] = {" ", " ", " ", ", ", ". ", "", "\r\n", "; ", "\t"};
    while (count--) {
        add_word(out);
        text_add_str(out, gaps[dice(9)]);
    }
}

/* A run that no term can hold, or nearly. */
static void add_long(text *out)
{
    for (uint32_t n = 4000 + dice(200); n; n--)
        text_add_byte(out, (char)('a' + dice(26)));
    text_add_str(out, " after\r\n");
}

static void add_base64(text *out, ll_span bytes)
{
    static const char code[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < bytes.size; i += 3) {
        uint32_t three = 0;
        for (size_t n = 0; n < 3; n++)
            three = three << 8 | (i + n < bytes.size ? (uint8_t)bytes.data[i + n] : 0u);
        for (size_t n = 0; n < 4; n++)
            text_add_byte(out, i + n <= bytes.size ? code[three >> (18 - 6 * n) & 63] : '=');
        if (i % 57 == 54)
            text_add_str(out, "\r\n");
    }
}

static void add_quoted(text *out, ll_span bytes)
{
    for (size_t i = 0; i < bytes.size; i++) {
        unsigned char c = (unsigned char)bytes.data[i];
        if (c == '=' || c >= 0x80 || dice(20) == 0)
            text_print(out, "=%02X", c);
        else
            text_add_byte(out, (char)c);
        if (i % 60 == 59)
            text_add_str(out, "=\r\n");
    }
}

/* Header fields of a text part, the blank line, the body. */
static void add_text_part(text *out)
{
    text body;
    text_init(&body, NULL, 1 << 20);
    bool html = dice(3) == 0, latin = dice(6) == 0;
    if (html)
        text_add_str(&body, "<html><body><p class=\"klass\">");
    add_words(&body, 5 + dice(60));
    if (html)
        text_add_str(&body, "in<b>ner</b> &eacute;t&eacute; &amp; </p><img alt=\"picture words\"></body>");
    if (dice(25) == 0)
        add_long(&body);
    if (dice(25) == 0)
        for (int i = 0; i < 400; i++)
            add_words(&body, 10);
    if (dice(30) == 0)
        for (int i = 0; i < 9000; i++) /* over the piece that is folded at a time, without a place to cut */
            text_add_str(&body, i % 2 ? "\xe6\x9d\xb1" : "\xe4\xba\xac");
    text_print(out, "Content-Type: text/%s; charset=%s\r\nX-Part: %u part\r\n", html ? "html" : "plain",
               latin ? "iso-8859-1" : "utf-8", dice(1000));
    switch (dice(3)) {
    case 0:
        text_add_str(out, "Content-Transfer-Encoding: base64\r\n\r\n");
        add_base64(out, text_span(&body));
        break;
    case 1:
        text_add_str(out, "Content-Transfer-Encoding: quoted-printable\r\n\r\n");
        add_quoted(out, text_span(&body));
        break;
    default:
        text_add_str(out, "\r\n");
        text_add(out, text_span(&body));
    }
    text_fini(&body);
}

static void add_message(text *out, unsigned depth);

static void add_content(text *out, unsigned depth)
{
    if (depth > 2 || dice(2)) {
        add_text_part(out);
        return;
    }
    char mark = (char)('a' + depth);
    text_print(out, "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"b%c\"\r\n\r\npreamble words\r\n",
               mark);
    for (uint32_t n = 1 + dice(3); n; n--) {
        text_print(out, "--b%c\r\n", mark);
        if (dice(4) == 0) {
            text_add_str(out, "Content-Type: message/rfc822\r\n\r\n");
            add_message(out, depth + 1);
        } else if (dice(5) == 0) {
            text_add_str(out, "Content-Type: application/octet-stream\r\nX-File: secretname\r\n\r\nnotsearched binary");
        } else {
            add_content(out, depth + 1);
        }
        text_add_str(out, "\r\n");
    }
    text_print(out, "--b%c--\r\nepilogue words\r\n", mark);
}

static void add_field(text *out, const char *name, uint32_t count)
{
    text_print(out, "%s: ", name);
    while (count--) {
        if (dice(5) == 0)
            text_add_str(out, "=?utf-8?q?gr=C3=BC=C3=9Fe_encoded?=");
        else
            add_word(out);
        text_add_str(out, dice(6) ? " " : "\r\n ");
    }
    text_add_str(out, "\r\n");
}

static void add_addresses(text *out, const char *name)
{
    text_print(out, "%s: ", name);
    for (uint32_t n = 1 + dice(3); n; n--)
        text_print(out, "\"%s, Joe\" <u%u.x@host%u.example.org>%s", dice(2) ? "Doe" : "M\xc3\xbcller", dice(50),
                   dice(9), n > 1 ? ", " : "");
    text_add_str(out, "\r\n");
}

static void add_message(text *out, unsigned depth)
{
    if (dice(30)) {
        add_addresses(out, "From");
        if (dice(3))
            add_addresses(out, "To");
        if (dice(3) == 0)
            add_addresses(out, "cc");
        if (dice(9) == 0)
            add_addresses(out, "Bcc");
        add_field(out, "Subject", dice(8));
        if (dice(4))
            text_print(out, "Date: Mon, %u Nov 2023 23:30:00 -0500\r\n", 1 + dice(28));
        text_print(out, "Message-ID: <m%u.%u@host.example>\r\n", dice(100), dice(1000000));
        if (dice(2))
            text_print(out, "References: <m%u.1@host.example> <m%u.2@host.example>\r\n", dice(100), dice(100));
        add_field(out, dice(2) ? "X-Thing" : "x-other", 1 + dice(5));
        if (dice(4) == 0)
            text_add_str(out, "X-Empty:\r\n");
    }
    if (dice(20))
        add_content(out, depth);
    else
        text_add_str(out, "\r\n\xff\xfe raw bytes \x1b$B not much\r\n");
}

#endif
