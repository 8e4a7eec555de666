/* write_envelope.c - see write_envelope.h
 * SPDX-License-Identifier: MIT */
#include "imap/write_envelope.h"

#include "imap/response.h"

/* address = "(" addr-name SP addr-adl SP addr-mailbox SP addr-host ")" */
static void write_address(text *out, const mime_address *address)
{
    text_add_byte(out, '(');
    response_nstring(out, address->name);
    text_add_byte(out, ' ');
    response_nstring(out, address->route);
    text_add_byte(out, ' ');
    response_nstring(out, address->mailbox);
    text_add_byte(out, ' ');
    response_nstring(out, address->host);
    text_add_byte(out, ')');
}

/* env-from = "(" 1*address ")" / nil: no space between addresses */
static void write_list(text *out, const mime_address_list *list)
{
    if (!list->count) {
        text_add(out, SPAN(" NIL"));
        return;
    }
    text_add(out, SPAN(" ("));
    for (size_t i = 0; i < list->count; i++)
        write_address(out, &list->items[i]);
    text_add_byte(out, ')');
}

void write_envelope(text *out, const mime_envelope *envelope)
{
    static const mime_envelope none;
    const mime_envelope *e = envelope ? envelope : &none;
    text_add_byte(out, '(');
    response_nstring(out, e->date);
    text_add_byte(out, ' ');
    response_nstring(out, e->subject);
    const mime_address_list *lists[] = {&e->from, &e->sender, &e->reply_to, &e->to, &e->cc, &e->bcc};
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
        write_list(out, lists[i]);
    text_add_byte(out, ' ');
    response_nstring(out, e->in_reply_to);
    text_add_byte(out, ' ');
    response_nstring(out, e->message_id);
    text_add_byte(out, ')');
}
