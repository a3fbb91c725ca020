/* test_peer.c - what peer.h promises.
 * SPDX-License-Identifier: Apache-2.0 */
#include "unit/check.h"

#include "httpd/peer.h"

static struct arena arena;

static int teardown(void **state) {
    (void)state;
    arena_done(&arena);
    return 0;
}

static void assert_ip(const struct ip *ip, const char *want) {
    char text[IP_TEXT_BYTES];
    size_t n = ip_format_to(ip, text);

    assert_str(((struct str){.ptr = text, .len = n}), want);
}

static struct ip ip(const char *text) {
    struct ip ret;

    assert_true(ip_parse(str_of(text), &ret));
    return ret;
}

static void addresses_parse_with_and_without_port(void **state) {
    struct ip a;

    (void)state;
    a = ip("192.0.2.7");
    assert_ip(&a, "192.0.2.7");
    a = ip(" 192.0.2.7:443 ");
    assert_ip(&a, "192.0.2.7");
    a = ip("2001:db8::1");
    assert_ip(&a, "2001:db8::1");
    a = ip("[2001:db8::1]:443");
    assert_ip(&a, "2001:db8::1");
    assert_false(ip_parse(STR("unknown"), &a));
    assert_false(ip_parse(STR(""), &a));
    assert_false(ip_parse(STR("1.2.3.4.5"), &a));
    assert_false(ip_parse(STR("1.2.3\0.4"), &a));
}

static void buckets_join_what_one_customer_owns(void **state) {
    struct ip a = ip("2001:db8:1:2:3:4:5:6"), b = ip("192.0.2.7");

    (void)state;
    a = ip_bucket(&a);
    b = ip_bucket(&b);
    assert_ip(&a, "2001:db8:1:2::");
    assert_ip(&b, "192.0.2.7");
}

static void loopback_is_known(void **state) {
    struct ip a = ip("127.1.2.3"), b = ip("::1"), c = ip("128.0.0.1"), d = ip("::2");

    (void)state;
    assert_true(ip_is_loopback(&a));
    assert_true(ip_is_loopback(&b));
    assert_false(ip_is_loopback(&c));
    assert_false(ip_is_loopback(&d));
}

static void networks_contain_their_addresses(void **state) {
    struct err e = ERR_INIT;
    struct networks n;
    struct ip in = ip("10.1.2.3"), out = ip("11.0.0.1"), edge = ip("192.168.127.255"),
              past = ip("192.168.128.0"), one = ip("203.0.113.9"), six = ip("fd00:1::1");

    (void)state;
    assert_int_equal(
        networks_parse(&arena, STR("10.0.0.0/8, 192.168.0.0/17,fd00::/8 ,203.0.113.9"), &n, &e),
        ST_OK);
    assert_true(networks_contain(&n, &in));
    assert_false(networks_contain(&n, &out));
    assert_true(networks_contain(&n, &edge));
    assert_false(networks_contain(&n, &past));
    assert_true(networks_contain(&n, &one));
    assert_true(networks_contain(&n, &six));
    assert_int_equal(networks_parse(&arena, STR(""), &n, &e), ST_OK);
    assert_false(networks_contain(&n, &in));
    assert_int_equal(networks_parse(&arena, STR("10.0.0.0/33"), &n, &e), ST_INVALID);
    assert_int_equal(networks_parse(&arena, STR("example.org"), &n, NULL), ST_INVALID);
}

static void rightmost_untrusted_address_is_the_peer(void **state) {
    struct networks n;
    struct ip peer = ip("10.0.0.1");

    (void)state;
    assert_int_equal(networks_parse(&arena, STR("10.0.0.0/8"), &n, NULL), ST_OK);
    assert_true(peer_from_forwarded(&n, STR("1.1.1.1, 203.0.113.9, 10.0.0.2"), &peer));
    assert_ip(&peer, "203.0.113.9");
    peer = ip("10.0.0.1");
    assert_false(peer_from_forwarded(&n, STR("10.0.0.3, 10.0.0.2"), &peer));
    assert_ip(&peer, "10.0.0.3");
    peer = ip("10.0.0.1");
    assert_true(peer_from_forwarded(&n, STR("1.1.1.1, lies, 10.0.0.2"), &peer));
    assert_ip(&peer, "10.0.0.2");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_parse_with_and_without_port),
        cmocka_unit_test(buckets_join_what_one_customer_owns),
        cmocka_unit_test(loopback_is_known),
        cmocka_unit_test(networks_contain_their_addresses),
        cmocka_unit_test(rightmost_untrusted_address_is_the_peer),
    };

    return cmocka_run_group_tests(tests, NULL, teardown);
}
