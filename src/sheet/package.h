/* package.h - what an XLSX is made of: its sheets, number formats and shared strings, found by their relationships. Private to
 * sheet.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "sheet/number.h"
#include "sheet/part.h"

enum {
    PACKAGE_RELS_MAX = 1000,
    PACKAGE_FORMATS_MAX = 5000,
    PACKAGE_STYLES_MAX = 66000,
    PACKAGE_ENTRIES_MAX = 20000,
};

struct package_sheet {
    struct str name, rel_id;
    bool is_hidden;
    char *path; /* NULL: the part is not there */
};

struct package {
    zip_t *zip;
    struct part_limits limits;
    struct arena a;
    char *strings_path, *styles_path; /* NULL: there are none */
    struct package_sheet sheets[SHEET_MAX_SHEETS];
    size_t n_sheets;
    bool is_1904;
    struct number_format *styles; /* by a cell's style */
    size_t n_styles;
};

/* fd stays the caller's. */
enum status package_open(int fd, struct package *p, struct err *e) ATTR_MUST_CHECK;
void package_close(struct package *p);
/* Of an entry, whatever its letters' case; false when it is not there. */
bool package_find(struct package *p, const char *path, uint64_t *ret_index);
/* Parses a whole part. */
enum status package_parse(struct package *p, const char *path, const struct part_handlers *handlers,
                          struct err *e) ATTR_MUST_CHECK;
