/* keep.c - a file lies as imports/<tenant>/<import>: written beside, synced, renamed.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ingest/keep.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/crypto.h"

enum { COPY_BYTES = 64 << 10, DIR_MODE = 0700, FILE_MODE = 0600 };

static enum status disk_failure(struct err *e, const char *what) {
    bool is_full = errno == ENOSPC || errno == EDQUOT || errno == EFBIG;
    enum status st = err_set(e, ST_UNAVAILABLE, __FILE__, __LINE__,
                             "could not %s in the data directory: %m", what);

    if (e)
        e->cause = is_full ? "disk-full" : "disk";
    return st;
}

static struct str folder(struct arena *a, const struct ingest_deps *d, struct tenant_id tenant) {
    return arena_printf(a, "%.*s/imports/%.*s", STR_ARG(d->dir), STR_ARG(uuid_format(a, tenant.v)));
}

static char *path_of(struct arena *a, const struct ingest_deps *d, struct tenant_id tenant,
                     struct import_id id, const char *end) {
    struct str f = folder(a, d, tenant);

    return arena_cstr(
        a, arena_printf(a, "%.*s/%.*s%s", STR_ARG(f), STR_ARG(uuid_format(a, id.v)), end));
}

static enum status make_dirs(struct arena *a, struct str path, struct err *e) {
    for (size_t i = 1; i <= path.len; i++) {
        const char *at;

        if (i < path.len && path.ptr[i] != '/')
            continue;
        at = arena_cstr(a, str_sub(path, 0, i));
        if (!at || (mkdir(at, DIR_MODE) != 0 && errno != EEXIST))
            return disk_failure(e, "make a directory");
    }
    return ST_OK;
}

struct copying {
    int fd;
    struct crypto_digest *digest;
    int64_t size;
};

static enum status add(struct copying *c, struct str bytes, struct err *e) {
    crypto_digest_add(c->digest, bytes);
    c->size += (int64_t)bytes.len;
    while (bytes.len > 0) {
        ssize_t n = write(c->fd, bytes.ptr, bytes.len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return disk_failure(e, "write the spreadsheet");
        bytes = str_sub(bytes, (size_t)n, bytes.len);
    }
    return ST_OK;
}

static enum status copy_all(struct copying *c, struct ingest_file file, struct err *e) {
    char bytes[COPY_BYTES];

    if (file.fd < 0)
        return add(c, file.bytes, e);
    for (off_t at = 0;;) {
        ssize_t n = pread(file.fd, bytes, sizeof(bytes), at);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            FAIL(e, ST_UNAVAILABLE, "could not read the file: %m");
        if (n == 0)
            return ST_OK;
        TRY(add(c, (struct str){.ptr = bytes, .len = (size_t)n}, e));
        at += n;
    }
}

enum status keep_file(const struct ingest_deps *d, struct arena *a, const struct import *im,
                      struct ingest_file file, struct str *ret_sha256, int64_t *ret_size,
                      struct err *e) {
    const char *part = path_of(a, d, im->tenant, im->id, ".part");
    const char *whole = path_of(a, d, im->tenant, im->id, "");
    struct copying c = {0};
    uint8_t sum[SHA256_BYTES];
    enum status st;

    TRY(make_dirs(a, folder(a, d, im->tenant), e));
    c.fd = open(part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, FILE_MODE);
    if (c.fd < 0)
        return disk_failure(e, "make a file");
    c.digest = crypto_digest_new();
    st = copy_all(&c, file, e);
    if (st == ST_OK && (fsync(c.fd) != 0 || rename(part, whole) != 0))
        st = disk_failure(e, "keep the spreadsheet");
    (void)close(c.fd);
    crypto_digest_end(c.digest, sum);
    crypto_digest_free(c.digest);
    if (st != ST_OK) {
        (void)unlink(part);
        return st;
    }
    *ret_sha256 = crypto_hex(a, (struct str){.ptr = (const char *)sum, .len = sizeof(sum)});
    *ret_size = c.size;
    return ST_OK;
}

void keep_remove(const struct ingest_deps *d, struct arena *a, struct tenant_id tenant,
                 struct import_id id) {
    (void)unlink(path_of(a, d, tenant, id, ""));
}

void keep_remove_file(const struct ingest_deps *d, struct arena *a, const struct kept_file *file) {
    (void)unlink(path_of(a, d, file->tenant, file->id, file->is_part ? ".part" : ""));
}

/* --- what lies there ----------------------------------------------------------------------------------------------------- */

struct listing {
    int64_t before_ms;
    struct kept_file *files;
    size_t n, max;
};

static void look_at(struct listing *l, int dir_fd, struct tenant_id tenant, const char *name) {
    struct kept_file file = {.tenant = tenant};
    struct str id = str_of(name);
    struct stat st;

    if (str_ends(id, STR(".part"))) {
        file.is_part = true;
        id.len -= STR(".part").len;
    }
    if (!uuid_parse(id, &file.id.v) || fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
        !S_ISREG(st.st_mode) || (int64_t)st.st_mtime * 1000 >= l->before_ms)
        return;
    l->files[l->n++] = file;
}

/* A directory's entries one by one; readdir is safe for a stream that nobody else has. */
static void each_entry(struct listing *l, int fd, struct tenant_id tenant,
                       void (*fn)(struct listing *l, int fd, struct tenant_id tenant,
                                  const char *name)) {
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    struct dirent *entry;

    if (!dir) {
        if (fd >= 0)
            (void)close(fd);
        return;
    }
    while (l->n < l->max && (entry = readdir(dir))) /* NOLINT(concurrency-mt-unsafe): see above */
        fn(l, fd, tenant, entry->d_name);
    (void)closedir(dir);
}

static void look_into(struct listing *l, int dir_fd, struct tenant_id unused, const char *name) {
    struct tenant_id tenant;

    (void)unused;
    if (!uuid_parse(str_of(name), &tenant.v))
        return;
    each_entry(l, openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), tenant,
               look_at);
}

size_t keep_list_old(const struct ingest_deps *d, struct arena *a, int64_t before_ms,
                     struct kept_file *ret, size_t n) {
    struct listing l = {.before_ms = before_ms, .files = ret, .max = n};
    const char *top = arena_cstr(a, arena_printf(a, "%.*s/imports", STR_ARG(d->dir)));

    each_entry(&l, top ? open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1, (struct tenant_id){0},
               look_into);
    return l.n;
}

enum status keep_open(const struct ingest_deps *d, struct arena *a, const struct import *im,
                      struct opened *ret, struct err *e) {
    const struct sheet_limits limits = {.spill_dir = arena_cstr(a, folder(a, d, im->tenant))};

    ret->sheet = NULL;
    ret->fd = open(path_of(a, d, im->tenant, im->id, ""), O_RDONLY | O_CLOEXEC);
    if (ret->fd < 0) {
        enum status st = err_set(e, ST_NOT_FOUND, __FILE__, __LINE__,
                                 "the file is no longer in the data directory: upload it again");

        if (e)
            e->cause = "file-gone";
        return st;
    }
    return sheet_open(ret->fd, limits, &ret->sheet, e);
}

void opened_close_p(struct opened *o) {
    sheet_close(o->sheet);
    if (o->fd >= 0)
        (void)close(o->fd);
    *o = (struct opened){.fd = -1};
}

enum status keep_head(struct arena *a, struct sheet *s, size_t which, size_t n,
                      struct kept_row **ret, size_t *ret_n, struct err *e) {
    struct sheet_row row;
    enum status st = sheet_start(s, which, e);

    *ret = arena_array_of(a, n + 1, struct kept_row);
    *ret_n = 0;
    while (st == ST_OK && *ret_n < n && (st = sheet_next(s, &row, e)) == ST_OK) {
        struct kept_row *k = &(*ret)[(*ret_n)++];

        *k = (struct kept_row){.number = row.number, .n = row.n};
        k->cells = arena_array_of(a, row.n + 1, struct str);
        for (size_t i = 0; i < row.n; i++)
            k->cells[i] = arena_str(a, row.cells[i].text);
    }
    return st == ST_NOT_FOUND ? ST_OK : st;
}
