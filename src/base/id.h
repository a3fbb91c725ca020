/* id.h - the ids that more than one module speaks of.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/uuid.h"

ID_TYPE(tenant_id);
ID_TYPE(user_id);
ID_TYPE(account_id); /* a row of client_providers: one provider account of a tenant */
ID_TYPE(lead_id);
ID_TYPE(conversation_id);
ID_TYPE(message_id);
ID_TYPE(inbox_id);
ID_TYPE(job_id);
ID_TYPE(media_id);
