-- Outgoing webhooks: where a tenant wants its events, what was to be sent there, and how that went.
-- SPDX-License-Identifier: Apache-2.0

CREATE TABLE webhook_endpoints (
    id UUID PRIMARY KEY,
    tenant_id UUID NOT NULL,
    url TEXT NOT NULL,
    description TEXT NOT NULL DEFAULT '',
    events TEXT NOT NULL,
    state TEXT NOT NULL,
    state_reason TEXT NOT NULL DEFAULT '',
    secret BYTEA NOT NULL,
    old_secret BYTEA,
    old_secret_until BIGINT NOT NULL DEFAULT 0,
    failing_since BIGINT NOT NULL DEFAULT 0,
    last_success_at BIGINT NOT NULL DEFAULT 0,
    last_failure_at BIGINT NOT NULL DEFAULT 0,
    last_failure TEXT NOT NULL DEFAULT '',
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX webhook_endpoints_tenant ON webhook_endpoints (tenant_id, id);
-- @tenant_table webhook_endpoints

-- How far an endpoint's events have been turned into deliveries: a place in the tenant's order of arrival. Apart from the
-- endpoint, since it moves with every batch.
CREATE TABLE webhook_places (
    tenant_id UUID NOT NULL,
    endpoint_id UUID NOT NULL,
    xid BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, endpoint_id)
);
-- @tenant_table webhook_places

-- What is sent, kept so that each attempt at each endpoint has the same bytes. id is the event's.
CREATE TABLE webhook_messages (
    tenant_id UUID NOT NULL,
    id UUID NOT NULL,
    kind TEXT NOT NULL,
    body TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, id)
);
CREATE INDEX webhook_messages_age ON webhook_messages (created_at);
-- @tenant_table webhook_messages

CREATE TABLE webhook_deliveries (
    id UUID PRIMARY KEY,
    tenant_id UUID NOT NULL,
    endpoint_id UUID NOT NULL,
    message_id UUID NOT NULL,
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    next_at BIGINT NOT NULL,
    queued_at BIGINT NOT NULL,
    cause TEXT NOT NULL DEFAULT '',
    reason TEXT NOT NULL DEFAULT '',
    status INTEGER NOT NULL DEFAULT 0,
    reply TEXT NOT NULL DEFAULT '',
    took_ms BIGINT NOT NULL DEFAULT 0,
    created_at BIGINT NOT NULL,
    tried_at BIGINT NOT NULL DEFAULT 0
);
-- An event goes to an endpoint once, whoever hands it out.
CREATE UNIQUE INDEX webhook_deliveries_once ON webhook_deliveries (tenant_id, message_id, endpoint_id);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (tenant_id, endpoint_id, next_at) WHERE state = 'waiting';
CREATE INDEX webhook_deliveries_waiting ON webhook_deliveries (queued_at) WHERE state = 'waiting';
CREATE INDEX webhook_deliveries_list ON webhook_deliveries (tenant_id, endpoint_id, id);
CREATE INDEX webhook_deliveries_dead ON webhook_deliveries (tenant_id, endpoint_id, id) WHERE state = 'dead';
CREATE INDEX webhook_deliveries_age ON webhook_deliveries (created_at);
-- @tenant_table webhook_deliveries
