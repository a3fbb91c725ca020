-- 0008_talk.sql - what people work with in the inbox: unread, labels, notes, canned answers, who a lead is to us.
-- SPDX-License-Identifier: Apache-2.0

-- What no person has seen: inbound_count - read_count. What was answered before counts as seen.
ALTER TABLE conversations ADD COLUMN read_count BIGINT NOT NULL DEFAULT 0;
UPDATE conversations SET read_count = answered_count WHERE answered_count > 0;

-- Ids of labels, separated by a blank: what a list shows of each conversation without a look elsewhere. A label that is gone is skipped.
ALTER TABLE conversations ADD COLUMN labels TEXT NOT NULL DEFAULT '';

-- A queue of the inbox is one state or several, each walked newest first by one index; no list sorts. Counts stop at a
-- bound and read the same indexes.
DROP INDEX conversations_recent;
CREATE INDEX conversations_queue ON conversations (tenant_id, state, last_at, id);
CREATE INDEX conversations_mine ON conversations (tenant_id, owner_user, last_at, id) WHERE state = 'assigned';
CREATE INDEX conversations_unread ON conversations (tenant_id, state, last_at, id) WHERE inbound_count > read_count;

CREATE TABLE labels (
    id UUID PRIMARY KEY,
    tenant_id UUID NOT NULL,
    name TEXT NOT NULL,
    color TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX labels_name ON labels (tenant_id, name);
-- @tenant_table labels

-- state and last_at are the conversation's, kept by the trigger below, so that a label's list is a walk over one index, too.
CREATE TABLE conversation_labels (
    tenant_id UUID NOT NULL,
    conversation_id UUID NOT NULL REFERENCES conversations (id),
    label_id UUID NOT NULL,
    state TEXT NOT NULL,
    last_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, conversation_id, label_id)
);
CREATE INDEX conversation_labels_queue ON conversation_labels (tenant_id, label_id, state, last_at, conversation_id);
-- @tenant_table conversation_labels

-- @sqlite
CREATE TRIGGER conversation_labels_follow AFTER UPDATE OF state, last_at ON conversations WHEN NEW.labels <> ''
BEGIN
    UPDATE conversation_labels SET state = NEW.state, last_at = NEW.last_at
        WHERE tenant_id = NEW.tenant_id AND conversation_id = NEW.id;
END;
-- @postgres
CREATE FUNCTION conversation_labels_follow() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE conversation_labels SET state = NEW.state, last_at = NEW.last_at
        WHERE tenant_id = NEW.tenant_id AND conversation_id = NEW.id;
    RETURN NULL;
END
$$;
CREATE TRIGGER conversation_labels_follow AFTER UPDATE OF state, last_at ON conversations
    FOR EACH ROW WHEN (NEW.labels <> '') EXECUTE FUNCTION conversation_labels_follow();
-- @both

-- Never sent to anybody. author: the writer's name as it was then.
CREATE TABLE conversation_notes (
    id UUID PRIMARY KEY,
    tenant_id UUID NOT NULL,
    conversation_id UUID NOT NULL REFERENCES conversations (id),
    user_id UUID NOT NULL,
    author TEXT NOT NULL,
    text TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX conversation_notes_order ON conversation_notes (tenant_id, conversation_id, id);
-- @tenant_table conversation_notes

CREATE TABLE canned_answers (
    id UUID PRIMARY KEY,
    tenant_id UUID NOT NULL,
    shortcut TEXT NOT NULL,
    text TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX canned_answers_shortcut ON canned_answers (tenant_id, shortcut);
-- @tenant_table canned_answers

-- is_named: a person gave the name; what the provider calls the lead does not replace it any more. tags: a JSON array.
ALTER TABLE leads ADD COLUMN is_named BIGINT NOT NULL DEFAULT 0;
ALTER TABLE leads ADD COLUMN tags TEXT NOT NULL DEFAULT '[]';
ALTER TABLE leads ADD COLUMN stage TEXT NOT NULL DEFAULT '';

-- A lead's timeline: what happened beside the messages.
CREATE INDEX conversation_events_steps ON conversation_events (tenant_id, conversation_id, xid, seq)
    WHERE substr(kind, 1, 8) <> 'message.';

-- --- search (src/search/search.h says how it works) -----------------------------------------------------------------

-- How many documents of a kind a tenant has: messages 1, leads 2, notes 3.
CREATE TABLE search_tenants (
    tenant_id UUID NOT NULL,
    kind BIGINT NOT NULL,
    docs BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, kind)
);
-- @tenant_table search_tenants

-- Ids of 4,096 documents in the order of their numbers, 16 bytes each.
CREATE TABLE search_blocks (
    tenant_id UUID NOT NULL,
    kind BIGINT NOT NULL,
    block BIGINT NOT NULL,
    docs BYTEA NOT NULL,
    PRIMARY KEY (tenant_id, kind, block)
);
-- @tenant_table search_blocks

-- places: numbers of 16 bits, low byte first, ascending: where in the block the word is.
-- @sqlite
CREATE TABLE search_postings (
    tenant_id UUID NOT NULL,
    kind BIGINT NOT NULL,
    term TEXT NOT NULL,
    block BIGINT NOT NULL,
    places BYTEA NOT NULL,
    PRIMARY KEY (tenant_id, kind, term, block)
) WITHOUT ROWID;
CREATE TABLE search_words (
    tenant_id UUID NOT NULL,
    word TEXT NOT NULL,
    stem TEXT NOT NULL,
    PRIMARY KEY (tenant_id, word)
) WITHOUT ROWID;
-- @postgres
CREATE TABLE search_postings (
    tenant_id UUID NOT NULL,
    kind BIGINT NOT NULL,
    term TEXT COLLATE "C" NOT NULL,
    block BIGINT NOT NULL,
    places BYTEA NOT NULL,
    PRIMARY KEY (tenant_id, kind, term, block)
) WITH (fillfactor = 80);
ALTER TABLE search_postings ALTER COLUMN places SET STORAGE EXTERNAL;
ALTER TABLE search_blocks ALTER COLUMN docs SET STORAGE EXTERNAL;
CREATE TABLE search_words (
    tenant_id UUID NOT NULL,
    word TEXT COLLATE "C" NOT NULL,
    stem TEXT NOT NULL,
    PRIMARY KEY (tenant_id, word)
);
-- @both
-- @tenant_table search_postings
-- @tenant_table search_words

-- The event up to which everything is indexed.
CREATE TABLE search_place (
    id BIGINT PRIMARY KEY,
    place TEXT NOT NULL
);
INSERT INTO search_place (id, place) VALUES (1, '');
-- @system_table search_place
