/* fuzz_xlsx.c - a stranger's XLSX: refused with a cause or read as rows within the limits, the same when it is read again.
 * Input: a whole file when it begins with PK, else its XML, packed here so that the fuzzer need not know of CRCs: sheet, shared
 * strings, styles and workbook, each but the first optional, with a byte 0x1E between.
 * SPDX-License-Identifier: Apache-2.0 */
#include "sheet/zipout.h"
#include "support/fuzz_sheet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REL "http://schemas.openxmlformats.org/officeDocument/2006/relationships/"

static void add_part(struct zipout *z, const char *name, struct str text) {
    assert(zipout_begin(z, name, NULL) == ST_OK);
    assert(zipout_add(z, text, NULL) == ST_OK);
    assert(zipout_end(z, NULL) == ST_OK);
}

static int pack(struct str all) {
    static const char *const names[] = {"xl/worksheets/sheet1.xml", "xl/sharedStrings.xml",
                                        "xl/styles.xml", "xl/workbook.xml"};
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    struct zipout *z = zipout_new(fd);
    bool more = true;

    add_part(z, "xl/_rels/workbook.xml.rels",
             STR("<Relationships><Relationship Id=\"a\" Type=\"" REL
                 "worksheet\" Target=\"worksheets/sheet1.xml\"/>"
                 "<Relationship Id=\"b\" Type=\"" REL
                 "sharedStrings\" Target=\"sharedStrings.xml\"/>"
                 "<Relationship Id=\"c\" Type=\"" REL
                 "styles\" Target=\"styles.xml\"/></Relationships>"));
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct str part = STR_EMPTY;

        if (more)
            more = str_cut(&all, 0x1e, &part);
        if (i == 3 && part.len == 0)
            part = STR("<workbook><sheets><sheet name=\"x\" r:id=\"a\"/></sheets></workbook>");
        if (part.len > 0)
            add_part(z, names[i], part);
    }
    assert(zipout_finish(z, NULL) == ST_OK);
    zipout_free(z);
    return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct str all = {.ptr = (const char *)data, .len = size};
    int fd = str_starts(all, STR("PK")) ? fuzz_file(data, size) : pack(all);
    struct sheet *s = NULL;
    struct err e = ERR_INIT;
    /* Little memory for strings, so that they spill. */
    enum status st = sheet_open(
        fd, (struct sheet_limits){.max_unpacked_bytes = 8 << 20, .strings_in_memory = 16 << 10}, &s,
        &e);

    for (size_t i = 0; st == ST_OK && i < sheet_count(s); i++) {
        uint64_t first = fuzz_read(s, i, NULL);

        assert(fuzz_read(s, i, NULL) == first);
    }
    assert(st == ST_OK || (st == ST_INVALID && e.cause));
    sheet_close(s);
    (void)close(fd);
    return 0;
}
