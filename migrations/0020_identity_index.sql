-- 0020_identity_index.sql - a person's keys, in order, out of the index alone.
-- SPDX-License-Identifier: Apache-2.0

-- Without kind and value in it SQLite took the order from the primary key and read all keys of the tenant for each person.
DROP INDEX lead_identities_lead;
CREATE INDEX lead_identities_lead ON lead_identities (tenant_id, lead_id, kind, value);
