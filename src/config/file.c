/* file.c - a value that stands in a file (PROSA_…_FILE), as container platforms hand out secrets.
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "config/load.h"

enum {
    FILE_BYTES_MAX = 64 << 10,
};

static void close_p(int *fd) {
    if (*fd >= 0)
        (void)close(*fd);
}

static enum status fail_errno(struct str name, const char *path, struct err *e) {
    char reason[64];

    FAIL(e, ST_INVALID, "could not use %.*s: could not read \"%s\": %s", STR_ARG(name), path,
         strerror_r(errno, reason, sizeof(reason)));
}

enum status load_file(struct arena *a, struct str name, struct str path, struct str *ret,
                      struct err *e) {
    const char *cpath = arena_cstr(a, path);
    char *text = arena_alloc(a, FILE_BYTES_MAX);
    ATTR_CLEANUP(close_p)
    int fd = cpath ? open(cpath, O_RDONLY | O_CLOEXEC | O_NOCTTY) : -1;
    size_t len = 0;

    if (!cpath)
        FAIL(e, ST_INVALID, "could not use %.*s: zero byte in its path", STR_ARG(name));
    while (fd >= 0 && len < FILE_BYTES_MAX) {
        ssize_t n = read(fd, text + len, FILE_BYTES_MAX - len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail_errno(name, cpath, e);
        if (n == 0)
            break;
        len += (size_t)n;
    }
    if (fd < 0)
        return fail_errno(name, cpath, e);
    if (len == FILE_BYTES_MAX)
        FAIL(e, ST_INVALID, "could not use %.*s: \"%s\" has more than %d bytes", STR_ARG(name),
             cpath, FILE_BYTES_MAX - 1);
    if (memchr(text, '\0', len))
        FAIL(e, ST_INVALID, "could not use %.*s: zero byte in \"%s\"", STR_ARG(name), cpath);
    *ret = (struct str){.ptr = text, .len = len};
    if (str_ends(*ret, STR("\n")))
        ret->len--;
    if (str_ends(*ret, STR("\r")))
        ret->len--;
    return ST_OK;
}
