-- Ordinary tables with the columns of the ledger of another migration tool. Views and foreign tables are excluded, because reading them
-- runs code of users. `others`: the ledger may have further columns.
WITH tool (tool, columns, others) AS (
  VALUES ('dbmate', '{version}', false),
         ('Rails', '{version}', false),
         ('golang-migrate', '{version,dirty}', false),
         ('Flyway', '{installed_rank,version,script,checksum,success}', true),
         ('Liquibase', '{id,author,filename,exectype,md5sum}', true),
         ('Alembic', '{version_num}', false),
         ('Prisma', '{checksum,finished_at,migration_name,applied_steps_count}', true),
         ('sqitch', '{change_id,change,project,planner_name}', true),
         ('Django', '{id,app,name,applied}', false),
         ('node-pg-migrate', '{id,name,run_on}', false),
         ('Knex', '{id,name,batch,migration_time}', false),
         ('TypeORM', '{id,timestamp,name}', false),
         ('goose', '{id,version_id,is_applied,tstamp}', false),
         ('Diesel', '{version,run_on}', false),
         ('Ecto', '{version,inserted_at}', false),
         ('SQLx', '{version,description,installed_on,success,checksum}', true),
         ('EF Core', '{MigrationId,ProductVersion}', false),
         ('Atlas', '{version,description,applied,total,executed_at}', true)
),
candidate AS (
  SELECT c.oid, n.oid AS schema_oid, n.nspname, c.relname, pg_catalog.array_agg(a.attname::text) AS columns,
         pg_catalog.bool_or(a.attname = 'version' AND a.atttypid IN ('pg_catalog.text'::pg_catalog.regtype, 'pg_catalog.varchar'::pg_catalog.regtype))
           AS readable
  FROM pg_catalog.pg_class AS c
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  WHERE c.relkind = 'r' AND NOT c.relispartition AND c.relpersistence <> 't' AND c.oid >= 16384
    AND n.nspname NOT IN ('pgwright', 'information_schema') AND n.nspname !~ '^pg_'
    AND NOT EXISTS (
      SELECT FROM pg_catalog.pg_depend AS d
      WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid AND d.deptype = 'e'
    )
  GROUP BY c.oid, n.oid, n.nspname, c.relname
),
found AS (
  SELECT tool, candidate.*,
         EXISTS (
           SELECT FROM pg_catalog.pg_class AS beside
           WHERE beside.relnamespace = schema_oid AND beside.relname = 'ar_internal_metadata' AND beside.relkind = 'r'
         ) AS rails,
         EXISTS (
           SELECT FROM pg_catalog.pg_index AS i WHERE i.indrelid = candidate.oid AND i.indisprimary AND i.indnatts = 1
         ) AS keyed
  FROM candidate
  JOIN tool ON candidate.columns @> tool.columns::text[] AND (tool.others OR tool.columns::text[] @> candidate.columns)
)
SELECT tool, nspname AS schema, relname AS name
FROM found
WHERE CASE tool
  WHEN 'dbmate' THEN readable AND keyed AND NOT rails
  WHEN 'Rails' THEN readable AND rails
  WHEN 'TypeORM' THEN relname ~ 'migration'
  WHEN 'node-pg-migrate' THEN relname ~ 'migration'
  WHEN 'Django' THEN relname = 'django_migrations'
  ELSE true
END
ORDER BY 1, 2, 3
