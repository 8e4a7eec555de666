/* imap_lexer.c - every token over any bytes: the position stays inside and moves only when taken.
 * SPDX-License-Identifier: MIT */
#include "base/span.h"
#include "imap/lexer.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool (*const takes[])(lexer * in, ll_span * out) = {
        lexer_word,   lexer_atom,    lexer_astring_atom, lexer_tag,          lexer_quoted, lexer_literal,
        lexer_string, lexer_nstring, lexer_astring,      lexer_list_mailbox, lexer_flag,   lexer_set,
    };
    enum { count = sizeof takes / sizeof takes[0] };
    if (!size)
        return 0;
    arena memory;
    lexer in;
    arena_init(&memory, NULL, 1 << 20);
    lexer_init(&in, span_of((const char *)data + 1, size - 1), &memory, 4);
    for (unsigned turn = data[0]; !lexer_end(&in); turn++) {
        size_t before = in.at;
        uint64_t number;
        ll_span out = {NULL, 0};
        bool taken = turn % (count + 1) == count ? lexer_number64(&in, &number) : takes[turn % (count + 1)](&in, &out);
        if (in.at > in.input.size || (!taken && in.at != before) || (taken && in.at == before) || out.size > size)
            abort();
        if (!taken && !lexer_space(&in))
            in.at++;
    }
    arena_fini(&memory);
    return 0;
}
