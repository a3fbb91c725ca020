/* test_name.c - a stranger's file name ends up harmless in a directory, in a header and on a screen.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/utf8.h"
#include "media/media.h"
#include "unit/check.h"

static const struct media_type png = {"image/png", "image", "png"};

static void check(const char *name, const char *want) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};

    assert_str(media_clean_name(&a, str_of(name), "image", png), want);
}

static void paths_and_control_characters_are_dropped(void **state) {
    (void)state;
    check("foto.png", "foto.png");
    check("../../etc/passwd", "passwd");
    check("C:\\Users\\ana\\nota.pdf", "nota.pdf");
    check("a\r\nSet-Cookie: b=c.png", "aSet-Cookie b=c.png");
    check("..", "image.png");
    check("", "image.png");
    check("/", "image.png");
    check(".htaccess", "htaccess");
    check("relatório final.pdf", "relatório final.pdf");
    check("x\"; filename=\"y.exe", "x filename=y.exe");
    check("fim. . ", "fim");
}

static void direction_marks_cannot_hide_the_extension(void **state) {
    (void)state;
    check("foto\xe2\x80\xaegpj.exe", "fotogpj.exe");
    check("a\xe2\x80\x8b\xef\xbb\xbf.png", "a.png");
}

static void invalid_bytes_are_dropped_and_long_names_keep_their_extension(void **state) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct str name;
    char *text = arena_alloc(&a, 2000);

    (void)state;
    check("a\xff\xfe.png", "a.png");
    memset(text, 'n', 1000);
    memcpy(text + 1000, ".pdf", 5);
    name = media_clean_name(&a, str_of(text), "document", png);
    assert_int_equal(utf8_count(name), 120);
    assert_true(str_ends(name, STR(".pdf")));
}

static void disposition_has_an_ascii_and_a_real_name(void **state) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};

    (void)state;
    assert_str(media_disposition(&a, STR("foto.png"), true),
               "inline; filename=\"foto.png\"; filename*=UTF-8''foto.png");
    assert_str(media_disposition(&a, STR("avião 1.pdf"), false),
               "attachment; filename=\"avi_o 1.pdf\"; filename*=UTF-8''avi%C3%A3o%201.pdf");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_and_control_characters_are_dropped),
        cmocka_unit_test(direction_marks_cannot_hide_the_extension),
        cmocka_unit_test(invalid_bytes_are_dropped_and_long_names_keep_their_extension),
        cmocka_unit_test(disposition_has_an_ascii_and_a_real_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
