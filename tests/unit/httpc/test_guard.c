/* test_guard.c - only public unicast addresses pass the guard.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"
#include "httpc/guard.h"

static bool is_public(const char *text) {
    struct sockaddr_storage addr;

    addr_parse(text, 80, &addr);
    return addr_is_public((const struct sockaddr *)&addr);
}

static void guard_refuses_special_ranges(void **state) {
    static const char *const refused[] = {
        "0.0.0.0",
        "0.255.255.255",
        "10.0.0.0",
        "10.255.255.255",
        "100.64.0.0",
        "100.127.255.255",
        "127.0.0.1",
        "127.255.255.254",
        "169.254.0.1",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.1",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.0.1",
        "192.168.255.255",
        "198.18.0.1",
        "198.19.255.255",
        "198.51.100.7",
        "203.0.113.9",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::127.0.0.1",
        "::8.8.8.8",
        "fe80::1",
        "febf::1",
        "fec0::1",
        "fc00::1",
        "fd12:3456::1",
        "fd00:ec2::254",
        "ff02::1",
        "2001:db8::1",
        "2001::1",
        "2001:1ff::1",
        "2002:7f00:1::",
        "2002:808:808::1",
        "3fff:fff::1",
        "100::1",
        "5f00::1",
        "64:ff9b:1::a00:1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::127.0.0.1",
        "64:ff9b::c0a8:1",
        "4000::1",
        "8000::1",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        if (is_public(refused[i]))
            fail_msg("%s passed", refused[i]);
    }
}

static void guard_passes_public_addresses(void **state) {
    static const char *const passed[] = {
        "1.1.1.1",
        "8.8.8.8",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "126.255.255.255",
        "128.0.0.1",
        "169.253.255.255",
        "169.255.0.0",
        "172.15.255.255",
        "172.32.0.0",
        "192.0.1.1",
        "192.167.255.255",
        "192.169.0.0",
        "198.17.255.255",
        "198.20.0.0",
        "223.255.255.255",
        "157.240.12.53",
        "2606:4700:4700::1111",
        "2001:4860:4860::8888",
        "2a03:2880:f10d::1",
        "2001:200::1",
        "::ffff:8.8.8.8",
        "64:ff9b::8.8.8.8",
        "2003::1",
        "3ffe::1",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(passed); i++) {
        if (!is_public(passed[i]))
            fail_msg("%s was refused", passed[i]);
    }
}

static void guard_refuses_what_is_no_address(void **state) {
    struct sockaddr_storage addr = {.ss_family = AF_UNIX};

    (void)state;
    assert_false(addr_is_public((const struct sockaddr *)&addr));
    assert_false(is_public(""));
    assert_false(is_public("example.com"));
    assert_false(is_public("1.2.3"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(guard_refuses_special_ranges),
        cmocka_unit_test(guard_passes_public_addresses),
        cmocka_unit_test(guard_refuses_what_is_no_address),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
