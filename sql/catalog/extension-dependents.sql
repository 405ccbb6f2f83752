-- What stands in the way of dropping extensions ($1): objects that depend on what they have made, and are no part of them.
WITH members AS (
  SELECT e.oid AS extension, e.extname, d.classid, d.objid
  FROM pg_catalog.pg_extension AS e
  JOIN pg_catalog.pg_depend AS d
    ON d.refclassid = 'pg_catalog.pg_extension'::regclass AND d.refobjid = e.oid AND d.deptype = 'e'
  WHERE e.extname = ANY ($1::text[])
)

SELECT
  m.extname AS extension,
  array_agg(DISTINCT pg_catalog.pg_describe_object(d.classid, d.objid, d.objsubid)
    ORDER BY pg_catalog.pg_describe_object(d.classid, d.objid, d.objsubid)) AS dependents
FROM members AS m
JOIN pg_catalog.pg_depend AS d ON d.refclassid = m.classid AND d.refobjid = m.objid AND d.deptype = 'n'
WHERE NOT EXISTS (
  SELECT FROM members AS other WHERE other.extension = m.extension AND other.classid = d.classid AND other.objid = d.objid
)
-- What belongs to a member itself, such as the type of a table, is no obstacle.
AND NOT EXISTS (
  SELECT
  FROM pg_catalog.pg_depend AS i
  JOIN members AS owner ON owner.extension = m.extension AND owner.classid = i.refclassid AND owner.objid = i.refobjid
  WHERE i.classid = d.classid AND i.objid = d.objid AND i.deptype IN ('i', 'a')
)
GROUP BY m.extname
ORDER BY m.extname
