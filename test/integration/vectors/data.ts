import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TestStack } from "../stack";

/** Vectors in groups, as embeddings of texts are, and the same for each run: `rows` of `dimensions`. */
export const vectorsSql = (rows: number, dimensions: number, seed = 0.5) => `
  SELECT n, (
    SELECT array_agg(sin(hashint4extended(n % 40, d)::float8) + 0.8 * sin(hashint4extended(n, d * 1000 + ${Math.round(seed * 100)})::float8))
    FROM generate_series(1, ${dimensions}) AS d
  )::extensions.vector(${dimensions}) AS embedding
  FROM generate_series(1, ${rows}) AS n`;

/** Writes migrations of a test into its folder; that folder, for the stack file. */
export function writeMigrations(stack: TestStack, files: Record<string, string>): string {
  const folder = join(stack.folder, "migrations");
  mkdirSync(folder, { recursive: true });
  for (const [file, sql] of Object.entries(files)) writeFileSync(join(folder, file), `-- migrate:up\n${sql}\n`);
  return folder;
}
