/* test_write.c - what sheet/ writes: the format, and that nothing becomes a formula.
 * SPDX-License-Identifier: Apache-2.0 */
#include "unit/check.h"

#include "base/buf.h"
#include "sheet/sheet.h"

static struct str cell(struct buf *b, struct str s) {
    buf_clear(b);
    sheet_csv_cell(b, s, ';');
    return buf_str(b);
}

static void a_csv_cell_is_quoted_where_it_must_be(void **state) {
    ATTR_CLEANUP(buf_done_p) struct buf b = {.max = 4096};

    (void)state;
    assert_str(cell(&b, STR("Ana Souza")), "Ana Souza");
    assert_str(cell(&b, STR("a,b")), "\"a,b\""); /* another program's delimiter */
    assert_str(cell(&b, STR("a;b")), "\"a;b\"");
    assert_str(cell(&b, STR("\"x\"")), "\"\"\"x\"\"\"");
    assert_str(cell(&b, STR("duas\nlinhas")), "\"duas\nlinhas\"");
    assert_str(cell(&b, STR(" x")), "\" x\"");
    assert_str(cell(&b, STR_EMPTY), "");
}

static void a_csv_cell_never_becomes_a_formula(void **state) {
    ATTR_CLEANUP(buf_done_p) struct buf b = {.max = 4096};

    (void)state;
    assert_str(cell(&b, STR("=1+1")), "'=1+1");
    assert_str(cell(&b, STR("@SUM(A1)")), "'@SUM(A1)");
    assert_str(cell(&b, STR("+cmd|' /C calc'!A0")), "'+cmd|' /C calc'!A0");
    assert_str(cell(&b, STR("-2+A1")), "'-2+A1");
    assert_str(cell(&b, STR("\t=1")), "\"'\t=1\"");
    assert_str(cell(&b, STR("=HYPERLINK(\"http://x\";\"y\")")),
               "\"'=HYPERLINK(\"\"http://x\"\";\"\"y\"\")\"");
}

static void a_telephone_number_stays_as_it_is(void **state) {
    ATTR_CLEANUP(buf_done_p) struct buf b = {.max = 4096};

    (void)state;
    assert_str(cell(&b, STR("+55 (11) 91234-5678")), "+55 (11) 91234-5678");
    assert_str(cell(&b, STR("-12.5")), "-12.5");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_csv_cell_is_quoted_where_it_must_be),
        cmocka_unit_test(a_csv_cell_never_becomes_a_formula),
        cmocka_unit_test(a_telephone_number_stays_as_it_is),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
