/* doctor.c - prosa doctor: the order of the checks and how they are told.
 * SPDX-License-Identifier: Apache-2.0 */
#include "cli/doctor.h"

static const char *const state_names[] = {"ok", "warn", "fail"};

void finding_add(struct doctor *d, const char *check, enum finding_state state, struct str detail,
                 struct str advice) {
    if (d->n < FINDINGS_MAX)
        d->findings[d->n] = (struct finding){check, state, detail, advice};
    d->n++;
    if (state == FINDING_FAIL)
        d->c->exit_code = 1;
}

void finding_failed(struct doctor *d, const char *check, const struct err *why, struct str advice) {
    finding_add(d, check, FINDING_FAIL, arena_str(&d->c->arena, str_of(why->message)), advice);
}

/* --- settings -------------------------------------------------------------------------------- */

static bool check_settings(struct doctor *d) {
    struct err why = ERR_INIT;
    const struct config *config;

    if (cli_configure(d->c, &why) != ST_OK) {
        finding_failed(d, "settings", &why,
                       STR("correct this setting; `prosa help serve` lists them all"));
        return false;
    }
    log_setup(LOG_ERROR, LOG_LOGFMT); /* what matters is told below */
    config = d->c->rt.config;
    for (size_t i = 0; i < config->n_warnings; i++)
        finding_add(d, "settings", FINDING_WARN, config->warnings[i],
                    STR("make the two settings agree"));
    if (config->meta_app_secret.len == 0)
        finding_add(d, "settings", FINDING_WARN, STR("there is no app secret for /webhooks/meta"),
                    STR("set PROSA_META_APP_SECRET, or give every account its own app_secret"));
    if (config->outbound == CONFIG_OUTBOUND_OFF)
        finding_add(d, "settings", FINDING_WARN, STR("the gate is off: nothing is sent to people"),
                    STR("set PROSA_OUTBOUND=replies to answer those who wrote"));
    finding_add(d, "settings", FINDING_OK, STR("every setting is within its range"), STR_EMPTY);
    return true;
}

static void examine(struct doctor *d) {
    if (!check_settings(d))
        return;
    doctor_machine(d);
    doctor_key(d);
    if (doctor_database(d)) {
        doctor_work(d);
        doctor_webhooks(d);
        doctor_accounts(d, !cli_has(d->c, "offline"));
    }
    doctor_clock(d);
}

/* --- telling --------------------------------------------------------------------------------- */

static size_t n_kept(const struct doctor *d) {
    return d->n < FINDINGS_MAX ? d->n : FINDINGS_MAX;
}

static void tell_json(struct doctor *d) {
    struct json_out *o = &d->c->json;

    json_obj(o, NULL);
    json_put_bool(o, "is_ok", d->c->exit_code == 0);
    json_arr(o, "checks");
    for (size_t i = 0; i < n_kept(d); i++) {
        const struct finding *f = &d->findings[i];

        json_obj(o, NULL);
        json_put_str(o, "check", str_of(f->check));
        json_put_str(o, "state", str_of(state_names[f->state]));
        json_put_str(o, "detail", f->detail);
        json_put_str_or_null(o, "advice", f->advice);
        json_end(o);
    }
    json_end(o);
    json_end(o);
}

static void tell_people(struct doctor *d) {
    struct buf *out = &d->c->out;

    for (size_t i = 0; i < n_kept(d); i++) {
        const struct finding *f = &d->findings[i];

        buf_printf(out, "%-4s  %-10s  %.*s\n", state_names[f->state], f->check, STR_ARG(f->detail));
        if (f->advice.len > 0)
            buf_printf(out, "%18s→ %.*s\n", "", STR_ARG(f->advice));
    }
    if (d->n > FINDINGS_MAX)
        buf_printf(out, "… and %zu more\n", d->n - FINDINGS_MAX);
    buf_add(out, d->c->exit_code == 0 ? STR("\nNothing is broken.\n")
                                      : STR("\nSomething is broken: see above.\n"));
}

enum status doctor_run(struct cli *c, struct err *e) {
    struct doctor *d = arena_new_of(&c->arena, struct doctor);

    (void)e;
    d->c = c;
    examine(d);
    buf_clear(&c->out);
    json_out_init(&c->json, &c->out);
    if (c->is_json)
        tell_json(d);
    else
        tell_people(d);
    return ST_OK;
}

const struct option doctor_options[] = {
    {.name = "offline", .help = "do not try the providers' credentials"},
    {.name = NULL},
};
