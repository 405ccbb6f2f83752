import type { Client } from "pg";
import type { MigrationFile, Section } from "./file";
import { leavesRole, serverFile } from "./statement";

/** Privileges of the role of migrations beyond its objects. */
export interface RoleFact {
  superuser: boolean;
  /** Membership in pg_read_server_files, pg_write_server_files and pg_execute_server_program. */
  reads: boolean;
  writes: boolean;
  runs: boolean;
}

/** Undefined if the role does not exist yet. */
export async function readRoleFact(client: Client, role: string): Promise<RoleFact | undefined> {
  const isMember = (group: string, name: string) => `pg_catalog.pg_has_role(oid, '${group}', 'USAGE') AS ${name}`;
  const { rows } = await client.query<RoleFact>(
    `SELECT rolsuper AS superuser, ${isMember("pg_read_server_files", "reads")}, ${isMember("pg_write_server_files", "writes")},
       ${isMember("pg_execute_server_program", "runs")}
     FROM pg_catalog.pg_roles WHERE rolname = $1`,
    [role],
  );
  return rows[0];
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
