/** Extensions of the image that a stack builds without image.base and image.packages. A test compares them with the image. */
export const EXTENSIONS =
  "amcheck autoinc bloom btree_gin btree_gist citext cube dblink dict_int dict_xsyn earthdistance file_fdw fuzzystrmatch hstore insert_username intagg intarray isn lo ltree moddatetime pageinspect pg_buffercache pg_cron pg_freespacemap pg_partman pg_prewarm pg_stat_statements pg_surgery pg_trgm pg_visibility pg_walinspect pgaudit pgcrypto pgrowlocks pgstattuple plpgsql postgres_fdw refint seg sslinfo tablefunc tcn tsm_system_rows tsm_system_time unaccent uuid-ossp vector xml2".split(
    " ",
  );

/** What to do if the image lacks an extension; undefined if the image has it. */
export function missingExtension(name: string): string | undefined {
  if (EXTENSIONS.includes(name)) return undefined;
  return "not in the image; add its package to image.packages, and the extension here";
}
