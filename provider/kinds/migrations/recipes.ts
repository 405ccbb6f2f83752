// Pure: how to do without a long lock what a statement does with one. More in docs/zero-downtime.md.

/** What there is to do. */
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
  type: "a new column that a trigger keeps in step and -- pgwright:batch fills: docs/zero-downtime.md",
  refresh: "REFRESH MATERIALIZED VIEW CONCURRENTLY, which needs a unique index",
  attach: "first a valid CHECK that all rows are within its bounds",
};

/** PostgreSQL 17 has them for ordinary tables only. */
const NOT_PARTITIONED: Recipe[] = ["index", "unique", "foreign key"];
const PARTITIONED: Partial<Record<Recipe, string>> = {
  index: "CREATE INDEX ON ONLY, then CREATE INDEX CONCURRENTLY on each partition, then ATTACH PARTITION",
};

/** What to write instead; undefined if there is nothing. */
export function recipeFor(recipe: Recipe, kind: string): string | undefined {
  return kind === "p" && NOT_PARTITIONED.includes(recipe) ? PARTITIONED[recipe] : RECIPES[recipe];
}
