import { SYSTEM_DATABASES } from "../config/databases";
import type { Stack, StackInput } from "../config/stack";
import { writeNetworks } from "./clients";
import { writeLimits } from "./container";
import { comparePrivileges, whyNot, writeDatabase, type Names } from "./database";
import type { ContentFact, DatabaseFact, Facts } from "./facts";
import { writeJobs } from "./jobs";
import { describeLedger } from "./ledgers";
import { HINDRANCES, tellOthers } from "./others";
import { describePartitions } from "./partitions";
import { roleChanges, writeRoles } from "./roles";
import { writeSettings } from "./settings";
import { settle } from "./settle";
import { asCopied } from "./superuser";
import { Report } from "./told";

// Pure: from what a server is found to be to the stack file that declares it.

export interface Adoption {
  config: StackInput;
  report: Report;
}

export interface Options {
  /** Docker engine of the stack, as DOCKER_HOST has it. */
  engine?: string;
  /** Port of the new server. */
  port?: number;
  /** The image that a stack runs without a key that says otherwise. */
  image: string;
}

/** Images that stacks have built are no base to build on. */
const OWN_IMAGE = /^pgwright\/postgres:/;

/** Why no copy of the files can be made, if so. */
function hindrance({ container, server, others, contents }: Facts): string | undefined {
  if (!container) return undefined;
  const found = [...others, ...Object.values(contents).flatMap((content) => content.others)];
  const { kind, name } = found.find((each) => HINDRANCES.includes(each.kind)) ?? {};
  if (kind) return `${kind} ${name} is in the way`;
  if (container.system !== "debian" && !OWN_IMAGE.test(container.image)) {
    return `its image is built on ${container.system || "an unknown system"}, where text may be sorted otherwise than on Debian, which damages indexes`;
  }
  if (server.standby) return "it is a standby; name its primary";
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

function tellCopy(facts: Facts, whyNoCopy: string | undefined, report: Report): void {
  const keeping =
    "roles keep their passwords only where they are: bring them in by pg_dumpall --roles-only, without its lines of role postgres, into the server that the first up has made, before the second";
  if (!facts.container)
    report.leave([], `the data is elsewhere and does not come with the stack: bring it in by pg_dump. ${keeping}`);
  else if (whyNoCopy)
    report.leave([], `restoreFrom is not declared: ${whyNoCopy}; bring the data in by pg_dump. ${keeping}`);
  report.leave([], "the superuser postgres gets a password of its own, unless pgwright:passwords gives one");
}

/** A new database sorts text by code points, whatever the source does. PostgreSQL's own provider does so too. */
const sortsOtherwise = ({ provider, collation }: DatabaseFact) =>
  provider === "i" || (provider === "c" && !/^(C|POSIX|C\.UTF-?8)$/i.test(collation));

/** What a database is that no new one would be. */
function tellNature(at: string[], fact: DatabaseFact, copied: boolean, report: Report): void {
  const { name, encoding, provider, collation, settings } = fact;
  if (encoding !== "UTF8")
    report.leave(at, `encoding ${encoding} of database ${name} stays as it is; a new one has UTF8`);
  if (!copied && sortsOtherwise(fact))
    report.leave(
      at,
      `text of database ${name} is sorted as ${provider === "i" ? "ICU's " : ""}${collation} has it, and by code points in a new one`,
    );
  for (const setting of settings)
    report.leave(
      at,
      copied
        ? `setting ${setting} of database ${name} stays as it is; in a stack file it would be one of roles`
        : `setting ${setting} of database ${name} does not come with a dump of it: set it for roles in the stack file, or by ALTER DATABASE`,
    );
}

function tellContent(at: string[], { others, partitioned, ledgers }: ContentFact, report: Report): void {
  tellOthers(at, others, report);
  for (const ledger of ledgers) report.leave(at, describeLedger(ledger));
  for (const table of partitioned) report.leave(at, describePartitions(table));
}

/** Databases that every server has: nothing in them is declared. */
function tellSystem({ name, settings }: DatabaseFact, content: ContentFact | undefined, report: Report): void {
  const at = ["databases"];
  for (const setting of settings) report.leave(at, `setting ${setting} of database ${name} stays as it is`);
  if (!content) return;
  if (content.objects + content.schemas.length > 0) {
    const what = `${content.objects} tables, views and functions`;
    report.leave(at, `database ${name}: ${what} stay as they are: a stack file declares nothing in it`);
  }
  tellContent(at, content, report);
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
    if (SYSTEM_DATABASES.includes(name)) tellSystem(fact, content, report);
    else {
      const why = whyNot(fact, names);
      if (why === undefined && content) databases[name] = writeDatabase(fact, content, names, report);
      else report.leave(["databases"], `database ${name} stays as it is: ${why}`);
      tellNature(["databases", name], fact, copied, report);
      if (content) tellContent(["databases", name], content, report);
    }
  }
  return databases;
}

/** What `up` changes in the copy, by the code that changes it. Where that takes something away, nothing is revoked. */
function tellChanges(config: StackInput, stack: Stack, facts: Facts, report: Report): void {
  if (facts.cronDatabase === undefined)
    report.change(["server"], "CREATE EXTENSION pg_cron, in database postgres, for jobs to come");
  const declared = Object.keys(config.roles ?? {});
  for (const fact of facts.roles) {
    const written = config.roles?.[fact.name];
    for (const statement of written ? roleChanges(fact, written, declared) : [])
      report.change(["roles", fact.name], statement);
  }
  for (const [name, database] of Object.entries(config.databases ?? {})) {
    const { grants, undeclared, unknown } = comparePrivileges(name, facts.contents[name]!, stack);
    if (unknown.length > 0) throw new Error(`grants on ${unknown.join(", ")} of database ${name} could not be written`);
    for (const statement of grants) report.change(["databases", name], statement);
    if (undeclared.length === 0) continue;
    database.undeclared = "report";
    for (const each of undeclared)
      report.leave(["databases", name], `${each} stays, since undeclared is report; without that it is revoked`);
  }
}

/** The stack file that declares what a server is, and all that it cannot declare. */
export function adopt(found: Facts, options: Options): Adoption {
  const report = new Report();
  const facts = asCopied(found, report);
  const whyNoCopy = hindrance(facts);
  const { container } = facts;
  const copied = container !== undefined && !whyNoCopy;
  const base = copied && !OWN_IMAGE.test(container.image) ? container.image : undefined;
  const sameImage = base !== undefined || container?.image === options.image;
  tellCopy(facts, whyNoCopy, report);
  const roles = writeRoles(facts.roles, report);
  const server = writeServer(facts, options, sameImage, report);
  tellOthers([], facts.others, report);
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
  const stack = settle(config, report);
  tellChanges(config, stack, facts, report);
  return { config, report };
}
