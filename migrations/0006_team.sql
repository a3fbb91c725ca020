-- Who works when, who can take what, and until when something must happen to a conversation.
-- SPDX-License-Identifier: Apache-2.0

-- One JSON document a tenant: hours, holidays, deadlines, assignment, texts. Members that are missing are the defaults.
CREATE TABLE team_settings (
    tenant_id UUID PRIMARY KEY,
    settings TEXT NOT NULL,
    version BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
-- @tenant_table team_settings

-- assigned counts the conversations given to a user by turn: whoever raises it has the turn.
CREATE TABLE team_members (
    tenant_id UUID NOT NULL,
    user_id UUID NOT NULL REFERENCES users (id),
    presence TEXT NOT NULL DEFAULT '',
    seen_at BIGINT NOT NULL DEFAULT 0,
    skills TEXT NOT NULL DEFAULT '[]',
    capacity BIGINT NOT NULL DEFAULT 0,
    assigned BIGINT NOT NULL DEFAULT 0,
    assigned_at BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant_id, user_id)
);
-- @tenant_table team_members

-- summary and collected go along when people get it. unanswered_at: since when the customer waits for a word; of a person's
-- conversation it ends with the person's. deadline_step counts what has happened while it waited. last_user: the last
-- person who had it.
ALTER TABLE conversations ADD COLUMN skill TEXT NOT NULL DEFAULT '';
ALTER TABLE conversations ADD COLUMN summary TEXT NOT NULL DEFAULT '';
ALTER TABLE conversations ADD COLUMN collected TEXT NOT NULL DEFAULT '';
ALTER TABLE conversations ADD COLUMN waiting_since BIGINT;
ALTER TABLE conversations ADD COLUMN assigned_at BIGINT;
ALTER TABLE conversations ADD COLUMN unanswered_at BIGINT;
ALTER TABLE conversations ADD COLUMN last_user UUID;
ALTER TABLE conversations ADD COLUMN deadline_at BIGINT;
ALTER TABLE conversations ADD COLUMN deadline_kind TEXT NOT NULL DEFAULT '';
ALTER TABLE conversations ADD COLUMN deadline_step BIGINT NOT NULL DEFAULT 0;
CREATE INDEX conversations_deadline ON conversations (deadline_at) WHERE deadline_at IS NOT NULL;
CREATE INDEX conversations_still ON conversations (tenant_id, id)
    WHERE deadline_at IS NULL AND state NOT IN ('agent_closed', 'expired');
CREATE INDEX conversations_owner ON conversations (tenant_id, owner_user) WHERE owner_user IS NOT NULL;
CREATE INDEX conversations_waiting ON conversations (tenant_id, waiting_since) WHERE state = 'waiting_agent';

-- What was open before: looked at once, then it has its own deadline. A closed one is nobody's.
UPDATE conversations SET last_user = owner_user WHERE owner_user IS NOT NULL;
UPDATE conversations SET owner_user = NULL WHERE state IN ('agent_closed', 'expired');
UPDATE conversations SET unanswered_at = last_at
    WHERE inbound_count > answered_count AND state NOT IN ('agent_closed', 'expired');
UPDATE conversations SET waiting_since = updated_at WHERE state = 'waiting_agent';
UPDATE conversations SET assigned_at = updated_at WHERE state = 'assigned';
UPDATE conversations SET deadline_at = updated_at WHERE state NOT IN ('agent_closed', 'expired');
