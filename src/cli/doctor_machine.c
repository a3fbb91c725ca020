/* doctor_machine.c - what prosa doctor looks at without a database: disk, open files, clock, the
 * master key.
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/timex.h>

#include "base/clock.h"
#include "cli/doctor.h"

enum {
    DISK_WARN_MB = 1024,
    DISK_FAIL_MB = 100,
    INODES_WARN = 1000,
    FILES_BESIDE_SOCKETS = 128, /* database, log, curl, pipes */
    SKEW_WARN_MS = 30 * 1000,
    SKEW_FAIL_MS =
        5 * 60 * 1000, /* tokens and signatures with a time in them fail from about here */
};
#define YEAR_2026_MS INT64_C(1767225600000)

/* --- disk ------------------------------------------------------------------------------------ */

static void check_disk(struct doctor *d, const char *check, struct str dir) {
    struct arena *a = &d->c->arena;
    char *path = arena_cstr(a, dir.len > 0 ? dir : STR("."));
    struct statvfs fs;
    uint64_t free_mb;
    bool is_low;

    if (!path || statvfs(path, &fs) != 0) {
        finding_add(d, check, FINDING_FAIL,
                    arena_printf(a, "the directory \"%.*s\" cannot be looked at", STR_ARG(dir)),
                    STR("create it, or name another"));
        return;
    }
    free_mb = (uint64_t)fs.f_bavail * fs.f_frsize >> 20;
    is_low = free_mb < DISK_WARN_MB || (fs.f_files > 0 && fs.f_favail < INODES_WARN);
    finding_add(d, check,
                free_mb < DISK_FAIL_MB ? FINDING_FAIL
                : is_low               ? FINDING_WARN
                                       : FINDING_OK,
                arena_printf(a, "%llu MB are free in \"%s\"", (unsigned long long)free_mb, path),
                is_low ? STR("make room: what cannot be stored is not accepted") : STR_EMPTY);
}

/* "sqlite:data/prosa.db" → "data" */
static struct str directory_of(struct str path) {
    for (size_t i = path.len; i > 0; i--)
        if (path.ptr[i - 1] == '/')
            return i > 1 ? str_sub(path, 0, i - 1) : STR("/");
    return STR(".");
}

static void check_disks(struct doctor *d) {
    const struct config *config = d->c->rt.config;
    struct str path = config->database_url;

    if (str_eat(&path, STR("sqlite:")))
        check_disk(d, "disk", directory_of(path));
    path = config_data_dir(&d->c->arena, config);
    if (access(arena_cstr(&d->c->arena, path), F_OK) == 0) /* made when the first file comes */
        check_disk(d, "disk", path);
}

/* --- open files ------------------------------------------------------------------------------ */

static void check_files(struct doctor *d) {
    const struct config *config = d->c->rt.config;
    uint64_t wanted = (uint64_t)config->http_max_connections + FILES_BESIDE_SOCKETS;
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    if (limit.rlim_cur != RLIM_INFINITY && limit.rlim_cur < wanted)
        finding_add(d, "files", FINDING_WARN,
                    arena_printf(&d->c->arena, "%llu open files are allowed, %llu may be wanted",
                                 (unsigned long long)limit.rlim_cur, (unsigned long long)wanted),
                    STR("raise `ulimit -n` (LimitNOFILE of the service), or lower "
                        "PROSA_HTTP_MAX_CONNECTIONS"));
    else
        finding_add(d, "files", FINDING_OK, STR("enough open files are allowed"), STR_EMPTY);
}

void doctor_machine(struct doctor *d) {
    check_disks(d);
    check_files(d);
}

/* --- clock ----------------------------------------------------------------------------------- */

static bool is_synchronised(void) {
    struct timex t = {.modes = 0};

    return adjtimex(&t) != TIME_ERROR && (t.status & STA_UNSYNC) == 0;
}

static void check_skew(struct doctor *d) {
    int64_t skew_ms = d->our_time_ms - d->their_time_ms;
    int64_t off_ms = skew_ms < 0 ? -skew_ms : skew_ms;
    struct str detail = arena_printf(&d->c->arena, "the clock is %lld s %s that of a provider",
                                     (long long)off_ms / 1000, skew_ms < 0 ? "behind" : "before");

    finding_add(d, "clock",
                off_ms > SKEW_FAIL_MS   ? FINDING_FAIL
                : off_ms > SKEW_WARN_MS ? FINDING_WARN
                                        : FINDING_OK,
                detail,
                off_ms > SKEW_WARN_MS ? STR("set the clock by NTP (chrony, systemd-timesyncd)")
                                      : STR_EMPTY);
}

/* A provider's Date is the better witness: in containers the kernel often does not know. */
void doctor_clock(struct doctor *d) {
    if (clock_now_ms() < YEAR_2026_MS)
        finding_add(d, "clock", FINDING_FAIL, STR("the clock shows a time before this program"),
                    STR("set the clock by NTP (chrony, systemd-timesyncd)"));
    else if (d->their_time_ms != 0)
        check_skew(d);
    else if (is_synchronised())
        finding_add(d, "clock", FINDING_OK, STR("the clock is synchronised"), STR_EMPTY);
    else
        finding_add(d, "clock", FINDING_WARN,
                    STR("the kernel does not know its clock to be synchronised"),
                    STR("in a container: see that the host runs NTP; else start chrony or "
                        "systemd-timesyncd"));
}

/* --- master key ------------------------------------------------------------------------------ */

static void check_key_file(struct doctor *d, struct str path) {
    struct err why = ERR_INIT;
    char *name = arena_cstr(&d->c->arena, path);
    enum status st = keyring_load(name ? name : "", false, &d->c->rt.keys, &why);

    if (st == ST_OK)
        finding_add(
            d, "key", FINDING_OK,
            arena_printf(&d->c->arena, "\"%.*s\" is readable by its owner only", STR_ARG(path)),
            STR_EMPTY);
    else if (st == ST_NOT_FOUND)
        finding_add(d, "key", FINDING_WARN,
                    arena_printf(&d->c->arena, "\"%.*s\" does not exist yet", STR_ARG(path)),
                    STR("it is made on first use; if this database has secrets already, put "
                        "their key there"));
    else
        finding_failed(d, "key", &why,
                       STR("give the file to the user that runs prosa, with mode 0600"));
}

void doctor_key(struct doctor *d) {
    struct runtime *rt = &d->c->rt;
    struct err why = ERR_INIT;
    struct str path;

    if (rt->config->master_key.len > 0) {
        if (keyring_parse(rt->config->master_key, &rt->keys, &why) == ST_OK)
            finding_add(d, "key", FINDING_OK, STR("the master key comes from PROSA_MASTER_KEY"),
                        STR_EMPTY);
        else
            finding_failed(d, "key", &why, STR("correct PROSA_MASTER_KEY"));
    } else if (runtime_key_file(rt, &path, &why) == ST_OK) {
        check_key_file(d, path);
    } else {
        finding_failed(d, "key", &why,
                       STR("choose a file, the same on every node, and back it up apart from the "
                           "database"));
    }
}
