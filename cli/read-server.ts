import type {
  ContainerFact,
  ContentFact,
  DatabaseFact,
  Facts,
  HbaFact,
  JobFact,
  LedgerFact,
  OtherFact,
  ServerFact,
  SettingFact,
} from "../adopt/facts";
import type { Host } from "../provider/host";
import type { DefaultFact, PrivilegeFact } from "../provider/kinds/access/facts";
import type { RoleFact } from "../provider/kinds/role/changes";
import { readSql } from "../sql/read";
import type { Source } from "./source";

const MEBIBYTE = 2 ** 20;

/** Throws if this is no server that can be adopted. */
export function mustBeAdoptable(name: string, { version, user, isSuperuser }: ServerFact): void {
  const major = Math.floor(version / 10_000);
  if (major !== 17) {
    throw new Error(
      `${name} runs PostgreSQL ${major}, and a stack runs 17: ` +
        (major < 17
          ? "upgrade it first (pg_upgrade, or a dump and restore), and adopt it then"
          : "no older one can take its data"),
    );
  }
  if (!isSuperuser)
    throw new Error(
      `role ${user} of ${name} is no superuser, and only one can read passwords and privileges: connect as one`,
    );
}

/** The superuser of a stack is postgres; a source's of another name gets that name, where no other role has it. */
function mustHaveSuperuser(name: string, { bootstrap }: ServerFact, roles: RoleFact[]): void {
  const other = roles.find((role) => role.name === "postgres" && !role.superuser);
  if (!other) return;
  throw new Error(
    `${name}: its role postgres is no superuser, its superuser is ${bootstrap}, and the superuser of a stack is postgres: give the role ` +
      "another name there (ALTER ROLE postgres RENAME TO ...; its clients log in by that name then), and adopt again",
  );
}

async function readContent(source: Source, database: string, roles: string[]): Promise<ContentFact> {
  const ask = <Row>(file: string, ...names: string[][]) => source.ask<Row>(database, readSql(file), ...names);
  const schemas = await ask<ContentFact["schemas"][number]>("adopt/schemas.sql");
  const [contents] = await ask<{ objects: number }>("adopt/contents.sql");
  return {
    objects: contents?.objects ?? 0,
    schemas,
    extensions: await ask("adopt/extensions.sql"),
    privileges: await ask<PrivilegeFact>("catalog/privileges.sql", ["public", ...schemas.map(({ name }) => name)], []),
    defaults: await ask<DefaultFact>("catalog/default-privileges.sql", roles),
    others: await ask<OtherFact>("adopt/database-others.sql"),
    partitioned: await ask("adopt/partitions.sql"),
    ledgers: await readLedgers(source, database),
  };
}

/** The ledgers of other tools for migrations; dbmate's with its versions. */
async function readLedgers(source: Source, database: string): Promise<LedgerFact[]> {
  const found = await source.ask<LedgerFact>(database, readSql("catalog/foreign-ledgers.sql"));
  return Promise.all(
    found.map(async (ledger) => {
      if (ledger.tool !== "dbmate") return ledger;
      const versions = await source.column(database, ledger, "version");
      return { ...ledger, ...(versions.every((version) => /^\d+$/.test(version)) && { versions }) };
    }),
  );
}

/** Reads all of a server that an adoption needs. */
export async function readServer(source: Source, container?: ContainerFact): Promise<Facts> {
  const ask = <Row>(file: string, ...names: string[][]) => source.ask<Row>("postgres", readSql(file), ...names);
  const [server] = await ask<ServerFact>("adopt/server.sql");
  if (!server) throw new Error(`${source.name} does not say who it is`);
  mustBeAdoptable(source.name, server);
  const roles = await ask<RoleFact>("catalog/roles.sql", server.roles);
  mustHaveSuperuser(source.name, server, roles);
  const [bootstrap] = await ask<RoleFact>("catalog/roles.sql", [server.bootstrap]);
  const databases = await ask<DatabaseFact>("adopt/databases.sql");
  const contents: Record<string, ContentFact> = {};
  for (const { name, allowsConnections } of databases) {
    if (allowsConnections) contents[name] = await readContent(source, name, [server.bootstrap, ...server.roles]);
  }
  const [cronDatabase] = Object.keys(contents).filter((name) =>
    contents[name]?.extensions.some((extension) => extension.name === "pg_cron"),
  );
  return {
    from: source.name,
    server,
    container,
    roles,
    bootstrap,
    databases,
    contents,
    settings: await ask<SettingFact>("adopt/settings.sql"),
    hba: await ask<HbaFact>("adopt/hba.sql"),
    others: await ask<OtherFact>("adopt/server-others.sql"),
    cronDatabase,
    jobs: cronDatabase === undefined ? [] : await source.ask<JobFact>(cronDatabase, readSql("adopt/jobs.sql")),
  };
}

interface Inspected {
  Config: { Image: string };
  HostConfig: { Memory: number; NanoCpus: number; CpuQuota: number; CpuPeriod: number };
  NetworkSettings: { Ports?: Record<string, { HostIp: string; HostPort: string }[] | null> };
}

/** What Docker knows of the container. Its environment, which may hold passwords, is not looked at. */
export async function readContainer(host: Host): Promise<ContainerFact> {
  const [found] = JSON.parse((await host.docker(["container", "inspect", host.container])).toString()) as [Inspected];
  const { Memory, NanoCpus, CpuQuota, CpuPeriod } = found.HostConfig;
  const [published] = found.NetworkSettings.Ports?.["5432/tcp"] ?? [];
  const ports = (await host.docker(["ps", "--format", "{{.Ports}}"])).toString();
  const release = await host.docker(["exec", host.container, "cat", "/etc/os-release"]).catch(() => "");
  return {
    name: host.container,
    image: found.Config.Image,
    memory: Math.floor(Memory / MEBIBYTE),
    cpus: NanoCpus > 0 ? NanoCpus / 1e9 : CpuQuota > 0 ? CpuQuota / (CpuPeriod || 100_000) : 0,
    ...(published ? { port: Number(published.HostPort), address: published.HostIp || "0.0.0.0" } : {}),
    system: /^ID="?(\w+)/m.exec(release.toString())?.[1] ?? "",
    takenPorts: [...ports.matchAll(/:(\d+)->/g)].map(([, port]) => Number(port)),
  };
}
