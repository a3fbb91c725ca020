-- 0017_mail.sql - how far the folder of each e-mail account is read.
-- SPDX-License-Identifier: Apache-2.0

-- source: server and folder the numbers are of; another one begins anew. trouble: why the last look failed, empty when it did not; is_refused: it will
-- not do so soon, the server was reached and said no.
CREATE TABLE mail_places (
    account_id UUID PRIMARY KEY,
    tenant_id UUID NOT NULL,
    source TEXT NOT NULL,
    uid_validity BIGINT NOT NULL,
    last_uid BIGINT NOT NULL,
    looked_at BIGINT NOT NULL,
    trouble TEXT NOT NULL DEFAULT '',
    is_refused INTEGER NOT NULL DEFAULT 0
);
-- @tenant_table mail_places
