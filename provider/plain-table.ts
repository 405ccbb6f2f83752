import { escapeIdentifier as quoted, escapeLiteral as literal } from "pg";

/**
 * SQL that must precede, in one transaction, a query by a superuser on a table that another role owns. Even planning such a query runs
 * code of the owner: predicates and expressions of indexes, and expressions of statistics. The SQL fails if the table has any. Until the
 * transaction ends, it prevents new ones without blocking reads and writes.
 */
export function mustBePlain(schema: string, name: string): string {
  const table = `${quoted(schema)}.${quoted(name)}`;
  return `DO $plain$ BEGIN
  SET LOCAL lock_timeout = '10s';
  SET LOCAL restrict_nonsystem_relation_kind = 'view, foreign-table';
  IF NOT pg_catalog.pg_is_in_recovery() THEN
    LOCK TABLE ONLY ${table} IN SHARE UPDATE EXCLUSIVE MODE;
  END IF;
  IF EXISTS (
    SELECT FROM pg_catalog.pg_index AS i
    WHERE i.indrelid = ${literal(table)}::pg_catalog.regclass AND (i.indpred IS NOT NULL OR i.indexprs IS NOT NULL)
  ) OR EXISTS (
    SELECT FROM pg_catalog.pg_statistic_ext AS s WHERE s.stxrelid = ${literal(table)}::pg_catalog.regclass AND s.stxexprs IS NOT NULL
  ) OR EXISTS (
    SELECT FROM pg_catalog.pg_class AS c
    WHERE c.oid = ${literal(table)}::pg_catalog.regclass AND (c.relkind <> 'r' OR c.relispartition OR c.relhassubclass)
  ) THEN
    RAISE EXCEPTION '% is not read as superuser: it has indexes or statistics on expressions, which run code of its owner', ${literal(table)};
  END IF;
END $plain$;`;
}
