/* inputs.h - what a client writes into a request line and its headers, taken apart: pure
 * functions over bytes, total for any input. Private to httpd.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/str.h"

enum { QUERY_MAX_PAIRS = 128 };

struct pair {
    struct str name, value;
};

struct pairs {
    struct pair *items;
    size_t n;
};

/* A request target (RFC 9112 §3.2) into path and query, both still encoded. Accepts the origin
 * form, the absolute form (scheme and authority are dropped) and "*". False: none of these. */
bool target_split(struct str target, struct str *ret_path, struct str *ret_query);

size_t count_char(struct str s, char c);

/* Percent-decoding; '+' is a space when is_form. *ret is raw itself when nothing needs decoding,
 * else lives in a. False: a broken escape, a NUL, a control character or invalid UTF-8. */
bool url_decode(struct arena *a, struct str raw, bool is_form, struct str *ret);

/* A query into its decoded pairs, in a and in order. False: url_decode() refuses a part, or more
 * than QUERY_MAX_PAIRS. */
bool query_parse(struct arena *a, struct str raw, struct pairs *ret);

/* First pair of this name, compared exactly; NULL when there is none. */
const struct pair *pairs_find(const struct pairs *list, struct str name);

/* Value of one cookie in a Cookie header (RFC 6265 §4.2), without quotes around it; false when
 * it is not there. */
bool cookie_find(struct str header, struct str name, struct str *ret);

/* RFC 9110 §5.1: a token. */
bool header_name_is_valid(struct str name);
/* RFC 9110 §5.5: no control characters but the tab. */
bool header_value_is_valid(struct str value);
/* True when token stands in a comma-separated list, ASCII letter case aside. */
bool header_has_token(struct str value, struct str token);

/* "https://host:port" (RFC 6454 §7) against the value of Host: same host, and same port once the
 * scheme's default port is filled in on either side. */
bool origin_is_host(struct str origin, struct str host);
