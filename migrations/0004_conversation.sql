-- Leads, conversations, messages and their events; what came in raw; what has been seen.
-- SPDX-License-Identifier: Apache-2.0

CREATE TABLE leads (
    id UUID PRIMARY KEY,
    tenant_id UUID NOT NULL,
    name TEXT NOT NULL DEFAULT '',
    username TEXT NOT NULL DEFAULT '',
    merged_into UUID,
    marketing_stopped_at BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX leads_tenant ON leads (tenant_id, id);
-- @tenant_table leads

-- One person, several keys: a phone (value is phone_key(), address is what the provider calls it) or a
-- business-scoped user id.
CREATE TABLE lead_identities (
    tenant_id UUID NOT NULL,
    kind TEXT NOT NULL,
    value TEXT NOT NULL,
    lead_id UUID NOT NULL REFERENCES leads (id),
    address TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, kind, value)
);
CREATE INDEX lead_identities_lead ON lead_identities (tenant_id, lead_id);
-- @tenant_table lead_identities

CREATE TABLE conversations (
    id UUID PRIMARY KEY,
    tenant_id UUID NOT NULL,
    account_id UUID NOT NULL,
    lead_id UUID NOT NULL REFERENCES leads (id),
    state TEXT NOT NULL,
    owner TEXT NOT NULL,
    owner_user UUID,
    owner_version BIGINT NOT NULL DEFAULT 0,
    inbound_count BIGINT NOT NULL DEFAULT 0,
    answered_count BIGINT NOT NULL DEFAULT 0,
    window_until BIGINT NOT NULL DEFAULT 0,
    bot_state TEXT NOT NULL DEFAULT '',
    handoff_reason TEXT NOT NULL DEFAULT '',
    last_text TEXT NOT NULL DEFAULT '',
    last_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX conversations_open ON conversations (tenant_id, account_id, lead_id)
    WHERE state NOT IN ('agent_closed', 'expired');
CREATE INDEX conversations_recent ON conversations (tenant_id, last_at, id);
CREATE INDEX conversations_lead ON conversations (tenant_id, lead_id);
-- @tenant_table conversations

-- Order of arrival of a tenant's rows is (xid, seq): on PostgreSQL transactions commit in another order than they took
-- their numbers, so a reader takes only rows of transactions older than every one still running.
-- @sqlite
CREATE TABLE messages (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    xid BIGINT NOT NULL DEFAULT 0,
    id UUID NOT NULL UNIQUE,
-- @postgres
CREATE TABLE messages (
    seq BIGINT NOT NULL GENERATED ALWAYS AS IDENTITY,
    xid BIGINT NOT NULL DEFAULT (pg_current_xact_id()::text::bigint),
    id UUID PRIMARY KEY,
-- @both
    tenant_id UUID NOT NULL,
    conversation_id UUID NOT NULL REFERENCES conversations (id),
    account_id UUID NOT NULL,
    direction TEXT NOT NULL,
    owner TEXT NOT NULL,
    owner_user UUID,
    owner_version BIGINT NOT NULL DEFAULT 0,
    type TEXT NOT NULL,
    content TEXT NOT NULL,
    text TEXT NOT NULL DEFAULT '',
    reply_to TEXT NOT NULL DEFAULT '',
    sender TEXT NOT NULL DEFAULT '',
    provider_id TEXT,
    client_id TEXT,
    turn_id UUID,
    status TEXT NOT NULL,
    status_rank INTEGER NOT NULL DEFAULT 0,
    error_code BIGINT NOT NULL DEFAULT 0,
    error_reason TEXT NOT NULL DEFAULT '',
    edited_at BIGINT,
    revoked_at BIGINT,
    provider_at BIGINT NOT NULL DEFAULT 0,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX messages_provider ON messages (tenant_id, account_id, provider_id) WHERE provider_id IS NOT NULL;
CREATE UNIQUE INDEX messages_client ON messages (tenant_id, conversation_id, client_id) WHERE client_id IS NOT NULL;
CREATE INDEX messages_conversation ON messages (tenant_id, conversation_id, xid, seq);
CREATE INDEX messages_arrival ON messages (tenant_id, xid, seq);
CREATE INDEX messages_open ON messages (tenant_id, status, updated_at)
    WHERE status IN ('sending', 'uncertain', 'failed');
-- @tenant_table messages

-- @sqlite
CREATE TABLE conversation_events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    xid BIGINT NOT NULL DEFAULT 0,
    id UUID NOT NULL UNIQUE,
-- @postgres
CREATE TABLE conversation_events (
    seq BIGINT NOT NULL GENERATED ALWAYS AS IDENTITY,
    xid BIGINT NOT NULL DEFAULT (pg_current_xact_id()::text::bigint),
    id UUID PRIMARY KEY,
-- @both
    tenant_id UUID NOT NULL,
    conversation_id UUID,
    message_id UUID,
    kind TEXT NOT NULL,
    data TEXT NOT NULL DEFAULT '{}',
    at BIGINT NOT NULL
);
CREATE INDEX conversation_events_order ON conversation_events (tenant_id, xid, seq);
CREATE INDEX conversation_events_conversation ON conversation_events (tenant_id, conversation_id, xid, seq);
-- The live feed reads across tenants.
CREATE INDEX conversation_events_feed ON conversation_events (xid, seq);
-- @tenant_table conversation_events

-- Every inbound event once: the row and the event's effects are one transaction.
CREATE TABLE inbound_seen (
    tenant_id UUID NOT NULL,
    account_id UUID NOT NULL,
    dedup TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, account_id, dedup)
);
CREATE INDEX inbound_seen_age ON inbound_seen (at);
-- @tenant_table inbound_seen

-- Statuses that came before we knew their message's provider id.
CREATE TABLE receipts_early (
    id UUID PRIMARY KEY,
    tenant_id UUID NOT NULL,
    account_id UUID NOT NULL,
    provider_id TEXT NOT NULL,
    status TEXT NOT NULL,
    error_code BIGINT NOT NULL DEFAULT 0,
    error_title TEXT NOT NULL DEFAULT '',
    at BIGINT NOT NULL
);
CREATE INDEX receipts_early_message ON receipts_early (tenant_id, account_id, provider_id);
-- @tenant_table receipts_early

-- Raw calls, on disk before their 200. tenant_id is NULL until a call of the installation's own app is routed; such rows are
-- the system's alone.
-- @sqlite
CREATE TABLE inbox (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id UUID NOT NULL UNIQUE,
-- @postgres
CREATE TABLE inbox (
    seq BIGINT NOT NULL GENERATED ALWAYS AS IDENTITY,
    id UUID PRIMARY KEY,
-- @both
    tenant_id UUID,
    provider TEXT NOT NULL,
    account_id UUID,
    body BYTEA NOT NULL,
    state TEXT NOT NULL,
    cause TEXT NOT NULL DEFAULT '',
    reason TEXT NOT NULL DEFAULT '',
    events INTEGER NOT NULL DEFAULT 0,
    received_at BIGINT NOT NULL,
    done_at BIGINT
);
CREATE INDEX inbox_waiting ON inbox (seq) WHERE state = 'received';
CREATE INDEX inbox_trouble ON inbox (state, seq) WHERE state IN ('unparsed', 'unrouted', 'failed');
CREATE INDEX inbox_age ON inbox (received_at) WHERE state = 'done';
-- @tenant_table inbox

-- Pace per account and per person, shared by all workers and nodes (generic cell rate: the theoretical arrival time).
CREATE TABLE rate_limits (
    tenant_id UUID NOT NULL,
    key TEXT NOT NULL,
    tat_us BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, key)
);
-- @tenant_table rate_limits

-- Account, template and error events of providers that concern no conversation.
CREATE TABLE account_events (
    id UUID PRIMARY KEY,
    tenant_id UUID NOT NULL,
    account_id UUID NOT NULL,
    field TEXT NOT NULL,
    raw TEXT NOT NULL,
    at BIGINT NOT NULL
);
CREATE INDEX account_events_age ON account_events (tenant_id, at);
-- @tenant_table account_events
