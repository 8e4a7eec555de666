/* write_envelope.c - see write_envelope.h
 * SPDX-License-Identifier: MIT */
#include "imap/write_envelope.h"

#include "imap/response.h"

/* address = "(" addr-name SP addr-adl SP addr-mailbox SP addr-host ")" */
static void write_address(text *out, const mime_address *address, bool utf8)
{
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
