/* kinds.h - checking the values of provider accounts against the table of kinds; private to
 * tenant/.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "tenant/tenant.h"

/* NULL: the kind has no such field. */
const struct account_field *kind_field(const struct account_kind *kind, struct str name);
/* *ret is the value in its stored form. ST_INVALID names the field and what it wants, never a
 * secret's value. */
enum status kind_check_value(struct arena *a, const struct account_field *field, struct str value,
                             struct str *ret, struct err *e) ATTR_MUST_CHECK;
/* Writes a checked value as the JSON member its type is. */
void kind_put_value(struct json_out *o, const struct account_field *field, struct str value);
enum status kind_check_address(const struct account_kind *kind, struct str address, struct err *e)
    ATTR_MUST_CHECK;
