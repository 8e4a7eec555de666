/* change.c - see change.h
 * SPDX-License-Identifier: MIT */
#include "store/change.h"

#include "base/memory.h"
#include "base/span.h"

typedef enum edit_kind { EDIT_ADD, EDIT_REMOVE, EDIT_FLAGS, EDIT_KEYWORD } edit_kind;

struct change_edit {
    edit_kind kind;
    ll_flags_op op;
    ll_range range;
    ll_flags flags;
    char *name; /* of EDIT_KEYWORD, owned */
    size_t name_size;
};

change *change_of(change_list *list, int64_t mailbox, uint64_t modseq)
{
    for (change *c = list->first; c; c = c->next)
        if (c->mailbox == mailbox)
            return c;
    change *made = memory_new(NULL, sizeof *made);
    if (!made)
        return NULL;
    made->mailbox = mailbox;
    made->modseq = modseq;
    change_list_append(list, made);
    return made;
}

static change_edit *edit_new(change *c)
{
    if (c->count == c->room) {
        size_t more = c->room ? c->room * 2 : 4;
        change_edit *grown = memory_resize(NULL, c->edits, more * sizeof *grown);
        if (!grown)
            return NULL;
        c->edits = grown;
        c->room = more;
    }
    change_edit *edit = &c->edits[c->count++];
    memset(edit, 0, sizeof *edit);
    return edit;
}

/* With which the next may be merged. */
static change_edit *last_edit(change *c)
{
    return c->count > c->asked ? &c->edits[c->count - 1] : NULL;
}

ll_status change_add(change *c, uint32_t uid, const ll_flags *flags)
{
    c->added = true;
    change_edit *last = last_edit(c);
    if (last && last->kind == EDIT_ADD && last->range.last == uid - 1 && ll_flags_equal(&last->flags, flags)) {
        last->range.last = uid;
        return LL_OK;
    }
    change_edit *edit = edit_new(c);
    if (!edit)
        return LL_ENOMEM;
    edit->kind = EDIT_ADD;
    edit->range = (ll_range){uid, uid};
    edit->flags = *flags;
    return LL_OK;
}

ll_status change_remove(change *c, uint32_t uid)
{
    c->expunged = true;
    change_edit *last = last_edit(c);
    if (last && last->kind == EDIT_REMOVE && last->range.last == uid - 1) {
        last->range.last = uid;
        return LL_OK;
    }
    change_edit *edit = edit_new(c);
    if (!edit)
        return LL_ENOMEM;
    edit->kind = EDIT_REMOVE;
    edit->range = (ll_range){uid, uid};
    return LL_OK;
}

ll_status change_flags(change *c, ll_range range, ll_flags_op op, const ll_flags *flags)
{
    change_edit *last = last_edit(c);
    if (last && last->kind == EDIT_FLAGS && last->op == op && last->range.last == range.first - 1 &&
        ll_flags_equal(&last->flags, flags)) {
        last->range.last = range.last;
        return LL_OK;
    }
    change_edit *edit = edit_new(c);
    if (!edit)
        return LL_ENOMEM;
    edit->kind = EDIT_FLAGS;
    edit->op = op;
    edit->range = range;
    edit->flags = *flags;
    return LL_OK;
}

ll_status change_keyword(change *c, ll_span name)
{
    char *copy = memory_new(NULL, name.size + 1);
    change_edit *edit = copy ? edit_new(c) : NULL;
    if (!edit) {
        memory_free(NULL, copy);
        return LL_ENOMEM;
    }
    memcpy(copy, name.data, name.size);
    edit->kind = EDIT_KEYWORD;
    edit->name = copy;
    edit->name_size = name.size;
    return LL_OK;
}

static ll_status edit_apply(const change_edit *edit, ll_view *view)
{
    unsigned number;
    switch (edit->kind) {
    case EDIT_ADD:
        return ll_view_add_range(view, edit->range, &edit->flags);
    case EDIT_REMOVE:
        return ll_view_remove(view, edit->range);
    case EDIT_FLAGS:
        return ll_view_flags_change(view, edit->range, edit->op, &edit->flags);
    case EDIT_KEYWORD:
        return ll_view_keyword_add(view, span_of(edit->name, edit->name_size), &number);
    }
    return LL_ECORRUPT;
}

size_t change_touched(change *c, ll_range *out, size_t room)
{
    size_t count = 0;
    for (; c->asked < c->count; c->asked++) {
        const change_edit *edit = &c->edits[c->asked];
        if (edit->kind != EDIT_ADD && edit->kind != EDIT_FLAGS)
            continue;
        ll_range *last = count ? &out[count - 1] : NULL;
        if (!last || (count < room && last->last + 1 != edit->range.first)) {
            out[count++] = edit->range;
            continue;
        }
        last->first = edit->range.first < last->first ? edit->range.first : last->first;
        last->last = edit->range.last > last->last ? edit->range.last : last->last;
    }
    return count;
}

uint64_t change_messages(const change *c)
{
    uint64_t count = 0;
    for (size_t i = 0; i < c->count; i++)
        if (c->edits[i].kind != EDIT_KEYWORD)
            count += (uint64_t)c->edits[i].range.last - c->edits[i].range.first + 1;
    return count;
}

ll_status change_apply(const change *c, ll_view *view)
{
    for (size_t i = 0; i < c->count; i++) {
        ll_status status = edit_apply(&c->edits[i], view);
        if (status)
            return status == LL_ENOMEM ? status : LL_ECORRUPT;
    }
    return LL_OK;
}

void change_list_append(change_list *list, change *c)
{
    c->next = NULL;
    if (list->last)
        list->last->next = c;
    else
        list->first = c;
    list->last = c;
}

void change_list_join(change_list *list, change_list *from)
{
    if (!from->first)
        return;
    if (list->last)
        list->last->next = from->first;
    else
        list->first = from->first;
    list->last = from->last;
    *from = (change_list){NULL, NULL};
}

change *change_list_take(change_list *list)
{
    change *c = list->first;
    if (!c)
        return NULL;
    list->first = c->next;
    if (!list->first)
        list->last = NULL;
    c->next = NULL;
    return c;
}

void change_list_clear(change_list *list)
{
    for (change *c; (c = change_list_take(list));)
        change_del(&c);
}

void change_del(change **c)
{
    change *gone = *c;
    *c = NULL;
    if (!gone)
        return;
    for (size_t i = 0; i < gone->count; i++)
        memory_free(NULL, gone->edits[i].name);
    memory_free(NULL, gone->edits);
    memory_free(NULL, gone);
}
