-- Imports of spreadsheets: how each is to be read, how far it is, and what became of every row.
-- SPDX-License-Identifier: Apache-2.0

CREATE TABLE ingest_jobs (
    id UUID PRIMARY KEY,
    tenant_id UUID NOT NULL,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    size BIGINT NOT NULL,
    actor TEXT NOT NULL DEFAULT '',
    sheets TEXT NOT NULL,
    sheet BIGINT NOT NULL,
    header_row BIGINT NOT NULL,
    columns TEXT NOT NULL,
    policy TEXT NOT NULL,
    tags TEXT NOT NULL DEFAULT '[]',
    place BIGINT NOT NULL DEFAULT 0,
    permille BIGINT NOT NULL DEFAULT 0,
    n_rows BIGINT NOT NULL DEFAULT 0,
    n_created BIGINT NOT NULL DEFAULT 0,
    n_updated BIGINT NOT NULL DEFAULT 0,
    n_skipped BIGINT NOT NULL DEFAULT 0,
    n_failed BIGINT NOT NULL DEFAULT 0,
    n_noted BIGINT NOT NULL DEFAULT 0,
    n_undone BIGINT NOT NULL DEFAULT 0,
    checked TEXT NOT NULL DEFAULT '', -- JSON of the last trial's counts
    cause TEXT NOT NULL DEFAULT '',
    reason TEXT NOT NULL DEFAULT '',
    has_file BIGINT NOT NULL DEFAULT 1,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    started_at BIGINT NOT NULL DEFAULT 0,
    finished_at BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX ingest_jobs_tenant ON ingest_jobs (tenant_id, id);
CREATE INDEX ingest_jobs_active ON ingest_jobs (updated_at) WHERE state IN ('checking', 'running', 'undoing');
CREATE INDEX ingest_jobs_files ON ingest_jobs (updated_at) WHERE has_file = 1;
-- @tenant_table ingest_jobs

-- outcome: 0 created, 1 updated, 2 skipped, 3 failed. column_title and value: what was at fault. before: JSON by which the row's
-- effect is taken back.
CREATE TABLE ingest_rows (
    tenant_id UUID NOT NULL,
    import_id UUID NOT NULL,
    number BIGINT NOT NULL,
    outcome BIGINT NOT NULL,
    reason TEXT NOT NULL,
    column_title TEXT NOT NULL,
    value TEXT NOT NULL,
    lead_id UUID,
    before TEXT NOT NULL,
    is_undone BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant_id, import_id, number)
-- @sqlite
) WITHOUT ROWID;
-- @postgres
);
-- @both
CREATE INDEX ingest_rows_problems ON ingest_rows (tenant_id, import_id, outcome, number) WHERE reason <> '';
-- @tenant_table ingest_rows
