/** Combinations of allowed settings with which the server would not start, or a part of it would not work. */
import { canonicalValue, findParameter, preloadLibraryOf } from "./catalogue";
import type { Setting } from "./defaults";
import type { Demand } from "./memory";
import { OTHER_WORKERS } from "./plan";

/** Looks up values in canonical form by name: the setting, or else the server's default. */
export class Values {
  private readonly settings: Map<string, Setting>;

  constructor(settings: readonly Setting[]) {
    this.settings = new Map(settings.map((setting) => [setting.name, setting]));
  }

  text(name: string): string {
    return canonicalValue(name, this.settings.get(name)?.value ?? findParameter(name)?.default ?? "");
  }

  number(name: string): number {
    return Number(this.text(name));
  }

  /** The assignment, for messages. */
  describe(name: string): string {
    const setting = this.settings.get(name);
    return setting ? `${name} = ${setting.value}` : `${name} = ${this.text(name)} (the server's default)`;
  }

  get libraries(): string[] {
    return librariesIn(this.text("shared_preload_libraries"));
  }

  /** The settings that determine memory use, in kB. */
  get demand(): Demand {
    const maintenanceWorkMem = this.number("maintenance_work_mem");
    const autovacuumWorkMem = this.number("autovacuum_work_mem");
    return {
      sharedBuffers: this.number("shared_buffers") * 8,
      connections: this.number("max_connections"),
      cronJobs: this.cronWorkers,
      parallelWorkers: Math.min(this.number("max_parallel_workers"), this.number("max_worker_processes")),
      parallelWorkersPerGather: this.number("max_parallel_workers_per_gather"),
      autovacuumWorkers: this.number("autovacuum_max_workers"),
      workMem: this.number("work_mem"),
      hashMemMultiplier: this.number("hash_mem_multiplier"),
      maintenanceWorkMem,
      autovacuumWorkMem: autovacuumWorkMem < 0 ? maintenanceWorkMem : autovacuumWorkMem,
    };
  }

  /** Background workers that pg_cron's jobs can use. */
  get cronWorkers(): number {
    return this.libraries.includes("pg_cron") ? this.number("cron.max_running_jobs") : 0;
  }
}

export function librariesIn(list: string): string[] {
  return list
    .split(",")
    .map((library) => library.trim().replaceAll('"', ""))
    .filter((library) => library !== "");
}

/** Values with which pg_cron would not run pgwright's jobs or not record their results, with the reason and what to do. */
const CRON: Record<string, { refused: string; why: string }> = {
  "cron.enable_superuser_jobs": {
    refused: "off",
    why: "pgwright's job that prunes the run log of pg_cron runs as postgres; keep it on",
  },
  "cron.use_background_workers": {
    refused: "off",
    why: "the jobs would need passwords and rules of pg_hba.conf; keep it on",
  },
  "cron.launch_active_jobs": {
    refused: "off",
    why: "no job would run, including those of partitions, tiers and vectors; set active: false on single jobs instead",
  },
  "cron.max_running_jobs": {
    refused: "0",
    why: "no job would run, including those of partitions, tiers and vectors; set at least 1",
  },
  "cron.log_run": {
    refused: "off",
    why: "status and previews read from the run log whether the last run of a job failed; keep it on",
  },
};

/** Describes each contradiction with both values. `memory` is the container's limit in MiB. */
export function contradictions(settings: readonly Setting[], memory: number): string[] {
  const values = new Values(settings);
  const found: string[] = [];

  const sharedBuffers = Math.ceil((values.number("shared_buffers") * 8) / 1024);
  if (sharedBuffers >= memory) {
    found.push(
      `${values.describe("shared_buffers")} is ${sharedBuffers} MiB, and the container's limit is ${memory} MiB; lower it`,
    );
  }

  if (values.text("wal_level") === "minimal") {
    const minimal = values.describe("wal_level");
    if (values.text("archive_mode") !== "off")
      found.push(`${minimal} and ${values.describe("archive_mode")}: archiving needs wal_level replica`);
    if (values.number("max_wal_senders") > 0)
      found.push(`${minimal} and ${values.describe("max_wal_senders")}: minimal needs 0 senders`);
    if (values.text("summarize_wal") === "on")
      found.push(`${minimal} and ${values.describe("summarize_wal")}: summaries need wal_level replica`);
  }

  const parallel = values.number("max_parallel_workers");
  const needed = parallel + values.cronWorkers + OTHER_WORKERS;
  if (values.number("max_worker_processes") < needed) {
    found.push(
      `${values.describe("max_worker_processes")} is too small: ${parallel} parallel workers (max_parallel_workers), ` +
        `${values.cronWorkers} cron jobs (cron.max_running_jobs) and ${OTHER_WORKERS} launchers and others need ${needed}; ` +
        `raise max_worker_processes or lower the others`,
    );
  }

  const reserved = values.number("superuser_reserved_connections") + values.number("reserved_connections");
  if (reserved >= values.number("max_connections")) {
    found.push(
      `${values.describe("max_connections")} leaves no connections beside ${values.describe("superuser_reserved_connections")} ` +
        `and ${values.describe("reserved_connections")}`,
    );
  }

  const libraries = values.libraries;
  for (const [name, { refused, why }] of Object.entries(libraries.includes("pg_cron") ? CRON : {})) {
    if (values.text(name) === refused) found.push(`${values.describe(name)}: ${why}`);
  }
  for (const { name, value } of settings) {
    const library = preloadLibraryOf(name);
    if (library !== undefined && !libraries.includes(library)) {
      found.push(`${name} = ${value} needs ${library} in ${values.describe("shared_preload_libraries")}`);
    }
  }
  return found;
}
