/* test_sniff.c - what a file is, its bytes say; nothing a browser would run is ever shown inside a page.
 * SPDX-License-Identifier: Apache-2.0 */
#include "media/media.h"
#include "unit/check.h"

#define BYTES(literal) ((struct str){literal, sizeof(literal) - 1})

static void check(struct str head, const char *name, const char *mime, const char *kind) {
    struct media_type type = media_sniff(head, str_of(name));

    assert_string_equal(type.mime, mime);
    assert_string_equal(type.kind, kind);
}

static void formats_that_messages_carry_are_known(void **state) {
    (void)state;
    check(BYTES("\x89PNG\r\n\x1a\n...."), "", "image/png", "image");
    check(BYTES("\xff\xd8\xff\xe0\0\x10JFIF"), "", "image/jpeg", "image");
    check(BYTES("GIF89a...."), "", "image/gif", "document");
    check(BYTES("RIFF\x10\0\0\0WEBPVP8 "), "", "image/webp", "sticker");
    check(BYTES("%PDF-1.7\n"), "", "application/pdf", "document");
    check(BYTES("ID3\4\0\0\0\0\0\0"), "", "audio/mpeg", "audio");
    check(BYTES("\xff\xfb\x90\x64\0\0\0\0"), "", "audio/mpeg", "audio");
    check(BYTES("\xff\xf1\x50\x80\0\0\0\0"), "", "audio/aac", "audio");
    check(BYTES("#!AMR\n\x3c"), "", "audio/amr", "audio");
    check(BYTES("\0\0\0\x1c"
                "ftypM4A \0\0\0\0"),
          "", "audio/mp4", "audio");
    check(BYTES("\0\0\0\x18"
                "ftypmp42\0\0\0\0"),
          "", "video/mp4", "video");
    check(BYTES("\0\0\0\x18"
                "ftypisom\0\0\0\0"),
          "", "video/mp4", "video");
    check(BYTES("\0\0\0\x18"
                "ftyp3gp5\0\0\0\0"),
          "", "video/3gpp", "video");
    check(BYTES("OggS\0\2\0\0\0\0\0\0\0\0prsa\0\0\0\0\0\0\0\0\1\x13OpusHead\1\1"), "", "audio/ogg",
          "audio");
}

static void documents_need_container_and_name_to_agree(void **state) {
    (void)state;
    check(BYTES("PK\3\4\x14\0"), "tabela.xlsx",
          "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "document");
    check(BYTES("PK\3\4\x14\0"), "tabela.doc", "application/zip", "document");
    check(BYTES("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), "carta.DOC", "application/msword", "document");
    check(BYTES("nome;valor\n"), "lista.csv", "text/csv; charset=utf-8", "document");
    check(BYTES("\1\2\3"), "lista.csv", "application/octet-stream", "document");
}

static void what_a_browser_would_run_has_no_type(void **state) {
    static const char *const texts[] = {
        "<!doctype html><script>alert(1)</script>",
        "<html>",
        "<svg xmlns=\"http://www.w3.org/2000/svg\" onload=\"alert(1)\"/>",
        "<?xml version=\"1.0\"?><svg/>",
        "  \n<script>",
        "%!PS-Adobe",
        "MZ\x90",
        "#!/bin/sh\n",
        "",
    };
    static const char *const names[] = {"x.html", "x.svg", "x.png", "x.jpg", "x.pdf", "x.js", ""};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        for (size_t k = 0; k < ARRAY_LEN(names); k++) {
            struct media_type type = media_sniff(str_of(texts[i]), str_of(names[k]));

            assert_string_equal(type.mime, "application/octet-stream");
            assert_false(media_is_inline(str_of(type.mime)));
        }
    }
    check(BYTES("<html>"), "x.txt", "text/plain; charset=utf-8", "document");
    assert_false(media_is_inline(STR("text/plain; charset=utf-8")));
    assert_false(media_is_inline(STR("text/html")));
    assert_false(media_is_inline(STR("image/svg+xml")));
}

static void cut_heads_are_no_crash_and_no_type(void **state) {
    static const char full[] = "OggS\0\2\0\0\0\0\0\0\0\0prsa\0\0\0\0\0\0\0\0\1\x13OpusHea";

    (void)state;
    for (size_t i = 0; i < sizeof(full); i++)
        assert_false(
            media_is_inline(str_of(media_sniff((struct str){full, i}, STR("x.ogg")).mime)));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(formats_that_messages_carry_are_known),
        cmocka_unit_test(documents_need_container_and_name_to_agree),
        cmocka_unit_test(what_a_browser_would_run_has_no_type),
        cmocka_unit_test(cut_heads_are_no_crash_and_no_type),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
