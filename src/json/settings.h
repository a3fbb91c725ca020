/* settings.h - what a person set, over what holds by itself: two objects of the same shape laid one over the other, and members
 * read from the whole, each refused in words that say what is needed. Any thread; nothing is kept.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "json/json.h"

enum { SETTINGS_TEXT_POINTS = 1000, SETTINGS_MAX_BYTES = 256 << 10 };

/* The members of base, each replaced by over's of the same name; those named in deep (literals, NULL at the end) are objects that are
 * laid over each other in the same way, all of their objects too. over NULL: base as it is. *ret lives in a. ST_INVALID: larger than
 * SETTINGS_MAX_BYTES. */
enum status settings_lay(struct arena *a, const struct json *base, const struct json *over,
                         const char *const *deep, const struct json **ret, struct err *e)
    ATTR_MUST_CHECK;

/* One member of in each; ST_INVALID names it and says what is needed. */
enum status settings_switch(const struct json *in, const char *key, bool *ret, struct err *e)
    ATTR_MUST_CHECK;
/* From 1 to max. */
enum status settings_number(const struct json *in, const char *key, int64_t max, int64_t *ret,
                            struct err *e) ATTR_MUST_CHECK;
/* One of two words; true: the second. */
enum status settings_choice(const struct json *in, const char *key, const char *no, const char *yes,
                            bool *ret, struct err *e) ATTR_MUST_CHECK;
/* The member of the object "texts": at most SETTINGS_TEXT_POINTS characters, without the space around it. Borrowed from in. */
enum status settings_text(const struct json *in, const char *key, struct str *ret, struct err *e)
    ATTR_MUST_CHECK;
