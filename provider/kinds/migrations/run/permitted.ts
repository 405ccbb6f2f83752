import type { Client } from "pg";
import { z } from "zod";
import { catalogQuery, readRows, type RowOf } from "../../../catalog-query";
import type { MigrationFile, Section } from "../files/file";
import { leavesRole, serverFile } from "../statements/statement";

/** Privileges of the role of migrations beyond its objects. */
export type RoleFact = RowOf<typeof MIGRATIONS_ROLE>;
export const MIGRATIONS_ROLE = catalogQuery("migrations-role", {
  superuser: z.boolean(),
  /** Membership in pg_read_server_files, pg_write_server_files and pg_execute_server_program. */
  reads: z.boolean(),
  writes: z.boolean(),
  runs: z.boolean(),
});

/** Undefined if the role does not exist yet. */
export async function readRoleFact(client: Client, role: string): Promise<RoleFact | undefined> {
  return (await readRows(client, MIGRATIONS_ROLE, role))[0];
}

const GROUPS = { reads: "pg_read_server_files", writes: "pg_write_server_files", runs: "pg_execute_server_program" };

/** Reports the first statement that the role may not run, as far as its text shows; the server rejects the others. */
export function findForbidden(
  pending: { file: MigrationFile; section: Section; from: number }[],
  role: string,
  fact: RoleFact | undefined,
): string | undefined {
  for (const { file, section, from } of pending) {
    for (const { tree, line } of section.statements.slice(from)) {
      const access = serverFile(tree);
      const group = access && fact && !fact[access] ? GROUPS[access] : undefined;
      const problem = group
        ? `COPY with a file or program of the server needs membership in ${group}, which role ${role} does not have`
        : leavesRole(tree, role);
      if (problem) return `${file.file}:${line}: ${problem}`;
    }
  }
  return undefined;
}
