/* mail_smtp.c - RFC 5321 as far as senders go: takes what it is given, unless it was told to refuse, to defer or to cut.
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/arena.h"
#include "sim/mail.h"

struct envelope {
    struct arena a;
    bool has_sender;
    struct str to[MAIL_RECIPIENTS_MAX];
    size_t n;
};

/* What the step is to answer in place of the usual; empty: the usual. */
static struct str whim_of(struct mail_sim *m, struct arena *a, enum smtp_step step) {
    struct smtp_whim *w = &m->whims[step];
    struct str reply;

    pthread_mutex_lock(&m->lock);
    reply = arena_str(a, str_of(w->reply));
    if (reply.len > 0 && w->times > 0 && --w->times == 0)
        w->reply[0] = '\0';
    if (reply.len > 0)
        m->refused++;
    pthread_mutex_unlock(&m->lock);
    return reply;
}

/* *ret_is_usual: it did what is usual. False: the connection ends. */
static bool answer(struct talk *t, enum smtp_step step, const char *usual, bool *ret_is_usual) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct str whim = whim_of(t->mail, &a, step);

    *ret_is_usual = whim.len == 0;
    if (str_eq(whim, STR("cut")))
        return false;
    if (whim.len > 0)
        talk_say(t, "%.*s", STR_ARG(whim));
    else
        talk_say(t, "%s", usual);
    return true;
}

static void forget(struct envelope *env) {
    arena_reset(&env->a);
    env->has_sender = false;
    env->n = 0;
}

/* "<ana@example.com> SIZE=12" → "ana@example.com", lower case. */
static struct str path_of(struct arena *a, struct str s) {
    struct str path, rest = s;
    char *out;

    if (!str_cut(&rest, '<', &path) || !str_cut(&rest, '>', &path))
        path = str_trim(s);
    out = arena_alloc(a, path.len + 1);
    for (size_t i = 0; i < path.len; i++)
        out[i] =
            path.ptr[i] >= 'A' && path.ptr[i] <= 'Z' ? (char)(path.ptr[i] | 0x20) : path.ptr[i];
    return (struct str){.ptr = out, .len = path.len};
}

/* The text up to its dot, dots undone; false: gone, or too large. */
static bool read_text(struct talk *t, struct buf *text) {
    struct str line;

    while (talk_line(t, &line)) {
        if (str_eq(line, STR(".")))
            return !text->overflown;
        if (str_starts(line, STR(".")))
            line = str_sub(line, 1, line.len);
        buf_add(text, line);
        buf_add(text, STR("\r\n"));
    }
    return false;
}

static bool on_data(struct talk *t, struct envelope *env) {
    ATTR_CLEANUP(buf_done_p) struct buf text = {.max = MAIL_SIZE_MAX};
    bool is_usual, goes_on;

    if (env->n == 0) {
        talk_say(t, "503 5.5.1 who gets it?");
        return true;
    }
    if (!answer(t, SMTP_DATA, "354 end it with a dot", &is_usual))
        return false;
    if (!is_usual)
        return true;
    if (!read_text(t, &text))
        return false;
    goes_on = answer(t, SMTP_END, "250 2.0.0 taken", &is_usual);
    if (is_usual) {
        pthread_mutex_lock(&t->mail->lock);
        for (size_t i = 0; i < env->n; i++)
            mail_sim_keep(t->mail, env->to[i], buf_str(&text));
        t->mail->accepted++;
        pthread_mutex_unlock(&t->mail->lock);
    }
    forget(env);
    return goes_on;
}

static bool on_rcpt(struct talk *t, struct envelope *env, struct str path) {
    bool is_usual;

    if (!env->has_sender || env->n == MAIL_RECIPIENTS_MAX) {
        talk_say(t, env->has_sender ? "452 4.5.3 too many" : "503 5.5.1 who sends it?");
        return true;
    }
    if (!answer(t, SMTP_RCPT, "250 2.1.5 ok", &is_usual))
        return false;
    if (is_usual)
        env->to[env->n++] = path_of(&env->a, path);
    return true;
}

/* PLAIN with or without its first words, or LOGIN: whoever asks is let in. */
static bool on_auth(struct talk *t, struct str how) {
    bool is_login = str_eq_nocase(str_sub(how, 0, 5), STR("LOGIN"));
    int asks = is_login ? 2 : str_contains(str_trim(how), STR(" ")) ? 0 : 1;
    struct str line;
    bool ignored;

    for (int i = 0; i < asks; i++) {
        talk_say(t, !is_login ? "334 " : i == 0 ? "334 VXNlcm5hbWU6" : "334 UGFzc3dvcmQ6");
        if (!talk_line(t, &line))
            return false;
    }
    return answer(t, SMTP_AUTH, "235 2.7.0 welcome", &ignored);
}

static bool is_verb(struct str *line, const char *verb) {
    size_t n = strlen(verb);

    if (!str_eq_nocase(str_sub(*line, 0, n), str_of(verb)))
        return false;
    *line = str_sub(*line, n, line->len);
    return true;
}

static bool on_command(struct talk *t, struct envelope *env, struct str line) {
    bool is_usual, goes_on;

    if (is_verb(&line, "EHLO")) {
        talk_say(t, "250-sim\r\n250-8BITMIME\r\n250-ENHANCEDSTATUSCODES\r\n250-AUTH PLAIN LOGIN\r\n"
                    "250 SIZE 41943040");
    } else if (is_verb(&line, "HELO") || is_verb(&line, "NOOP")) {
        talk_say(t, "250 ok");
    } else if (is_verb(&line, "AUTH ")) {
        return on_auth(t, line);
    } else if (is_verb(&line, "MAIL FROM:")) {
        forget(env);
        goes_on = answer(t, SMTP_MAIL, "250 2.1.0 ok", &is_usual);
        env->has_sender = is_usual;
        return goes_on;
    } else if (is_verb(&line, "RCPT TO:")) {
        return on_rcpt(t, env, line);
    } else if (is_verb(&line, "DATA")) {
        return on_data(t, env);
    } else if (is_verb(&line, "RSET")) {
        forget(env);
        talk_say(t, "250 2.0.0 ok");
    } else if (is_verb(&line, "QUIT")) {
        talk_say(t, "221 2.0.0 bye");
        return false;
    } else {
        talk_say(t, "500 5.5.2 what?");
    }
    return true;
}

void smtp_talk(struct talk *t) {
    struct envelope env = {0};
    struct str line;
    bool is_usual;

    if (answer(t, SMTP_GREETING, "220 sim ESMTP", &is_usual) && is_usual)
        while (talk_line(t, &line) && on_command(t, &env, line))
            ;
    arena_done(&env.a);
}
