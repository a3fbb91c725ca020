-- Files that came or go with messages. The bytes lie in the data directory under their digest.
-- SPDX-License-Identifier: Apache-2.0

CREATE TABLE media (
    id UUID PRIMARY KEY,
    tenant_id UUID NOT NULL,
    account_id UUID,
    conversation_id UUID,
    message_id UUID,
    state TEXT NOT NULL,
    reason TEXT NOT NULL DEFAULT '',
    kind TEXT NOT NULL,
    mime TEXT NOT NULL DEFAULT '',
    size BIGINT NOT NULL DEFAULT 0,
    sha256 TEXT NOT NULL DEFAULT '',
    file_name TEXT NOT NULL DEFAULT '',
    provider_id TEXT NOT NULL DEFAULT '',
    link TEXT NOT NULL DEFAULT '',
    claimed_sha256 TEXT NOT NULL DEFAULT '',
    is_upload INTEGER NOT NULL DEFAULT 0,
    is_used INTEGER NOT NULL DEFAULT 0,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX media_message ON media (tenant_id, message_id) WHERE message_id IS NOT NULL;
CREATE INDEX media_file ON media (tenant_id, sha256);
CREATE INDEX media_unsent ON media (created_at) WHERE is_upload = 1 AND is_used = 0;
-- @tenant_table media

-- Under which id a provider has a file of ours, until when.
CREATE TABLE media_uploads (
    tenant_id UUID NOT NULL,
    media_id UUID NOT NULL REFERENCES media (id) ON DELETE CASCADE,
    account_id UUID NOT NULL,
    provider_id TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, media_id, account_id)
);
-- @tenant_table media_uploads

-- What a reader of the message sees of its file: JSON, written by media/ alone.
ALTER TABLE messages ADD COLUMN media TEXT NOT NULL DEFAULT '';
