/* secrets.c - prosa secrets: the master key that seals stored secrets.
 *
 * A change of keys takes three steps, so that no server ever meets a secret it cannot open: a new
 * key is put in front of the old ones (rotate), every server is started again and knows both, then
 * everything is sealed anew (reseal) and the old keys may go.
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"
#include "webhook/webhook.h"

enum {
    KEY_FILE_MAX_BYTES = 16 << 10,
    FILE_MODE = 0600,
};

static void close_p(int *fd) {
    if (*fd >= 0)
        (void)close(*fd);
}

/* --- rotate ---------------------------------------------------------------------------------- */

static enum status fail_errno(struct err *e, const char *what, const char *path) {
    char reason[64];

    FAIL(e, ST_INVALID, "could not %s \"%s\": %s", what, path,
         strerror_r(errno, reason, sizeof(reason)));
}

static bool write_all(int fd, struct str s) {
    while (s.len > 0) {
        ssize_t n = write(fd, s.ptr, s.len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        s = str_sub(s, (size_t)n, s.len);
    }
    return true;
}

/* Whole or not at all: a key file that is cut off loses every secret. */
static enum status replace_file(struct cli *c, const char *path, struct str text, struct err *e) {
    char *aside = arena_cstr(&c->arena, arena_printf(&c->arena, "%s.new", path));
    ATTR_CLEANUP(close_p)
    int fd = open(aside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, FILE_MODE);

    if (fd < 0)
        return fail_errno(e, "create", aside);
    if (!write_all(fd, text) || fsync(fd) != 0 || rename(aside, path) != 0) {
        enum status st = fail_errno(e, "write", aside);

        (void)unlink(aside);
        return st;
    }
    return ST_OK;
}

static struct str fresh_key(struct cli *c) {
    uint8_t key[CRYPTO_KEY_BYTES];
    struct str hex;

    crypto_random(key, sizeof(key));
    hex = crypto_hex(&c->arena, (struct str){.ptr = (const char *)key, .len = sizeof(key)});
    crypto_wipe(key, sizeof(key));
    return hex;
}

struct rotated {
    struct cli *c;
    struct str path;
};

static enum status record_rotation_tx(struct tx *tx, void *ctx, struct err *e) {
    const struct rotated *r = ctx;
    struct cli *c = r->c;

    TRY(cli_audit(c, tx, (struct tenant_id){0}, "secrets.rotate", "secrets", (struct uuid){0}, e));
    if (!c->is_json) {
        buf_printf(&c->out,
                   "A new key stands first in %.*s; the old ones stay behind it.\n"
                   "Now start every server again, then run `prosa secrets reseal`.\n",
                   STR_ARG(r->path));
        return ST_OK;
    }
    json_obj(&c->json, NULL);
    json_put_str(&c->json, "master_key_file", r->path);
    json_put_str(&c->json, "next", STR("restart every server, then run prosa secrets reseal"));
    json_end(&c->json);
    return ST_OK;
}

static enum status rotate(struct cli *c, struct err *e) {
    struct rotated r = {.c = c};
    struct str old, key, text;
    struct keyring *check;

    TRY(runtime_key_file(&c->rt, &r.path, e));
    TRY(cli_read_file(c, r.path, KEY_FILE_MAX_BYTES, &old, e));
    key = fresh_key(c);
    text = arena_printf(&c->arena, "%.*s\n%.*s", STR_ARG(key), STR_ARG(old));
    TRY(keyring_parse(text, &check, e)); /* never replace a good file by one that does not load */
    keyring_free(check);
    TRY(replace_file(c, arena_cstr(&c->arena, r.path), text, e));
    return cli_write(c, record_rotation_tx, &r, e);
}

/* --- reseal ---------------------------------------------------------------------------------- */

struct resealed {
    struct cli *c;
    int64_t n;
};

static enum status record_tx(struct tx *tx, void *ctx, struct err *e) {
    struct resealed *r = ctx;
    struct cli *c = r->c;

    TRY(cli_audit(c, tx, (struct tenant_id){0}, "secrets.reseal", "secrets", (struct uuid){0}, e));
    if (!c->is_json) {
        buf_printf(&c->out, "Sealed anew: %lld. Everything is under the first key.\n",
                   (long long)r->n);
        return ST_OK;
    }
    json_obj(&c->json, NULL);
    json_put_i64(&c->json, "count", r->n);
    json_end(&c->json);
    return ST_OK;
}

static enum status reseal(struct cli *c, struct err *e) {
    struct resealed r = {.c = c};
    int64_t n_factors, n_webhooks;

    TRY(account_reseal(c->rt.db, c->rt.keys, &r.n, e));
    TRY(totp_reseal(c->rt.db, c->rt.keys, &n_factors, e));
    TRY(webhook_reseal(c->rt.db, c->rt.keys, &n_webhooks, e));
    r.n += n_factors + n_webhooks;
    return cli_write(c, record_tx, &r, e);
}

const struct command secrets_commands[] = {
    {.name = "rotate",
     .summary = "put a new master key in front of the old ones",
     .task = "rotate the master key",
     .help =
         "Changes the key file only. Afterwards start every server again, so that all know both\n"
         "keys, and run `prosa secrets reseal`. A key that comes from PROSA_MASTER_KEY is\n"
         "changed where it is kept: put the new one on a line before the old ones.",
     .run = rotate,
     .needs_keys = true},
    {.name = "reseal",
     .summary = "seal every secret under the first master key",
     .task = "seal the secrets anew",
     .help =
         "Safe to run twice and while servers run. Afterwards the old keys may be deleted from\n"
         "the key file, except for backups of the database that still need them.",
     .run = reseal,
     .needs_keys = true},
    {.name = NULL},
};
