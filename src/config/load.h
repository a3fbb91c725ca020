/* load.h - what putting a config together needs of its neighbours. Private to config/.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "config/config.h"

struct config_source {
    struct str name; /* "PROSA_LISTEN", "--listen-file"; empty: the default */
};

/* The text of a file without its last line break. name is who asked for it, for messages. */
enum status load_file(struct arena *a, struct str name, struct str path, struct str *ret,
                      struct err *e) ATTR_MUST_CHECK;
