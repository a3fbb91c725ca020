/* tables.h - the tables app/ hands to the machinery; private to app/.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "httpd/httpd.h"
#include "queue/queue.h"

extern const struct route app_routes[];
extern const size_t app_n_routes;
extern const struct job_kind app_job_kinds[];
extern const size_t app_n_job_kinds;
extern const struct schedule app_schedules[];
extern const size_t app_n_schedules;
