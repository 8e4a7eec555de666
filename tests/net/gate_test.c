/* SPDX-License-Identifier: MIT */
#include "rig.h"

#include <arpa/inet.h>

static net_gate_key key_of(const net_gate *gate, const char *literal)
{
    struct sockaddr_in in = {.sin_family = AF_INET};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
    if (inet_pton(AF_INET, literal, &in.sin_addr) == 1)
        return net_gate_key_of(gate, (const struct sockaddr *)&in);
    assert_int_equal(inet_pton(AF_INET6, literal, &in6.sin6_addr), 1);
    return net_gate_key_of(gate, (const struct sockaddr *)&in6);
}

static void addresses_count_by_network(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        bool same;
    } table[] = {
        {"192.0.2.1", "192.0.2.1", true},
        {"192.0.2.1", "192.0.2.2", false},
        {"192.0.2.1", "::ffff:192.0.2.1", true},
        {"2001:db8::1", "2001:db8::ffff:1", true},
        {"2001:db8::1", "2001:db8:0:1::1", false},
        {"::c000:201", "192.0.2.1", false},
        {"127.0.0.1", "::1", true}, /* both exempt */
    };
    net_gate *gate = net_gate_new(10, 10, true);
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        net_gate_key a = key_of(gate, table[i].a), b = key_of(gate, table[i].b);
        bool same = a.network == b.network && a.family == b.family;
        assert_int_equal(same, table[i].same);
    }
    net_gate_del(&gate);
}

static void limits_hold_and_places_come_back(void **state)
{
    (void)state;
    net_gate *gate = net_gate_new(5, 2, true);
    net_gate_key a = key_of(gate, "192.0.2.1"), b = key_of(gate, "2001:db8::1"), near = key_of(gate, "127.0.0.1");
    assert_int_equal(net_gate_enter(gate, a), LL_OK);
    assert_int_equal(net_gate_enter(gate, a), LL_OK);
    assert_int_equal(net_gate_enter(gate, a), LL_ELIMIT);
    assert_int_equal(net_gate_enter(gate, b), LL_OK);
    assert_int_equal(net_gate_enter(gate, near), LL_OK);
    assert_int_equal(net_gate_enter(gate, near), LL_OK);
    assert_int_equal(net_gate_enter(gate, near), LL_ELIMIT);
    assert_int_equal(net_gate_enter(gate, b), LL_ELIMIT);
    net_gate_counts counts;
    net_gate_counts_now(gate, &counts);
    assert_int_equal(counts.open, 5);
    assert_int_equal(counts.addresses, 2);
    assert_int_equal(counts.refused_address, 1);
    assert_int_equal(counts.refused_total, 2);
    net_gate_leave(gate, a);
    assert_int_equal(net_gate_enter(gate, a), LL_OK);
    net_gate_key all[] = {a, a, b, near, near};
    for (size_t i = 0; i < 5; i++)
        net_gate_leave(gate, all[i]);
    net_gate_counts_now(gate, &counts);
    assert_int_equal(counts.open, 0);
    assert_int_equal(counts.addresses, 0);
    net_gate_del(&gate);
}

static void many_addresses(void **state)
{
    (void)state;
    net_gate *gate = net_gate_new(100000, 1, false);
    for (uint32_t round = 0; round < 2; round++) {
        for (uint32_t i = 0; i < 20000; i++)
            assert_int_equal(net_gate_enter(gate, (net_gate_key){i, AF_INET}), LL_OK);
        for (uint32_t i = 0; i < 20000; i += 7)
            assert_int_equal(net_gate_enter(gate, (net_gate_key){i, AF_INET}), LL_ELIMIT);
        for (uint32_t i = 0; i < 20000; i++)
            net_gate_leave(gate, (net_gate_key){19999 - i, AF_INET});
    }
    net_gate_del(&gate);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_count_by_network),
        cmocka_unit_test(limits_hold_and_places_come_back),
        cmocka_unit_test(many_addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
