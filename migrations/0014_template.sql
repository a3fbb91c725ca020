-- 0014_template.sql - message templates of all channels, and what a raw call's URL told.
-- SPDX-License-Identifier: Apache-2.0

-- account_id: whose templates they are at the provider; nil: the tenant's own (e-mail).
-- status: approved, pending, rejected, paused, disabled, gone (the provider has it no more), local
-- provider_id: the provider's id of the template. provider_ref: what a send names it by, where that is not its name.
-- components: JSON as the provider documents it. synced_at: when the provider last told of it.
CREATE TABLE templates (
    id UUID PRIMARY KEY,
    tenant_id UUID NOT NULL,
    account_id UUID NOT NULL,
    channel TEXT NOT NULL,
    name TEXT NOT NULL,
    language TEXT NOT NULL,
    category TEXT NOT NULL DEFAULT '',
    status TEXT NOT NULL,
    status_reason TEXT NOT NULL DEFAULT '',
    quality TEXT NOT NULL DEFAULT '',
    provider_id TEXT NOT NULL DEFAULT '',
    provider_ref TEXT NOT NULL DEFAULT '',
    subject TEXT NOT NULL DEFAULT '',
    body TEXT NOT NULL DEFAULT '',
    html TEXT NOT NULL DEFAULT '',
    components TEXT NOT NULL DEFAULT '',
    synced_at BIGINT NOT NULL DEFAULT 0,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX templates_name ON templates (tenant_id, account_id, channel, name, language);
-- @tenant_table templates

-- The last sync of an account: what came of it.
CREATE TABLE template_syncs (
    tenant_id UUID NOT NULL,
    account_id UUID NOT NULL,
    state TEXT NOT NULL,
    cause TEXT NOT NULL DEFAULT '',
    reason TEXT NOT NULL DEFAULT '',
    templates BIGINT NOT NULL DEFAULT 0,
    at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, account_id)
);
-- @tenant_table template_syncs

-- The query of the URL that was called: some providers hand back there what was given along with a send.
ALTER TABLE inbox ADD COLUMN query TEXT NOT NULL DEFAULT '';
