import { renameSync, rmSync, writeFileSync } from "node:fs";
import { shellWord } from "../../provider/shell-word";

/** The roles of a stack file that can log in with a password, and its databases. */
export interface Choice {
  roles: string[];
  databases: string[];
}

/** The superuser, whom every server has. */
const SUPERUSER = "postgres";

/** Reads them from a stack file without validation, which is left to the Pulumi program. */
export function choiceOf(config: Record<string, unknown>): Choice {
  const roles = (config["pgwright:roles"] ?? {}) as Record<string, { login?: boolean; password?: boolean } | null>;
  const logins = Object.entries(roles).filter(([, role]) => role?.login && role.password !== false);
  return { roles: logins.map(([role]) => role), databases: Object.keys(config["pgwright:databases"] ?? {}) };
}

/** The requested role and database; for each that is not requested, the only declared one. */
export function choose(
  { roles, databases }: Choice,
  wanted: { role?: string; database?: string },
): { role: string; database: string } {
  return {
    role: oneOf("--role", wanted.role, roles, "no such role with a login and a password"),
    database: oneOf("--database", wanted.database, databases, "no such database in the stack file"),
  };
}

/** The superuser and its database always exist, and are the default if nothing else is declared. */
function oneOf(option: string, named: string | undefined, there: string[], unknown: string): string {
  const all = [...there, SUPERUSER];
  if (named !== undefined && !all.includes(named))
    throw new Error(`${option} "${named}": ${unknown}; use one of ${all.join(", ")}`);
  if (named !== undefined) return named;
  if (there.length > 1)
    throw new Error(`${option}: not given, and the stack file declares several; use one of ${all.join(", ")}`);
  return there[0] ?? SUPERUSER;
}

export interface Connection {
  host: string;
  port: number;
  role: string;
  password: string;
  database: string;
}

/** Formats it for `set -a; . FILE; set +a`; without quoted values, `docker run --env-file` reads it too. */
export function envText({ host, port, role, password, database }: Connection): string {
  const [user, secret, name] = [role, password, database].map(encodeURIComponent);
  const variables = {
    PGHOST: host,
    PGPORT: String(port),
    PGUSER: role,
    PGPASSWORD: password,
    PGDATABASE: database,
    DATABASE_URL: `postgresql://${user}:${secret}@${host}:${port}/${name}`,
  };
  return Object.entries(variables)
    .map(([variable, value]) => `${variable}=${shellWord(value)}\n`)
    .join("");
}

/** Writes a file that only its owner can read; replaces an existing file atomically. */
export function writeSecretFile(file: string, content: string): void {
  const unfinished = `${file}.${process.pid}`;
  try {
    writeFileSync(unfinished, content, { mode: 0o600, flag: "wx" });
    renameSync(unfinished, file);
  } catch (error) {
    rmSync(unfinished, { force: true });
    throw error;
  }
}
