/* json.h - JSON read and written within bounds. The reader is our own single pass over a copy of
 * the text in the arena: parsing every webhook was the largest cost of the hot path in a library.
 * jansson stays its judge: tests and the fuzzer hold both to the same verdicts and values. Values
 * live in the arena they were parsed into and are immutable.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/uuid.h"

struct json; /* one value; NULL stands for "absent", and every reader below accepts it */

enum json_type {
    JSON_ABSENT,
    JSON_NULL,
    JSON_BOOL,
    JSON_INT,
    JSON_REAL,
    JSON_STRING,
    JSON_ARRAY,
    JSON_OBJECT
};

struct json_limits {
    size_t max_bytes;      /* below 4 GB */
    unsigned max_depth;    /* nesting of arrays and objects; at most JSON_MAX_DEPTH */
    size_t max_values;     /* of any type, in the whole text */
    bool allow_duplicates; /* false: a repeated key is ST_INVALID; true: the last one wins */
};

enum { JSON_MAX_DEPTH = 64 };
#define JSON_LIMITS_DEFAULT                                                                        \
    ((struct json_limits){                                                                         \
        .max_bytes = 4u << 20, .max_depth = 32, .max_values = 200000, .allow_duplicates = false})

/* Parses the whole of text, any value at the root (RFC 8259; white space around it allowed,
 * anything else is not). *ret lives in a and does not point into text. \u0000 is allowed in a
 * string, not in a key.
 * ST_INVALID: not JSON, not UTF-8, lone surrogate, over a limit, integer outside int64, real that
 * overflows a double; the message names position and reason, never content. */
enum status json_parse(struct arena *a, struct str text, struct json_limits limits,
                       const struct json **ret, struct err *e) ATTR_MUST_CHECK;

enum json_type json_type(const struct json *v);
/* Member of an object; NULL when absent or v is no object. key is a literal. Big objects are
 * searched by halves. */
const struct json *json_get(const struct json *v, const char *key);
/* Members by path: json_path(v, "context", "id", NULL). */
const struct json *json_path(const struct json *v, ...) __attribute__((sentinel));
size_t json_len(const struct json *v);                      /* of an array or object, else 0 */
const struct json *json_at(const struct json *v, size_t i); /* element; NULL past the end */
/* i-th member of an object in text order; false past the end. */
bool json_member(const struct json *v, size_t i, struct str *ret_key,
                 const struct json **ret_value);

/* Readers that never fail: the fallback comes back for an absent value or another type. */
struct str json_str(const struct json *v); /* text of a string, else empty */
int64_t json_i64(const struct json *v,
                 int64_t fallback); /* an integer, or a string of decimal digits */
double json_real(const struct json *v, double fallback);
bool json_bool(const struct json *v, bool fallback);

/* Writes v as compact JSON again. */
void json_write(struct buf *b, const struct json *v);

/* Writer: builds compact JSON text straight into a buffer; commas and escapes are its business.
 *   json_out_init(&o, &buf); json_obj(&o, NULL); json_put_str(&o, "id", id); json_end(&o);
 * key is NULL inside an array or at the root. Invalid UTF-8 is written as U+FFFD. Overflow shows in
 * buf.overflown. */
struct json_out {
    struct buf *buf;
    unsigned depth;
    uint64_t has_member; /* bit per depth: something was written already */
    uint64_t is_array;
};

void json_out_init(struct json_out *o, struct buf *b);
void json_obj(struct json_out *o, const char *key);
void json_arr(struct json_out *o, const char *key);
void json_end(struct json_out *o); /* closes the innermost object or array */
void json_put_str(struct json_out *o, const char *key, struct str v);
void json_put_i64(struct json_out *o, const char *key, int64_t v);
void json_put_real(struct json_out *o, const char *key,
                   double v); /* NaN and infinity become null */
void json_put_bool(struct json_out *o, const char *key, bool v);
void json_put_null(struct json_out *o, const char *key);
void json_put_json(struct json_out *o, const char *key,
                   const struct json *v); /* NULL is written as null */
/* text is already JSON (out of the database, say) and trusted to be. */
void json_put_raw(struct json_out *o, const char *key, struct str text);
/* A string when non-empty, else nothing at all. */
void json_put_opt(struct json_out *o, const char *key, struct str v);
/* A string when non-empty, else null: for members that are always there. */
void json_put_str_or_null(struct json_out *o, const char *key, struct str v);
/* The same of text that is already JSON. */
void json_put_raw_or_null(struct json_out *o, const char *key, struct str text);
/* A UUID as text; the nil one as null. */
void json_put_id(struct json_out *o, const char *key, struct uuid id);
/* ISO 8601, UTC, with milliseconds; 0 as null. */
void json_put_time(struct json_out *o, const char *key, int64_t ms);
