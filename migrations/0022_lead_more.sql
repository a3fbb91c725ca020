-- 0022_lead_more.sql - keys of leads in one tree instead of two.
-- SPDX-License-Identifier: Apache-2.0

-- On SQLite the table was kept beside its primary key: each key that an import writes was two places to look up and to write.
-- @sqlite
CREATE TABLE lead_keys_whole (
    tenant_id UUID NOT NULL,
    kind TEXT NOT NULL,
    value TEXT NOT NULL,
    lead_id UUID NOT NULL REFERENCES leads (id),
    address TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, kind, value)
) WITHOUT ROWID;
INSERT INTO lead_keys_whole SELECT tenant_id, kind, value, lead_id, address, created_at, updated_at FROM lead_identities
    ORDER BY tenant_id, kind, value;
DROP TABLE lead_identities;
ALTER TABLE lead_keys_whole RENAME TO lead_identities;
CREATE INDEX lead_identities_lead ON lead_identities (tenant_id, lead_id, kind, value);
-- @both
