/* number.h - numbers of an XLSX as people see them: dates, leading zeros, no exponent. Private to sheet.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "sheet/reader.h"

enum number_kind { NUMBER_PLAIN, NUMBER_DATE, NUMBER_TIME, NUMBER_DATETIME, NUMBER_MASK };

struct number_format {
    enum number_kind kind;
    struct str mask; /* NUMBER_MASK: the format's code, such as 000\.000\.000\-00 */
};

/* From a number format's id (ECMA-376 part 1, 18.8.30) and its code when the file defines one. code must outlive the format. */
struct number_format number_format_of(uint32_t id, struct str code);
/* Adds a cell's value as it should be read; its type: SHEET_NUMBER, SHEET_DATE, or SHEET_TEXT when it is no number. */
enum sheet_type number_put(struct buf *out, struct str value, struct number_format format,
                           bool is_1904);
