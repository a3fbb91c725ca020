/* input.c - what a command reads: files, standard input, passwords.
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "cli/cli.h"

enum {
    PASSWORD_FILE_BYTES = 4096,
};

static void close_p(int *fd) {
    if (*fd > STDIN_FILENO)
        (void)close(*fd);
}

static enum status fail_errno(struct err *e, struct str path) {
    char reason[64];

    FAIL(e, errno == ENOENT ? ST_NOT_FOUND : ST_INVALID, "could not read \"%.*s\": %s",
         STR_ARG(path), strerror_r(errno, reason, sizeof(reason)));
}

static enum status read_fd(int fd, struct str path, struct buf *b, struct err *e) {
    for (;;) {
        char *at = buf_reserve(b, 4096);
        ssize_t n;

        if (!at) /* what is left may still fit, what is behind it does not matter */
            FAIL(e, ST_INVALID, "could not read \"%.*s\": more than %zu bytes", STR_ARG(path),
                 b->max - 4096);
        n = read(fd, at, 4096);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail_errno(e, path);
        if (n == 0)
            return ST_OK;
        buf_commit(b, (size_t)n);
    }
}

enum status cli_read_file(struct cli *c, struct str path, size_t max, struct str *ret,
                          struct err *e) {
    ATTR_CLEANUP(buf_done_p) struct buf b = {.max = max + 4096};
    char *name = arena_cstr(&c->arena, path);
    bool is_stdin = str_eq(path, STR("-"));
    ATTR_CLEANUP(close_p)
    int fd = is_stdin ? STDIN_FILENO : open(name ? name : "", O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return fail_errno(e, path);
    TRY(read_fd(fd, is_stdin ? STR("standard input") : path, &b, e));
    if (b.len > max)
        FAIL(e, ST_INVALID, "could not read \"%.*s\": more than %zu bytes", STR_ARG(path), max);
    *ret = arena_str(&c->arena, buf_str(&b));
    return ST_OK;
}

/* --- passwords ------------------------------------------------------------------------------- */

static struct str first_line(struct str s) {
    struct str line;

    (void)str_cut(&s, '\n', &line);
    if (line.len > 0 && line.ptr[line.len - 1] == '\r')
        line.len--;
    return line;
}

/* A line typed without echo; the terminal is put back also when reading fails. */
static bool ask(struct cli *c, const char *prompt, struct str *ret) {
    char line[PASSWORD_MAX_BYTES + 2];
    struct termios before, silent;
    bool done;

    if (tcgetattr(STDIN_FILENO, &before) != 0)
        return false;
    silent = before;
    silent.c_lflag &= ~(tcflag_t)ECHO;
    /* First silent, then asked: what is typed at the prompt must neither show nor be flushed. */
    (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
    (void)fprintf(stderr, "%s", prompt);
    done = fgets(line, sizeof(line), stdin) != NULL;
    (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
    (void)fprintf(stderr, "\n");
    if (done)
        *ret = arena_str(&c->arena, first_line(str_of(line)));
    crypto_wipe(line, sizeof(line));
    return done;
}

static enum status ask_twice(struct cli *c, struct str *ret, struct err *e) {
    struct str again;

    if (!ask(c, "Password: ", ret) || !ask(c, "The same again: ", &again))
        FAIL(e, ST_INVALID, "no password was typed");
    if (!str_eq(*ret, again))
        FAIL(e, ST_INVALID, "the two passwords differ");
    return ST_OK;
}

enum status cli_read_password(struct cli *c, struct str *ret, struct err *e) {
    struct str path = cli_value(c, "password-file"), text;

    if (path.len == 0 && isatty(STDIN_FILENO))
        return ask_twice(c, ret, e);
    TRY(cli_read_file(c, path.len > 0 ? path : STR("-"), PASSWORD_FILE_BYTES, &text, e));
    *ret = first_line(text);
    if (ret->len == 0)
        FAIL(e, ST_INVALID, "no password: give --password-file or a line on standard input");
    return ST_OK;
}
