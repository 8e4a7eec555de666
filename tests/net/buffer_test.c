/* SPDX-License-Identifier: MIT */
#include "rig.h"

#include "net/buffer.h"

static void bytes_come_out_as_they_went_in(void **state)
{
    (void)state;
    static const size_t steps[] = {1, 7, 64, 1000, 1, 4096, 333, 20000, 2, 65536};
    net_buffer b = {0};
    size_t in = 0, out = 0;
    for (size_t round = 0; round < 60; round++) {
        char chunk[65536];
        size_t size = steps[round % 10];
        for (size_t i = 0; i < size; i++)
            chunk[i] = rig_pattern(in + i);
        assert_true(net_buffer_add(&b, span_of(chunk, size)));
        in += size;
        size_t drop = steps[(round * 3 + 1) % 10];
        drop = drop < b.size ? drop : b.size;
        ll_span s = net_buffer_span(&b);
        for (size_t i = 0; i < drop; i++)
            assert_int_equal(s.data[i], rig_pattern(out + i));
        net_buffer_drop(&b, drop);
        out += drop;
        assert_int_equal(b.size, in - out);
    }
    net_buffer_drop(&b, b.size);
    assert_null(b.data); /* an empty buffer holds nothing */
}

static void ceilings_do_not_overflow(void **state)
{
    (void)state;
    net_buffer b = {0};
    assert_true(net_buffer_add(&b, SPAN("x")));
    assert_false(net_buffer_add(&b, span_of("", (size_t)1 << 31)));
    assert_false(net_buffer_add(&b, span_of("", SIZE_MAX)));
    assert_true(net_buffer_add(&b, span_of(NULL, 0)));
    assert_int_equal(b.size, 1);
    net_buffer_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_come_out_as_they_went_in),
        cmocka_unit_test(ceilings_do_not_overflow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
