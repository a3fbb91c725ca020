-- 0019_message_cause.sql - why a message failed as a word that programs know, beside the sentence for people.
-- SPDX-License-Identifier: Apache-2.0

-- "meta-131026", "cut", "not-sent", …; empty: of before this column was, or there is nothing to tell.
ALTER TABLE messages ADD COLUMN error_cause TEXT NOT NULL DEFAULT '';
