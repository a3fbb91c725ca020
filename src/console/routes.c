/* routes.c - every route of the console, subject by subject.
 * SPDX-License-Identifier: Apache-2.0 */
#include "console/api.h"

size_t console_routes(const struct route *ret[], size_t max) {
    const struct {
        const struct route *routes;
        size_t n;
    } subjects[] = {
        {api_session_routes, api_session_n_routes},
        {api_profile_routes, api_profile_n_routes},
        {api_user_routes, api_user_n_routes},
        {api_key_routes, api_key_n_routes},
        {api_audit_routes, api_audit_n_routes},
        {api_conversation_routes, api_conversation_n_routes},
        {api_label_routes, api_label_n_routes},
        {api_note_routes, api_note_n_routes},
        {api_lead_routes, api_lead_n_routes},
        {api_import_routes, api_import_n_routes},
        {api_consent_routes, api_consent_n_routes},
        {api_lead_list_routes, api_lead_list_n_routes},
        {api_segment_routes, api_segment_n_routes},
        {api_search_routes, api_search_n_routes},
        {api_message_routes, api_message_n_routes},
        {api_team_routes, api_team_n_routes},
        {api_media_routes, api_media_n_routes},
        {api_ops_routes, api_ops_n_routes},
        {api_bot_routes, api_bot_n_routes},
        {api_failure_routes, api_failure_n_routes},
        {api_life_routes, api_life_n_routes},
        {api_provider_routes, api_provider_n_routes},
        {api_template_routes, api_template_n_routes},
        {api_webhook_routes, api_webhook_n_routes},
        {api_dispatch_routes, api_dispatch_n_routes},
        {api_about_routes, api_about_n_routes},
        {api_system_routes, api_system_n_routes},
    };
    size_t n = 0;

    for (size_t i = 0; i < ARRAY_LEN(subjects); i++) {
        const struct route *routes = subjects[i].routes;

        for (size_t k = 0; k < subjects[i].n; k++, n++)
            if (n < max)
                ret[n] = routes + k;
    }
    return n;
}
