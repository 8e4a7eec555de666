/* search_part.c - see search_part.h
 * SPDX-License-Identifier: MIT */
#include "imap/search_part.h"

static void look(void *ctx, bool as_read, ll_span utf8)
{
    search_part *p = ctx;
    p->found = search_text_push(as_read ? &p->read : &p->plain, utf8) || p->found;
}

ll_status search_part_open(search_part *p, const ll_allocator *allocator, const mime_part *part,
                           search_needle *const *needles, size_t count)
{
    search_text_init(&p->plain, allocator, needles, count);
    search_text_init(&p->read, allocator, needles, count);
    return mime_readable_open(&p->text, allocator, part, look, p);
}

void search_part_close(search_part *p)
{
    mime_readable_close(&p->text);
    search_text_fini(&p->plain);
    search_text_fini(&p->read);
}

bool search_part_push(search_part *p, ll_span bytes)
{
    p->found = false;
    if (!search_part_status(p))
        mime_readable_push(&p->text, bytes);
    return p->found;
}

bool search_part_end(search_part *p)
{
    p->found = false;
    if (search_part_status(p))
        return false;
    mime_readable_end(&p->text);
    bool found = search_text_end(&p->plain) || p->found;
    return search_text_end(&p->read) || found;
}

ll_status search_part_status(const search_part *p)
{
    ll_status status = mime_readable_status(&p->text);
    if (!status)
        status = search_text_status(&p->plain);
    return status ? status : search_text_status(&p->read);
}
