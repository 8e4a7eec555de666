/* search_join.c - see search_join.h
 * SPDX-License-Identifier: MIT */
#include "store/search_join.h"

static bool of_word(char c)
{
    uint8_t b = (uint8_t)c;
    return (b >= 'a' && b <= 'z') || (b >= '0' && b <= '9') || b >= 0x80 || (b >= 'A' && b <= 'Z');
}

static char as_kept(char c)
{
    return c == '\n' ? search_join_line : c;
}

void search_joiner_init(search_joiner *j)
{
    j->size = j->head = 0;
    j->gap = false;
}

/* One more byte; what does not fit is given as it is, and goes on from its second byte. */
static ll_status hold(search_joiner *j, char c, search_term_sink *sink, void *ctx)
{
    ll_status status = LL_OK;
    if (j->size == search_join_max) {
        status = sink(ctx, span_of(j->held, j->size));
        memmove(j->held, j->held + 1, --j->size);
    }
    j->held[j->size++] = as_kept(c);
    return status;
}

/* The joint has ended: its last bytes are of the word that begins the next one. */
static ll_status release(search_joiner *j, search_term_sink *sink, void *ctx)
{
    ll_status status = sink(ctx, span_of(j->held, j->size));
    memmove(j->held, j->held + j->size - j->head, j->head);
    j->size = j->head;
    j->head = 0;
    j->gap = false;
    return status;
}

/* Up to the end of the word, of which the last bytes are held. */
static size_t pass_word(search_joiner *j, ll_span s, size_t at)
{
    size_t end = at;
    while (end < s.size && of_word(s.data[end]))
        end++;
    size_t more = end - at;
    if (more > search_join_side) {
        at = end - search_join_side;
        more = search_join_side;
    }
    size_t kept = j->size + more > search_join_side ? search_join_side - more : j->size;
    memmove(j->held, j->held + j->size - kept, kept);
    memcpy(j->held + kept, s.data + at, more);
    j->size = (uint8_t)(kept + more);
    return end;
}

ll_status search_joiner_push(search_joiner *j, ll_span folded, search_term_sink *sink, void *ctx)
{
    ll_status status = LL_OK;
    for (size_t at = 0; !status && at < folded.size;) {
        char c = folded.data[at];
        if (!j->gap && of_word(c)) {
            at = pass_word(j, folded, at);
            continue;
        }
        if (!of_word(c) && j->head) { /* the word was short */
            status = release(j, sink, ctx);
        }
        if (!status)
            status = hold(j, c, sink, ctx);
        j->gap = true;
        j->head = (uint8_t)(j->head + of_word(c));
        if (!status && j->head == search_join_side)
            status = release(j, sink, ctx);
        at++;
    }
    return status;
}

ll_status search_joiner_end(search_joiner *j, search_term_sink *sink, void *ctx)
{
    ll_status status = j->gap ? release(j, sink, ctx) : LL_OK;
    search_joiner_init(j);
    return status;
}

/* The gap from `begin` to `end` with what is around it. */
static void take_joint(ll_span needle, size_t begin, size_t end, search_joint *out)
{
    size_t from = begin, to = end;
    while (from > 0 && begin - from < search_join_side && of_word(needle.data[from - 1]))
        from--;
    while (to < needle.size && to - end < search_join_side && of_word(needle.data[to]))
        to++;
    out->size = to - from < search_join_max ? to - from : search_join_max;
    for (size_t i = 0; i < out->size; i++)
        out->bytes[i] = as_kept(needle.data[from + i]);
}

size_t search_needle_joints(ll_span needle, search_joint *joints, size_t max, bool *exact)
{
    size_t count = 0;
    bool lines = false;
    for (size_t at = 0; at < needle.size && count < max;) {
        size_t begin = at;
        while (at < needle.size && !of_word(needle.data[at])) {
            lines |= as_kept(needle.data[at]) == search_join_line;
            at++;
        }
        if (at > begin)
            take_joint(needle, begin, at, &joints[count++]);
        while (at < needle.size && of_word(needle.data[at]))
            at++;
    }
    *exact = count == 1 && !lines && joints[0].size == needle.size;
    return count;
}
