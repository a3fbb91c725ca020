/* import.c - prosa import: a spreadsheet into a tenant's leads, by this process.
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/cli.h"
#include "ingest/ingest.h"

enum { MAP_BYTES = 64 << 10, HASH_BYTES = 64 << 10 };

struct importing {
    struct cli *c;
    struct ingest_deps d;
    struct tenant tenant;
    struct import im;
    int fd;
    struct str sha256;
    bool is_found; /* one that was interrupted */
    enum ingest_step step;
    struct ingest_reason *reasons;
    size_t n_reasons;
    int errors_fd;
    bool is_terminal;
    int64_t told;
};

/* --- the file ---------------------------------------------------------------------------------------------------------- */

static enum status open_file(struct importing *x, struct err *e) {
    struct str path = cli_arg(x->c, 0);
    const char *name = arena_cstr(&x->c->arena, path);

    x->fd = open(name ? name : "", O_RDONLY | O_CLOEXEC);
    if (x->fd < 0)
        FAIL(e, errno == ENOENT ? ST_NOT_FOUND : ST_INVALID, "could not read \"%.*s\": %m",
             STR_ARG(path));
    return ST_OK;
}

static enum status hash_file(struct importing *x, struct err *e) {
    struct crypto_digest *digest = crypto_digest_new();
    uint8_t sum[SHA256_BYTES];
    char *bytes = arena_alloc(&x->c->arena, HASH_BYTES);
    ssize_t n;

    for (off_t at = 0; (n = pread(x->fd, bytes, HASH_BYTES, at)) > 0; at += n)
        crypto_digest_add(digest, (struct str){.ptr = bytes, .len = (size_t)n});
    crypto_digest_end(digest, sum);
    crypto_digest_free(digest);
    if (n < 0)
        FAIL(e, ST_INVALID, "could not read \"%.*s\": %m", STR_ARG(cli_arg(x->c, 0)));
    x->sha256 =
        crypto_hex(&x->c->arena, (struct str){.ptr = (const char *)sum, .len = sizeof(sum)});
    return ST_OK;
}

static struct str base_name(struct str path) {
    size_t at = path.len;

    while (at > 0 && path.ptr[at - 1] != '/')
        at--;
    return str_sub(path, at, path.len);
}

/* --- how it is read ---------------------------------------------------------------------------------------------------- */

/* A column by its title, letter or place. */
static int64_t column_named(struct importing *x, struct str name) {
    const struct json *list;
    struct err why = ERR_INIT;

    if (json_parse(&x->c->arena, x->im.columns, JSON_LIMITS_DEFAULT, &list, &why) != ST_OK)
        return -1;
    for (size_t i = 0; i < json_len(list); i++) {
        const struct json *c = json_at(list, i);

        if (str_eq_nocase(json_str(json_get(c, "title")), name) ||
            str_eq_nocase(json_str(json_get(c, "letter")), name))
            return json_i64(json_get(c, "index"), -1);
    }
    return -1;
}

static enum status read_maps(struct importing *x, const struct json **ret, struct err *e) {
    ATTR_CLEANUP(buf_done_p) struct buf b = {.max = MAP_BYTES};
    struct json_out o;
    size_t n = 0;

    json_out_init(&o, &b);
    json_arr(&o, NULL);
    for (size_t i = 0; i < x->c->n_given; i++) {
        struct str target = x->c->given[i].value, name;
        int64_t index;

        if (!str_eq(str_of(x->c->given[i].option->name), STR("map")))
            continue;
        if (!str_cut(&target, '=', &name))
            FAIL(e, ST_INVALID, "--map: COLUMN=TARGET, such as B=phone or \"Cidade=field:Cidade\"");
        index = column_named(x, name);
        if (index < 0)
            FAIL(e, ST_INVALID, "--map: the spreadsheet has no column \"%.*s\"", STR_ARG(name));
        json_obj(&o, NULL);
        json_put_i64(&o, "index", index);
        json_put_str(&o, "target", target);
        json_end(&o);
        n++;
    }
    json_end(&o);
    *ret = NULL;
    return n > 0 ? json_parse(&x->c->arena, buf_str(&b), JSON_LIMITS_DEFAULT, ret, e) : ST_OK;
}

static const struct json *json_of(struct importing *x, struct str text) {
    const struct json *v = NULL;
    struct err why = ERR_INIT;

    if (json_parse(&x->c->arena, text, JSON_LIMITS_DEFAULT, &v, &why) != ST_OK)
        return NULL;
    return v;
}

static const struct json *json_text(struct importing *x, struct str text) {
    ATTR_CLEANUP(buf_done_p) struct buf b = {.max = MAP_BYTES};
    struct json_out o;

    json_out_init(&o, &b);
    json_put_str(&o, NULL, text);
    return json_of(x, buf_str(&b));
}

static const struct json *all_tags(struct importing *x) {
    ATTR_CLEANUP(buf_done_p) struct buf b = {.max = MAP_BYTES};
    struct json_out o;

    json_out_init(&o, &b);
    json_arr(&o, NULL);
    for (size_t i = 0; i < x->c->n_given; i++)
        if (str_eq(str_of(x->c->given[i].option->name), STR("tag")))
            json_put_str(&o, NULL, x->c->given[i].value);
    json_end(&o);
    return json_of(x, buf_str(&b));
}

static enum status change_place(struct importing *x, struct err *e) {
    struct ingest_change change = {0};
    int64_t n = 0;

    if (!cli_has(x->c, "sheet") && !cli_has(x->c, "header"))
        return ST_OK;
    if (cli_has(x->c, "sheet")) {
        TRY(cli_number(x->c, "sheet", 1, SHEET_MAX_SHEETS, &n, e));
        change.sheet = json_of(x, arena_printf(&x->c->arena, "%lld", (long long)n - 1));
    }
    if (cli_has(x->c, "header")) {
        TRY(cli_number(x->c, "header", 0, SHEET_MAX_ROWS, &n, e));
        change.header_row = json_of(x, arena_printf(&x->c->arena, "%lld", (long long)n));
    }
    return ingest_change(&x->d, &x->c->arena, x->tenant.id, x->im.id, &change, &x->im, e);
}

static enum status change_all(struct importing *x, struct err *e) {
    struct ingest_change change = {.tags = all_tags(x)};

    TRY(change_place(x, e));
    TRY(read_maps(x, &change.columns, e));
    if (cli_has(x->c, "policy"))
        change.policy = json_text(x, cli_value(x->c, "policy"));
    return ingest_change(&x->d, &x->c->arena, x->tenant.id, x->im.id, &change, &x->im, e);
}

/* --- running ----------------------------------------------------------------------------------------------------------- */

static void show_progress(void *ctx, const struct import *im) {
    struct importing *x = ctx;
    const struct ingest_counts *n = x->step == INGEST_CHECK ? &im->check : &im->counts;

    if (!x->is_terminal || clock_mono_ms() - x->told < 200)
        return;
    x->told = clock_mono_ms();
    (void)fprintf(stderr,
                  "\r%3lld %%  %lld rows: %lld created, %lld updated, %lld skipped, %lld failed",
                  (long long)(im->permille / 10), (long long)n->rows, (long long)n->created,
                  (long long)n->updated, (long long)n->skipped, (long long)n->failed);
}

static enum status find_tx(struct tx *tx, void *ctx, struct err *e) {
    struct importing *x = ctx;
    enum status st;

    TRY(cli_tenant(x->c, tx, cli_value(x->c, "tenant"), &x->tenant, e));
    x->is_found = false;
    if (x->sha256.len == 0 || x->step == INGEST_CHECK)
        return ST_OK;
    st = ingest_find_unfinished(&x->c->arena, tx, x->tenant.id, x->sha256, &x->im, e);
    x->is_found = st == ST_OK;
    return st == ST_NOT_FOUND ? ST_OK : st;
}

static enum status step_tx(struct tx *tx, void *ctx, struct err *e) {
    struct importing *x = ctx;
    static const char *const actions[] = {[INGEST_CHECK] = "import.check",
                                          [INGEST_COMMIT] = "import.commit",
                                          [INGEST_UNDO] = "import.undo"};

    TRY(cli_tenant(x->c, tx, cli_value(x->c, "tenant"), &x->tenant, e));
    TRY(ingest_step(&x->c->arena, tx, x->tenant.id, x->im.id, x->step, false, clock_now_ms(),
                    &x->im, e));
    return cli_audit(x->c, tx, x->tenant.id, actions[x->step], "import", x->im.id.v, e);
}

static enum status result_tx(struct tx *tx, void *ctx, struct err *e) {
    struct importing *x = ctx;

    TRY(cli_tenant(x->c, tx, cli_value(x->c, "tenant"), &x->tenant, e));
    TRY(ingest_get(&x->c->arena, tx, x->tenant.id, x->im.id, &x->im, e));
    TRY(ingest_reasons(&x->c->arena, tx, x->tenant.id, x->im.id, &x->reasons, &x->n_reasons, e));
    if (x->errors_fd < 0)
        return ST_OK;
    if (ftruncate(x->errors_fd, 0) != 0 || lseek(x->errors_fd, 0, SEEK_SET) != 0)
        FAIL(e, ST_INVALID, "could not write \"%.*s\": %m", STR_ARG(cli_value(x->c, "errors")));
    return ingest_errors(tx, x->tenant.id, x->im.id, x->tenant.locale, x->errors_fd, e);
}

/* --- showing ----------------------------------------------------------------------------------------------------------- */

static void put_counts(struct json_out *o, const char *key, const struct ingest_counts *n) {
    json_obj(o, key);
    json_put_i64(o, "rows", n->rows);
    json_put_i64(o, "created", n->created);
    json_put_i64(o, "updated", n->updated);
    json_put_i64(o, "skipped", n->skipped);
    json_put_i64(o, "failed", n->failed);
    json_put_i64(o, "noted", n->noted);
    json_end(o);
}

static void show_json(struct importing *x, const struct ingest_counts *n) {
    struct json_out *o = &x->c->json;

    json_obj(o, NULL);
    json_put_id(o, "id", x->im.id.v);
    json_put_str(o, "state", x->im.state);
    json_put_bool(o, "is_dry_run", x->step == INGEST_CHECK);
    put_counts(o, "counts", n);
    json_put_i64(o, "undone", x->im.undone);
    json_put_raw(o, "columns", x->im.columns);
    json_put_str_or_null(o, "cause", x->im.cause);
    json_put_str_or_null(o, "reason", x->im.reason);
    json_arr(o, "reasons");
    for (size_t i = 0; i < x->n_reasons; i++) {
        json_obj(o, NULL);
        json_put_str(o, "outcome", str_of(ingest_outcome_name(x->reasons[i].outcome)));
        json_put_str(o, "reason", x->reasons[i].reason);
        json_put_str(o, "column", x->reasons[i].column);
        json_put_i64(o, "count", x->reasons[i].n);
        json_end(o);
    }
    json_end(o);
    json_end(o);
}

static void show_text(struct importing *x, const struct ingest_counts *n) {
    int64_t taken = n->created + n->updated;
    struct cli *c = x->c;

    if (x->step == INGEST_UNDO) {
        buf_printf(&c->out, "Took back %lld of %lld rows of import %.*s\n", (long long)x->im.undone,
                   (long long)taken, STR_ARG(cli_id_text(c, x->im.id.v)));
        return;
    }
    buf_printf(&c->out,
               "%s %.*s: %lld rows = %lld created + %lld updated + %lld skipped + %lld failed\n",
               x->step == INGEST_CHECK ? "Tried" : "Import", STR_ARG(cli_id_text(c, x->im.id.v)),
               (long long)n->rows, (long long)n->created, (long long)n->updated,
               (long long)n->skipped, (long long)n->failed);
    for (size_t i = 0; i < x->n_reasons; i++)
        buf_printf(&c->out, "%8lld %s: %s%s%.*s\n", (long long)x->reasons[i].n,
                   ingest_outcome_name(x->reasons[i].outcome),
                   ingest_reason_text(&c->arena, x->reasons[i].reason, true),
                   x->reasons[i].column.len > 0 ? " - " : "", STR_ARG(x->reasons[i].column));
    if (x->im.reason.len > 0)
        buf_printf(&c->out, "It failed: %.*s\n", STR_ARG(x->im.reason));
}

static enum status finish(struct importing *x, struct err *e) {
    bool is_over = false;
    enum status st;

    x->is_terminal = isatty(STDERR_FILENO) && !x->c->is_json;
    st = ingest_run(&x->d, x->tenant.id, x->im.id, NULL, show_progress, x, &is_over, e);
    if (x->told > 0)
        (void)fprintf(stderr, "\n");
    TRY(st);
    TRY(cli_write(x->c, result_tx, x, e));

    const struct ingest_counts *n = x->step == INGEST_CHECK ? &x->im.check : &x->im.counts;

    if (x->c->is_json)
        show_json(x, n);
    else
        show_text(x, n);
    x->c->exit_code = str_eq(x->im.state, STR("failed")) ? 1 : 0;
    return ST_OK;
}

static enum status put_file(struct importing *x, struct err *e) {
    x->step = cli_has(x->c, "dry-run") ? INGEST_CHECK : INGEST_COMMIT;
    TRY(open_file(x, e));
    TRY(hash_file(x, e));
    TRY(cli_write(x->c, find_tx, x, e));
    if (!x->is_found) {
        TRY(ingest_add(&x->d, &x->c->arena, x->tenant.id, (struct ingest_file){.fd = x->fd},
                       base_name(cli_arg(x->c, 0)), STR("cli"), &x->im, e));
        TRY(change_all(x, e));
        TRY(cli_write(x->c, step_tx, x, e));
    }
    return finish(x, e);
}

static enum status take_back(struct importing *x, struct err *e) {
    x->step = INGEST_UNDO;
    if (!uuid_parse(cli_value(x->c, "undo"), &x->im.id.v))
        FAIL(e, ST_INVALID, "--undo: the id of an import");
    TRY(cli_write(x->c, step_tx, x, e));
    return finish(x, e);
}

enum status import_run(struct cli *c, struct err *e) {
    struct importing x = {.c = c, .fd = -1, .errors_fd = -1};
    struct str errors = cli_value(c, "errors");
    enum status st;

    x.d = (struct ingest_deps){
        .db = c->rt.db, .dir = config_data_dir(&c->arena, c->rt.config), .region = "BR"};
    if ((c->n_args > 0) == cli_has(c, "undo"))
        FAIL(e, ST_INVALID, "give a FILE, or --undo with the id of an import");
    if (errors.len > 0) {
        x.errors_fd = open(arena_cstr(&c->arena, errors), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (x.errors_fd < 0)
            FAIL(e, ST_INVALID, "could not write \"%.*s\": %m", STR_ARG(errors));
    }
    st = c->n_args > 0 ? put_file(&x, e) : take_back(&x, e);
    if (x.fd >= 0)
        (void)close(x.fd);
    if (x.errors_fd >= 0)
        (void)close(x.errors_fd);
    return st;
}

const struct option import_options[] = {
    {.name = "tenant", .value = "SLUG", .help = "whose leads they become", .is_required = true},
    {.name = "map",
     .value = "COL=TO",
     .help = "column (title or letter) = name, company, document, phone, phone_area, email, tags, "
             "ignore or field:NAME; may be repeated"},
    {.name = "policy",
     .value = "POLICY",
     .help = "of people known already: skip, fill what is missing (default), or overwrite"},
    {.name = "sheet", .value = "N", .help = "read the N-th sheet (default: the first with rows)"},
    {.name = "header", .value = "N", .help = "row with the titles; 0: there is none"},
    {.name = "tag", .value = "TEXT", .help = "put on everybody; may be repeated"},
    {.name = "errors", .value = "FILE", .help = "write every row with a reason there, as CSV"},
    {.name = "dry-run", .help = "try all rows and keep none"},
    {.name = "undo", .value = "ID", .help = "take an import back"},
    {.name = NULL},
};
