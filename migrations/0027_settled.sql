-- 0027_settled.sql - how far messages and events may be read in order of arrival.
-- SPDX-License-Identifier: Apache-2.0
-- @postgres
-- Every transaction below it has ended. Ids are the whole server's: those that another database's sessions hold cannot have
-- written here, so nobody's long work next door holds back what people see. Who has ended since the snapshot is not to be
-- found any more, and counts as ours. (pg_stat_activity shows the database of every session to everybody.)
CREATE FUNCTION settled_before() RETURNS BIGINT LANGUAGE plpgsql STABLE AS $$
DECLARE
    s CONSTANT pg_snapshot := pg_current_snapshot();
BEGIN
    IF pg_snapshot_xmin(s) = pg_snapshot_xmax(s) THEN
        RETURN pg_snapshot_xmax(s)::text::bigint;
    END IF;
    RETURN (SELECT coalesce(min(x::text::bigint), pg_snapshot_xmax(s)::text::bigint) FROM pg_snapshot_xip(s) AS x
        WHERE NOT EXISTS (SELECT 1 FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
            WHERE l.locktype = 'transactionid' AND l.mode = 'ExclusiveLock' AND l.granted
            AND l.transactionid::text::bigint = x::text::bigint % 4294967296
            AND a.datid <> (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())));
END $$;
-- @both
