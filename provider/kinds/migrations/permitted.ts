import type { Client } from "pg";
import type { MigrationFile, Section } from "./file";
import { leavesRole, serverFile } from "./statement";

/** What the role of migrations may do beside what it owns. */
export interface RoleFact {
  superuser: boolean;
  /** Members of pg_read_server_files, pg_write_server_files and pg_execute_server_program. */
  reads: boolean;
  writes: boolean;
  runs: boolean;
}

/** Undefined: there is no such role yet. */
export async function readRoleFact(client: Client, role: string): Promise<RoleFact | undefined> {
  const may = (group: string, name: string) => `pg_catalog.pg_has_role(oid, '${group}', 'USAGE') AS ${name}`;
  const { rows } = await client.query<RoleFact>(
    `SELECT rolsuper AS superuser, ${may("pg_read_server_files", "reads")}, ${may("pg_write_server_files", "writes")},
       ${may("pg_execute_server_program", "runs")}
     FROM pg_catalog.pg_roles WHERE rolname = $1`,
    [role],
  );
  return rows[0];
}

const GROUPS = { reads: "pg_read_server_files", writes: "pg_write_server_files", runs: "pg_execute_server_program" };

/** The first statement that the role may not run, as far as its text says; the server refuses the rest. */
export function forbidden(
  pending: { file: MigrationFile; section: Section; from: number }[],
  role: string,
  fact: RoleFact | undefined,
): string | undefined {
  for (const { file, section, from } of pending) {
    for (const { tree, line } of section.statements.slice(from)) {
      const does = serverFile(tree);
      const group = does && fact && !fact[does] ? GROUPS[does] : undefined;
      const problem = group
        ? `COPY with a file or program of the server is for members of ${group}, and ${role} is none`
        : leavesRole(tree, role);
      if (problem) return `${file.file}:${line}: ${problem}`;
    }
  }
  return undefined;
}
