/* document.h - Brazil's numbers of persons (CPF) and companies (CNPJ); private to lead/.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "base/arena.h"
#include "base/str.h"

struct document {
    struct str value; /* digits, of a CNPJ also upper-case letters; empty when none was typed */
    const char *kind; /* "cpf", "cnpj", "" */
};

/* Reads what was typed, with or without punctuation; zeros that a spreadsheet took from the front are put back. The CNPJ's
 * letters as of July 2026: Receita Federal, Instrução Normativa 2.229/2024. False: it is none of the two, or its check digits
 * are wrong. */
bool document_read(struct arena *a, struct str typed, struct document *ret);
