-- 0007_profile.sql - how people sign in and what they set for themselves; only src/tenant/ touches these tables.
-- SPDX-License-Identifier: Apache-2.0

-- locale: '' is the tenant's. totp_secret is sealed; it counts from totp_confirmed_at on. totp_step: the last time step whose
-- code was accepted, so that none is accepted twice.
ALTER TABLE users ADD COLUMN locale TEXT NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN theme TEXT NOT NULL DEFAULT 'auto';
ALTER TABLE users ADD COLUMN totp_secret BYTEA;
ALTER TABLE users ADD COLUMN totp_confirmed_at BIGINT;
ALTER TABLE users ADD COLUMN totp_step BIGINT NOT NULL DEFAULT 0;

-- digest: SHA-256 of a code that is told once; a row is one code that is still good.
CREATE TABLE user_recovery_codes (
    tenant_id UUID NOT NULL,
    user_id UUID NOT NULL REFERENCES users (id),
    digest BYTEA NOT NULL,
    PRIMARY KEY (tenant_id, user_id, digest)
);
-- @tenant_table user_recovery_codes

-- Sessions get a name to end them by, and tell where they are used. Those that are open end here: people sign in once more.
DROP TABLE sessions;
CREATE TABLE sessions (
    digest BYTEA PRIMARY KEY,
    id UUID NOT NULL,
    tenant_id UUID NOT NULL,
    user_id UUID NOT NULL REFERENCES users (id),
    peer TEXT NOT NULL DEFAULT '',
    agent TEXT NOT NULL DEFAULT '',
    created_at BIGINT NOT NULL,
    seen_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX sessions_user ON sessions (tenant_id, user_id, id);
-- @tenant_table sessions
