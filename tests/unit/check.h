/* check.h - what every unit test begins with: cmocka's includes in its order, and a comparison of
 * our strings.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

/* Shows both texts when they differ. */
#define assert_str(actual, expected) check_str((actual), str_of(expected), __FILE__, __LINE__)

static inline void check_str(struct str actual, struct str expected, const char *file, int line) {
    if (!str_eq(actual, expected)) {
        print_error("got  \"%.*s\"\nwant \"%.*s\"\n", STR_ARG(actual), STR_ARG(expected));
        _fail(file, line);
    }
}

/* ST_OK, or the story of the failure. */
#define assert_ok(expr, e) check_ok((expr), (e), __FILE__, __LINE__)

static inline void check_ok(enum status st, const struct err *e, const char *file, int line) {
    if (st != ST_OK) {
        print_error("%s: %s\n", status_name(st), e->message);
        _fail(file, line);
    }
}
