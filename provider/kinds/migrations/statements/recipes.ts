// Pure: alternatives to statements that hold a lock for long, as in docs/zero-downtime.md.

/** The kind of change that has an alternative. */
export type Recipe = keyof typeof RECIPES;

const RECIPES = {
  index: "CREATE INDEX CONCURRENTLY, with transaction:false",
  reindex: "REINDEX ... CONCURRENTLY, with transaction:false",
  unique: "CREATE UNIQUE INDEX CONCURRENTLY, with transaction:false, then ADD CONSTRAINT ... USING INDEX",
  "primary key": "SET NOT NULL on its columns first",
  check: "ADD CONSTRAINT ... NOT VALID, then VALIDATE CONSTRAINT, with transaction:false",
  "foreign key": "ADD CONSTRAINT ... NOT VALID, then VALIDATE CONSTRAINT, with transaction:false",
  "not null":
    "ADD CONSTRAINT ... CHECK (column IS NOT NULL) NOT VALID, then VALIDATE CONSTRAINT, then this, with transaction:false",
  default: "ADD COLUMN without the default, then SET DEFAULT, then an UPDATE with -- pgwright:batch",
  type: "a new column that a trigger keeps in sync and -- pgwright:batch fills: docs/zero-downtime.md",
  refresh: "REFRESH MATERIALIZED VIEW CONCURRENTLY, which needs a unique index",
  attach: "add a valid CHECK for the bounds of the partition first",
};

/** PostgreSQL 17 supports these for ordinary tables only. */
const NOT_PARTITIONED: Recipe[] = ["index", "unique", "foreign key"];
const PARTITIONED: Partial<Record<Recipe, string>> = {
  index: "CREATE INDEX ON ONLY, then CREATE INDEX CONCURRENTLY on each partition, then ATTACH PARTITION",
};

/** The alternative; undefined if there is none. `kind`: pg_class.relkind of the table. */
export function recipeFor(recipe: Recipe, kind: string): string | undefined {
  return kind === "p" && NOT_PARTITIONED.includes(recipe) ? PARTITIONED[recipe] : RECIPES[recipe];
}
