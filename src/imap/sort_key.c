/* sort_key.c - see sort_key.h
 * SPDX-License-Identifier: MIT */
#include "imap/sort_key.h"

#include "base/utf.h"
#include "mime/subject.h"
#include "mime/word.h"

static const struct {
    const char *name;
    sort_kind kind;
} names[] = {
    {"ARRIVAL", SORT_ARRIVAL},     {"CC", SORT_CC},
    {"DATE", SORT_DATE},           {"DISPLAYFROM", SORT_DISPLAYFROM},
    {"DISPLAYTO", SORT_DISPLAYTO}, {"FROM", SORT_FROM},
    {"RELEVANCY", SORT_RELEVANCY}, {"SIZE", SORT_SIZE},
    {"SUBJECT", SORT_SUBJECT},     {"TO", SORT_TO},
};

/* sort-criterion: ["REVERSE" SP] sort-key */
static ll_status take_criterion(sort_criteria *out, lexer *in)
{
    ll_span word;
    if (out->count == sort_criteria_max)
        return LL_ELIMIT;
    sort_criterion *criterion = &out->items[out->count++];
    criterion->reverse = lexer_is_word(in, "REVERSE");
    if ((criterion->reverse && !lexer_space(in)) || !lexer_word(in, &word))
        return LL_ESYNTAX;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (span_equal_nocase(word, span_str(names[i].name))) {
            criterion->kind = names[i].kind;
            out->relevancy = out->relevancy || names[i].kind == SORT_RELEVANCY;
            out->index = out->index || !sort_kind_is_number(names[i].kind) || names[i].kind == SORT_DATE;
            return LL_OK;
        }
    return LL_ESYNTAX;
}

ll_status sort_criteria_parse(sort_criteria *out, lexer *in)
{
    *out = (sort_criteria){.count = 0};
    if (!lexer_byte(in, '('))
        return LL_ESYNTAX;
    do {
        ll_status status = take_criterion(out, in);
        if (status)
            return status;
    } while (lexer_space(in));
    return lexer_byte(in, ')') ? LL_OK : LL_ESYNTAX;
}

bool sort_kind_is_number(sort_kind kind)
{
    return kind == SORT_ARRIVAL || kind == SORT_DATE || kind == SORT_RELEVANCY || kind == SORT_SIZE;
}

int64_t sort_date(const ll_row *row, const mime_envelope *envelope)
{
    return envelope && envelope->sent.valid ? envelope->sent.seconds : row->internaldate;
}

int64_t sort_number(sort_kind kind, const ll_row *row, const mime_envelope *envelope, unsigned score)
{
    if (kind == SORT_ARRIVAL)
        return row->internaldate;
    if (kind == SORT_SIZE)
        return (int64_t)row->size;
    if (kind == SORT_RELEVANCY) /* RFC 6203 section 6: the highest score first */
        return -(int64_t)score;
    return sort_date(row, envelope);
}

void sort_fold(ll_span utf8, const ll_allocator *allocator, text *out)
{
    text folded;
    text_init(&folded, allocator, 18 * sort_text_max + 64); /* see mime/fold.h, mime_fold_growth */
    utf_title(&folded, span_first(utf8, sort_text_max));    /* a character that is cut sorts as U+FFFD */
    text_cut(&folded, sort_text_max);
    text_add(out, text_span(&folded));
    if (text_status(&folded) && !text_status(out))
        out->status = text_status(&folded);
    text_fini(&folded);
}

/* RFC 5957 section 3 */
static void add_display(const mime_address *address, text *out)
{
    if (address->name.size)
        mime_word_decode(address->name, out);
    if (out->size || !address->mailbox.data)
        return;
    text_add(out, address->mailbox);
    if (!address->host.data)
        return;
    text_add_byte(out, '@');
    text_add(out, address->host);
}

static void add_value(sort_kind kind, const mime_envelope *e, text *out)
{
    bool from = kind == SORT_FROM || kind == SORT_DISPLAYFROM;
    const mime_address_list *list = from ? &e->from : kind == SORT_CC ? &e->cc : &e->to;
    if (kind == SORT_SUBJECT) {
        if (e->subject.data)
            mime_subject_base(e->subject, out, NULL);
    } else if (!list->count)
        return;
    else if (kind == SORT_DISPLAYFROM || kind == SORT_DISPLAYTO)
        add_display(&list->items[0], out);
    else
        text_add(out, list->items[0].mailbox);
}

void sort_text(sort_kind kind, const mime_envelope *envelope, const ll_allocator *allocator, text *out)
{
    text value;
    if (!envelope)
        return;
    text_init(&value, allocator, 1 << 20); /* a field has no more: mime_field_bytes_max, decoded */
    add_value(kind, envelope, &value);
    if (text_status(&value) == LL_ENOMEM && !text_status(out))
        out->status = LL_ENOMEM;
    sort_fold(text_span(&value), allocator, out);
    text_fini(&value);
}
