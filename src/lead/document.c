/* document.c - CPF and CNPJ: punctuation off, zeros back, check digits.
 * SPDX-License-Identifier: Apache-2.0 */
#include "lead/document.h"

#include <string.h>

enum { CPF_LEN = 11, CNPJ_LEN = 14, CPF_MIN = 8, CNPJ_MIN = 12 };

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/* Upper-case letters and digits of s; false when something else than punctuation stands between them. */
static bool plain(struct str s, char out[static CNPJ_LEN], size_t *ret_n, bool *ret_letters) {
    *ret_n = 0;
    *ret_letters = false;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];

        if (c >= 'a' && c <= 'z')
            c = (char)(c - 'a' + 'A');
        if (is_digit(c) || (c >= 'A' && c <= 'Z')) {
            if (*ret_n == CNPJ_LEN)
                return false;
            *ret_letters = *ret_letters || !is_digit(c);
            out[(*ret_n)++] = c;
        } else if (c == '\0' || !strchr(" .-/'", c)) {
            return false;
        }
    }
    return true;
}

/* Modulo 11 over the first n characters; a letter counts as its ASCII code less 48, as a digit does. Weights run from 2 at the
 * right up to max_weight and begin anew. */
static char check_digit(const char *s, size_t n, unsigned max_weight) {
    unsigned sum = 0, weight = 2;

    for (size_t i = n; i > 0; i--) {
        sum += (unsigned)(s[i - 1] - '0') * weight;
        weight = weight == max_weight ? 2 : weight + 1;
    }
    sum = 11 - sum % 11;
    return (char)(sum >= 10 ? '0' : '0' + sum);
}

static bool is_checked(const char *s, size_t n, unsigned max_weight) {
    bool is_one_digit = true;

    for (size_t i = 1; i < n; i++)
        is_one_digit = is_one_digit && s[i] == s[0];
    return !is_one_digit && s[n - 2] == check_digit(s, n - 2, max_weight) &&
           s[n - 1] == check_digit(s, n - 1, max_weight);
}

static void pad(char s[static CNPJ_LEN], size_t *n, size_t want) {
    size_t zeros = want - *n;

    memmove(s + zeros, s, *n);
    memset(s, '0', zeros);
    *n = want;
}

bool document_read(struct arena *a, struct str typed, struct document *ret) {
    char s[CNPJ_LEN];
    size_t n;
    bool has_letters, is_cpf;

    *ret = (struct document){.kind = ""};
    typed = str_trim(typed);
    if (str_ends(typed, STR(".0"))) /* a spreadsheet's number */
        typed = str_sub(typed, 0, typed.len - 2);
    if (typed.len == 0)
        return true;
    if (!plain(typed, s, &n, &has_letters) || n < CPF_MIN)
        return false;
    is_cpf = n <= CPF_LEN && !has_letters;
    if (!is_cpf && (has_letters ? n != CNPJ_LEN : n < CNPJ_MIN))
        return false;
    pad(s, &n, is_cpf ? CPF_LEN : CNPJ_LEN);
    /* The check digits of a CNPJ stay digits. */
    if (!is_digit(s[n - 1]) || !is_digit(s[n - 2]) || !is_checked(s, n, is_cpf ? CPF_LEN : 9))
        return false;
    *ret = (struct document){.value = arena_str(a, (struct str){.ptr = s, .len = n}),
                             .kind = is_cpf ? "cpf" : "cnpj"};
    return true;
}
