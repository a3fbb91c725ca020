/* test_hostile.c - files made to hurt are refused with a reason, and quickly.
 * SPDX-License-Identifier: Apache-2.0 */
#include "unit/sheet/book.h"

#include "base/clock.h"

#define ROW "<sheetData><row><c><v>1</v></c></row></sheetData>"

static int with_sheet(const char *text) {
    static const char book[] =
        "<workbook " BOOK_NS "><sheets><sheet name=\"Um\" r:id=\"a\"/></sheets></workbook>";
    const struct book_part parts[] = {{"xl/workbook.xml", book},
                                      {"xl/_rels/workbook.xml.rels", WORKBOOK_RELS},
                                      {"xl/worksheets/sheet1.xml", text}};

    return zip_of(parts, ARRAY_LEN(parts));
}

/* A sheet of text repeated n times between head and tail, packed as it comes. */
static int huge(const char *head, const char *text, size_t n, const char *tail) {
    int fd = memfd_create("huge", MFD_CLOEXEC);
    struct zipout *z = zipout_new(fd);
    struct err e = ERR_INIT;
    ATTR_CLEANUP(buf_done_p) struct buf b = {.max = 1 << 20};
    size_t per = (64 << 10) / strlen(text) + 1;

    for (size_t i = 0; i < per; i++)
        buf_add(&b, str_of(text));
    assert_ok(zipout_begin(z, "xl/workbook.xml", &e), &e);
    assert_ok(zipout_add(z,
                         STR("<workbook " BOOK_NS
                             "><sheets><sheet name=\"Um\" r:id=\"a\"/></sheets></workbook>"),
                         &e),
              &e);
    assert_ok(zipout_end(z, &e), &e);
    assert_ok(zipout_begin(z, "xl/_rels/workbook.xml.rels", &e), &e);
    assert_ok(zipout_add(z, STR(WORKBOOK_RELS), &e), &e);
    assert_ok(zipout_end(z, &e), &e);
    assert_ok(zipout_begin(z, "xl/worksheets/sheet1.xml", &e), &e);
    assert_ok(zipout_add(z, str_of(head), &e), &e);
    for (size_t i = 0; i < n / per + 1; i++)
        assert_ok(zipout_add(z, buf_str(&b), &e), &e);
    assert_ok(zipout_add(z, str_of(tail), &e), &e);
    assert_ok(zipout_end(z, &e), &e);
    assert_ok(zipout_finish(z, &e), &e);
    zipout_free(z);
    return fd;
}

static void a_zip_bomb_is_refused_by_ratio_and_by_size(void **state) {
    int fd = huge("<worksheet><sheetData>",
                  "                                                                ", 1 << 20,
                  "</sheetData></worksheet>");

    (void)state;
    check_refused_within(dup(fd), (struct sheet_limits){.max_ratio = 20}, "zip-bomb");
    check_refused_within(dup(fd), (struct sheet_limits){.max_unpacked_bytes = 1 << 20}, "zip-bomb");
    check_refused(fd, "zip-bomb"); /* 64 MiB of blanks */
}

static void entities_are_refused_not_expanded(void **state) {
    (void)state;
    check_refused(
        with_sheet(
            "<!DOCTYPE x [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;\">]><worksheet><sheetData><row><c><v>&b;</v></c></row></sheetData></worksheet>"),
        "xml-dtd");
    check_refused(
        with_sheet("<!DOCTYPE x [<!ENTITY a SYSTEM \"file:///etc/passwd\">]><worksheet>" ROW
                   "</worksheet>"),
        "xml-dtd");
    check_refused(with_sheet("<!DOCTYPE x SYSTEM \"http://127.0.0.1:1/x.dtd\"><worksheet>" ROW
                             "</worksheet>"),
                  "xml-dtd");
}

static void what_would_grow_the_parser_is_refused(void **state) {
    ATTR_CLEANUP(buf_done_p) struct buf b = {.max = 64 << 20};

    (void)state;
    check_refused(huge("<worksheet><sheetData>", "<a>", 100000, ""), "damaged");
    check_refused(huge("<worksheet><sheetData><row r=\"", "1234567890", 1 << 20,
                       "\"/></sheetData></worksheet>"),
                  "damaged");
    buf_add(&b, STR("<worksheet><sheetData>"));
    for (int i = 0; i < 400000; i++)
        buf_printf(&b, "<n%dxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx/>", i);
    buf_add(&b, (struct str){.ptr = "</sheetData></worksheet>", .len = 25});
    check_refused(with_sheet(b.ptr), "damaged");
}

static void a_cell_or_a_row_may_be_too_long(void **state) {
    (void)state;
    check_refused(huge("<worksheet><sheetData><row><c t=\"str\"><v>", "0123456789abcdef", 20000,
                       "</v></c></row></sheetData></worksheet>"),
                  "cell-too-long");
    check_refused(huge("<worksheet><sheetData><row>", "<c><v>1</v></c>", 600,
                       "</row></sheetData></worksheet>"),
                  "too-many-columns");
    check_refused(
        with_sheet(
            "<worksheet><sheetData><row><c r=\"XFD1\"><v>1</v></c></row></sheetData></worksheet>"),
        "too-many-columns");
}

static void broken_files_say_how(void **state) {
    ATTR_CLEANUP(buf_done_p) struct buf b = {.max = 1 << 20};
    int whole = with_sheet("<worksheet>" ROW "</worksheet>");
    off_t size = lseek(whole, 0, SEEK_END);
    char *to = buf_reserve(&b, (size_t)size);

    (void)state;
    assert_int_equal(pread(whole, to, (size_t)size, 0), size);
    buf_commit(&b, (size_t)size);
    for (size_t cut = 30; cut < b.len; cut += 97)
        check_refused(file_of(str_sub(buf_str(&b), 0, cut)), "truncated");
    check_rows(whole, "1=n:1");
    check_refused(with_sheet("<worksheet><sheetData><row><c><v>1</v></c>"), "truncated");
    check_refused(with_sheet("<worksheet><sheetData><row></c></row></sheetData></worksheet>"),
                  "damaged");
    check_refused(
        with_sheet(
            "<worksheet><sheetData><row><c t=\"s\"><v>7</v></c></row></sheetData></worksheet>"),
        "damaged");
    check_refused(with_sheet("not xml"), "damaged");
}

static void other_kinds_of_file_are_named(void **state) {
    static const struct book_part ods[] = {
        {"mimetype", "application/vnd.oasis.opendocument.spreadsheet"}, {"content.xml", "<x/>"}};
    static const struct book_part docx[] = {{"word/document.xml", "<x/>"}};
    static const char compound[] =
        "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1....E\0n\0c\0r\0y\0p\0t\0e\0d\0P\0a\0c\0k\0a\0g\0e\0";

    (void)state;
    check_refused(zip_of(ods, 2), "wrong-type");
    check_refused(zip_of(docx, 1), "wrong-type");
    check_refused(zip_of(NULL, 0), "wrong-type");
    check_refused(fixture_fd("libreoffice.xls"), "old-excel");
    check_refused(file_of((struct str){.ptr = compound, .len = sizeof(compound) - 1}), "encrypted");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_zip_bomb_is_refused_by_ratio_and_by_size),
        cmocka_unit_test(entities_are_refused_not_expanded),
        cmocka_unit_test(what_would_grow_the_parser_is_refused),
        cmocka_unit_test(a_cell_or_a_row_may_be_too_long),
        cmocka_unit_test(broken_files_say_how),
        cmocka_unit_test(other_kinds_of_file_are_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
