-- 0002_queue.sql - durable jobs and schedules; only src/queue/ touches these tables.
-- SPDX-License-Identifier: Apache-2.0
--
-- state: 0 ready (due, may be claimed) · 1 running · 2 parked · 3 dead · 4 later (waits for run_at)
--        5 behind (waits for an earlier job of its lane)
-- To people 4 and 5 are ready as well. They stand apart so that a claim meets nothing it cannot
-- take, however many jobs wait for tomorrow or for their turn.
--
-- The head of a lane is its job in state 0, 1 or 4: there is one at most (jobs_lane), and one
-- whenever a job is behind. token: the bits above the lowest 20 count the claims, the lowest 20
-- tell claimers apart. lane and key NULL: none. no_later 0: no ceiling. The nil tenant is the
-- system itself.

-- @sqlite
CREATE TABLE jobs (
    seq         INTEGER PRIMARY KEY,
    tenant_id   UUID    NOT NULL,
    id          UUID    NOT NULL,
    kind        TEXT    NOT NULL,
    lane        TEXT,
    key         TEXT,
    priority    INTEGER NOT NULL,
    state       INTEGER NOT NULL,
    attempts    INTEGER NOT NULL DEFAULT 0,
    token       BIGINT  NOT NULL DEFAULT 0,
    run_at      BIGINT  NOT NULL,
    no_later    BIGINT  NOT NULL,
    lease_until BIGINT  NOT NULL DEFAULT 0,
    created_at  BIGINT  NOT NULL,
    updated_at  BIGINT  NOT NULL,
    worker      TEXT    NOT NULL DEFAULT '',
    cause       TEXT    NOT NULL DEFAULT '',
    reason      TEXT    NOT NULL DEFAULT '',
    payload     TEXT    NOT NULL
);
CREATE UNIQUE INDEX jobs_id ON jobs (id, tenant_id);

-- @postgres
CREATE TABLE jobs (
    seq         BIGINT  NOT NULL GENERATED ALWAYS AS IDENTITY,
    run_at      BIGINT  NOT NULL,
    no_later    BIGINT  NOT NULL,
    created_at  BIGINT  NOT NULL,
    updated_at  BIGINT  NOT NULL,
    token       BIGINT  NOT NULL DEFAULT 0,
    lease_until BIGINT  NOT NULL DEFAULT 0,
    tenant_id   UUID    NOT NULL,
    id          UUID    NOT NULL,
    priority    INTEGER NOT NULL,
    state       INTEGER NOT NULL,
    attempts    INTEGER NOT NULL DEFAULT 0,
    kind        TEXT    NOT NULL,
    lane        TEXT,
    key         TEXT,
    worker      TEXT    NOT NULL DEFAULT '',
    cause       TEXT    NOT NULL DEFAULT '',
    reason      TEXT    NOT NULL DEFAULT '',
    payload     TEXT    NOT NULL,
    PRIMARY KEY (id, tenant_id)
);
-- Every job leaves two dead versions behind: vacuum early and without pauses.
ALTER TABLE jobs SET (
    autovacuum_vacuum_scale_factor = 0.02,
    autovacuum_vacuum_threshold = 5000,
    autovacuum_vacuum_cost_delay = 0,
    vacuum_truncate = off
);
-- A plan that is made while the table is a page or two long reads it whole, and goes on doing so
-- when it has grown: it starts with some empty pages and does not give them back.
INSERT INTO jobs (tenant_id, id, kind, priority, state, run_at, no_later, created_at, updated_at,
                  payload)
SELECT '00000000-0000-0000-0000-000000000000', gen_random_uuid(), '', 0, 3, 0, 0, 0, 0,
       repeat(' ', 1000)
FROM generate_series(1, 200);
DELETE FROM jobs;

-- @both
-- @tenant_table jobs

-- For each statement of the hot paths there is exactly one index that it can use, so that a plan
-- made on other numbers cannot pick a wrong one. That is why the key does not begin with the tenant
-- and why state is part of no index. What a claim walks: tenant by tenant within a priority.
CREATE INDEX jobs_ready ON jobs (priority, tenant_id, run_at, seq) WHERE state = 0;
CREATE INDEX jobs_later ON jobs (run_at, seq) WHERE state = 4;
CREATE INDEX jobs_lease ON jobs (lease_until) WHERE state = 1;
CREATE INDEX jobs_kept ON jobs (tenant_id, id) WHERE state IN (2, 3);
CREATE UNIQUE INDEX jobs_lane ON jobs (tenant_id, lane)
    WHERE lane IS NOT NULL AND state IN (0, 1, 4);
CREATE INDEX jobs_behind ON jobs (tenant_id, lane, seq) WHERE state = 5;
CREATE UNIQUE INDEX jobs_key ON jobs (tenant_id, kind, key)
    WHERE key IS NOT NULL AND state IN (0, 4, 5);

-- One row per schedule; next_at is moved on by compare-and-set, so that of all nodes one fires.
CREATE TABLE schedules (
    name       TEXT    NOT NULL PRIMARY KEY,
    kind       TEXT    NOT NULL,
    every_ms   BIGINT  NOT NULL,
    next_at    BIGINT  NOT NULL,
    fired_at   BIGINT  NOT NULL DEFAULT 0,
    fired      BIGINT  NOT NULL DEFAULT 0
);
