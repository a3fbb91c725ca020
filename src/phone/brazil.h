/* brazil.h - plain Brazilian numbers without the library; private to phone/.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "base/str.h"
#include "phone/library.h"

/* What phone_library_read(typed, "BR") would answer, for whole, valid and plainly written numbers of Brazil; false: ask it. */
bool brazil_read(struct str typed, struct phone_library_answer *ret);
