/* file.c - a name is there whole or not at all: bytes go to part/, are synced, renamed to their digest, and the directory
 * is synced. The same bytes twice are the same name twice, which is no conflict.
 * SPDX-License-Identifier: Apache-2.0 */
#include "media/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DIR_MODE = 0700, FILE_MODE = 0600, SHARD_DIGITS = 2 };

static enum status disk_failure(struct err *e, const char *what, const char *path) {
    bool is_full = errno == ENOSPC || errno == EDQUOT || errno == EFBIG;

    if (is_full)
        (void)err_set(e, ST_UNAVAILABLE, __FILE__, __LINE__,
                      "could not %s \"%s\" in the data directory: the disk is full, make room",
                      what, path);
    else
        (void)err_set(e, ST_UNAVAILABLE, __FILE__, __LINE__,
                      "could not %s \"%s\" in the data directory: %m", what, path);
    e->cause = is_full ? "disk-full" : "disk";
    return ST_UNAVAILABLE;
}

/* --- where ---------------------------------------------------------------------------------------------------------- */

static struct str tenant_dir(struct arena *a, struct str dir, struct tenant_id tenant) {
    struct str id = uuid_format(a, tenant.v);

    return arena_printf(a, "%.*s/media/%.*s", STR_ARG(dir), STR_ARG(id));
}

static struct str shard_dir(struct arena *a, struct str dir, struct tenant_id tenant,
                            struct str sha256) {
    struct str parent = tenant_dir(a, dir, tenant);

    return arena_printf(a, "%.*s/%.*s", STR_ARG(parent), STR_ARG(str_sub(sha256, 0, SHARD_DIGITS)));
}

struct str file_path(struct arena *a, struct str dir, struct tenant_id tenant, struct str sha256) {
    struct str parent = shard_dir(a, dir, tenant, sha256);

    return arena_printf(a, "%.*s/%.*s", STR_ARG(parent), STR_ARG(sha256));
}

static enum status sync_dir(const char *path, struct err *e) {
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool is_synced = fd >= 0 && fsync(fd) == 0;

    if (!is_synced)
        (void)disk_failure(e, "sync the directory", path);
    if (fd >= 0)
        (void)close(fd);
    return is_synced ? ST_OK : ST_UNAVAILABLE;
}

/* Every directory on the way that is not there; each new one is synced into its parent. */
static enum status make_dirs(struct arena *a, struct str path, struct err *e) {
    for (size_t i = 1; i <= path.len; i++) {
        struct str parent;
        char *at;
        size_t end = i;

        if (i < path.len && path.ptr[i] != '/')
            continue;
        at = arena_cstr(a, str_sub(path, 0, i));
        if (!at || (mkdir(at, DIR_MODE) != 0 && errno != EEXIST))
            return disk_failure(e, "make", at ? at : "?");
        while (end > 0 && path.ptr[end - 1] != '/')
            end--;
        parent = end > 1 ? str_sub(path, 0, end - 1) : end == 1 ? STR("/") : STR(".");
        if (errno != EEXIST)
            TRY(sync_dir(arena_cstr(a, parent), e));
        errno = 0;
    }
    return ST_OK;
}

/* --- writing -------------------------------------------------------------------------------------------------------- */

enum status writer_open(struct arena *a, struct str dir, struct tenant_id tenant, int64_t max_bytes,
                        struct media_writer *ret, struct err *e) {
    struct str parent = tenant_dir(a, dir, tenant), name = uuid_format(a, uuid_new());

    *ret = (struct media_writer){
        .dir = dir, .tenant = tenant, .arena = a, .fd = -1, .max_bytes = max_bytes};
    parent = arena_printf(a, "%.*s/part", STR_ARG(parent));
    errno = 0;
    TRY(make_dirs(a, parent, e));

    char *path = arena_cstr(a, arena_printf(a, "%.*s/%.*s", STR_ARG(parent), STR_ARG(name)));

    ret->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, FILE_MODE);
    if (ret->fd < 0)
        return disk_failure(e, "make", path);
    ret->part = path;
    ret->digest = crypto_digest_new();
    return ST_OK;
}

static void keep_head(struct media_writer *w, struct str piece) {
    struct str part = str_sub(piece, 0, sizeof(w->head) - w->head_len);

    if (part.len > 0)
        memcpy(w->head + w->head_len, part.ptr, part.len);
    w->head_len += part.len;
}

enum status writer_add(struct media_writer *w, struct str piece, struct err *e) {
    if (piece.len > (uint64_t)(w->max_bytes - w->size)) {
        e->cause = "too-large";
        FAIL(e, ST_INVALID, "the file has more than %lld bytes", (long long)w->max_bytes);
    }
    keep_head(w, piece);
    crypto_digest_add(w->digest, piece);
    w->size += (int64_t)piece.len;
    while (piece.len > 0) {
        ssize_t n = write(w->fd, piece.ptr, piece.len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return disk_failure(e, "write", w->part);
        piece = str_sub(piece, (size_t)n, piece.len);
    }
    return ST_OK;
}

enum status writer_end(struct media_writer *w, struct str *ret_sha256, struct err *e) {
    uint8_t sum[SHA256_BYTES];

    if (fsync(w->fd) != 0)
        return disk_failure(e, "sync", w->part);
    crypto_digest_end(w->digest, sum);
    *ret_sha256 = crypto_hex(w->arena, (struct str){.ptr = (const char *)sum, .len = sizeof(sum)});
    return ST_OK;
}

enum status writer_publish(struct media_writer *w, struct str sha256, struct err *e) {
    struct str parent = shard_dir(w->arena, w->dir, w->tenant, sha256);
    char *path = arena_cstr(w->arena, file_path(w->arena, w->dir, w->tenant, sha256));

    errno = 0;
    TRY(make_dirs(w->arena, parent, e));
    if (rename(w->part, path) != 0)
        return disk_failure(e, "name", path);
    w->part = NULL;
    return sync_dir(arena_cstr(w->arena, parent), e);
}

void writer_close(struct media_writer *w) {
    if (w->part)
        (void)unlink(w->part);
    if (w->digest) {
        crypto_digest_free(w->digest);
        (void)close(w->fd);
    }
    w->part = NULL;
    w->digest = NULL;
    w->fd = -1;
}

void writer_close_p(struct media_writer *w) {
    writer_close(w);
}

/* --- reading -------------------------------------------------------------------------------------------------------- */

enum status media_open(const struct media_deps *deps, const struct media *m, int *ret_fd,
                       uint64_t *ret_size, struct err *e) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct stat st;
    int fd;

    if (str_eq(m->state, STR("waiting")))
        FAIL_AS(e, ST_CONFLICT, "file-not-ready",
                "the file is still on its way: try again in a moment");
    if (!str_eq(m->state, STR("ready")))
        FAIL(e, ST_NOT_FOUND, "the file is not here: %.*s", STR_ARG(m->reason));
    fd = open(arena_cstr(&a, file_path(&a, deps->dir, m->tenant, m->sha256)), O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0 || st.st_size != m->size) {
        if (fd >= 0)
            (void)close(fd);
        FAIL(e, ST_BROKEN, "the file of media %.*s is missing from the data directory, or changed",
             STR_ARG(uuid_format(&a, m->id.v)));
    }
    *ret_fd = fd;
    *ret_size = (uint64_t)st.st_size;
    return ST_OK;
}

/* --- removing ------------------------------------------------------------------------------------------------------- */

static int64_t modified_ms(const struct stat *st) {
    return (int64_t)st->st_mtim.tv_sec * 1000 + st->st_mtim.tv_nsec / 1000000;
}

/* Somebody may be writing the same bytes again at this moment: the name is moved away first, and given back when what was
 * moved is new. Nobody's file is lost; at worst it cannot be opened for an instant. */
void file_remove(struct arena *a, struct str dir, struct tenant_id tenant, struct str sha256,
                 int64_t before_ms) {
    char *path = arena_cstr(a, file_path(a, dir, tenant, sha256));
    char *aside = arena_cstr(a, arena_printf(a, "%s.gone", path));
    struct stat st;

    if (rename(path, aside) != 0)
        return;
    if (stat(aside, &st) == 0 && modified_ms(&st) >= before_ms && link(aside, path) != 0 &&
        errno != EEXIST)
        return; /* better aside than lost */
    (void)unlink(aside);
}

static void purge_dir(struct arena *a, struct str path, int64_t before_ms) {
    DIR *d = opendir(arena_cstr(a, path));
    const struct dirent *entry;
    struct stat st;

    if (!d)
        return;
    while ((entry = readdir(d))) { /* NOLINT(concurrency-mt-unsafe): each call has its own stream */
        if (entry->d_name[0] != '.' &&
            fstatat(dirfd(d), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISREG(st.st_mode) && modified_ms(&st) < before_ms)
            (void)unlinkat(dirfd(d), entry->d_name, 0);
    }
    (void)closedir(d);
}

void file_purge_parts(struct arena *a, struct str dir, int64_t before_ms) {
    struct str root = arena_printf(a, "%.*s/media", STR_ARG(dir));
    DIR *d = opendir(arena_cstr(a, root));
    const struct dirent *entry;

    if (!d)
        return;
    while ((entry = readdir(d))) /* NOLINT(concurrency-mt-unsafe): each call has its own stream */
        if (entry->d_name[0] != '.')
            purge_dir(a, arena_printf(a, "%.*s/%s/part", STR_ARG(root), entry->d_name), before_ms);
    (void)closedir(d);
}
