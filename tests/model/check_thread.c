/* check_thread.c - THREAD (RFC 5256) of messages without Date, Message-ID and References: subjects alone make threads.
 * See check.h. SPDX-License-Identifier: MIT */
#include "check.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { BY_ARRIVAL = 0 };

static const char *subject_of(viewer *v, uint32_t uid)
{
    return content_subject(viewer_find(v, uid)->content);
}

/* REFERENCES does not gather what has no subject (section 3, step 5.B). */
static bool together(viewer *v, uint32_t a, uint32_t b, bool references)
{
    const char *one = subject_of(v, a);
    return (*one || !references) && !strcasecmp(one, subject_of(v, b));
}

static void add_number(check *c, text *out, const char *before, uint32_t uid, const char *after)
{
    const entry *e = viewer_find(c->v, uid);
    text_print(out, "%s%u%s", before, c->a->st.uid ? uid : (uint32_t)(e - c->v->at) + 1, after);
}

/* One thread: the first of its messages is its root; for REFERENCES a missing message is. */
static void add_thread(check *c, text *out, const uint32_t *uids, size_t count)
{
    bool references = c->a->st.how & 1u;
    if (count == 1 || !references)
        add_number(c, out, "(", uids[0], "");
    else
        text_add_byte(out, '(');
    if (!references && count == 2)
        add_number(c, out, " ", uids[1], "");
    else if (!references && count > 2)
        text_add_byte(out, ' ');
    for (size_t i = references ? 0 : 1; (references ? count > 1 : count > 2) && i < count; i++)
        add_number(c, out, "(", uids[i], ")");
    text_add_byte(out, ')');
}

bool check_thread(check *c, const reply *r)
{
    uint32_t sorted[WORLD_MESSAGES], one[WORLD_MESSAGES];
    bool taken[WORLD_MESSAGES] = {false}, references = c->a->st.how & 1u;
    const act *a = c->a;
    text want;
    if (a->st.op != OP_THREAD || c->result_said)
        return check_fault(c, "THREAD that nobody asked for", 0, 0);
    c->result_said = true;
    if (check_vague(c))
        return true;
    text_init(&want, NULL, 1 << 20);
    memcpy(sorted, a->uids, sizeof sorted);
    uids_sort(c->v, BY_ARRIVAL, sorted, a->uids_count);
    for (size_t i = 0; i < a->uids_count; i++) {
        size_t count = 0;
        for (size_t k = i; !taken[i] && k < a->uids_count; k++)
            if (!taken[k] && (k == i || together(c->v, sorted[i], sorted[k], references))) {
                taken[k] = k != i;
                one[count++] = sorted[k];
            }
        if (count && !want.size)
            text_add_byte(&want, ' ');
        if (count)
            add_thread(c, &want, one, count);
    }
    bool good = r->body_size == want.size && (!want.size || !memcmp(r->body, want.data, want.size));
    if (!good)
        judge_fault(c->j, "session %u %s: THREAD (: not%.500s", c->n, a->tag, text_str(&want));
    text_fini(&want);
    return good;
}
