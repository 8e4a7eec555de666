/* special.c - see special.h
 * SPDX-License-Identifier: MIT */
#include "imap/special.h"

static const struct {
    const char *name;
    unsigned bit;
} names[] = {
    {"\\NonExistent", LL_MAILBOX_NONEXISTENT},
    {"\\Noselect", LL_MAILBOX_NOSELECT},
    {"\\Noinferiors", LL_MAILBOX_NOINFERIORS},
    {"\\Marked", LL_MAILBOX_MARKED},
    {"\\Unmarked", LL_MAILBOX_UNMARKED},
    {"\\Subscribed", LL_MAILBOX_SUBSCRIBED},
    {"\\All", LL_MAILBOX_ALL},
    {"\\Archive", LL_MAILBOX_ARCHIVE},
    {"\\Drafts", LL_MAILBOX_DRAFTS},
    {"\\Flagged", LL_MAILBOX_FLAGGED},
    {"\\Junk", LL_MAILBOX_JUNK},
    {"\\Sent", LL_MAILBOX_SENT},
    {"\\Trash", LL_MAILBOX_TRASH},
    {"\\Important", LL_MAILBOX_IMPORTANT},
};
enum { names_count = sizeof names / sizeof names[0] };

unsigned special_attribute(ll_span flag)
{
    for (unsigned i = 0; i < names_count; i++)
        if (names[i].bit & LL_MAILBOX_SPECIAL && span_equal_nocase(flag, span_str(names[i].name)))
            return names[i].bit;
    return 0;
}

void special_add_names(text *out, unsigned attributes, bool *first)
{
    for (unsigned i = 0; i < names_count; i++) {
        if (!(attributes & names[i].bit))
            continue;
        if (!*first)
            text_add_byte(out, ' ');
        *first = false;
        text_add_str(out, names[i].name);
    }
}
