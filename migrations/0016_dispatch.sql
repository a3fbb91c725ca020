-- Campaigns: who is to get what, over which channel, and what became of each.
-- SPDX-License-Identifier: Apache-2.0

-- state: draft → planning → planned → dry_run → planned → running ⇄ paused → done; cancelled from any of them but done.
-- audience, channels, variables and limits are JSON as the API takes them. plan_after: the lead up to which it is planned (nil:
-- from the start). then_do: what follows the plan ("", "dry-run", "start"). cause and reason: why it is paused, cancelled or could not
-- be planned. wait_cause, wait_until: what a running one waits for. resumed_at: since when failures count for the threshold.
CREATE TABLE dispatches (
    id UUID PRIMARY KEY,
    tenant_id UUID NOT NULL,
    name TEXT NOT NULL,
    state TEXT NOT NULL,
    cause TEXT NOT NULL DEFAULT '',
    reason TEXT NOT NULL DEFAULT '',
    audience TEXT NOT NULL,
    channels TEXT NOT NULL,
    variables TEXT NOT NULL DEFAULT '{}',
    limits TEXT NOT NULL DEFAULT '{}',
    estimate TEXT NOT NULL DEFAULT '',
    then_do TEXT NOT NULL DEFAULT '',
    plan_after UUID,
    plan_seen BIGINT NOT NULL DEFAULT 0,
    wait_cause TEXT NOT NULL DEFAULT '',
    wait_until BIGINT NOT NULL DEFAULT 0,
    start_at BIGINT NOT NULL DEFAULT 0,
    planned_at BIGINT NOT NULL DEFAULT 0,
    dry_run_at BIGINT NOT NULL DEFAULT 0,
    started_at BIGINT NOT NULL DEFAULT 0,
    resumed_at BIGINT NOT NULL DEFAULT 0,
    finished_at BIGINT NOT NULL DEFAULT 0,
    created_by TEXT NOT NULL DEFAULT '',
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX dispatches_list ON dispatches (tenant_id, id);
-- @tenant_table dispatches

-- One row per lead and campaign, and one per test send (is_test 1), which counts nowhere.
-- state: planned excluded sending sent delivered read failed uncertain cancelled. rank keeps receipts from going back. due_at is
-- there exactly while the row is planned and may be claimed from then on: the states after that change no index, so that on
-- PostgreSQL their updates stay in the page. history: JSON array of the attempts that are over. cost in millionths.
CREATE TABLE dispatch_recipients (
    id UUID PRIMARY KEY,
    tenant_id UUID NOT NULL,
    dispatch_id UUID NOT NULL,
    lead_id UUID NOT NULL,
    is_test INTEGER NOT NULL DEFAULT 0,
    state TEXT NOT NULL,
    rank INTEGER NOT NULL DEFAULT 0,
    step INTEGER NOT NULL DEFAULT 0,
    channel TEXT NOT NULL DEFAULT '',
    account_id UUID,
    address TEXT NOT NULL DEFAULT '',
    template TEXT NOT NULL DEFAULT '',
    language TEXT NOT NULL DEFAULT '',
    reason TEXT NOT NULL DEFAULT '',
    block_reason TEXT NOT NULL DEFAULT '',
    attempts INTEGER NOT NULL DEFAULT 0,
    spared INTEGER NOT NULL DEFAULT 0,
    history TEXT NOT NULL DEFAULT '',
    text TEXT NOT NULL DEFAULT '',
    provider_id TEXT NOT NULL DEFAULT '',
    cost BIGINT NOT NULL DEFAULT 0,
    error_code BIGINT NOT NULL DEFAULT 0,
    error_cause TEXT NOT NULL DEFAULT '',
    error_reason TEXT NOT NULL DEFAULT '',
    message_id UUID,
    due_at BIGINT,
    sending_at BIGINT NOT NULL DEFAULT 0,
    sent_at BIGINT NOT NULL DEFAULT 0,
    delivered_at BIGINT NOT NULL DEFAULT 0,
    read_at BIGINT NOT NULL DEFAULT 0,
    failed_at BIGINT NOT NULL DEFAULT 0,
    replied_at BIGINT NOT NULL DEFAULT 0,
    opted_out_at BIGINT NOT NULL DEFAULT 0,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX dispatch_recipients_once ON dispatch_recipients (tenant_id, dispatch_id, lead_id) WHERE is_test = 0;
CREATE INDEX dispatch_recipients_due ON dispatch_recipients (tenant_id, dispatch_id, due_at, id) WHERE due_at IS NOT NULL;
CREATE INDEX dispatch_recipients_lead ON dispatch_recipients (tenant_id, lead_id);
-- @postgres
ALTER TABLE dispatch_recipients SET (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_cost_delay = 0);
-- @both
-- @tenant_table dispatch_recipients

-- What a dry run would have done; one row per lead and campaign, replaced by the next dry run.
CREATE TABLE dry_run_log (
    tenant_id UUID NOT NULL,
    dispatch_id UUID NOT NULL,
    recipient_id UUID NOT NULL,
    lead_id UUID NOT NULL,
    name TEXT NOT NULL,
    phone TEXT NOT NULL,
    email TEXT NOT NULL,
    channel TEXT NOT NULL,
    reason TEXT NOT NULL,
    template TEXT NOT NULL,
    would_send INTEGER NOT NULL,
    block_reason TEXT NOT NULL,
    not_before BIGINT NOT NULL DEFAULT 0,
    cost BIGINT NOT NULL DEFAULT 0,
    text TEXT NOT NULL DEFAULT '',
    at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, dispatch_id, recipient_id)
);
-- @tenant_table dry_run_log

-- How many people an account has written to by campaign, hour by hour (slot: hours since 1970): the last 24 hours are what
-- Meta's tier, a daily cap and the warm-up count.
CREATE TABLE sender_days (
    tenant_id UUID NOT NULL,
    account_id UUID NOT NULL,
    slot BIGINT NOT NULL,
    sent BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, account_id, slot)
);
-- @tenant_table sender_days

-- An account that was told to slow down: no campaign sends before.
CREATE TABLE dispatch_senders (
    tenant_id UUID NOT NULL,
    account_id UUID NOT NULL,
    blocked_until BIGINT NOT NULL DEFAULT 0,
    backoffs INTEGER NOT NULL DEFAULT 0,
    cause TEXT NOT NULL DEFAULT '',
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, account_id)
);
-- @tenant_table dispatch_senders

-- Prices and caps of a tenant, as JSON. The row is also what its campaigns' claims wait for one another at, so that two never
-- pick the same person at once.
CREATE TABLE dispatch_settings (
    tenant_id UUID PRIMARY KEY,
    settings TEXT NOT NULL DEFAULT '{}',
    updated_at BIGINT NOT NULL
);
-- @tenant_table dispatch_settings
