/* subject.c - see subject.h
 * SPDX-License-Identifier: MIT
 *
 * The steps are those of RFC 5256 section 2.1, the names those of its section 5. */
#include "mime/subject.h"

#include "mime/word.h"

typedef struct subject {
    ll_span left;
    bool reply;
    const char *blobs_end; /* blobs that end here are not followed by a subj-refwd: so nobody looks twice */
} subject;

static bool is_space(char c)
{
    return c == ' ' || c == '\t';
}

static ll_span skip_space(ll_span s)
{
    while (s.size && is_space(s.data[0]))
        s = span_from(s, 1);
    return s;
}

/* subj-blob at the start: behind it; data NULL: none. */
static ll_span behind_blob(ll_span s)
{
    if (!s.size || s.data[0] != '[')
        return span_of(NULL, 0);
    for (size_t i = 1; i < s.size && s.data[i] != '['; i++)
        if (s.data[i] == ']')
            return skip_space(span_from(s, i + 1));
    return span_of(NULL, 0);
}

/* subj-refwd at the start, as above. */
static ll_span behind_refwd(ll_span s)
{
    if (span_starts_nocase(s, SPAN("re")))
        s = span_from(s, 2);
    else if (span_starts_nocase(s, SPAN("fwd")))
        s = span_from(s, 3);
    else if (span_starts_nocase(s, SPAN("fw")))
        s = span_from(s, 2);
    else
        return span_of(NULL, 0);
    s = skip_space(s);
    ll_span blob = behind_blob(s);
    if (blob.data)
        s = blob;
    return s.size && s.data[0] == ':' ? span_from(s, 1) : span_of(NULL, 0);
}

/* Step 2. */
static void drop_trailers(subject *s)
{
    for (;;) {
        ll_span *left = &s->left;
        if (left->size && is_space(left->data[left->size - 1]))
            left->size--;
        else if (left->size >= 5 && span_equal_nocase(span_from(*left, left->size - 5), SPAN("(fwd)"))) {
            left->size -= 5;
            s->reply = true;
        } else
            return;
    }
}

/* *subj-blob subj-refwd */
static bool drop_refwd(subject *s)
{
    ll_span rest = s->left;
    if (s->blobs_end && rest.data < s->blobs_end)
        return false;
    for (ll_span next = behind_blob(rest); next.data; next = behind_blob(rest))
        rest = next;
    ll_span behind = behind_refwd(rest);
    if (!behind.data) {
        s->blobs_end = rest.data;
        return false;
    }
    s->left = behind;
    return s->reply = true;
}

/* Steps 3 to 5. */
static void drop_leaders(subject *s)
{
    for (;;) {
        s->left = skip_space(s->left);
        if (drop_refwd(s))
            continue;
        ll_span rest = behind_blob(s->left);
        if (!rest.size) /* none, or it is all that there is */
            return;
        s->left = rest;
    }
}

/* Step 6. */
static bool drop_forward(subject *s)
{
    ll_span left = s->left;
    if (!span_starts_nocase(left, SPAN("[fwd:")) || left.data[left.size - 1] != ']')
        return false;
    s->left = span_from(span_first(left, left.size - 1), 5);
    s->blobs_end = NULL; /* the end has moved, so blobs may be others */
    return s->reply = true;
}

/* Step 1, after decoding, in place. */
static void squeeze(text *t)
{
    size_t kept = 0;
    for (size_t i = 0; i < t->size; i++) {
        char c = t->data[i];
        if (c == '\t' || c == '\r' || c == '\n')
            c = ' ';
        if (c != ' ' || !kept || t->data[kept - 1] != ' ')
            t->data[kept++] = c;
    }
    text_cut(t, kept);
}

void mime_subject_base(ll_span value, text *out, bool *reply)
{
    text decoded;
    subject s = {.reply = false};
    text_init(&decoded, out->allocator, out->size_max);
    mime_word_decode(value, &decoded);
    squeeze(&decoded);
    s.left = text_span(&decoded);
    do {
        drop_trailers(&s);
        drop_leaders(&s);
    } while (drop_forward(&s));
    text_add(out, s.left);
    if (text_status(&decoded) && !text_status(out))
        out->status = text_status(&decoded);
    text_fini(&decoded);
    if (reply)
        *reply = s.reply;
}
