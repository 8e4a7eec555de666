/* status.c - the status table of the public header.
 * SPDX-License-Identifier: MIT */
#include "letterlock.h"

typedef struct status_row {
    int value;
    const char *name, *text, *imap;
    int smtp;
    const char *enhanced;
    int http;
} status_row;

static const status_row rows[] = {
#define X(name, value, text, imap, smtp, enhanced, http) {value, #name, text, imap, smtp, enhanced, http},
    LL_STATUS_TABLE(X)
#undef X
};

static const status_row *row_of(ll_status status)
{
    const status_row *io = rows;
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].value == (int)status)
            return &rows[i];
        if (rows[i].value == LL_EIO)
            io = &rows[i];
    }
    return io;
}

const char *ll_status_name(ll_status status)
{
    return row_of(status)->name;
}

const char *ll_status_text(ll_status status)
{
    return row_of(status)->text;
}

const char *ll_status_imap(ll_status status)
{
    return row_of(status)->imap;
}

int ll_status_smtp(ll_status status)
{
    return row_of(status)->smtp;
}

const char *ll_status_enhanced(ll_status status)
{
    return row_of(status)->enhanced;
}

int ll_status_http(ll_status status)
{
    return row_of(status)->http;
}
