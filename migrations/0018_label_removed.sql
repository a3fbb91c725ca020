-- 0018_label_removed.sql - a removed label can come back with its conversations.
-- SPDX-License-Identifier: Apache-2.0

-- 0: in use. Its rows in conversation_labels stay until the label is forgotten for good.
ALTER TABLE labels ADD COLUMN removed_at BIGINT NOT NULL DEFAULT 0;
DROP INDEX labels_name;
CREATE UNIQUE INDEX labels_name ON labels (tenant_id, name) WHERE removed_at = 0;
CREATE INDEX labels_removed ON labels (removed_at) WHERE removed_at > 0;
