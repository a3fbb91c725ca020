-- 0011_failure.sql - finding what went wrong, and the raw call behind a message.
-- SPDX-License-Identifier: Apache-2.0

-- The raw call that brought an event, for the page of one message's life. Kept as long as the raw call is: both go after 30
-- days. NULL: stored before this column was.
ALTER TABLE inbound_seen ADD COLUMN inbox_id UUID;

-- Failures are listed per tenant; each of these holds a row only for as long as something is wrong with it.
CREATE INDEX inbox_trouble_tenant ON inbox (tenant_id, seq) WHERE state IN ('unparsed', 'unrouted', 'failed');
CREATE INDEX messages_trouble ON messages (tenant_id, status, id) WHERE status IN ('failed', 'uncertain');

-- The steps of one message among those of its conversation are told apart in the index, without a visit to each row.
DROP INDEX conversation_events_conversation;
CREATE INDEX conversation_events_conversation ON conversation_events (tenant_id, conversation_id, xid, seq, message_id);
