import { describe, expect, it } from "vitest";
import { tune, type Resources, type Tuning } from "../../../tuning/tune";

const resources: Resources = { memory: 2048, cpus: 2, storage: "ssd", workload: "mixed" };
const find = (tuning: Tuning, name: string) => tuning.settings.find((setting) => setting.name === name);
const cronDatabase = { name: "cron.database_name", value: "app", reason: "the database that holds the jobs" };

describe("overrides and required settings", () => {
  it("lets overrides win, under the name in lower case, and says where they come from", () => {
    const tuning = tune(resources, {
      Work_Mem: "8MB",
      jit: true,
      TimeZone: "Europe/Berlin",
      max_wal_senders: 3,
    });
    expect(find(tuning, "work_mem")).toEqual({ name: "work_mem", value: "8MB", reason: "set in the stack file" });
    expect(find(tuning, "jit")?.value).toBe("on");
    expect(find(tuning, "timezone")?.value).toBe("Europe/Berlin");
    expect(find(tuning, "max_wal_senders")?.value).toBe("3");
    expect(tuning.settings.filter(({ name }) => name === "work_mem")).toHaveLength(1);
  });

  it("counts the budget again and warns with figures when it is exceeded", () => {
    const { budget, warnings } = tune(resources, { work_mem: "64MB" });
    expect(budget.total).toBeGreaterThan(2048);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain(
      `the settings can use ${budget.total} MiB, and at the container's limit of 2048 MiB the kernel`,
    );
    expect(tune(resources, { work_mem: "1MB" }).warnings).toEqual([]);
    expect(tune(resources, { hash_mem_multiplier: 8 }).warnings).toHaveLength(1);
  });

  it("warns of a custom parameter that is near to the ones of a library", () => {
    expect(tune(resources, { "shop.setting": 1 }).warnings).toEqual([]);
    expect(tune(resources, { "pg_stat_statments.max": 1 }).warnings).toEqual([
      "no library of the image has a parameter pg_stat_statments.max; did you mean one of pg_stat_statements?",
    ]);
    expect(() => tune(resources, { "pg_prewarm.autoprewarm": true })).toThrow("needs pg_prewarm in shared_pre");
  });

  it("sizes /dev/shm for an overridden maintenance_work_mem", () => {
    const tuning = tune({ ...resources, memory: 16384 }, { maintenance_work_mem: "2GB", max_connections: 40 });
    expect(tuning.sharedMemory).toBeGreaterThanOrEqual(1.25 * 2048);
    expect(tuning.warnings).toEqual([]);
  });

  it("warns of settings that lose data or the server", () => {
    const { warnings } = tune(resources, { fsync: "off", full_page_writes: 0, huge_pages: "on" });
    expect(warnings.map((warning) => warning.split(" ")[0])).toEqual(["fsync", "full_page_writes", "huge_pages"]);
  });

  it("reports all bad values at once", () => {
    const bad = () => tune(resources, { work_memory: "1MB", jit: "perhaps", port: 5433 });
    expect(bad).toThrow(/work_memory.*\n.*jit.*on or off.*\n.*port/);
  });

  it("takes what other parts of pgwright need, managed parameters included", () => {
    const tuning = tune(resources, {}, [cronDatabase, { name: "restore_command", value: "x", reason: "a restore" }]);
    expect(find(tuning, "cron.database_name")).toEqual(cronDatabase);
    expect(find(tuning, "restore_command")?.reason).toBe("a restore");
  });

  it("refuses an override of what another part needs, and takes one that says the same", () => {
    expect(() => tune(resources, { "cron.database_name": "other" }, [cronDatabase])).toThrow(
      'cron.database_name = "other", but pgwright needs app: the database that holds the jobs',
    );
    expect(() => tune(resources, { "cron.database_name": "app" }, [cronDatabase])).not.toThrow();
    expect(() => tune(resources, {}, [{ name: "archive_mode", value: "maybe", reason: "r" }])).toThrow(/archive_mode/);
  });

  it("drops our settings of a library that the stack file takes out, and refuses the stack file's own", () => {
    const tuning = tune(resources, { shared_preload_libraries: "pg_stat_statements, pgaudit" });
    expect(tuning.settings.filter(({ name }) => name.startsWith("cron."))).toEqual([]);
    expect(find(tuning, "pgaudit.log")).toBeDefined();
    expect(tuning.budget.items.some(({ what }) => what.includes("0 cron jobs"))).toBe(true);
    expect(() => tune(resources, { shared_preload_libraries: "pgaudit" }, [cronDatabase])).toThrow(
      "cron.database_name = app needs pg_cron in shared_preload_libraries = pgaudit",
    );
  });

  it.each([
    [{ shared_buffers: "4GB" }, "shared_buffers = 4GB is 4096 MiB, and the container's limit is 2048 MiB"],
    [{ shared_buffers: "2GB" }, "shared_buffers = 2GB"],
    [
      { wal_level: "minimal" },
      "wal_level = minimal and max_wal_senders = 10 (the server's default): minimal needs 0 senders",
    ],
    [{ wal_level: "minimal", max_wal_senders: 0, archive_mode: "on" }, "wal_level = minimal and archive_mode = on"],
    [{ wal_level: "minimal", max_wal_senders: 0, summarize_wal: "on" }, "summarize_wal = on"],
    [{ max_worker_processes: 8 }, "max_worker_processes = 8 is too small: 2 parallel workers"],
    [{ max_parallel_workers: 16 }, "16 parallel workers (max_parallel_workers), 5 cron jobs (cron.max_running_jobs)"],
    [{ max_connections: 3 }, "max_connections = 3 leaves no connections beside superuser_reserved_connections = 3"],
    [{ "cron.use_background_workers": "off" }, "cron.use_background_workers = off: the jobs would need passwords"],
    [{ "cron.enable_superuser_jobs": "no" }, "cron.enable_superuser_jobs = no: pgwright's job that prunes the run log"],
    [{ "cron.launch_active_jobs": false }, "cron.launch_active_jobs = off: no job would run"],
    [{ "cron.max_running_jobs": 0 }, "cron.max_running_jobs = 0: no job would run"],
    [{ "cron.log_run": "off" }, "cron.log_run = off: status and previews read from the run log"],
    [{ work_mem: "1MB", WORK_MEM: "2MB" }, "work_mem and WORK_MEM are the same parameter"],
  ])("refuses %j", (overrides, text) => {
    expect(() => tune(resources, overrides as Record<string, string | number | boolean>)).toThrow(text);
  });

  it("takes a minimal WAL level where nothing needs more", () => {
    expect(() => tune(resources, { wal_level: "minimal", max_wal_senders: 0 })).not.toThrow();
  });

  it("refuses two numbers of connections", () => {
    const given = { ...resources, connections: 40 };
    expect(() => tune(given, { max_connections: 60 })).toThrow("max_connections = 60, but connections is 40");
    expect(() => tune(given, { max_connections: "40" })).not.toThrow();
  });
});
