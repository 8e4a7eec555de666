/* write_flags.c - see write_flags.h
 * SPDX-License-Identifier: MIT */
#include "imap/write_flags.h"

#include "base/span.h"
#include "imap/response.h"

static void note(write_flags *w, const uidset *set, ll_span name)
{
    if (!set)
        return;
    w->flags[w->count].set = set;
    w->flags[w->count++].name = name;
}

void write_flags_init(write_flags *w, const snapshot *snap)
{
    static const char *const system[LL_FLAG_KEYWORD] = {
        [LL_FLAG_SEEN] = "\\Seen",       [LL_FLAG_ANSWERED] = "\\Answered", [LL_FLAG_FLAGGED] = "\\Flagged",
        [LL_FLAG_DELETED] = "\\Deleted", [LL_FLAG_DRAFT] = "\\Draft",
    };
    w->snap = snap;
    w->count = 0;
    w->ghosts = snapshot_has_ghosts(snap);
    for (unsigned n = 0; n < LL_FLAG_KEYWORD; n++)
        note(w, view_flag(snap->view, n), span_str(system[n]));
    note(w, snap->recent, SPAN("\\Recent"));
    for (unsigned n = 0; n < ll_view_keywords(snap->view); n++)
        note(w, view_flag(snap->view, LL_FLAG_KEYWORD + n), ll_view_keyword(snap->view, n));
}

/* A ghost is in no set of the view: its last flags are kept elsewhere. */
static void add_ghost(const write_flags *w, uint32_t uid, text *out)
{
    ll_flags flags;
    if (!snapshot_flags(w->snap, uid, &flags))
        flags = (ll_flags){{0}};
    response_flags(out, w->snap->view, &flags, snapshot_recent(w->snap, uid));
}

void write_flags_add(const write_flags *w, uint32_t uid, text *out)
{
    bool first = true;
    if (w->ghosts && !ll_view_has(w->snap->view, uid)) {
        add_ghost(w, uid, out);
        return;
    }
    text_add_byte(out, '(');
    for (unsigned i = 0; i < w->count; i++) {
        if (!uidset_has(w->flags[i].set, uid))
            continue;
        if (!first)
            text_add_byte(out, ' ');
        first = false;
        text_add(out, w->flags[i].name);
    }
    text_add_byte(out, ')');
}
