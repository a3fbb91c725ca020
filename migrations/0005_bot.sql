-- What answers for a tenant, what each turn saw, decided and cost.
-- SPDX-License-Identifier: Apache-2.0

CREATE TABLE bots (
    tenant_id UUID PRIMARY KEY,
    kind TEXT NOT NULL,
    script TEXT NOT NULL DEFAULT '',
    model TEXT NOT NULL DEFAULT '',
    debounce_ms BIGINT NOT NULL,
    debounce_cap_ms BIGINT NOT NULL,
    budget_micros BIGINT NOT NULL DEFAULT 0,
    version BIGINT NOT NULL DEFAULT 1,
    updated_at BIGINT NOT NULL
);
-- @tenant_table bots

CREATE TABLE bot_turns (
    id UUID PRIMARY KEY,
    tenant_id UUID NOT NULL,
    conversation_id UUID NOT NULL,
    outcome TEXT NOT NULL,
    seen_count BIGINT NOT NULL,
    trace TEXT NOT NULL,
    prompt_tokens BIGINT NOT NULL DEFAULT 0,
    completion_tokens BIGINT NOT NULL DEFAULT 0,
    cost_micros BIGINT NOT NULL DEFAULT 0,
    started_at BIGINT NOT NULL,
    took_ms BIGINT NOT NULL
);
CREATE INDEX bot_turns_conversation ON bot_turns (tenant_id, conversation_id, id);
-- @tenant_table bot_turns

-- Money spent by month ("2026-11"), reserved before each call and settled after it.
CREATE TABLE bot_spending (
    tenant_id UUID NOT NULL,
    month TEXT NOT NULL,
    spent_micros BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, month)
);
-- @tenant_table bot_spending
