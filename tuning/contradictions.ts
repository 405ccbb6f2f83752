/** Settings that each are allowed and together are not: the server would refuse to start, or a part of it would not work. */
import { canonicalValue, findParameter, preloadLibraryOf } from "./catalogue";
import type { Setting } from "./defaults";
import type { Demand } from "./memory";
import { OTHER_WORKERS } from "./plan";

/** Looks values up by name: the setting if there is one, else the server's default, in canonical form. */
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

  /** As a person reads it in the stack file. */
  shown(name: string): string {
    const setting = this.settings.get(name);
    return setting ? `${name} = ${setting.value}` : `${name} = ${this.text(name)} (the server's default)`;
  }

  get libraries(): string[] {
    return librariesIn(this.text("shared_preload_libraries"));
  }

  /** The settings that take memory, in kB, whoever made them. */
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

  /** Background workers that pg_cron's jobs may take. */
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

/** Values with which pg_cron would not run pgwright's own jobs, or not say how they went: what for, and what to do instead. */
const CRON: Record<string, { refused: string; why: string }> = {
  "cron.enable_superuser_jobs": {
    refused: "off",
    why: "pgwright's job that prunes the run log of pg_cron runs as postgres; leave it on",
  },
  "cron.use_background_workers": {
    refused: "off",
    why: "the jobs would need passwords and rules of pg_hba.conf; leave it on",
  },
  "cron.launch_active_jobs": {
    refused: "off",
    why: "no job would run, those of partitions, tiers and vectors neither; give single jobs active: false instead",
  },
  "cron.max_running_jobs": {
    refused: "0",
    why: "no job would run, those of partitions, tiers and vectors neither; it takes 1 at least",
  },
  "cron.log_run": {
    refused: "off",
    why: "status and previews read there whether the last run of a job failed; leave it on",
  },
};

/** Each contradiction in a sentence with both values. `memory` is the container's limit in MiB. */
export function contradictions(settings: readonly Setting[], memory: number): string[] {
  const values = new Values(settings);
  const found: string[] = [];

  const sharedBuffers = Math.ceil((values.number("shared_buffers") * 8) / 1024);
  if (sharedBuffers >= memory) {
    found.push(`${values.shown("shared_buffers")} is ${sharedBuffers} MiB, and the container's limit is ${memory} MiB`);
  }

  if (values.text("wal_level") === "minimal") {
    const minimal = values.shown("wal_level");
    if (values.text("archive_mode") !== "off")
      found.push(`${minimal} and ${values.shown("archive_mode")}: archiving needs replica`);
    if (values.number("max_wal_senders") > 0)
      found.push(`${minimal} and ${values.shown("max_wal_senders")}: it needs 0 senders`);
    if (values.text("summarize_wal") === "on")
      found.push(`${minimal} and ${values.shown("summarize_wal")}: summaries need replica`);
  }

  const parallel = values.number("max_parallel_workers");
  const needed = parallel + values.cronWorkers + OTHER_WORKERS;
  if (values.number("max_worker_processes") < needed) {
    found.push(
      `${values.shown("max_worker_processes")} is too small: ${parallel} parallel workers (max_parallel_workers), ` +
        `${values.cronWorkers} cron jobs (cron.max_running_jobs) and ${OTHER_WORKERS} launchers and others need ${needed}; ` +
        `raise it or lower those`,
    );
  }

  const reserved = values.number("superuser_reserved_connections") + values.number("reserved_connections");
  if (reserved >= values.number("max_connections")) {
    found.push(
      `${values.shown("max_connections")} leaves nothing beside ${values.shown("superuser_reserved_connections")} ` +
        `and ${values.shown("reserved_connections")}`,
    );
  }

  const libraries = values.libraries;
  for (const [name, { refused, why }] of Object.entries(libraries.includes("pg_cron") ? CRON : {})) {
    if (values.text(name) === refused) found.push(`${values.shown(name)}: ${why}`);
  }
  for (const { name, value } of settings) {
    const library = preloadLibraryOf(name);
    if (library !== undefined && !libraries.includes(library)) {
      found.push(`${name} = ${value} needs ${library} in ${values.shown("shared_preload_libraries")}`);
    }
  }
  return found;
}
