-- 0015_consent.sql - who wants to hear nothing from us, the proof of it, and when nobody is written to.
-- SPDX-License-Identifier: Apache-2.0

-- What stands now. key is "phone:…", "email:…", "user_id:…" as lead_identities has them, or "lead:…": it outlives the lead, so
-- that who was deleted or merged and comes back with the next spreadsheet is still left alone. channel: whatsapp, email or all.
CREATE TABLE suppressions (
    tenant_id UUID NOT NULL,
    key TEXT NOT NULL,
    channel TEXT NOT NULL,
    id UUID NOT NULL,
    source TEXT NOT NULL,
    lead_id UUID,
    actor TEXT NOT NULL DEFAULT '',
    note TEXT NOT NULL DEFAULT '',
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, key, channel)
);
CREATE UNIQUE INDEX suppressions_id ON suppressions (tenant_id, id);
CREATE INDEX suppressions_lead ON suppressions (tenant_id, lead_id) WHERE lead_id IS NOT NULL;
-- @tenant_table suppressions

-- How it came to that: only ever added to. keys: JSON array of the keys it was about.
CREATE TABLE consents (
    id UUID PRIMARY KEY,
    tenant_id UUID NOT NULL,
    lead_id UUID,
    act TEXT NOT NULL,
    channel TEXT NOT NULL,
    source TEXT NOT NULL,
    text TEXT NOT NULL DEFAULT '',
    message_id UUID,
    actor TEXT NOT NULL DEFAULT '',
    keys TEXT NOT NULL DEFAULT '[]',
    at BIGINT NOT NULL
);
CREATE INDEX consents_tenant ON consents (tenant_id, id);
CREATE INDEX consents_lead ON consents (tenant_id, lead_id, id);
-- @tenant_table consents

-- A stop counts up, who is about to send holds the row: either sees the other.
CREATE TABLE consent_marks (
    tenant_id UUID PRIMARY KEY,
    stops BIGINT NOT NULL
);
-- @tenant_table consent_marks

-- One JSON document a tenant: hours, holidays, words said. Members that are missing are the defaults.
CREATE TABLE consent_settings (
    tenant_id UUID PRIMARY KEY,
    settings TEXT NOT NULL,
    version BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
-- @tenant_table consent_settings

-- Who had stopped before: known until now by the lead alone.
-- @sqlite
INSERT INTO suppressions (tenant_id, key, channel, id, source, lead_id, created_at)
    SELECT i.tenant_id, i.kind || ':' || i.value, 'whatsapp', randomblob(16), 'provider', l.id, l.marketing_stopped_at
    FROM leads l JOIN lead_identities i ON i.tenant_id = l.tenant_id AND i.lead_id = l.id
    WHERE l.marketing_stopped_at IS NOT NULL;
-- @postgres
INSERT INTO suppressions (tenant_id, key, channel, id, source, lead_id, created_at)
    SELECT i.tenant_id, i.kind || ':' || i.value, 'whatsapp', gen_random_uuid(), 'provider', l.id, l.marketing_stopped_at
    FROM leads l JOIN lead_identities i ON i.tenant_id = l.tenant_id AND i.lead_id = l.id
    WHERE l.marketing_stopped_at IS NOT NULL;
-- @both
