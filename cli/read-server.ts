import {
  CONTENTS,
  DATABASE_OTHERS,
  DATABASES,
  EXTENSIONS,
  HBA,
  JOBS,
  PARTITIONED,
  SCHEMAS,
  SERVER,
  SERVER_OTHERS,
  SETTINGS,
  type ContainerFact,
  type ContentFact,
  type Facts,
  type LedgerFact,
  type ServerFact,
} from "../adopt/facts";
import type { Host } from "../provider/host";
import { DEFAULT_PRIVILEGES, PRIVILEGES } from "../provider/kinds/access/catalog";
import { FOREIGN_LEDGERS } from "../provider/kinds/migrations/files/foreign-ledger";
import { ROLES, type RoleFact } from "../provider/kinds/role/catalog";
import type { Source } from "./source";

const MEBIBYTE = 2 ** 20;

/** Throws if the server cannot be adopted. */
export function mustBeAdoptable(name: string, { version, user, isSuperuser }: ServerFact): void {
  const major = Math.floor(version / 10_000);
  if (major !== 17) {
    throw new Error(
      `${name}: runs PostgreSQL ${major}, but a stack runs 17; ` +
        (major < 17
          ? "upgrade the server first (pg_upgrade, or dump and restore), then adopt it"
          : "PostgreSQL 17 cannot read data of a newer version"),
    );
  }
  if (!isSuperuser)
    throw new Error(
      `${name}: role ${user} is not a superuser and cannot read passwords and privileges; connect as a superuser`,
    );
}

/** A stack's superuser is named postgres. A source's superuser of another name gets that name, unless another role has it. */
function mustHaveSuperuser(name: string, { bootstrap }: ServerFact, roles: RoleFact[]): void {
  const other = roles.find((role) => role.name === "postgres" && !role.superuser);
  if (!other) return;
  throw new Error(
    `${name}: role postgres is not a superuser (the superuser is ${bootstrap}), but a stack's superuser is named postgres; rename the role ` +
      "there (ALTER ROLE postgres RENAME TO ...; its clients then log in with the new name), and adopt again",
  );
}

async function readContent(source: Source, database: string, roles: string[]): Promise<ContentFact> {
  const schemas = await source.read(database, SCHEMAS);
  const [contents] = await source.read(database, CONTENTS);
  return {
    objects: contents?.objects ?? 0,
    schemas,
    extensions: await source.read(database, EXTENSIONS),
    privileges: await source.read(database, PRIVILEGES, ["public", ...schemas.map(({ name }) => name)], []),
    defaults: await source.read(database, DEFAULT_PRIVILEGES, roles),
    others: await source.read(database, DATABASE_OTHERS),
    partitioned: await source.read(database, PARTITIONED),
    ledgers: await readLedgers(source, database),
  };
}

/** Migration tables of other tools; dbmate's with its versions. */
async function readLedgers(source: Source, database: string): Promise<LedgerFact[]> {
  const found = await source.read(database, FOREIGN_LEDGERS);
  return Promise.all(
    found.map(async (ledger) => {
      if (ledger.tool !== "dbmate") return ledger;
      const versions = await source.column(database, ledger, "version");
      return { ...ledger, ...(versions.every((version) => /^\d+$/.test(version)) && { versions }) };
    }),
  );
}

/** Reads all facts of a server that an adoption needs. */
export async function readServer(source: Source, container?: ContainerFact): Promise<Facts> {
  const [server] = await source.read("postgres", SERVER);
  if (!server) throw new Error(`${source.name}: returned no version and superuser`);
  mustBeAdoptable(source.name, server);
  const roles = await source.read("postgres", ROLES, server.roles);
  mustHaveSuperuser(source.name, server, roles);
  const [bootstrap] = await source.read("postgres", ROLES, [server.bootstrap]);
  const databases = await source.read("postgres", DATABASES);
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
    settings: await source.read("postgres", SETTINGS),
    hba: await source.read("postgres", HBA),
    others: await source.read("postgres", SERVER_OTHERS),
    cronDatabase,
    jobs: cronDatabase === undefined ? [] : await source.read(cronDatabase, JOBS),
  };
}

interface Inspected {
  Config: { Image: string };
  HostConfig: { Memory: number; NanoCpus: number; CpuQuota: number; CpuPeriod: number };
  NetworkSettings: { Ports?: Record<string, { HostIp: string; HostPort: string }[] | null> };
}

/** Docker's facts about the container. Its environment may hold passwords and is not read. */
export async function readContainer(host: Host): Promise<ContainerFact> {
  const found = await host.read<Inspected>(`/containers/${encodeURIComponent(host.container)}/json`);
  if (!found) throw new Error(`container ${host.container}: does not exist`);
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
