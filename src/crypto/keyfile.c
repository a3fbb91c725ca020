/* keyfile.c - the file that holds the master keys: who may read it, and how it is born. A new file
 * is written aside, synced and linked to its name, so that a crash leaves a whole file or none, and
 * two processes starting at once agree on one key.
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/crypto.h"

enum {
    FILE_BYTES_MAX = 16 << 10,
    HEX_BYTES = 2 * CRYPTO_KEY_BYTES,
};

static void close_p(int *fd) {
    if (*fd >= 0)
        (void)close(*fd);
}

static enum status fail_errno(struct err *e, const char *what, const char *path) {
    char reason[64];

    FAIL(e, errno == ENOENT ? ST_NOT_FOUND : ST_INVALID, "could not %s key file \"%s\": %s", what,
         path, strerror_r(errno, reason, sizeof(reason)));
}

static enum status check_access(int fd, const char *path, struct err *e) {
    struct stat st;

    if (fstat(fd, &st) != 0)
        return fail_errno(e, "look at", path);
    if (!S_ISREG(st.st_mode))
        FAIL(e, ST_INVALID, "could not read key file \"%s\": not a regular file", path);
    if (st.st_mode & (S_IRWXG | S_IRWXO))
        FAIL(e, ST_DENIED, "could not read key file \"%s\": mode %04o, wants 0600 or stricter",
             path, (unsigned)st.st_mode & 07777);
    if (st.st_uid != geteuid() && st.st_uid != 0)
        FAIL(e, ST_DENIED, "could not read key file \"%s\": it belongs to another user", path);
    return ST_OK;
}

static enum status read_keys(int fd, const char *path, struct keyring **ret, struct err *e) {
    char text[FILE_BYTES_MAX + 1];
    size_t len = 0;
    enum status st;

    while (len < sizeof(text)) {
        ssize_t n = read(fd, text + len, sizeof(text) - len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail_errno(e, "read", path);
        if (n == 0)
            break;
        len += (size_t)n;
    }
    if (len == sizeof(text)) {
        sodium_memzero(text, sizeof(text));
        FAIL(e, ST_INVALID, "could not read key file \"%s\": more than %d bytes", path,
             FILE_BYTES_MAX);
    }
    st = keyring_parse((struct str){.ptr = text, .len = len}, ret, e);
    sodium_memzero(text, sizeof(text));
    return st;
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

static bool write_fresh_key(int fd) {
    static const char head[] =
        "# Master keys of prosa, the first one current. Whoever has this file reads every secret;\n"
        "# whoever loses it reads none: back it up apart from the database.\n";
    unsigned char key[CRYPTO_KEY_BYTES];
    char hex[HEX_BYTES + 1];
    bool ok;

    randombytes_buf(key, sizeof(key));
    sodium_bin2hex(hex, sizeof(hex), key, sizeof(key));
    hex[HEX_BYTES] = '\n';
    ok = write_all(fd, str_of(head)) &&
         write_all(fd, (struct str){.ptr = hex, .len = sizeof(hex)}) && fsync(fd) == 0;
    sodium_memzero(key, sizeof(key));
    sodium_memzero(hex, sizeof(hex));
    return ok;
}

/* A name is on disk once its directory is. */
static bool sync_directory(struct arena *a, const char *path) {
    struct str s = str_of(path);
    const char *slash = memrchr(path, '/', s.len);
    size_t len = slash ? (size_t)(slash - path) : 0;
    const char *dir = !slash ? "." : len == 0 ? "/" : arena_cstr(a, str_sub(s, 0, len));
    ATTR_CLEANUP(close_p)
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    return fd >= 0 && fsync(fd) == 0;
}

static enum status create_file(const char *path, struct err *e) {
    ATTR_CLEANUP(arena_done_p)
    struct arena a = {0};
    char *aside = arena_cstr(&a, arena_printf(&a, "%s.XXXXXX", path));
    ATTR_CLEANUP(close_p)
    int fd = mkostemp(aside, O_CLOEXEC); /* O_EXCL and 0600 by itself */
    bool linked;
    int why;

    if (fd < 0)
        return fail_errno(e, "create", path);
    linked = write_fresh_key(fd) && link(aside, path) == 0;
    why = errno;
    (void)unlink(aside);
    errno = why;
    if (!linked && errno != EEXIST) /* EEXIST: somebody was faster, theirs is as good */
        return fail_errno(e, "create", path);
    if (!sync_directory(&a, path))
        return fail_errno(e, "sync the directory of", path);
    return ST_OK;
}

enum status keyring_load(const char *path, bool create, struct keyring **ret, struct err *e) {
    ATTR_CLEANUP(close_p)
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0 && errno == ENOENT && create) {
        TRY(create_file(path, e));
        fd = open(path, O_RDONLY | O_CLOEXEC);
    }
    if (fd < 0)
        return fail_errno(e, "open", path);
    TRY(check_access(fd, path, e));
    return read_keys(fd, path, ret, e);
}
