/* process.h - what the kernel says about this process, for stats/. Zero where it says nothing.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

int64_t process_resident_bytes(void);
int64_t process_open_fds(void);
int64_t process_start_time_s(void); /* since 1970 */
