/* write_envelope.c - see write_envelope.h
 * SPDX-License-Identifier: MIT */
#include "imap/write_envelope.h"

#include "imap/response.h"

/* The same if no string of it needs more than quotes, which is nearly always: at once. */
static bool write_plain(text *out, const mime_address *address)
{
    const ll_span strings[] = {address->name, address->route, address->mailbox, address->host};
    enum { count = sizeof strings / sizeof *strings };
    size_t room = 1;
    for (size_t i = 0; i < count; i++)
        room += strings[i].size + response_plain_spare + 1;
    char *start = text_grow(out, room), *to = start;
    for (size_t i = 0; to && i < count; i++) {
        *to++ = i ? ' ' : '(';
        to = response_put_plain(to, strings[i]);
    }
    if (!to)
        return false;
    *to++ = ')';
    text_grown(out, (size_t)(to - start));
    return true;
}

/* address = "(" addr-name SP addr-adl SP addr-mailbox SP addr-host ")" */
static void write_address(text *out, const mime_address *address, bool utf8)
{
    if (write_plain(out, address))
        return;
    text_add_byte(out, '(');
    response_nstring_as(out, address->name, utf8);
    text_add_byte(out, ' ');
    response_nstring_as(out, address->route, utf8);
    text_add_byte(out, ' ');
    response_nstring_as(out, address->mailbox, utf8);
    text_add_byte(out, ' ');
    response_nstring_as(out, address->host, utf8);
    text_add_byte(out, ')');
}

/* env-from = "(" 1*address ")" / nil: no space between addresses */
static void write_list(text *out, const mime_address_list *list, bool utf8)
{
    if (!list->count) {
        text_add(out, SPAN(" NIL"));
        return;
    }
    text_add(out, SPAN(" ("));
    for (size_t i = 0; i < list->count; i++)
        write_address(out, &list->items[i], utf8);
    text_add_byte(out, ')');
}

void write_envelope(text *out, const mime_envelope *envelope, bool utf8)
{
    static const mime_envelope none;
    const mime_envelope *e = envelope ? envelope : &none;
    text_add_byte(out, '(');
    response_nstring_as(out, e->date, utf8);
    text_add_byte(out, ' ');
    response_nstring_as(out, e->subject, utf8);
    const mime_address_list *lists[] = {&e->from, &e->sender, &e->reply_to, &e->to, &e->cc, &e->bcc};
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
        write_list(out, lists[i], utf8);
    text_add_byte(out, ' ');
    response_nstring_as(out, e->in_reply_to, utf8);
    text_add_byte(out, ' ');
    response_nstring_as(out, e->message_id, utf8);
    text_add_byte(out, ')');
}
