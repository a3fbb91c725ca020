/* after.c - what became of the rows, for people and programs.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ingest/ingest.h"
#include "ingest/store.h"

static const char *const outcomes[] = {"created", "updated", "skipped", "failed"};

const char *ingest_outcome_name(enum ingest_outcome o) {
    return outcomes[o];
}

/* NOLINTNEXTLINE(readability-function-size): who, where, what, how far and what comes back */
enum status ingest_rows(struct arena *a, struct tx *tx, struct tenant_id tenant,
                        struct import_id id, const struct ingest_row_query *q,
                        struct ingest_row **ret, size_t *ret_n, struct err *e) {
    struct db_rows rows;

    TRY(store_rows_page(a, tx, tenant, id, q, &rows, e));
    *ret = arena_array_of(a, rows.n + 1, struct ingest_row);
    *ret_n = rows.n;
    for (size_t i = 0; i < rows.n; i++)
        (*ret)[i] = (struct ingest_row){.number = db_i64(&rows, i, 0),
                                        .outcome = (enum ingest_outcome)db_i64(&rows, i, 1),
                                        .is_undone = db_i64(&rows, i, 2) != 0,
                                        .reason = db_text(&rows, i, 3),
                                        .column = db_text(&rows, i, 4),
                                        .value = db_text(&rows, i, 5),
                                        .lead.v = db_uuid(&rows, i, 6)};
    return ST_OK;
}

/* NOLINTNEXTLINE(readability-function-size): who, where, what, how far and what comes back */
enum status ingest_leads(struct arena *a, struct tx *tx, struct tenant_id tenant,
                         struct import_id id, int64_t after, size_t limit, struct lead_id **ret,
                         size_t *ret_n, int64_t *ret_last, struct err *e) {
    struct db_rows rows;

    TRY(store_rows_leads(a, tx, tenant, id, after, limit, &rows, e));
    *ret = arena_array_of(a, rows.n + 1, struct lead_id);
    *ret_n = rows.n;
    *ret_last = rows.n > 0 ? db_i64(&rows, rows.n - 1, 1) : after;
    for (size_t i = 0; i < rows.n; i++)
        (*ret)[i].v = db_uuid(&rows, i, 0);
    return ST_OK;
}

enum status ingest_reasons(struct arena *a, struct tx *tx, struct tenant_id tenant,
                           struct import_id id, struct ingest_reason **ret, size_t *ret_n,
                           struct err *e) {
    struct db_rows rows;

    TRY(store_rows_reasons(a, tx, tenant, id, &rows, e));
    *ret = arena_array_of(a, rows.n + 1, struct ingest_reason);
    *ret_n = rows.n;
    for (size_t i = 0; i < rows.n; i++)
        (*ret)[i] = (struct ingest_reason){.outcome = (enum ingest_outcome)db_i64(&rows, i, 0),
                                           .reason = db_text(&rows, i, 1),
                                           .column = db_text(&rows, i, 2),
                                           .n = db_i64(&rows, i, 3)};
    return ST_OK;
}

/* --- reasons for people --------------------------------------------------------------------------------------------------- */

static const struct {
    const char *slug, *pt, *en;
} reasons[] = {
    {"known", "a pessoa já está no cadastro", "the person is known already"},
    {"duplicate", "a mesma pessoa está em outra linha deste arquivo",
     "the same person stands in another row of this file"},
    {"unchanged", "nada de novo sobre a pessoa", "nothing new about the person"},
    {"no-contact", "sem telefone, e-mail ou documento",
     "neither telephone number nor e-mail address nor document"},
    {"formula-error", "a célula tem um erro de fórmula", "the cell holds a formula's error"},
    {"formula-without-value", "a fórmula foi salva sem o resultado: abra e salve a planilha",
     "the formula was saved without its result: open and save the spreadsheet"},
    {"empty", "vazio", "empty"},
    {"not-a-number", "não é um telefone", "not a telephone number"},
    {"digits-lost", "a planilha arredondou o número: formate a coluna como texto",
     "the spreadsheet rounded the number: format the column as text"},
    {"too-short", "faltam dígitos", "too short"},
    {"too-long", "longo demais", "too long"},
    {"no-country", "falta o código do país", "without a country code"},
    {"invalid", "o número não existe", "no line has this number"},
    {"landline", "é um telefone fixo: guardado, mas não recebe mensagens",
     "a landline: kept, but messages do not reach it"},
    {"toll-free", "é um número gratuito: guardado, mas não recebe mensagens",
     "a toll-free number: kept, but messages do not reach it"},
    {"invalid-email", "o e-mail não é válido", "not an e-mail address"},
    {"invalid-document", "o CPF ou CNPJ não é válido", "the CPF or CNPJ is not valid"},
    {"invalid-fields", "os campos adicionais são grandes ou muitos demais",
     "the custom fields are too many or too large"},
    {"too-many", "há valores demais em uma linha", "too many values in one row"},
    {"not-text", "a célula contém caracteres que não são texto",
     "the cell holds characters that are no text"},
};

const char *ingest_reason_text(struct arena *a, struct str slug, bool is_english) {
    for (size_t i = 0; i < ARRAY_LEN(reasons); i++)
        if (str_eq(slug, str_of(reasons[i].slug)))
            return is_english ? reasons[i].en : reasons[i].pt;
    return arena_cstr(a, slug) ? arena_cstr(a, slug) : "";
}

/* --- the file of errors --------------------------------------------------------------------------------------------------- */

enum { ERROR_COLUMNS = 6 };

struct writing {
    struct arena a; /* of one row */
    struct sheet_writer *w;
    bool is_english;
};

static enum status write_row(const struct db_val *cells, size_t columns, void *ctx, struct err *e) {
    static const char *const portuguese[] = {"criada", "atualizada", "ignorada", "com erro"};
    struct writing *x = ctx;
    size_t outcome = (size_t)cells[1].i < ARRAY_LEN(outcomes) ? (size_t)cells[1].i : INGEST_FAILED;
    struct str row[ERROR_COLUMNS];

    (void)columns;
    arena_reset(&x->a);
    row[0] = arena_printf(&x->a, "%lld", (long long)cells[0].i);
    row[1] = cells[3].s;
    row[2] = str_of(x->is_english ? outcomes[outcome] : portuguese[outcome]);
    row[3] = cells[2].s;
    row[4] = str_of(ingest_reason_text(&x->a, cells[2].s, x->is_english));
    row[5] = cells[4].s;
    return sheet_write_row(x->w, row, ERROR_COLUMNS, e);
}

static enum status write_all(struct tx *tx, struct tenant_id tenant, struct import_id id,
                             struct writing *x, struct err *e) {
    static const struct str heads[2][ERROR_COLUMNS] = {{{"linha", 5},
                                                        {"coluna", 6},
                                                        {"resultado", 9},
                                                        {"motivo", 6},
                                                        {"explicação", 12},
                                                        {"valor original", 14}},
                                                       {{"row", 3},
                                                        {"column", 6},
                                                        {"outcome", 7},
                                                        {"reason", 6},
                                                        {"explanation", 11},
                                                        {"original value", 14}}};

    TRY(sheet_write_row(x->w, heads[x->is_english], ERROR_COLUMNS, e));
    TRY(store_rows_each_problem(tx, tenant, id, write_row, x, e));
    return sheet_writer_finish(x->w, e);
}

enum status ingest_errors(struct tx *tx, struct tenant_id tenant, struct import_id id,
                          struct str lang, int fd, struct err *e) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct writing x = {.is_english = str_starts(lang, STR("en"))};
    struct import im;
    enum status st;

    TRY(store_import_get(&a, tx, tenant, id, false, &im, e));
    TRY(sheet_writer_open(
        (struct sheet_out){.kind = SHEET_CSV, .fd = fd, .delimiter = x.is_english ? ',' : ';'},
        &x.w, e));
    st = write_all(tx, tenant, id, &x, e);
    sheet_writer_close(x.w);
    arena_done(&x.a);
    return st;
}
