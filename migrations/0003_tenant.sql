-- 0003_tenant.sql - whose data it is and who may touch it; only src/tenant/ touches these tables.
-- SPDX-License-Identifier: Apache-2.0

-- legacy: the columns and tools_config a client had in an older system, as one JSON object, read
-- only.
CREATE TABLE tenants (
    id UUID PRIMARY KEY,
    slug TEXT NOT NULL,
    name TEXT NOT NULL,
    locale TEXT NOT NULL,
    timezone TEXT NOT NULL,
    is_active BIGINT NOT NULL DEFAULT 1,
    legacy TEXT NOT NULL DEFAULT '{}',
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX tenants_slug ON tenants (slug);
-- @tenant_table tenants id

-- An inbound call at a number that only the old columns know. The statement in store_account.c
-- repeats the expression.
-- @sqlite
CREATE INDEX tenants_legacy_address ON tenants (
    coalesce(nullif(CAST(legacy ->> 'whatsapp_phone_number_id' AS TEXT), ''),
             CAST(legacy -> 'tools_config' -> 'whatsapp' ->> 'phone_number_id' AS TEXT)));
-- @postgres
CREATE INDEX tenants_legacy_address ON tenants (
    coalesce(nullif(legacy::jsonb ->> 'whatsapp_phone_number_id', ''),
             legacy::jsonb -> 'tools_config' -> 'whatsapp' ->> 'phone_number_id'));
-- @both

CREATE TABLE users (
    id UUID PRIMARY KEY,
    tenant_id UUID NOT NULL REFERENCES tenants (id),
    email TEXT NOT NULL,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    password TEXT NOT NULL,
    is_active BIGINT NOT NULL DEFAULT 1,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX users_email ON users (tenant_id, email);
-- @tenant_table users

-- digest: SHA-256 of the token, which is told to the browser alone.
CREATE TABLE sessions (
    digest BYTEA PRIMARY KEY,
    tenant_id UUID NOT NULL,
    user_id UUID NOT NULL REFERENCES users (id),
    created_at BIGINT NOT NULL,
    seen_at BIGINT NOT NULL
);
CREATE INDEX sessions_user ON sessions (tenant_id, user_id);
-- @tenant_table sessions

-- Tries to log in, counted per window. subject is a digest: no address or e-mail of anybody stands
-- here.
CREATE TABLE login_tries (
    tenant_id UUID NOT NULL,
    subject BYTEA NOT NULL,
    tries BIGINT NOT NULL,
    since BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, subject)
);
CREATE INDEX login_tries_since ON login_tries (since);
-- @tenant_table login_tries

CREATE TABLE api_keys (
    id UUID PRIMARY KEY,
    tenant_id UUID NOT NULL REFERENCES tenants (id),
    name TEXT NOT NULL,
    scopes TEXT NOT NULL,
    prefix TEXT NOT NULL,
    digest BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    last_used_at BIGINT,
    revoked_at BIGINT
);
CREATE UNIQUE INDEX api_keys_digest ON api_keys (digest);
CREATE INDEX api_keys_tenant ON api_keys (tenant_id, id);
-- @tenant_table api_keys

-- Provider accounts, many of one kind per tenant. state is "ok" or why sends wait for a person.
-- account_group: what several accounts of a provider have in common (WhatsApp: the business account
-- id).
CREATE TABLE client_providers (
    id UUID PRIMARY KEY,
    tenant_id UUID NOT NULL REFERENCES tenants (id),
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    address TEXT NOT NULL DEFAULT '',
    account_group TEXT NOT NULL DEFAULT '',
    settings TEXT NOT NULL DEFAULT '{}',
    is_active BIGINT NOT NULL DEFAULT 1,
    is_preferred BIGINT NOT NULL DEFAULT 0,
    state TEXT NOT NULL DEFAULT 'ok',
    state_reason TEXT NOT NULL DEFAULT '',
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX client_providers_tenant ON client_providers (tenant_id, kind, id);
CREATE INDEX client_providers_address ON client_providers (kind, address);
-- An inbound message has one owner.
CREATE UNIQUE INDEX client_providers_owner ON client_providers (kind, address)
    WHERE is_active = 1 AND address <> '';
CREATE INDEX client_providers_group ON client_providers (kind, account_group) WHERE account_group <> '';
-- @tenant_table client_providers

-- sealed names the key it is under in its first bytes; a column beside it could only disagree.
CREATE TABLE client_provider_secrets (
    tenant_id UUID NOT NULL,
    provider_id UUID NOT NULL REFERENCES client_providers (id),
    name TEXT NOT NULL,
    sealed BYTEA NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, provider_id, name)
);
-- @tenant_table client_provider_secrets

-- Append-only; each row's hash covers its fields and the hash of the row before, so that neither a
-- change nor a gap goes unseen. The head tells how long the chain is: without it a cut-off end
-- would look whole.
CREATE TABLE audit_log (
    tenant_id UUID NOT NULL,
    seq BIGINT NOT NULL,
    at BIGINT NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    object TEXT NOT NULL,
    detail TEXT NOT NULL,
    prev_hash BYTEA NOT NULL,
    hash BYTEA NOT NULL,
    PRIMARY KEY (tenant_id, seq)
);
-- @tenant_table audit_log

CREATE TABLE audit_heads (
    tenant_id UUID PRIMARY KEY,
    seq BIGINT NOT NULL,
    hash BYTEA NOT NULL
);
-- @tenant_table audit_heads

-- @sqlite
CREATE TRIGGER audit_log_no_update BEFORE UPDATE ON audit_log
BEGIN
    SELECT RAISE(ABORT, 'the audit log is append-only');
END;
CREATE TRIGGER audit_log_no_delete BEFORE DELETE ON audit_log
BEGIN
    SELECT RAISE(ABORT, 'the audit log is append-only');
END;
-- @postgres
CREATE FUNCTION audit_log_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit log is append-only';
END
$$;
CREATE TRIGGER audit_log_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION audit_log_refuse();
