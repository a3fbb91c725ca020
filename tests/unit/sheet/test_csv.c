/* test_csv.c - a CSV is understood as the people who exported it meant it.
 * SPDX-License-Identifier: Apache-2.0 */
#include "unit/sheet/book.h"

static void check(const char *text, const char *want) {
    check_rows(file_of(str_of(text)), want);
}

static void quotes_follow_rfc_4180(void **state) {
    (void)state;
    check("a,b\r\n1,\"x, y\"\r\n", "1=a|b 2=1|x, y");
    check("a,b\n\"disse \"\"oi\"\"\",\"\"\n", "1=a|b 2=disse \"oi\"");
    check("a,b\n\"duas\nlinhas\",2\n3,4", "1=a|b 2=duas\nlinhas|2 3=3|4");
    check("a,b\nx\"y,2\n", "1=a|b 2=x\"y|2");
    check("a,b\n\"x\" y,2\n", "1=a|b 2=x y|2");
}

static void any_line_end_ends_a_line(void **state) {
    (void)state;
    check("a,b\r1,2\r3,4", "1=a|b 2=1|2 3=3|4");
    check("a,b\n\n\n1,2\n", "1=a|b 4=1|2");
    check("a,b\n , \n,,\n1,2\n", "1=a|b 4=1|2");
}

static void the_separator_is_found(void **state) {
    (void)state;
    check("nome;valor\nAna;1,50\nJosé;2,75\n", "1=nome|valor 2=Ana|1,50 3=José|2,75");
    check("nome\tfone\nSouza, Ana\t11\n", "1=nome|fone 2=Souza, Ana|11");
    check("nome|fone\nAna|11\n", "1=nome|fone 2=Ana|11");
    check("sep=;\r\na,b;c\r\n", "1=a,b|c");
    check("nome\nAna\nJosé\n", "1=nome 2=Ana 3=José");
    check("nome,obs\nAna,\"a;b;c;d\"\nJosé,\"e;f;g;h\"\n",
          "1=nome|obs 2=Ana|a;b;c;d 3=José|e;f;g;h");
}

static void the_encoding_is_found(void **state) {
    static const char utf16[] = "a\0,\0\xe3\0\r\0\n\0=\xd8\x0a\xde,\0b\0";

    (void)state;
    check("\xef\xbb\xbfnome,x\nJo\xc3\xa3o,y\n", "1=nome|x 2=João|y");
    check("nome,x\nJo\xe3o \x80 \x93oi\x94,y\n", "1=nome|x 2=João € “oi”|y");
    check_rows(file_of((struct str){.ptr = utf16, .len = sizeof(utf16) - 1}), "1=a|ã 2=😊|b");
    check("\xef\xbb\xbfok,\xc3\xa7\nJo\xe3o,y\n", "1=ok|ç 2=João|y");
}

static void what_libreoffice_exports_is_read(void **state) {
    static const char want[] =
        "1=Empresa|Contato|Celular|Observação 2=Padaria São João|Ana Souza|(11) 98765-4321|"
        "disse: \"volto, sim\" 3=Café & Cia|João Lima|+55 21 91234-5678|duas\nlinhas";

    (void)state;
    check_rows(fixture_fd("libreoffice_utf8.csv"), want);
    check_rows(fixture_fd("libreoffice_latin.csv"), want);
    check_rows(fixture_fd("libreoffice_utf16.csv"), want);
}

static void a_character_may_lie_across_two_reads(void **state) {
    ATTR_CLEANUP(buf_done_p) struct buf b = {.max = 1 << 20};
    struct err e = ERR_INIT;
    struct sheet_row row;
    struct sheet *s;
    size_t n = 0;

    (void)state;
    buf_add(&b, STR("nome,x\n"));
    while (b.len < 300000)
        buf_add(&b, STR("ção€😊,y\n"));

    int fd = file_of(buf_str(&b));

    assert_ok(sheet_open(fd, (struct sheet_limits){0}, &s, &e), &e);
    assert_ok(sheet_start(s, 0, &e), &e);
    assert_int_equal(sheet_next(s, &row, &e), ST_OK);
    for (; sheet_next(s, &row, &e) == ST_OK; n++)
        assert_str(row.cells[0].text, "ção€😊");
    assert_int_equal(n, (b.len - 7) / 15);
    assert_int_equal(sheet_permille(s), 1000);
    sheet_close(s);
    (void)close(fd);
}

static void what_cannot_be_a_csv_is_refused(void **state) {
    ATTR_CLEANUP(buf_done_p) struct buf b = {.max = 4 << 20};

    (void)state;
    check_refused(file_of(STR("")), "empty");
    check_refused(file_of(STR("a,b\n\"never closed,2\n3,4\n")), "unclosed-quote");
    check_refused(file_of((struct str){.ptr = "a\0\1\2\3\4\5\6\x7f"
                                              "ELF\0\1\2\3",
                                       .len = 16}),
                  "wrong-type");
    check_refused(file_of(STR("%PDF-1.7\n")), "wrong-type");
    check_refused(file_of(STR("<html><table><tr><td>x")), "wrong-type");
    for (int i = 0; i < 600; i++)
        buf_add(&b, STR("x,"));
    check_refused(file_of(buf_str(&b)), "too-many-columns");
    buf_clear(&b);
    for (int i = 0; i < 200000; i++)
        buf_add_char(&b, 'x');
    check_refused(file_of(buf_str(&b)), "cell-too-long");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quotes_follow_rfc_4180),
        cmocka_unit_test(any_line_end_ends_a_line),
        cmocka_unit_test(the_separator_is_found),
        cmocka_unit_test(the_encoding_is_found),
        cmocka_unit_test(what_libreoffice_exports_is_read),
        cmocka_unit_test(a_character_may_lie_across_two_reads),
        cmocka_unit_test(what_cannot_be_a_csv_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
