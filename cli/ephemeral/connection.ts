import { renameSync, rmSync, writeFileSync } from "node:fs";

/** The roles and databases of a stack file that one can connect with. */
export interface Choice {
  roles: string[];
  databases: string[];
}

/** The superuser, whom every server has. */
const SUPERUSER = "postgres";

/** What a stack file offers; unchecked, as Pulumi's program checks it. */
export function choiceOf(config: Record<string, unknown>): Choice {
  const roles = (config["pgwright:roles"] ?? {}) as Record<string, { login?: boolean; password?: boolean } | null>;
  const logins = Object.entries(roles).filter(([, role]) => role?.login && role.password !== false);
  return { roles: logins.map(([role]) => role), databases: Object.keys(config["pgwright:databases"] ?? {}) };
}

/** The role and database that are meant: the ones named, or the only ones there are. */
export function choose(
  { roles, databases }: Choice,
  wanted: { role?: string; database?: string },
): { role: string; database: string } {
  return {
    role: oneOf("--role", wanted.role, roles, "no role of this name can log in with a password"),
    database: oneOf("--database", wanted.database, databases, "there is no such database in the stack file"),
  };
}

/** The superuser and his database are always there, and meant where there is nothing else. */
function oneOf(option: string, named: string | undefined, there: string[], unknown: string): string {
  const all = [...there, SUPERUSER];
  if (named !== undefined && !all.includes(named))
    throw new Error(`${option} "${named}": ${unknown}; there are ${all.join(", ")}`);
  if (named !== undefined) return named;
  if (there.length > 1) throw new Error(`which one? Write ${option} with one of ${all.join(", ")}`);
  return there[0] ?? SUPERUSER;
}

export interface Connection {
  host: string;
  port: number;
  role: string;
  password: string;
  database: string;
}

/** For `set -a; . FILE; set +a`, and, but for values in quotes, for `docker run --env-file`. */
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
    .map(([variable, value]) => `${variable}=${quoted(value)}\n`)
    .join("");
}

function quoted(value: string): string {
  return /^[\w./:@%+,=-]*$/.test(value) ? value : `'${value.replaceAll("'", "'\\''")}'`;
}

/** Writes a file that only its owner can read, in place of any that is there. */
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
