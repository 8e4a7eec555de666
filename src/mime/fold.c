/* fold.c - see fold.h
 * SPDX-License-Identifier: MIT */
#include "mime/fold.h"

#include "base/utf.h"

void mime_fold_init(mime_fold *f, const ll_allocator *allocator)
{
    text_init(&f->held, allocator, mime_fold_piece + mime_fold_joined);
}

void mime_fold_fini(mime_fold *f)
{
    text_fini(&f->held);
}

/* Where held text may be cut: behind an ASCII character that is followed by another one, if there is such a place near
 * its end. */
static size_t cut_of(const mime_fold *f)
{
    size_t size = f->held.size, low = size > mime_fold_joined ? size - mime_fold_joined : 0;
    for (size_t at = size; at > low + 1; at--)
        if (!(f->held.data[at - 1] & 0x80) && !(f->held.data[at - 2] & 0x80))
            return at - 1;
    for (size_t at = size; at > low + 1; at--) /* at least not within a character */
        if ((f->held.data[at - 1] & 0xc0) != 0x80)
            return at - 1;
    return size;
}

bool mime_fold_push(mime_fold *f, ll_span *utf8, text *out)
{
    if (!utf8->size || mime_fold_status(f))
        return false;
    ll_span part = span_first(*utf8, f->held.size < mime_fold_piece ? mime_fold_piece - f->held.size : 0);
    text_add(&f->held, part);
    *utf8 = span_from(*utf8, part.size);
    if (f->held.size >= mime_fold_piece) {
        size_t size = cut_of(f);
        utf_fold(out, span_first(text_span(&f->held), size));
        text_drop(&f->held, size);
    }
    return utf8->size && !mime_fold_status(f);
}

void mime_fold_end(mime_fold *f, text *out)
{
    utf_fold(out, text_span(&f->held));
    text_clear(&f->held);
}

ll_status mime_fold_status(const mime_fold *f)
{
    return text_status(&f->held);
}
