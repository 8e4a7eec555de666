/* search_join.c - see search_join.h
 * SPDX-License-Identifier: MIT */
#include "store/search_join.h"

static bool of_word(char c)
{
    uint8_t b = (uint8_t)c;
    return (b >= 'a' && b <= 'z') || (b >= '0' && b <= '9') || b >= 0x80 || (b >= 'A' && b <= 'Z');
}

void search_joiner_init(search_joiner *j)
{
    j->size = j->head = j->tail = 0;
    j->cut = false;
}

static ll_status give(search_joiner *j, search_term_sink *sink, void *ctx)
{
    size_t size = j->size;
    j->held[size++] = search_join_mark;
    if (!j->cut) {
        memcpy(j->held + size, j->before, j->tail);
        size += j->tail;
    }
    return sink(ctx, span_of(j->held, size));
}

/* One more byte of the gap or behind it; what does not fit is given as it is, and goes on from its second byte. */
static ll_status hold(search_joiner *j, char c, search_term_sink *sink, void *ctx)
{
    ll_status status = LL_OK;
    if (j->size == search_join_max) {
        status = give(j, sink, ctx);
        memmove(j->held, j->held + 1, --j->size);
        j->cut = true;
    }
    j->held[j->size++] = c == search_join_mark ? search_join_line : c;
    return status;
}

/* The joint has ended: its last bytes are of the word that begins the next one. */
static ll_status release(search_joiner *j, search_term_sink *sink, void *ctx)
{
    ll_status status = give(j, sink, ctx);
    memcpy(j->before, j->held + j->size - j->head, j->head);
    j->tail = j->head;
    j->size = j->head = 0;
    j->cut = false;
    return status;
}

/* Up to the end of the word, of which the last bytes are kept. */
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
    size_t kept = j->tail + more > search_join_side ? search_join_side - more : j->tail;
    memmove(j->before, j->before + j->tail - kept, kept);
    memcpy(j->before + kept, s.data + at, more);
    j->tail = (uint8_t)(kept + more);
    return end;
}

static ll_status end_line(search_joiner *j, search_term_sink *sink, void *ctx)
{
    ll_status status = j->size ? give(j, sink, ctx) : LL_OK;
    search_joiner_init(j);
    return status;
}

ll_status search_joiner_push(search_joiner *j, ll_span folded, search_term_sink *sink, void *ctx)
{
    ll_status status = LL_OK;
    for (size_t at = 0; !status && at < folded.size;) {
        char c = folded.data[at];
        if (!j->size && of_word(c)) {
            at = pass_word(j, folded, at);
            continue;
        }
        at++;
        if (c == '\r' || c == '\n') {
            status = end_line(j, sink, ctx);
            continue;
        }
        if (!of_word(c) && j->head) /* the word was short */
            status = release(j, sink, ctx);
        if (!status)
            status = hold(j, c, sink, ctx);
        j->head = (uint8_t)(j->head + of_word(c));
        if (!status && j->head == search_join_side)
            status = release(j, sink, ctx);
    }
    return status;
}

ll_status search_joiner_end(search_joiner *j, search_term_sink *sink, void *ctx)
{
    return end_line(j, sink, ctx);
}

/* The gap from `begin` to `end` with what is around it. */
static void take_joint(ll_span needle, size_t begin, size_t end, search_joint *out)
{
    size_t from = begin, to = end;
    while (from > 0 && begin - from < search_join_side && of_word(needle.data[from - 1]))
        from--;
    while (to < needle.size && to - end < search_join_side && of_word(needle.data[to]))
        to++;
    out->before_size = begin - from;
    out->gap_size = to - begin < search_join_max ? to - begin : search_join_max;
    memcpy(out->before, needle.data + from, out->before_size);
    memcpy(out->gap, needle.data + begin, out->gap_size);
}

size_t search_needle_joints(ll_span needle, search_joint *joints, size_t max, bool *exact)
{
    size_t count = 0;
    *exact = false;
    for (size_t i = 0; i < needle.size; i++)
        if (needle.data[i] == '\r' || needle.data[i] == '\n' || needle.data[i] == search_join_mark ||
            needle.data[i] == search_join_line)
            return 0;
    for (size_t at = 0; at < needle.size && count < max;) {
        size_t begin = at;
        while (at < needle.size && !of_word(needle.data[at]))
            at++;
        if (at > begin)
            take_joint(needle, begin, at, &joints[count++]);
        while (at < needle.size && of_word(needle.data[at]))
            at++;
    }
    *exact = count == 1 && joints[0].gap_size + joints[0].before_size == needle.size;
    return count;
}

bool search_joint_is(ll_span line, ll_span gap, ll_span before)
{
    if (!before.size)
        return memmem(line.data, line.size, gap.data, gap.size);
    return line.size >= gap.size + before.size && !memcmp(line.data, gap.data, gap.size) &&
           !memcmp(line.data + line.size - before.size, before.data, before.size);
}
