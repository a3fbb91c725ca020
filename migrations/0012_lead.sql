-- 0012_lead.sql - who a lead is to a seller: state, company, document, numbers, addresses, tags, saved segments, merges.
-- SPDX-License-Identifier: Apache-2.0

-- name_key, company_key: folded (lower case, no accents), what lists sort and look by; written by the program. document: digits
-- and letters alone. fields: a JSON object of the tenant's own.
ALTER TABLE leads ADD COLUMN state TEXT NOT NULL DEFAULT 'new';
ALTER TABLE leads ADD COLUMN company TEXT NOT NULL DEFAULT '';
ALTER TABLE leads ADD COLUMN document TEXT NOT NULL DEFAULT '';
ALTER TABLE leads ADD COLUMN document_kind TEXT NOT NULL DEFAULT '';
ALTER TABLE leads ADD COLUMN fields TEXT NOT NULL DEFAULT '{}';
ALTER TABLE leads ADD COLUMN source TEXT NOT NULL DEFAULT '';
ALTER TABLE leads ADD COLUMN last_inbound_at BIGINT NOT NULL DEFAULT 0;
-- @sqlite
ALTER TABLE leads ADD COLUMN name_key TEXT NOT NULL DEFAULT '';
ALTER TABLE leads ADD COLUMN company_key TEXT NOT NULL DEFAULT '';
-- @postgres
ALTER TABLE leads ADD COLUMN name_key TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE leads ADD COLUMN company_key TEXT COLLATE "C" NOT NULL DEFAULT '';
-- @both
UPDATE leads SET name_key = lower(name) WHERE name <> '';
UPDATE leads SET last_inbound_at = coalesce((SELECT max(c.last_at) FROM conversations c
    WHERE c.tenant_id = leads.tenant_id AND c.lead_id = leads.id AND c.inbound_count > 0), 0);
UPDATE leads SET source = 'whatsapp' WHERE last_inbound_at > 0;

-- The free text stage becomes the state where it names one, else it stays as a field of the lead's own.
UPDATE leads SET state = 'replied' WHERE last_inbound_at > 0;
UPDATE leads SET state = CASE
        WHEN lower(stage) IN ('contacting', 'contatado', 'em contato') THEN 'contacting'
        WHEN lower(stage) IN ('replied', 'respondeu') THEN 'replied'
        WHEN lower(stage) IN ('qualifying', 'qualificando', 'proposta') THEN 'qualifying'
        WHEN lower(stage) IN ('scheduled', 'agendado', 'agendada') THEN 'scheduled'
        WHEN lower(stage) IN ('won', 'ganho', 'ganha', 'cliente') THEN 'won'
        WHEN lower(stage) IN ('lost', 'perdido', 'perdida') THEN 'lost'
        ELSE state END
    WHERE stage <> '';
-- @sqlite
UPDATE leads SET fields = json_object('etapa', stage) WHERE stage <> '';
-- @postgres
UPDATE leads SET fields = json_build_object('etapa', stage)::text WHERE stage <> '';
-- @both
ALTER TABLE leads DROP COLUMN stage;

-- One index for each order that a list can have; each ends in id.
CREATE INDEX leads_state ON leads (tenant_id, state, id) WHERE merged_into IS NULL;
CREATE INDEX leads_name ON leads (tenant_id, name_key, id) WHERE merged_into IS NULL;
CREATE INDEX leads_updated ON leads (tenant_id, updated_at, id) WHERE merged_into IS NULL;
CREATE INDEX leads_board ON leads (tenant_id, state, updated_at, id) WHERE merged_into IS NULL;
CREATE INDEX leads_heard ON leads (tenant_id, last_inbound_at, id) WHERE merged_into IS NULL;
CREATE INDEX leads_company ON leads (tenant_id, company_key, id) WHERE merged_into IS NULL;
CREATE INDEX leads_document ON leads (tenant_id, document, id) WHERE document <> '' AND merged_into IS NULL;

-- typed: as it was given. e164: digits without '+', empty when typed is no number. kind: mobile, landline, …; reason: why
-- messages do not reach it. is_whatsapp: 0 not known, 1 yes, 2 no. position: the first is tried first.
CREATE TABLE lead_phones (
    tenant_id UUID NOT NULL,
    lead_id UUID NOT NULL,
    position BIGINT NOT NULL,
    typed TEXT NOT NULL,
    e164 TEXT NOT NULL DEFAULT '',
    kind TEXT NOT NULL DEFAULT 'unknown',
    valid_for_dispatch BIGINT NOT NULL DEFAULT 0,
    reason TEXT NOT NULL DEFAULT '',
    is_whatsapp BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant_id, lead_id, position)
-- @sqlite
) WITHOUT ROWID;
-- @postgres
);
-- @both
-- @tenant_table lead_phones

CREATE TABLE lead_emails (
    tenant_id UUID NOT NULL,
    lead_id UUID NOT NULL,
    position BIGINT NOT NULL,
    address TEXT NOT NULL,
    is_valid BIGINT NOT NULL DEFAULT 1,
    bounced_at BIGINT,
    PRIMARY KEY (tenant_id, lead_id, position)
-- @sqlite
) WITHOUT ROWID;
-- @postgres
);
-- @both
-- @tenant_table lead_emails

-- tag: folded, what filters compare. The lead's row has the tags as people wrote them; both are written together.
-- @sqlite
CREATE TABLE lead_tags (
    tenant_id UUID NOT NULL,
    tag TEXT NOT NULL,
    lead_id UUID NOT NULL,
    PRIMARY KEY (tenant_id, tag, lead_id)
) WITHOUT ROWID;
-- @postgres
CREATE TABLE lead_tags (
    tenant_id UUID NOT NULL,
    tag TEXT COLLATE "C" NOT NULL,
    lead_id UUID NOT NULL,
    PRIMARY KEY (tenant_id, tag, lead_id)
);
-- @both
CREATE INDEX lead_tags_lead ON lead_tags (tenant_id, lead_id);
-- @tenant_table lead_tags

-- What happened to a lead beside its conversations. actor: "user:…", "key:…", "import:…" or empty for the program.
CREATE TABLE lead_events (
    id UUID PRIMARY KEY,
    tenant_id UUID NOT NULL,
    lead_id UUID NOT NULL,
    kind TEXT NOT NULL,
    data TEXT NOT NULL DEFAULT '{}',
    actor TEXT NOT NULL DEFAULT '',
    at BIGINT NOT NULL
);
CREATE INDEX lead_events_lead ON lead_events (tenant_id, lead_id, id);
-- @tenant_table lead_events

-- before: how both were, as JSON: what undo restores.
CREATE TABLE lead_merges (
    id UUID PRIMARY KEY,
    tenant_id UUID NOT NULL,
    kept_id UUID NOT NULL,
    gone_id UUID NOT NULL,
    before TEXT NOT NULL,
    actor TEXT NOT NULL DEFAULT '',
    at BIGINT NOT NULL,
    undone_at BIGINT
);
CREATE INDEX lead_merges_kept ON lead_merges (tenant_id, kept_id, id);
CREATE INDEX lead_merges_gone ON lead_merges (tenant_id, gone_id, id);
-- @tenant_table lead_merges

CREATE TABLE segments (
    id UUID PRIMARY KEY,
    tenant_id UUID NOT NULL,
    name TEXT NOT NULL,
    filter TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX segments_name ON segments (tenant_id, name);
-- @tenant_table segments

-- Whoever wrote so far did so by WhatsApp.
INSERT INTO lead_phones (tenant_id, lead_id, position, typed, e164, kind, valid_for_dispatch, is_whatsapp)
    SELECT tenant_id, lead_id, row_number() OVER (PARTITION BY lead_id ORDER BY updated_at DESC) - 1, address, value,
           'mobile', 1, 1 FROM lead_identities WHERE kind = 'phone';
-- @sqlite
INSERT INTO lead_tags (tenant_id, tag, lead_id)
    SELECT DISTINCT l.tenant_id, lower(t.value), l.id FROM leads l, json_each(l.tags) t WHERE l.tags <> '[]';
-- @postgres
INSERT INTO lead_tags (tenant_id, tag, lead_id)
    SELECT DISTINCT l.tenant_id, lower(t), l.id FROM leads l, jsonb_array_elements_text(l.tags::jsonb) t WHERE l.tags <> '[]';
-- @both
