import { SYSTEM_DATABASES } from "../config/databases";
import type { Stack, StackInput } from "../config/stack";
import { writeNetworks } from "./clients";
import { writeLimits } from "./container";
import { comparePrivileges, whyUndeclarable, writeDatabase, type Names } from "./database";
import type { ContentFact, DatabaseFact, Facts } from "./facts";
import { writeJobs } from "./jobs";
import { describeLedger } from "./ledgers";
import { COPY_OBSTACLES, reportOthers } from "./others";
import { describePartitions } from "./partitions";
import { roleChanges, writeRoles } from "./roles";
import { writeSettings } from "./settings";
import { removeRefused } from "./remove-refused";
import { asCopied } from "./superuser";
import { Report } from "./report";

// Pure: the stack file that declares a running server.

export interface Adoption {
  config: StackInput;
  report: Report;
}

export interface Options {
  /** Docker engine of the stack, in the form of DOCKER_HOST. */
  engine?: string;
  /** Port of the new server. */
  port?: number;
  /** The image of a stack without pgwright:image. */
  image: string;
}

/** Images that stacks have built, which are not used as image.base. */
const OWN_IMAGE = /^pgwright\/postgres:/;

/** Why the data directory cannot be copied; undefined if it can, or if there is no container. */
function whyNotCopied({ container, server, others, contents }: Facts): string | undefined {
  if (!container) return undefined;
  const found = [...others, ...Object.values(contents).flatMap((content) => content.others)];
  const { kind, name } = found.find((each) => COPY_OBSTACLES.includes(each.kind)) ?? {};
  if (kind) return `${kind} ${name} prevents a copy of the data directory`;
  if (container.system !== "debian" && !OWN_IMAGE.test(container.image)) {
    return `its image is based on ${container.system || "an unknown system"}, whose collations may differ from those of Debian, which corrupts indexes`;
  }
  if (server.standby) return "the server is a standby; name its primary";
  return undefined;
}

function writeServer(
  facts: Facts,
  { port }: Options,
  sameImage: boolean,
  report: Report,
): NonNullable<StackInput["server"]> {
  const { container, settings, hba, cronDatabase } = facts;
  const server: NonNullable<StackInput["server"]> = container
    ? writeLimits(container, settings, port, report)
    : { ...(port === undefined ? {} : { port }) };
  if (cronDatabase !== undefined && cronDatabase !== "postgres") server.cronDatabase = cronDatabase;
  const networks = writeNetworks(hba, report);
  if (networks) server.allowFrom = networks;
  writeSettings(server, settings, sameImage, report);
  return server;
}

function reportDataTransfer(facts: Facts, whyNoCopy: string | undefined, report: Report): void {
  const passwords =
    "roles keep their passwords only if they exist before the second up: after the first up, load pg_dumpall --roles-only into the new server, without its lines for role postgres";
  if (!facts.container)
    report.addNote(
      [],
      `the data is on a server without a container and is not copied; transfer it with pg_dump. ${passwords}`,
    );
  else if (whyNoCopy)
    report.addNote([], `restoreFrom is not declared: ${whyNoCopy}; transfer the data with pg_dump. ${passwords}`);
  report.addNote([], "the superuser postgres gets a generated password, unless pgwright:passwords declares one");
}

/** True if text is not sorted by code points, as it is in a new database and by PostgreSQL's builtin provider. */
const sortsByLocale = ({ provider, collation }: DatabaseFact) =>
  provider === "i" || (provider === "c" && !/^(C|POSIX|C\.UTF-?8)$/i.test(collation));

/** Reports properties of a database that a new one would not have. */
function reportProperties(at: string[], fact: DatabaseFact, copied: boolean, report: Report): void {
  const { name, encoding, provider, collation, settings } = fact;
  if (encoding !== "UTF8")
    report.addNote(at, `encoding ${encoding} of database ${name} is not managed; a new database has UTF8`);
  if (!copied && sortsByLocale(fact))
    report.addNote(
      at,
      `database ${name} sorts text by collation ${provider === "i" ? "ICU's " : ""}${collation}, and a new database sorts by code points`,
    );
  for (const setting of settings)
    report.addNote(
      at,
      copied
        ? `setting ${setting} of database ${name} is not managed; to declare it, use settings of roles`
        : `setting ${setting} of database ${name} is not in a dump of the database; declare it in settings of roles, or set it with ALTER DATABASE`,
    );
}

function reportContent(at: string[], { others, partitioned, ledgers }: ContentFact, report: Report): void {
  reportOthers(at, others, report);
  for (const ledger of ledgers) report.addNote(at, describeLedger(ledger));
  for (const table of partitioned) report.addNote(at, describePartitions(table));
}

/** Reports the content of a system database, in which nothing can be declared. */
function reportSystemDatabase(
  { name, settings }: DatabaseFact,
  content: ContentFact | undefined,
  report: Report,
): void {
  const at = ["databases"];
  for (const setting of settings) report.addNote(at, `setting ${setting} of database ${name} is not managed`);
  if (!content) return;
  if (content.objects + content.schemas.length > 0) {
    const what = `${content.objects} tables, views and functions`;
    report.addNote(at, `database ${name}: ${what} are not managed: a stack file declares nothing in this database`);
  }
  reportContent(at, content, report);
}

function writeDatabases(
  facts: Facts,
  names: Names,
  copied: boolean,
  report: Report,
): NonNullable<StackInput["databases"]> {
  const databases: NonNullable<StackInput["databases"]> = {};
  for (const fact of facts.databases) {
    const { name } = fact;
    const content = facts.contents[name];
    if (SYSTEM_DATABASES.includes(name)) reportSystemDatabase(fact, content, report);
    else {
      const why = whyUndeclarable(fact, names);
      if (why === undefined && content) databases[name] = writeDatabase(fact, content, names, report);
      else report.addNote(["databases"], `database ${name} is not managed: ${why}`);
      reportProperties(["databases", name], fact, copied, report);
      if (content) reportContent(["databases", name], content, report);
    }
  }
  return databases;
}

/** Reports what `up` changes in the copy, and sets `undeclared: report` in databases where it would revoke privileges. */
function reportChanges(config: StackInput, stack: Stack, facts: Facts, report: Report): void {
  if (facts.cronDatabase === undefined)
    report.addChange(["server"], "CREATE EXTENSION pg_cron, in database postgres, for future jobs");
  const declared = Object.keys(config.roles ?? {});
  for (const fact of facts.roles) {
    const written = config.roles?.[fact.name];
    for (const statement of written ? roleChanges(fact, written, declared) : [])
      report.addChange(["roles", fact.name], statement);
  }
  for (const [name, database] of Object.entries(config.databases ?? {})) {
    const { grants, undeclared, unknown } = comparePrivileges(name, facts.contents[name]!, stack);
    if (unknown.length > 0) throw new Error(`grants on ${unknown.join(", ")} of database ${name} could not be written`);
    for (const statement of grants) report.addChange(["databases", name], statement);
    if (undeclared.length === 0) continue;
    database.undeclared = "report";
    for (const each of undeclared)
      report.addNote(
        ["databases", name],
        `${each} is undeclared and kept, as undeclared is report; without this key it is revoked`,
      );
  }
}

/** The stack file that declares a server, and a report of everything that it cannot declare. */
export function adopt(found: Facts, options: Options): Adoption {
  const report = new Report();
  const facts = asCopied(found, report);
  const whyNoCopy = whyNotCopied(facts);
  const { container } = facts;
  const copied = container !== undefined && !whyNoCopy;
  const base = copied && !OWN_IMAGE.test(container.image) ? container.image : undefined;
  const sameImage = base !== undefined || container?.image === options.image;
  reportDataTransfer(facts, whyNoCopy, report);
  const roles = writeRoles(facts.roles, report);
  const server = writeServer(facts, options, sameImage, report);
  reportOthers([], facts.others, report);
  const databases = writeDatabases(facts, { roles: Object.keys(roles), sameImage }, copied, report);
  writeJobs(databases, facts, report);
  const config: StackInput = {
    ...(options.engine === undefined ? {} : { engine: options.engine }),
    ...(base === undefined ? {} : { image: { base } }),
    server,
    ...(copied ? { restoreFrom: { running: container.name } } : {}),
    ...(Object.keys(roles).length > 0 ? { roles } : {}),
    ...(Object.keys(databases).length > 0 ? { databases } : {}),
  };
  const stack = removeRefused(config, report);
  reportChanges(config, stack, facts, report);
  return { config, report };
}
