/* process.c - reads /proc/self, proc(5).
 * SPDX-License-Identifier: Apache-2.0 */
#include "stats/process.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/str.h"

enum {
    FILE_BYTES =
        2048, /* statm is seven numbers, stat 52 and a name of 16 bytes: both stay far below */
    STATM_RESIDENT = 1,
    STAT_START_TICKS = 19, /* field 22 of proc(5), counted from the word behind the name */
};

static struct str read_small(const char *path, char out[static FILE_BYTES]) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n;

    if (fd < 0)
        return STR_EMPTY;
    n = read(fd, out, FILE_BYTES);
    (void)close(fd);
    return (struct str){.ptr = out, .len = n > 0 ? (size_t)n : 0};
}

static int64_t number_at(struct str words, size_t at) {
    struct str word = STR_EMPTY;
    int64_t v;

    for (size_t i = 0; i <= at; i++)
        (void)str_cut(&words, ' ', &word);
    return str_parse_i64(word, 0, INT64_MAX, &v) ? v : 0;
}

int64_t process_resident_bytes(void) {
    char text[FILE_BYTES];

    return number_at(read_small("/proc/self/statm", text), STATM_RESIDENT) * sysconf(_SC_PAGESIZE);
}

int64_t process_open_fds(void) {
    DIR *dir = opendir("/proc/self/fd");
    int64_t n = 0;

    if (!dir)
        return 0;
    while (readdir(dir)) /* NOLINT(concurrency-mt-unsafe): the stream is ours alone */
        n++;
    (void)closedir(dir);
    return n - 3; /* ".", ".." and the directory itself */
}

/* The kernel tells ticks since boot; computed once, else a corrected wall clock would move it. */
int64_t process_start_time_s(void) {
    static _Atomic int64_t known;
    int64_t start = atomic_load(&known);
    struct timespec now = {0}, boot = {0};
    char text[FILE_BYTES];
    struct str stat;
    const char *name_end;

    if (start != 0)
        return start;
    stat = read_small("/proc/self/stat", text);
    name_end =
        stat.len > 0 ? memrchr(stat.ptr, ')', stat.len) : NULL; /* a name may hold any byte */
    if (!name_end)
        return 0;
    stat = str_trim(str_sub(stat, (size_t)(name_end - stat.ptr) + 1, stat.len));
    (void)clock_gettime(CLOCK_REALTIME, &now);
    (void)clock_gettime(CLOCK_BOOTTIME, &boot);
    start = now.tv_sec - boot.tv_sec + number_at(stat, STAT_START_TICKS) / sysconf(_SC_CLK_TCK);
    atomic_store(&known, start);
    return start;
}
