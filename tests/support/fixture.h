/* fixture.h - files under tests/fixtures, and JSON compared by what it says.
 * A fixture that is missing or cannot be read ends the test program: nothing can be tested without.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/arena.h"
#include "json/json.h"

/* The bytes of tests/fixtures/<dir>/<name>, in a. */
struct str fixture_read(struct arena *a, const char *dir, const char *name);
/* The same, parsed. */
const struct json *fixture_json(struct arena *a, const char *dir, const char *name);
/* Replaces the file: how golden files are made. */
void fixture_write(const char *dir, const char *name, struct str text);

struct fixture_names {
    const char **names; /* sorted */
    size_t n;
};

/* Names in tests/fixtures/<dir> that end with suffix. */
struct fixture_names fixture_list(struct arena *a, const char *dir, const char *suffix);

/* The same values; members of objects in any order, 1 equal to 1.0. */
bool json_same(const struct json *a, const struct json *b);
/* v as compact JSON, in a. */
struct str json_text(struct arena *a, const struct json *v);
