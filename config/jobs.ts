import { parseObjectName } from "./object-name";
import type { DatabaseConfig } from "./databases";
import { tierJobs } from "./tiers";

/** A cron job of a database: declared, or needed by its sets of partitions, tiered tables or vector indexes. */
export interface Job {
  name: string;
  /** Path of the key that declares the job, below the database; `roleKey` is the path of its role. */
  key: string;
  roleKey: string;
  schedule: string;
  command: string;
  role: string;
  active: boolean;
}

/** The owner of a schema. The database's owner owns public too. */
export function schemaOwner({ owner, schemas }: DatabaseConfig, schema: string): string {
  return schemas[schema]?.owner ?? owner;
}

export function tierOwner(database: DatabaseConfig, table: string): string {
  return database.tiers[table]?.owner ?? schemaOwner(database, parseObjectName(table)?.schema ?? "");
}

/** All jobs of a database. */
export function jobsOf(name: string, database: DatabaseConfig): Job[] {
  const { jobs, owner, partitions, tiers, vectors } = database;
  const declared = Object.entries(jobs).map(([job, { role = owner, ...rest }]) => ({
    name: job,
    key: `jobs.${job}`,
    roleKey: `jobs.${job}.role`,
    role,
    ...rest,
  }));
  const ofLibrary = (
    what: string,
    key: string,
    procedure: string,
    { schedule, role = owner }: { schedule: string; role?: string },
  ): Job => ({
    name: `pgwright: ${what} of ${name}`,
    key,
    roleKey: `${key}.role`,
    schedule,
    command: `CALL pgwright.${procedure}()`,
    role,
    active: true,
  });
  const measures = Object.values(vectors?.indexes ?? {}).some(({ recall }) => recall !== undefined);
  const ofTiers = Object.entries(tiers).flatMap(([table, config]) => {
    const key = `tiers["${table}"]`;
    const role = tierOwner(database, table);
    return tierJobs(name, table, config).map((job) => ({ ...job, key, roleKey: `${key}.owner`, role, active: true }));
  });
  return [
    ...declared,
    ...(partitions ? [ofLibrary("partitions", "partitions", "maintain_partitions", partitions)] : []),
    ...(vectors && measures ? [ofLibrary("recall", "vectors", "measure_vectors", vectors)] : []),
    ...ofTiers,
  ];
}
