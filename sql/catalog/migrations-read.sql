-- The ledger, also without the columns of later versions. A row may wait for a transaction: after its commit the row has the values of
-- `outcome` (null: it is deleted). `status` is that of the transaction; null: the row waits for none.
SELECT version, name, hash, statements, finished_at IS NOT NULL AS finished, row -> 'batch' AS batch, row -> 'pending' -> 'outcome' AS outcome,
       xid::text AS xid,
       CASE
         WHEN xid IS NULL THEN NULL
         WHEN xid >= pg_catalog.pg_snapshot_xmax(pg_catalog.pg_current_snapshot()) THEN 'in progress'
         ELSE coalesce(pg_catalog.pg_xact_status(xid), 'unknown')
       END AS status
FROM pgwright.migrations AS m,
LATERAL (SELECT pg_catalog.to_jsonb(m)) AS json (row),
LATERAL (SELECT (row -> 'pending' ->> 'xid')::pg_catalog.xid8) AS pending (xid)
ORDER BY version::pg_catalog.numeric
