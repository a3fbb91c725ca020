-- 0025_consent_more.sql - proofs of consent cannot be changed, whatever program holds the database.
-- SPDX-License-Identifier: Apache-2.0

-- @sqlite
CREATE TRIGGER consents_no_update BEFORE UPDATE ON consents
BEGIN
    SELECT RAISE(ABORT, 'proofs of consent are append-only');
END;
CREATE TRIGGER consents_no_delete BEFORE DELETE ON consents
BEGIN
    SELECT RAISE(ABORT, 'proofs of consent are append-only');
END;
-- @postgres
CREATE FUNCTION consents_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'proofs of consent are append-only';
END
$$;
CREATE TRIGGER consents_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON consents
    FOR EACH STATEMENT EXECUTE FUNCTION consents_refuse();
-- @both
