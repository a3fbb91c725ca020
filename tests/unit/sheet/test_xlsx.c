/* test_xlsx.c - an XLSX is read as people see it.
 * SPDX-License-Identifier: Apache-2.0 */
#include "unit/sheet/book.h"

#define ROWS(text) "<sheetData>" text "</sheetData>"

static void texts_come_from_everywhere(void **state) {
    (void)state;
    check_rows(
        book_of(
            ROWS(
                "<row r=\"1\"><c r=\"A1\" t=\"s\"><v>0</v></c><c r=\"C1\" t=\"s\"><v>1</v></c></row>"
                "<row r=\"2\"><c t=\"inlineStr\"><is><t>dentro</t></is></c>"
                "<c t=\"inlineStr\"><is><r><t>ri</t></r><r><rPr/><t>co</t></r><rPh><t>fonético</t></rPh></is></c>"
                "<c t=\"str\"><f>A1</f><v>calculado</v></c></row>"),
            "<si><t>um</t></si><si><r><t xml:space=\"preserve\">do </t></r><r><t>is</t></r><rPh><t>x</t></rPh></si>",
            "", ""),
        "1=um|-|do is 2=dentro|rico|calculado");
}

static void numbers_are_shown_in_full(void **state) {
    (void)state;
    check_rows(
        book_of(
            ROWS(
                "<row><c><v>1.2E+11</v></c><c><v>5.511987654321E+12</v></c><c><v>5511987654321</v></c>"
                "<c><v>0.1</v></c><c><v>-3</v></c><c><v>0.30000000000000004</v></c><c><v>1e400</v></c></row>"),
            "", "", ""),
        "1=n:120000000000|n:5511987654321|n:5511987654321|n:0.1|n:-3|n:0.3|1e400");
}

#define STYLES                                                                                     \
    "<numFmts><numFmt numFmtId=\"164\" formatCode=\"00000000000\"/>"                               \
    "<numFmt numFmtId=\"165\" formatCode=\"000\\.000\\.000\\-00\"/>"                               \
    "<numFmt numFmtId=\"166\" formatCode=\"[$-416]d\\ &quot;de&quot;\\ mmmm;@\"/>"                 \
    "<numFmt numFmtId=\"167\" formatCode=\"[h]:mm:ss\"/>"                                          \
    "<numFmt numFmtId=\"168\" formatCode=\"dd/mm/yyyy hh:mm\"/></numFmts>"                         \
    "<cellStyleXfs><xf numFmtId=\"14\"/></cellStyleXfs><cellXfs><xf numFmtId=\"0\"/>"              \
    "<xf numFmtId=\"164\"/><xf numFmtId=\"165\"/><xf numFmtId=\"166\"/><xf numFmtId=\"167\"/>"     \
    "<xf numFmtId=\"168\"/><xf numFmtId=\"14\"/><xf numFmtId=\"2\"/></cellXfs>"

static void formats_say_what_a_number_is(void **state) {
    (void)state;
    check_rows(
        book_of(
            ROWS(
                "<row><c s=\"1\"><v>1234567890</v></c><c s=\"2\"><v>1234567890</v></c><c s=\"3\"><v>45000</v></c>"
                "<c s=\"4\"><v>1.5</v></c><c s=\"5\"><v>46347.3541666667</v></c><c s=\"6\"><v>60</v></c>"
                "<c s=\"6\"><v>59</v></c><c s=\"6\"><v>61</v></c><c s=\"7\"><v>2.5</v></c><c s=\"6\"><v>-1</v></c></row>"),
            "", STYLES, ""),
        "1=n:01234567890|n:012.345.678-90|d:2023-03-15|d:36:00:00|d:2026-11-21T08:30:00|d:1900-02-29|d:1900-02-28|"
        "d:1900-03-01|n:2.5|n:-1");
}

static void dates_may_count_from_1904(void **state) {
    (void)state;
    check_rows(book_of(ROWS("<row><c s=\"6\"><v>0</v></c><c s=\"6\"><v>44885</v></c></row>"), "",
                       STYLES, "<workbookPr date1904=\"1\"/>"),
               "1=d:1904-01-01|d:2026-11-21");
}

static void other_types_keep_their_kind(void **state) {
    (void)state;
    check_rows(
        book_of(ROWS("<row><c t=\"b\"><v>1</v></c><c t=\"e\"><v>#N/A</v></c><c><f>NOW()</f></c>"
                     "<c t=\"d\"><v>2026-11-21T00:00:00</v></c></row>"),
                "", "", ""),
        "1=b:true|e:#N/A|f:|d:2026-11-21");
}

static void escapes_are_undone(void **state) {
    (void)state;
    check_rows(
        book_of(
            ROWS(
                "<row><c t=\"inlineStr\"><is><t>a_x000A_b _x005F_x0041_ _x00e3_ _x00zz_ _</t></is></c>"
                "<c t=\"s\"><v>0</v></c></row>"),
            "<si><t>x &amp; y_x0000_</t></si>", "", ""),
        "1=a\nb _x0041_ ã _x00zz_ _|x & y");
}

static void merged_cells_show_their_value_everywhere(void **state) {
    (void)state;
    check_rows(
        book_of(
            ROWS(
                "<row r=\"1\"><c r=\"A1\" t=\"str\"><v>ACME</v></c><c r=\"B1\" t=\"str\"><v>Ana</v></c></row>"
                "<row r=\"2\"><c r=\"A2\"/><c r=\"B2\" t=\"str\"><v>José</v></c></row>"
                "<row r=\"3\"><c r=\"A3\"/></row>"
                "<row r=\"4\"><c r=\"B4\" t=\"str\"><v>Lia</v></c></row>") "<mergeCells><mergeCell ref=\"A1:A3\"/><mergeCell ref=\"B4:C4\"/></mergeCells>",
            "", "", ""),
        "1=ACME|Ana 2=ACME|José 4=-|Lia|Lia");
}

static void rows_need_no_numbers_and_places_need_no_order(void **state) {
    (void)state;
    check_rows(
        book_of(
            ROWS(
                "<row><c><v>1</v></c></row><row/><row r=\"7\"><c r=\"XFD7\"/><c r=\"B7\"><v>2</v></c></row><row><c><v>3</v></c></row>"),
            "", "", ""),
        "1=n:1 7=-|n:2 8=n:3");
}

static void strict_files_and_prefixes_are_read(void **state) {
#define STRICT "http://purl.oclc.org/ooxml/"
    static const struct book_part parts[] = {
        {"_rels/.rels",
         "<Relationships><Relationship Id=\"x\" Type=\"" STRICT
         "officeDocument/relationships/officeDocument\" Target=\"xl/book.xml\"/></Relationships>"},
        {"xl/book.xml",
         "<x:workbook xmlns:x=\"" STRICT "spreadsheetml/main\" xmlns:q=\"" STRICT
         "officeDocument/relationships\"><x:sheets>"
         "<x:sheet name=\"G\" sheetId=\"3\" q:id=\"g\"/><x:sheet name=\"Dois\" sheetId=\"7\" state=\"hidden\" q:id=\"n\"/></x:sheets></x:workbook>"},
        {"xl/_rels/book.xml.rels",
         "<Relationships><Relationship Id=\"n\" Type=\"" STRICT
         "officeDocument/relationships/worksheet\" Target=\"./folhas/../s.xml\"/>"
         "<Relationship Id=\"g\" Type=\"" STRICT
         "officeDocument/relationships/chartsheet\" Target=\"chart.xml\"/>"
         "<Relationship Id=\"e\" Type=\"" STRICT
         "officeDocument/relationships/worksheet\" TargetMode=\"External\" Target=\"file:///etc/passwd\"/></Relationships>"},
        {"xl/folhas/../s.xml",
         "<x:worksheet xmlns:x=\"" STRICT
         "spreadsheetml/main\"><x:sheetData><x:row r=\"2\"><x:c r=\"A2\" t=\"d\"><x:v>2026-11-21</x:v></x:c></x:row></x:sheetData></x:worksheet>"},
    };
    struct err e = ERR_INIT;
    struct sheet *s;
    int fd = zip_of(parts, ARRAY_LEN(parts));

    (void)state;
    assert_ok(sheet_open(fd, (struct sheet_limits){0}, &s, &e), &e);
    assert_int_equal(sheet_count(s), 1);
    assert_str(sheet_name(s, 0), "Dois");
    assert_true(sheet_is_hidden(s, 0));
    sheet_close(s);
    check_rows(fd, "2=d:2026-11-21");
}

static void what_libreoffice_writes_is_read(void **state) {
    ATTR_CLEANUP(buf_done_p) struct buf b = {.max = 1 << 20};
    int fd = fixture_fd("libreoffice.xlsx");
    struct err e = ERR_INIT;
    struct sheet *s;

    (void)state;
    assert_ok(sheet_open(fd, (struct sheet_limits){0}, &s, &e), &e);
    assert_int_equal(sheet_count(s), 3);
    assert_str(sheet_name(s, 0), "Contatos");
    assert_false(sheet_is_hidden(s, 0));
    assert_true(sheet_is_hidden(s, 1));
    assert_ok(read_rows(s, 1, &b, &e), &e);
    assert_str(buf_str(&b), "1=segredo");
    buf_clear(&b);
    assert_ok(read_rows(s, 2, &b, &e), &e);
    assert_str(buf_str(&b), "");
    sheet_close(s);
    check_rows(
        fd,
        "1=Lista de contatos|Lista de contatos|Lista de contatos|Lista de contatos|Lista de contatos|Lista de contatos "
        "3=Empresa|Contato|CPF|Celular|Nascimento|Dobro "
        "4=Padaria São João & Cia|Ana Souza|n:01234567890|n:5511987654321|d:1985-03-09|n:11023975308642 "
        "5=Padaria São João & Cia|João Lima|111.444.777-35|n:120000000000|d:2026-11-21T08:30:00|xJoão Lima");
}

static void many_strings_spill_and_come_back(void **state) {
    enum { STRINGS = 40000 };
    ATTR_CLEANUP(buf_done_p) struct buf strings = {.max = 64 << 20};
    ATTR_CLEANUP(buf_done_p) struct buf rows = {.max = 64 << 20};
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct err e = ERR_INIT;
    struct sheet_row row;
    struct sheet *s;

    (void)state;
    buf_add(&rows, STR("<sheetData>"));
    for (int i = 0; i < STRINGS; i++) {
        buf_printf(
            &strings, "<si><t>texto número %d %.*s</t></si>", i, i % 300,
            "----------------------------------------------------------------------------------------------------");
        buf_printf(&rows, "<row><c t=\"s\"><v>%d</v></c><c t=\"s\"><v>%d</v></c></row>", i,
                   (int)((unsigned)i * 7919U % STRINGS));
    }
    buf_add(&rows, STR("</sheetData>"));
    buf_add_char(&rows, '\0');
    buf_add_char(&strings, '\0');

    int fd = book_of(rows.ptr, strings.ptr, "", "");

    assert_ok(sheet_open(fd, (struct sheet_limits){.strings_in_memory = 64 << 10}, &s, &e), &e);
    assert_ok(sheet_start(s, 0, &e), &e);
    for (int i = 0; i < STRINGS; i++) {
        arena_reset(&a);
        assert_ok(sheet_next(s, &row, &e), &e);
        assert_true(str_starts(row.cells[0].text, arena_printf(&a, "texto número %d ", i)));
        assert_true(
            str_starts(row.cells[1].text,
                       arena_printf(&a, "texto número %d ", (int)((unsigned)i * 7919U % STRINGS))));
    }
    assert_int_equal(sheet_next(s, &row, &e), ST_NOT_FOUND);
    sheet_close(s);
    (void)close(fd);
}

static void what_is_written_is_read_again(enum sheet_kind kind) {
    const struct str rows[][3] = {
        {STR("Nome"), STR("Obs"), STR("Fone")},
        {STR("João & <Cia>"), STR("duas\nlinhas \"x\""), STR("+55 11 98765-4321")},
        {STR("=1+1"), STR(" _x0041_ \x01"), STR_EMPTY}};
    int fd = memfd_create("out", MFD_CLOEXEC);
    struct sheet_writer *w;
    struct err e = ERR_INIT;

    assert_ok(sheet_writer_open((struct sheet_out){.kind = kind, .fd = fd}, &w, &e), &e);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_ok(sheet_write_row(w, rows[i], 3, &e), &e);
    assert_ok(sheet_writer_finish(w, &e), &e);
    sheet_writer_close(w);
    check_rows(
        fd,
        kind == SHEET_XLSX
            ? "1=Nome|Obs|Fone 2=João & <Cia>|duas\nlinhas \"x\"|+55 11 98765-4321 3==1+1| _x0041_ "
            : "1=Nome|Obs|Fone 2=João & <Cia>|duas\nlinhas \"x\"|+55 11 98765-4321 3='=1+1| _x0041_ \x01");
}

static void exports_are_read_again(void **state) {
    (void)state;
    what_is_written_is_read_again(SHEET_XLSX);
    what_is_written_is_read_again(SHEET_CSV);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_come_from_everywhere),
        cmocka_unit_test(numbers_are_shown_in_full),
        cmocka_unit_test(formats_say_what_a_number_is),
        cmocka_unit_test(dates_may_count_from_1904),
        cmocka_unit_test(other_types_keep_their_kind),
        cmocka_unit_test(escapes_are_undone),
        cmocka_unit_test(merged_cells_show_their_value_everywhere),
        cmocka_unit_test(rows_need_no_numbers_and_places_need_no_order),
        cmocka_unit_test(strict_files_and_prefixes_are_read),
        cmocka_unit_test(what_libreoffice_writes_is_read),
        cmocka_unit_test(many_strings_spill_and_come_back),
        cmocka_unit_test(exports_are_read_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
