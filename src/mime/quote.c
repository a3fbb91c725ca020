/* quote.c - where the answer ends and the history begins. Mail programs agree on nothing, so these are the lines that those used
 * in Brazil put in between; in doubt everything stays.
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/buf.h"
#include "base/utf8.h"
#include "mime/mime.h"

static struct str next_line(struct str *rest) {
    struct str line;

    (void)str_cut(rest, '\n', &line);
    return str_trim(line);
}

static bool is_quoted(struct str line) {
    return str_starts(line, STR(">"));
}

static bool starts_any(struct str s, const char *const list[], size_t n) {
    for (size_t i = 0; i < n; i++)
        if (str_starts(s, str_of(list[i])))
            return true;
    return false;
}

/* "Em seg., 3 de nov. de 2025 às 10:12, Loja <…> escreveu:", also broken over lines. */
static bool is_attribution(struct str folded, struct str rest) {
    static const char *const begins[] = {"em ", "on ", "el ", "le ", "am "};
    static const char *const ends[] = {"escreveu:", "wrote:", "escribio:", "a ecrit :", "schrieb:"};

    if (!starts_any(folded, begins, ARRAY_LEN(begins)))
        return false;
    for (size_t i = 0; i < ARRAY_LEN(ends); i++)
        if (str_contains(folded, str_of(ends[i])) ||
            (folded.len < 200 && str_contains(rest, str_of(ends[i]))))
            return true;
    return false;
}

/* "-----Mensagem original-----", or the block of headers that Outlook puts above what it quotes. */
static bool is_separator(struct str folded, struct str rest) {
    static const char *const words[] = {"mensagem original", "original message",
                                        "mensagem encaminhada", "forwarded message",
                                        "mensaje original"};
    static const char *const firsts[] = {"de:", "from:", "*de:", "*from:"};
    static const char *const seconds[] = {"\nenviado:", "\nenviada em:", "\nsent:",    "\ndata:",
                                          "\ndate:",    "\n*enviado",    "\n*enviada", "\n*sent",
                                          "\npara:",    "\nto:"};

    if (str_starts(folded, STR("---")))
        for (size_t i = 0; i < ARRAY_LEN(words); i++)
            if (str_contains(folded, str_of(words[i])))
                return true;
    if (!starts_any(folded, firsts, ARRAY_LEN(firsts)))
        return false;
    for (size_t i = 0; i < ARRAY_LEN(seconds); i++)
        if (str_contains(rest, str_of(seconds[i])))
            return true;
    return false;
}

/* A line from which on all is history. rest: the folded text behind it. */
static bool begins_history(struct arena *a, struct str line, struct str behind) {
    struct str folded = utf8_fold(a, line), rest;

    if (line.len == 0 || line.ptr[0] == '\0' || !strchr("EOLADFe-*oldaf", line.ptr[0]))
        return false;
    rest = arena_printf(a, "\n%.*s", STR_ARG(utf8_fold(a, utf8_cut_bytes(behind, 300))));
    return is_attribution(folded, rest) || is_separator(folded, rest);
}

/* Answers between or below quoted lines: those lines are the history. */
static void split_lines(struct arena *a, struct str text, struct str *ret_text,
                        struct str *ret_quoted) {
    ATTR_CLEANUP(buf_done_p) struct buf kept = {.max = MIME_TEXT_MAX_BYTES};
    ATTR_CLEANUP(buf_done_p) struct buf cut = {.max = MIME_TEXT_MAX_BYTES};

    while (text.len > 0) {
        struct str rest = text, raw, line;
        bool is_history;

        (void)str_cut(&rest, '\n', &raw);
        line = str_trim(raw);
        /* The words above a quotation belong to it: the quoted lines follow within two lines. */
        is_history = is_quoted(line) || (begins_history(a, line, rest) &&
                                         str_contains(str_sub(rest, 0, 200), STR("\n>")));
        buf_add(is_history ? &cut : &kept, raw);
        buf_add(is_history ? &cut : &kept, STR("\n"));
        text = rest;
    }
    *ret_text = arena_str(a, str_trim(buf_str(&kept)));
    *ret_quoted = arena_str(a, str_trim(buf_str(&cut)));
}

void mime_cut_quotes(struct arena *a, struct str text, struct str *ret_text,
                     struct str *ret_quoted) {
    struct str rest = text;

    while (rest.len > 0) {
        size_t at = text.len - rest.len;
        struct str line = next_line(&rest);

        if (str_trim(str_sub(text, 0, at)).len > 0 && begins_history(a, line, rest)) {
            /* What stands above may be quoted itself. */
            struct str above = STR_EMPTY, quoted = STR_EMPTY;

            split_lines(a, str_sub(text, 0, at), &above, &quoted);
            if (above.len == 0)
                break;
            *ret_text = above;
            *ret_quoted = quoted.len > 0
                              ? arena_printf(a, "%.*s\n%.*s", STR_ARG(quoted),
                                             STR_ARG(str_trim(str_sub(text, at, text.len))))
                              : str_trim(str_sub(text, at, text.len));
            return;
        }
    }
    split_lines(a, text, ret_text, ret_quoted);
    if (ret_text->len ==
        0) { /* only a quotation, a forwarded mail say: then that is what was sent */
        *ret_text = str_trim(text);
        *ret_quoted = STR_EMPTY;
    }
}
