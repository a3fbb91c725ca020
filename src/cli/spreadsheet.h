/* spreadsheet.h - a command that writes a spreadsheet: to a FILE or to standard output, whole or not at all; private to cli/.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "cli/cli.h"
#include "sheet/sheet.h"

struct spreadsheet {
    struct cli *c;
    struct str path; /* empty: standard output */
    enum sheet_kind kind;
    int fd; /* a temporary file, to be filled */
};

/* The FILE is argument `at` ("-" or none: standard output); --csv and --xlsx say of what kind, or its name does. */
enum status spreadsheet_open(struct cli *c, size_t at, struct spreadsheet *ret, struct err *e)
    ATTR_MUST_CHECK;
/* Puts what was filled in where it was asked for, and says how many of what there are. */
enum status spreadsheet_send(struct spreadsheet *s, const char *what, int64_t n, struct err *e)
    ATTR_MUST_CHECK;
void spreadsheet_close_p(struct spreadsheet *s);

#define SPREADSHEET_OPTIONS                                                                        \
    {.name = "csv", .help = "write a CSV, which is the default"}, {                                \
        .name = "xlsx", .help = "write an XLSX, the default when FILE ends so"                     \
    }
