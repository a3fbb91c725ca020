/* lenient.h - reading JSON that others wrote and we must not lose. Private to provider/.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "json/json.h"

/* json_parse() also for what is not quite JSON: lone surrogates (texts cut inside an emoji) and
 * bytes that are no UTF-8 become U+FFFD, as does an escaped NUL, which no database takes. Of
 * repeated keys the last one wins. At most 4 MB. ST_INVALID: it is still not JSON, or nested deeper
 * than max_depth. */
enum status lenient_parse(struct arena *a, struct str text, unsigned max_depth,
                          const struct json **ret, struct err *e) ATTR_MUST_CHECK;
