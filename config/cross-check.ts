import { agentSchedules } from "./agent-schedules";
import { RUN_ROLE_PREFIX } from "../tuning/pg-hba";
import { locationOf } from "./backup";
import { checkCopy } from "./cross-check-copies";
import { checkTiers } from "./cross-check-tiers";
import { checkVectors } from "./cross-check-vectors";
import { checkEphemeral } from "./cross-check-ephemeral";
import { jobsOf } from "./jobs";
import { parseFunctionName, parseObjectName, WRITE_OBJECT_NAME } from "./object-name";
import { findCycle } from "./order";
import type { Problem } from "./problem";
import { scheduleProblem, timesOf } from "./schedule";
import { serverSettings } from "./server-settings";
import { SYSTEM_DATABASES, type DatabaseConfig } from "./databases";
import type { Stack } from "./stack";
import { canonicalValue } from "../tuning/catalogue";

/** The bootstrap superuser. */
export const SUPERUSER = "postgres";

function list(items: string[]): string {
  return items.length > 0 ? items.join(", ") : "none";
}

/** Checks keys against each other: undeclared names, cycles, duplicate names. */
export function crossCheck(stack: Stack): Problem[] {
  const found: Problem[] = [];
  const report = (key: string, text: string) => {
    // The jobs of a tiered table share one role, so that the same problem would be reported for each.
    if (!found.some((other) => other.key === key && other.text === text)) found.push({ key, text });
  };
  const declared = Object.keys(stack.roles);

  const needsRole = (key: string, role: string, more: string[] = []) => {
    if (declared.includes(role) || role === SUPERUSER || more.includes(role)) return;
    report(key, `"${role}": no such role in pgwright:roles; there are ${list(declared)}`);
  };

  for (const [name, role] of Object.entries(stack.roles)) {
    if (name === SUPERUSER || name === "public" || name === "none" || name.startsWith("pg_")) {
      report(`roles.${name}`, "this name is reserved by PostgreSQL; choose another name");
    }
    if (name.startsWith(RUN_ROLE_PREFIX))
      report(`roles.${name}`, `names that begin with ${RUN_ROLE_PREFIX} are reserved by pgwright; choose another name`);
    role.memberOf.forEach((group, i) => {
      if (!group.startsWith("pg_")) needsRole(`roles.${name}.memberOf[${i}]`, group);
    });
    const cycle = findCycle(name, (each) => stack.roles[each]?.memberOf ?? []);
    if (cycle) report(`roles.${name}.memberOf`, `the role would be a member of itself: ${cycle.join(" -> ")}`);
  }

  try {
    const archive = stack.backup && { ...stack.backup, stanza: stack.backup.name ?? "server" };
    const { settings } = serverSettings(stack.server, archive, stack.ephemeral);
    const senders = settings.find(({ name }) => name === "max_wal_senders")?.value;
    for (const [name, { replication }] of Object.entries(stack.roles)) {
      if (replication && senders !== undefined && canonicalValue("max_wal_senders", senders) === "0")
        report(
          `roles.${name}.replication`,
          "true: the server streams no WAL with max_wal_senders = 0; raise max_wal_senders, or write false",
        );
    }
  } catch (error) {
    for (const text of (error as Error).message.split("\n")) report("server", text);
  }

  checkEphemeral(stack, report);

  if (stack.restoreFrom && !stack.restoreFrom.repository && !stack.restoreFrom.running && !stack.backup)
    report(
      "restoreFrom",
      "the stack file declares no backup; name the repository that holds the backups in restoreFrom.repository",
    );

  const locations = (stack.backup?.repositories ?? []).map(locationOf);
  locations.forEach((location, i) => {
    const first = locations.indexOf(location);
    if (location !== undefined && first < i)
      report(`backup.repositories[${i}]`, `has the same location as [${first}], ${location}; choose another location`);
  });

  for (const [job, schedule] of Object.entries(stack.backup ? agentSchedules(stack.backup) : {})) {
    try {
      timesOf(schedule);
    } catch (error) {
      report(
        `backup.${{ drill: "drill.schedule", dump: "dumps.schedule" }[job] ?? job}`,
        `"${schedule}": ${(error as Error).message}`,
      );
    }
  }

  const databases = Object.keys(stack.databases);
  const { drill, dumps } = stack.backup ?? {};
  for (const [key, named = {}] of Object.entries({
    "drill.tables": drill?.tables,
    "drill.recall": drill?.recall,
    "dumps.databases": dumps?.databases,
  })) {
    for (const name of Object.keys(named)) {
      if (!databases.includes(name) && name !== "postgres")
        report(`backup.${key}.${name}`, `no such database in pgwright:databases; there are ${list(databases)}`);
    }
  }
  for (const [name, { partitions }] of Object.entries(stack.databases)) {
    for (const [table, { retention }] of Object.entries(partitions?.sets ?? {})) {
      if (retention?.dump && !dumps && !stack.ephemeral)
        report(
          `databases.${name}.partitions.sets["${table}"].retention.dump`,
          "the backup agent writes the dumps; declare backup: {dumps: {}} too",
        );
    }
  }
  if (stack.server.cronDatabase !== "postgres" && !databases.includes(stack.server.cronDatabase)) {
    report(
      "server.cronDatabase",
      `"${stack.server.cronDatabase}": no such database in pgwright:databases; there are postgres, ${list(databases)}`,
    );
  }

  const { name: ready, base, packages } = stack.image;
  for (const [name, { extensions }] of Object.entries(stack.databases)) {
    // Another image or base may contain PostGIS; CREATE EXTENSION fails if it does not.
    if (!extensions.postgis || ready || base || packages.some((each) => each.startsWith("postgresql-17-postgis-3")))
      continue;
    report(
      `databases.${name}.extensions.postgis`,
      "the image has no PostGIS; set image.packages: [postgresql-17-postgis-3]",
    );
  }

  const jobs = new Map<string, string>();
  for (const [name, database] of Object.entries(stack.databases)) {
    const key = `databases.${name}`;
    if (SYSTEM_DATABASES.includes(name)) report(key, "this is a system database; choose another name");
    checkCopy(name, stack, report);
    needsRole(`${key}.owner`, database.owner);
    checkDatabase(key, database, needsRole, report);
    if (database.migrations?.role) needsRole(`${key}.migrations.role`, database.migrations.role);
    const hasPrivilegesOf = (role: string, other: string) =>
      role === other || role === SUPERUSER || inherited(role, stack).includes(other);
    checkTiers(database, hasPrivilegesOf, (at, text) => report(`${key}.${at}`, text));
    checkVectors(database, (at, text) => report(`${key}.${at}`, text));
    for (const { name: job, key: at, roleKey, schedule, role } of jobsOf(name, database)) {
      const problem = scheduleProblem(schedule);
      if (problem) report(`${key}.${at}.schedule`, `"${schedule}": ${problem}`);
      needsRole(`${key}.${roleKey}`, role);
      if (stack.roles[role]?.login === false) {
        report(
          `${key}.${roleKey}`,
          `"${role}" has login: false, and a job needs a session; give it login: true with password: false`,
        );
      }
      if (stack.roles[role]?.login && !mayConnect(role, database, stack)) {
        report(
          `${key}.${roleKey}`,
          `"${role}" may not connect to database ${name}; grant it: grants: {${role}: {database: [CONNECT]}}`,
        );
      }
      const other = jobs.get(job);
      if (other)
        report(`${key}.${at}`, `database ${other} has a job of this name already; names are unique on a server`);
      jobs.set(job, name);
    }
  }
  return found;
}

type NeedsRole = (key: string, role: string, more?: string[]) => void;
type Report = (key: string, text: string) => void;

function checkDatabase(key: string, database: DatabaseConfig, needsRole: NeedsRole, report: Report): void {
  const schemas = ["public", ...Object.keys(database.schemas)];
  const needsSchema = (at: string, schema: string) => {
    if (!schemas.includes(schema))
      report(at, `"${schema}": no such schema in ${key}.schemas; there are ${list(schemas)}`);
  };
  for (const [schema, { owner }] of Object.entries(database.schemas)) {
    if (schema === "public" || schema.startsWith("pg_") || schema === "information_schema") {
      report(`${key}.schemas.${schema}`, "this schema belongs to PostgreSQL; remove it from schemas");
    }
    if (schema === "pgwright")
      report(`${key}.schemas.${schema}`, "pgwright creates this schema; remove it from schemas");
    if (owner) needsRole(`${key}.schemas.${schema}.owner`, owner);
  }
  database.dropSchemas.forEach((schema, i) => {
    if (schemas.includes(schema))
      report(`${key}.dropSchemas[${i}]`, `"${schema}" is also in schemas; remove it from one of them`);
  });
  for (const [extension, { schema }] of Object.entries(database.extensions)) {
    if (extension === "pg_cron")
      report(
        `${key}.extensions.pg_cron`,
        "only one database of a server can hold pg_cron; set server.cronDatabase instead",
      );
    if (schema) needsSchema(`${key}.extensions.${extension}.schema`, schema);
  }
  for (const table of Object.keys(database.tiers)) {
    const parsed = parseObjectName(table);
    if (parsed) needsSchema(`${key}.tiers["${table}"]`, parsed.schema);
  }
  for (const [table, { retention }] of Object.entries(database.partitions?.sets ?? {})) {
    const at = `${key}.partitions.sets["${table}"]`;
    const parsed = parseObjectName(table);
    if (parsed) needsSchema(at, parsed.schema);
    else report(at, WRITE_OBJECT_NAME);
    if (retention?.schema) needsSchema(`${at}.retention.schema`, retention.schema);
  }
  for (const [role, grant] of Object.entries(database.grants)) {
    const at = `${key}.grants.${role}`;
    needsRole(at, role, ["public"]);
    for (const schema of Object.keys(grant.schemas)) needsSchema(`${at}.schemas.${schema}`, schema);
    for (const kind of ["tables", "sequences", "functions"] as const) {
      for (const object of Object.keys(grant[kind])) {
        const here = `${at}.${kind}["${object}"]`;
        const parsed = kind === "functions" ? parseFunctionName(object) : parseObjectName(object);
        if (parsed) needsSchema(here, parsed.schema);
        else
          report(
            here,
            `write schema.name${kind === "functions" ? "(argument types)" : ""}; "a.b".name for a schema a.b`,
          );
      }
    }
  }
}

/** True if a role owns the database or has CONNECT on it, directly or by an inherited role. */
function mayConnect(role: string, database: DatabaseConfig, stack: Stack): boolean {
  const roles = ["public", ...inherited(role, stack)];
  return roles.includes(database.owner) || roles.some((each) => database.grants[each]?.database.includes("CONNECT"));
}

/** A role and the roles whose privileges it inherits. crossCheck reports cycles. */
function inherited(role: string, stack: Stack, found = new Set<string>()): string[] {
  if (found.has(role)) return [];
  found.add(role);
  const { inherit = true, memberOf = [] } = stack.roles[role] ?? {};
  for (const group of inherit ? memberOf : []) inherited(group, stack, found);
  return [...found];
}
