/* test_build.c - what is built can be read by others, and nothing given as a text becomes a header.
 * SPDX-License-Identifier: Apache-2.0 */
#include "unit/check.h"

#include <string.h>

#include "base/str.h"
#include "mime/mime.h"

static struct mime_out plain(void) {
    return (struct mime_out){
        .from = {STR("Loja São João"), STR("vendas@loja.example")},
        .to = {STR("Ana"), STR("ana@example.com")},
        .subject = STR("Promoção de açaí"),
        .text = STR("Olá, Ana.\nAté já!"),
        .message_id = STR("m.0199-x@loja.example"),
        .date_ms = INT64_C(1780000000000),
    };
}

static struct str built(struct arena *a, const struct mime_out *out) {
    struct err e = ERR_INIT;
    struct str bytes;

    assert_int_equal(mime_build(a, out, &bytes, &e), ST_OK);
    return bytes;
}

static struct mime_mail parsed(struct arena *a, struct str bytes) {
    struct mime_mail m;
    struct err e = ERR_INIT;

    assert_int_equal(mime_parse(a, bytes, &m, &e), ST_OK);
    return m;
}

static size_t lines_that_begin(struct str bytes, const char *with) {
    size_t n = 0;
    struct str line;

    while (bytes.len > 0) {
        (void)str_cut(&bytes, '\n', &line);
        if (line.len <= 1) /* the headers end */
            return n;
        n += str_eq_nocase(str_sub(line, 0, strlen(with)), str_of(with));
    }
    return n;
}

static void a_mail_reads_back_as_it_was_given(void **state) {
    struct arena a = {0};
    const struct mime_file files[] = {
        {STR("relatório ção.pdf"), STR("application/pdf"), STR("%PDF-1.4 \0\xff x")},
        {STR("foto.png"), STR("image/png"), STR("\x89PNG")}};
    struct mime_out out = plain();
    struct mime_mail m;

    (void)state;
    out.html = STR("<p>Olá, <b>Ana</b>.</p>");
    out.files = files;
    out.n_files = 2;
    out.in_reply_to = STR("abc@example.com");
    out.references = STR("first@example.com abc@example.com");
    m = parsed(&a, built(&a, &out));
    assert_str(m.from.name, "Loja São João");
    assert_str(m.from.email, "vendas@loja.example");
    assert_str(m.to, "ana@example.com");
    assert_str(m.subject, "Promoção de açaí");
    assert_str(m.text, "Olá, Ana.\nAté já!");
    assert_str(m.message_id, "m.0199-x@loja.example");
    assert_str(m.in_reply_to, "abc@example.com");
    assert_str(m.references, "first@example.com abc@example.com");
    assert_int_equal(m.date_ms, INT64_C(1780000000000));
    assert_int_equal(m.kind, MIME_MAIL);
    assert_int_equal(m.n_files, 2);
    assert_str(m.files[0].name, "relatório ção.pdf");
    assert_true(str_eq(m.files[0].bytes, files[0].bytes));
    assert_str(m.files[1].type, "image/png");
    arena_done(&a);
}

static void lines_are_short_and_end_in_crlf_and_ascii(void **state) {
    struct arena a = {0};
    struct mime_out out = plain();
    char *lines = arena_alloc(&a, 5000);
    struct str bytes, line;

    (void)state;
    memset(lines, 'x', 5000);
    out.text = (struct str){.ptr = lines, .len = 5000};
    out.html = out.text;
    bytes = built(&a, &out);
    while (bytes.len > 0) {
        (void)str_cut(&bytes, '\n', &line);
        assert_true(line.len <= 998);
        assert_true(line.len == 0 || str_ends(line, STR("\r")));
        for (size_t i = 0; i < line.len; i++)
            assert_true((unsigned char)line.ptr[i] < 0x80);
    }
    arena_done(&a);
}

static void no_text_begins_a_header(void **state) {
    static const char *const evil[] = {
        "x\r\nBcc: eve@example.com", "x\nBcc: eve@example.com",
        "x\rBcc: eve@example.com",   "x\r\n\r\n<script>",
        "\xff\xfe\nBcc: e@x.y",      "=?utf-8?q?x=0ABcc:_eve@example.com?="};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(evil); i++) {
        struct arena a = {0};
        const struct mime_file file = {str_of(evil[i]), str_of(evil[i]), STR("x")};
        struct mime_out out = plain();
        struct str bytes;

        out.subject = out.from.name = out.to.name = out.reply_to.name = str_of(evil[i]);
        out.reply_to.email = STR("r@loja.example");
        out.references = str_of(evil[i]);
        out.files = &file;
        out.n_files = 1;
        bytes = built(&a, &out);
        assert_int_equal(lines_that_begin(bytes, "Bcc"), 0);
        assert_int_equal(lines_that_begin(bytes, "To:"), 1);
        assert_int_equal(lines_that_begin(bytes, "Subject:"), 1);
        assert_int_equal(parsed(&a, bytes).n_files, 1);
        arena_done(&a);
    }
}

static void what_cannot_be_written_to_is_refused(void **state) {
    static const char *const wrong[] = {"",
                                        "ana",
                                        "ana@",
                                        "@x.com",
                                        "a b@x.com",
                                        "ana@x",
                                        "ana@x..com",
                                        "ana@-x.com",
                                        "ana@x.com\r\nBcc: e@x.com",
                                        "ana@x.com>",
                                        "\"a\"@x.com",
                                        "ana@ex,ample.com",
                                        "ana@exãmple.com",
                                        ".ana@x.com",
                                        "a..b@x.com",
                                        "ana@x.com "};
    struct arena a = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        struct mime_out out = plain();
        struct err e = ERR_INIT;
        struct str bytes;

        out.to.email = str_of(wrong[i]);
        assert_int_equal(mime_build(&a, &out, &bytes, &e), ST_INVALID);
    }
    assert_true(mime_is_address(STR("ana.souza+x@mail.example.com.br")));
    arena_done(&a);
}

static void one_click_needs_https(void **state) {
    struct arena a = {0};
    struct mime_out out = plain();
    struct str bytes;

    (void)state;
    out.unsubscribe = STR("https://prosa.example/unsubscribe/abc");
    out.unsubscribe_mail = STR("vendas@loja.example");
    out.unsubscribe_subject = STR("unsubscribe a_b-1?x");
    bytes = built(&a, &out);
    assert_true(
        str_contains(bytes, STR("<mailto:vendas@loja.example?subject=unsubscribe%20a_b-1%3Fx>")));
    assert_int_equal(lines_that_begin(bytes, "List-Unsubscribe:"), 1);
    assert_int_equal(lines_that_begin(bytes, "List-Unsubscribe-Post: List-Unsubscribe=One-Click"),
                     1);
    out.unsubscribe =
        STR("https://prosa.example/unsubscribe/0123456789012345678901234567890123456789"
            "012345678901234567890123456789012345678901234567890123456789");
    assert_true(str_contains(built(&a, &out), out.unsubscribe)); /* whole, on one line */
    out.unsubscribe = STR("http://prosa.example/unsubscribe/abc");
    bytes = built(&a, &out);
    assert_int_equal(lines_that_begin(bytes, "List-Unsubscribe:"), 1);
    assert_int_equal(lines_that_begin(bytes, "List-Unsubscribe-Post"), 0);
    arena_done(&a);
}

static void machines_say_that_they_are(void **state) {
    struct arena a = {0};
    struct mime_out out = plain();

    (void)state;
    assert_int_equal(lines_that_begin(built(&a, &out), "Auto-Submitted"), 0);
    out.by = MIME_AUTO_REPLIED;
    assert_int_equal(lines_that_begin(built(&a, &out), "Auto-Submitted: auto-replied"), 1);
    assert_int_equal(parsed(&a, built(&a, &out)).kind, MIME_AUTO);
    arena_done(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_mail_reads_back_as_it_was_given),
        cmocka_unit_test(lines_are_short_and_end_in_crlf_and_ascii),
        cmocka_unit_test(no_text_begins_a_header),
        cmocka_unit_test(what_cannot_be_written_to_is_refused),
        cmocka_unit_test(one_click_needs_https),
        cmocka_unit_test(machines_say_that_they_are),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
