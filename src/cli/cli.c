/* cli.c - the table of commands, and one run of one of them.
 * SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"

#include <string.h>
#include <sys/stat.h>

enum {
    OUT_MAX_BYTES = 64 << 20,
};

/* --- the table ------------------------------------------------------------------------------- */

static const struct command commands[] = {
    {.name = "serve", .summary = "run the server", .take_over = serve_main},
    {.name = "demo",
     .summary = "try it: demo tenant, simulated providers, one page",
     .take_over = demo_main},
    {.name = "tenant", .summary = "the clients whose data is kept", .subcommands = tenant_commands},
    {.name = "user", .summary = "people of a tenant", .subcommands = user_commands},
    {.name = "key", .summary = "API keys of a tenant", .subcommands = key_commands},
    {.name = "provider",
     .summary = "accounts at WhatsApp, language models and the like",
     .subcommands = provider_commands},
    {.name = "bot", .summary = "what answers for a tenant", .subcommands = bot_commands},
    {.name = "template",
     .summary = "message templates of all channels",
     .subcommands = template_commands},
    {.name = "jobs",
     .summary = "work that waits, failed or was parked",
     .subcommands = jobs_commands},
    {.name = "inbox", .summary = "providers' calls as they came in", .subcommands = inbox_commands},
    {.name = "webhook",
     .summary = "where a tenant's events are sent",
     .subcommands = webhook_commands},
    {.name = "import",
     .args = "[FILE]",
     .summary = "put a spreadsheet's people into a tenant's leads",
     .task = "import",
     .help =
         "FILE is an XLSX or a CSV. Header and columns are found in Portuguese and English; --map\n"
         "corrects them. An import that was interrupted goes on when the same file is given\n"
         "again. docs/import.md tells the rest.",
     .options = import_options,
     .run = import_run},
    {.name = "lead", .summary = "people of a tenant's lists", .subcommands = lead_commands},
    {.name = "dispatch",
     .summary = "campaigns: one message to many people",
     .subcommands = dispatch_commands},
    {.name = "consent",
     .summary = "who is left alone by campaigns",
     .subcommands = consent_commands},
    {.name = "audit", .summary = "who changed what", .subcommands = audit_commands},
    {.name = "secrets",
     .summary = "the master key that seals stored secrets",
     .subcommands = secrets_commands},
    {.name = "migrate",
     .summary = "bring the database to this program's schema",
     .task = "migrate",
     .help = "`prosa serve` and every other command that uses the database do so by themselves.\n"
             "--check changes nothing and exits with 1 when something is to be done.",
     .options = migrate_options,
     .run = migrate_run,
     .opens = OPENS_ITSELF},
    {.name = "doctor",
     .summary = "check settings, database, clock, disk and credentials",
     .task = "examine the installation",
     .help = "Says of each finding what to do. Exits with 1 when something is broken; a warning\n"
             "alone is 0. Provider credentials are tried with one harmless call each; for\n"
             "Twilio it tells the address to enter there.",
     .options = doctor_options,
     .run = doctor_run,
     .opens = OPENS_ITSELF},
    {.name = "sim",
     .summary = "run fake providers: WhatsApp's Graph API and a chat model",
     .task = "simulate",
     .help =
         "For trying things out and for tests: nobody gets a message. Prints one line with its\n"
         "address once it is ready; runs until SIGTERM or SIGINT. Give the address to an\n"
         "account by `prosa provider add … --set base_url=ADDRESS` (a model: ADDRESS/v1, and\n"
         "PROSA_HTTPC_ALLOW_PRIVATE=true for the server).",
     .options = sim_run_options,
     .run = sim_run,
     .opens = OPENS_NOTHING},
    {.name = "routes",
     .summary = "list what the server answers to, and who may ask",
     .task = "list the routes",
     .run = routes_run,
     .opens = OPENS_NOTHING},
    {.name = "version", .summary = "print the version", .run = version_run, .opens = OPENS_NOTHING},
    {.name = NULL},
};

static const struct command root = {
    .name = "prosa",
    .summary = "conversations with leads: WhatsApp in, bot and people out",
    .help = "Exit codes: 0 done, 1 failure, 2 usage or invalid input, 3 not found, 4 conflict,\n"
            "5 unavailable (try later). With --json commands print JSON on standard output;\n"
            "failures are on standard error in either case.",
    .subcommands = commands,
};

/* --- reporting ------------------------------------------------------------------------------- */

int cli_exit_code(enum status st) {
    switch (st) {
    case ST_OK:
        return 0;
    case ST_INVALID:
        return 2;
    case ST_NOT_FOUND:
        return 3;
    case ST_CONFLICT:
        return 4;
    case ST_UNAVAILABLE:
    case ST_LIMITED:
    case ST_UNCERTAIN:
        return 5;
    case ST_DENIED:
    case ST_BROKEN:
        return 1;
    }
    return 1;
}

/* One line, and nothing that steers the terminal: part of it may come from elsewhere. */
static void flatten(char *text) {
    char *to = text;

    for (const char *from = text; *from; from++) {
        bool is_gap = (unsigned char)*from <= ' ' || *from == 127;

        if (!is_gap)
            *to++ = *from;
        else if (to > text && to[-1] != ' ')
            *to++ = ' ';
    }
    *to = '\0';
}

/* A message that begins with "could not" says itself what was attempted. */
static int report(const struct command *command, enum status st, struct err *e) {
    flatten(e->message);
    if (str_starts(str_of(e->message), STR("could not ")))
        (void)fprintf(stderr, "prosa: %s\n", e->message);
    else
        (void)fprintf(stderr, "prosa: could not %s: %s\n",
                      command->task ? command->task : command->summary, e->message);
    return cli_exit_code(st);
}

static bool print_out(struct str s) {
    return fwrite(s.ptr ? s.ptr : "", 1, s.len, stdout) == s.len && fflush(stdout) == 0;
}

static int show_help(const struct command *command, struct str path, FILE *to) {
    ATTR_CLEANUP(buf_done_p) struct buf b = {.max = OUT_MAX_BYTES};
    char help[] = "--help";
    char *argv[] = {help, NULL};

    if (command->take_over && to == stdout)
        return command->take_over(1, argv);
    cli_help(&b, command, path);
    (void)fprintf(to, "%.*s", STR_ARG(buf_str(&b)));
    return to == stdout ? 0 : cli_exit_code(ST_INVALID);
}

/* --- one run --------------------------------------------------------------------------------- */

/* Commands are short and tell their own failure: what the machinery notes is for servers, unless
 * somebody asked for it. */
enum status cli_configure(struct cli *c, struct err *e) {
    enum status st = runtime_configure(&c->rt, c->n_settings, c->settings, e);
    const struct config *config = c->rt.config;

    if (st != ST_OK)
        return st == ST_DENIED ? ST_INVALID : st; /* a secret as an option is a usage error */
    log_setup(config->log_level == LOG_INFO ? LOG_ERROR : config->log_level, config->log_format);
    return ST_OK;
}

static enum status open_runtime(struct cli *c, struct err *e) {
    TRY(cli_configure(c, e));
    if (c->command->needs_keys)
        TRY(runtime_open_keys(&c->rt, e));
    return runtime_open_db(&c->rt, true, e);
}

static enum status run(struct cli *c, int argc, char *argv[], struct err *e) {
    TRY(cli_parse(c, argc, argv, e));
    if (c->command->opens == OPENS_DATABASE)
        TRY(open_runtime(c, e));
    json_out_init(&c->json, &c->out);
    TRY(c->command->run(c, e));
    if (c->out.overflown)
        FAIL(e, ST_BROKEN, "the output is larger than %d MB", OUT_MAX_BYTES >> 20);
    if (c->is_json && c->out.len > 0)
        buf_add_char(&c->out, '\n');
    if (!print_out(buf_str(&c->out)))
        FAIL(e, ST_UNAVAILABLE, "standard output was closed");
    return ST_OK;
}

static int run_command(const struct command *command, struct str path, int argc, char *argv[]) {
    struct cli c = {.command = command, .path = path, .out = {.max = OUT_MAX_BYTES}};
    struct err e = ERR_INIT;
    enum status st = run(&c, argc, argv, &e);
    int code = st == ST_OK ? c.exit_code : report(command, st, &e);

    if (st == ST_INVALID)
        (void)fprintf(stderr, "`prosa help %.*s` tells more.\n", STR_ARG(path));
    runtime_close(&c.rt);
    buf_done(&c.out);
    arena_done(&c.arena);
    return code;
}

/* --- finding the command --------------------------------------------------------------------- */

static const struct command *find_command(const struct command *table, struct str name) {
    for (const struct command *s = table; s && s->name; s++)
        if (str_eq(name, str_of(s->name)))
            return s;
    return NULL;
}

static bool is_help(struct str word) {
    return str_eq(word, STR("--help")) || str_eq(word, STR("-h"));
}

static bool wants_help(int argc, char *argv[]) {
    for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (is_help(str_of(argv[i])))
            return true;
    return false;
}

struct found {
    const struct command *command;
    struct str path;
    int used; /* words of the path */
};

/* As deep as the words lead. */
static struct found walk(struct arena *a, int argc, char *argv[]) {
    struct found f = {.command = &root};

    while (f.used < argc && f.command->subcommands) {
        const struct command *next = find_command(f.command->subcommands, str_of(argv[f.used]));

        if (!next)
            break;
        f.path =
            arena_printf(a, "%.*s%s%s", STR_ARG(f.path), f.path.len > 0 ? " " : "", next->name);
        f.command = next;
        f.used++;
    }
    return f;
}

static int refuse_word(const struct found *f, const char *word) {
    (void)fprintf(stderr, "prosa: there is no command \"%.*s%s%s\"\n", STR_ARG(f->path),
                  f->path.len > 0 ? " " : "", word);
    (void)fprintf(stderr, "`prosa help%s%.*s` lists what there is.\n", f->path.len > 0 ? " " : "",
                  STR_ARG(f->path));
    return cli_exit_code(ST_INVALID);
}

static int help_main(struct arena *a, int argc, char *argv[]) {
    struct found f = walk(a, argc, argv);

    if (f.used < argc && !is_help(str_of(argv[f.used])))
        return refuse_word(&f, argv[f.used]);
    return show_help(f.command, f.path, stdout);
}

int cli_main(int argc, char *argv[]) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    char version[] = "version";
    struct found f;

    /* Databases, keys and logs hold what people wrote: what we create is for our user alone. */
    (void)umask(S_IRWXG | S_IRWXO);
    if (argc > 0) { /* the program's name */
        argc--;
        argv++;
    }
    if (argc > 0 && strcmp(argv[0], "--version") == 0)
        argv[0] = version;
    if (argc > 0 && strcmp(argv[0], "help") == 0)
        return help_main(&a, argc - 1, argv + 1);
    f = walk(&a, argc, argv);
    if (f.command->take_over)
        return f.command->take_over(argc - f.used, argv + f.used);
    if (wants_help(argc - f.used, argv + f.used))
        return show_help(f.command, f.path, stdout);
    if (f.command->subcommands)
        return f.used < argc ? refuse_word(&f, argv[f.used]) : show_help(f.command, f.path, stderr);
    return run_command(f.command, f.path, argc - f.used, argv + f.used);
}
