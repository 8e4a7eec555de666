/* store_transfer.c - any bytes as base64: what the scanner takes is restored to the byte, however the bytes were cut,
 * and from any offset. SPDX-License-Identifier: MIT */
#include "base/memory.h"
#include "store/transfer.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void scan(ll_span bytes, size_t cut, transfer_scanner *s, char *plain)
{
    size_t given = 0, more = 0;
    *s = (transfer_scanner){0};
    if (transfer_scan(s, span_first(bytes, cut), plain, &given))
        transfer_scan(s, span_from(bytes, cut), plain + given, &more);
    assert(s->plain == given + more);
}

static void restore(int64_t transfer, ll_span plain, ll_span coded, uint64_t offset)
{
    uint64_t start, at = transfer_seek(transfer, offset, &start);
    char *out = memory_new(NULL, transfer_room(transfer, plain.size) + 1);
    assert(out && at % 3 == 0 && start <= offset && at <= plain.size);
    ll_span rest = span_from(plain, (size_t)at);
    size_t size = transfer_encode(transfer, at, rest, out);
    assert(size <= transfer_room(transfer, rest.size));
    assert(span_equal(span_of(out, size), span_from(coded, (size_t)start)));
    memory_free(NULL, out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 4)
        return 0;
    ll_span bytes = span_of((const char *)data + 4, size - 4);
    size_t cut = (data[0] | (size_t)data[1] << 8) % (bytes.size + 1);
    transfer_scanner s, whole;
    char *plain = memory_new(NULL, bytes.size + 32), *other = memory_new(NULL, bytes.size + 32);
    if (!plain || !other)
        return 0;
    scan(bytes, cut, &s, plain);
    scan(bytes, 0, &whole, other);
    assert(s.text == whole.text && s.plain == whole.plain && s.text <= bytes.size);
    assert(!memcmp(plain, other, (size_t)s.plain));
    if (s.text) {
        int64_t transfer = transfer_scanned(&s);
        assert(transfer_known(transfer) && transfer == transfer_scanned(&whole));
        assert(transfer_size(transfer, s.plain) == s.text);
        ll_span coded = span_first(bytes, (size_t)s.text);
        restore(transfer, span_of(plain, (size_t)s.plain), coded, 0);
        restore(transfer, span_of(plain, (size_t)s.plain), coded, (data[2] | (uint64_t)data[3] << 8) % s.text);
    }
    memory_free(NULL, plain);
    memory_free(NULL, other);
    return 0;
}
