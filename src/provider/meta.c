/* meta.c - the adapter to Meta's WhatsApp Business Cloud API: its table, ids,
 * and the signature of webhooks. Pure functions; any thread.
 * SPDX-License-Identifier: Apache-2.0 */
#include "provider/meta.h"

#include "crypto/crypto.h"

enum { SERVICE_WINDOW_MS = 24 * 60 * 60 * 1000 };
/* Media page: uploads are kept for 30 days. One day less, for what waits in a queue meanwhile. */
#define UPLOAD_MS (INT64_C(29) * 24 * 60 * 60 * 1000)

/* Source: create-webhook-endpoint, "Validating payloads": X-Hub-Signature-256 is "sha256=" and the
 * hex HMAC-SHA256 of the raw body under the app secret. The older sha1 header is not looked at. */
static enum status verify(const struct channel *ch, const struct hook *hook, struct err *e) {
    struct str hex = str_trim(hook->signature);

    if (ch->app_secret.len == 0)
        FAIL(e, ST_DENIED, "could not check the webhook: no app secret is set");
    if (!str_eat(&hex, STR("sha256=")))
        FAIL(e, ST_DENIED, "the webhook carries no sha256 signature");
    if (!crypto_hmac_check_hex(ch->app_secret, hook->body, hex))
        FAIL(e, ST_DENIED, "the webhook's signature does not match the app secret");
    return ST_OK;
}

struct str meta_id(struct arena *a, const struct json *v) {
    struct str id = json_type(v) == JSON_INT ? arena_printf(a, "%lld", (long long)json_i64(v, 0))
                                             : str_trim(json_str(v));

    return id.len <= META_ID_MAX_BYTES ? id : STR_EMPTY;
}

/* Rates: about-the-platform, "Throughput" and "Pair rate limits" (80 messages a second and number;
 * one message in 6 s to one person, 45 of them in advance). */
const struct provider provider_meta = {
    .name = "meta",
    .channel = "whatsapp",
    .has_shared_app = true,
    .limits =
        {
            .text_points = META_TEXT_POINTS,
            .caption_points = META_CAPTION_POINTS,
            .buttons = META_BUTTONS,
            .button_points = META_BUTTON_POINTS,
            .list_rows = META_LIST_ROWS,
            .per_second = 80,
            .pair_interval_ms = 6000,
            .pair_burst = 45,
            .window_ms = SERVICE_WINDOW_MS,
            .media_ms = UPLOAD_MS,
        },
    .verify = verify,
    .signature_header = "X-Hub-Signature-256",
    .parse = meta_parse,
    .build = meta_build,
    .judge = meta_judge,
    .explain = meta_explain,
    .probe = meta_probe,
    .judge_probe = meta_judge_probe,
    .list_templates = meta_list_templates,
    .judge_list_templates = meta_judge_list_templates,
    .read_template_event = meta_read_template_event,
    .find_media = meta_find_media,
    .judge_find_media = meta_judge_find_media,
    .get_media = meta_get_media,
    .put_media = meta_put_media,
    .judge_put_media = meta_judge_put_media,
};
