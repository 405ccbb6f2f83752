import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { parseDrills, parseRuns } from "../../../backup/ledgers";
import { readLibrary } from "../../../sql/read";
import { ScriptMachine } from "./script-machine";

let machine: ScriptMachine;
beforeEach(() => void (machine = new ScriptMachine()));
afterEach(() => machine.remove());

const MOMENT = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
const runs = () => parseRuns(machine.read("home/runs.jsonl"));

describe("runs of jobs", () => {
  it("are recorded, with the end of the output of a failed one, whatever characters it has", () => {
    const request =
      "HTTP request failed with 403:\n  *** Path/Query ***:\n  GET /?list\n  host: store\n  *** Response:";
    const says = `P00 ERROR: [039]: a\ttab, a "quote", a \\\\ and ü\n${request}`;
    machine.program(
      "pgbackrest",
      `case "$*" in *--type=diff*) printf '%b\\xff' '${says}' >&2; exit 39 ;; *info*) echo '[]' ;; esac`,
    );
    expect(machine.run("backup.sh", "full").code).toBe(0);
    expect(machine.run("backup.sh", "differential").code).toBe(39);
    const entry = { started_at: MOMENT, ended_at: MOMENT, repository: 1 };
    expect(runs()).toEqual([
      { ...entry, job: "full", exit_code: 0, message: null },
      {
        ...entry,
        job: "differential",
        exit_code: 39,
        message: `P00 ERROR: [039]: a\ttab, a "quote", a \\ and ü\nHTTP request failed with 403:\n  *** Response:\uFFFD`,
      },
    ]);
  });

  it("name a database that pgBackRest cannot restore", () => {
    machine.program("psql", "printf '\"a\\nb\"\\0'");
    expect(machine.run("backup.sh", "full").code).toBe(65);
    expect(runs()[0]).toMatchObject({
      exit_code: 65,
      message: expect.stringMatching(/^database "a\nb": name has a line break/),
    });
  });

  it("and drills are read without lines that were cut off", () => {
    machine.run("backup.sh", "full");
    const [line] = machine.read("home/runs.jsonl").split("\n");
    machine.write("home/runs.jsonl", `${line}\n${line?.slice(0, 40)}\n\n${line}\n`);
    expect(runs()).toHaveLength(2);
    expect(machine.bash(". common.sh; ledger runs").stdout).toBe(`${line}\n${line}\n`);
    expect(machine.bash(". common.sh; ledger drills")).toEqual({ code: 0, stdout: "", stderr: "" });
  });
});

describe("the report", () => {
  const tables = readLibrary("backups").steps.join("\n");
  const columns = (table: string): string[] => {
    const [, body = ""] = new RegExp(`TABLE IF NOT EXISTS pgwright\\.${table} \\(\n([^]*?)\n\\);`).exec(tables) ?? [];
    return [...body.matchAll(/^ {2}([a-z_]+) /gm)].flatMap(([, name]) => name ?? []).sort();
  };
  const report = () => {
    const line = machine
      .read("sql")
      .split("\n")
      .find((each) => each.startsWith('{"info"'));
    return JSON.parse(line ?? "null");
  };
  const listing = (...segments: string[]) =>
    JSON.stringify(
      Object.fromEntries(
        segments.map((name) => [`17-1/${name.slice(0, 16)}/${name}-${"0a".repeat(20)}.zst`, { type: "file", size: 5 }]),
      ),
    );
  const withReport = () =>
    machine.answer([
      ["to_regprocedure", "t\n"],
      ["last_archived_wal", "000000010000000000000009\n"],
    ]);

  it("has the columns of the tables as fields", () => {
    const info = [
      {
        name: "shop",
        db: [{ id: 1, "system-id": 1 }],
        repo: [{ key: 1, status: { code: 0, message: "ok\nno" } }],
        backup: [],
      },
    ];
    const text = JSON.stringify(info).replace("ok\\nno", "ok\nno"); // as pgBackRest writes it
    machine.program(
      "pgbackrest",
      `case "$*" in *" info") echo '${text}' ;; *repo-ls*) echo '${listing("000000010000000000000001", "000000010000000000000003")}' ;; esac`,
    );
    withReport();
    machine.write("home/drills.jsonl", `{"drill":"drill-1","checks":[]}\n`);
    expect(machine.run("backup.sh", "full").code).toBe(0);
    const { info: reported, runs: reportedRuns, drills, sizes, schedule, missing_wal } = report();
    expect(reported).toEqual([{ name: "shop", repo: [{ key: 1, status: { code: 0, message: "ok no" } }], backup: [] }]);
    expect(reportedRuns).toEqual(runs());
    expect(Object.keys(reportedRuns[0]).sort()).toEqual(columns("backup_runs").filter((name) => name !== "run"));
    expect(drills).toEqual([{ drill: "drill-1", checks: [] }]);
    expect(sizes).toEqual([{ repository: 1, bytes: expect.any(Number), free_bytes: expect.any(Number) }]);
    expect(Object.keys(sizes[0]).sort()).toEqual(columns("backup_sizes"));
    expect(schedule).toEqual([{ job: "full", next_at: "2026-11-29T01:10:00+0000" }]);
    expect(Object.keys(schedule[0]).sort()).toEqual(columns("backup_schedule"));
    expect(missing_wal).toEqual([
      { repository: 1, before_segment: "000000010000000000000003", segments: 1, open: false },
    ]);
    expect(Object.keys(missing_wal[0]).sort()).toEqual(columns("backup_missing_wal"));
    expect(machine.read("sql")).toMatch(/\n\\\.\nSELECT pgwright\.backup_record\(content\) FROM report;\n/);
  });

  it("is sent when something has changed, and not before the library is installed", () => {
    expect(machine.run("report.sh").code).toBe(0);
    expect(report()).toBeNull();
    withReport();
    expect(machine.run("report.sh").code).toBe(0);
    expect(report()).toMatchObject({ runs: [], drills: [] });
    machine.write("sql", "");
    machine.run("report.sh");
    expect(machine.read("sql")).toBe("");
    machine.run("backup.sh", "full");
    expect(report().runs).toHaveLength(1);
  });

  it("has the size of a bucket by its last listing, and nothing of one that cannot be read", async () => {
    await machine.remove();
    const options = Object.fromEntries(
      [1, 2, 3].flatMap((n) => [[`repo${n}-path`, "/"], ...(n > 1 ? [[`repo${n}-type`, "s3"]] : [])]),
    );
    machine = new ScriptMachine({ stanza: "shop", options, schedules: {} });
    const status = [
      { key: 1, status: { code: 0 } },
      { key: 2, status: { code: 0 } },
      { key: 3, status: { code: 99 } },
    ];
    const info = JSON.stringify([{ repo: status, backup: [] }]);
    machine.program(
      "pgbackrest",
      `case "$*" in *" info") echo '${info}' ;; *repo-ls*) echo '${listing("000000010000000000000001", "000000010000000000000002")}' ;; esac`,
    );
    withReport();
    expect(machine.run("report.sh")).toMatchObject({ code: 0, stderr: "" });
    expect(report().sizes.slice(1)).toEqual([
      { repository: 2, bytes: 20, free_bytes: null },
      { repository: 3, bytes: null, free_bytes: null },
    ]);
    expect(machine.read("calls")).not.toMatch(/--repo=3/);
  });
});

describe("ledgers of earlier versions", () => {
  const start = () => expect(machine.run("convert-ledgers.sh")).toEqual({ code: 0, stdout: "", stderr: "" });
  const files = () =>
    machine
      .bash(`ls ${machine.path("home")}`)
      .stdout.trim()
      .split("\n");

  it("are converted, and entries of the new ledgers stay after them", () => {
    machine.write(
      "home/runs.tsv",
      [
        "2026-11-25T01:10:00.000Z\t2026-11-25T01:11:00.000Z\tfull\t1\t0\t\\N",
        "2026-11-25T04:20:00.000Z\t2026-11-25T04:21:00.000Z\tdrill\t0\t1\tone\\ntwo\\tthree \\\\n, \\\\",
        "2026-11-25T0",
      ].join("\n"),
    );
    machine.write(
      "home/drills.tsv",
      "drill-1\t2026-11-25T04:20:00.000Z\t2026-11-25T04:21:00.000Z\tf\t20261125-011000F\t2026-11-25 04:20:01+00\t4\ndrill-2\ta\tb\tt\t\\N\t\\N\t5\n",
    );
    machine.write(
      "home/drill-checks.tsv",
      "drill-1\trestore and recovery\tt\t4 s\ndrill-1\tSELECT true\tf\tf instead of t\ndrill-2\tx\tt\t\n",
    );
    machine.write("home/next.tsv", "full\tlater\n");
    const [first] = [{ started_at: "c", ended_at: "d", job: "full", repository: 1, exit_code: 0, message: null }];
    machine.write("home/runs.jsonl", `${JSON.stringify(first)}\n`);
    start();
    expect(runs()).toEqual([
      {
        started_at: "2026-11-25T01:10:00.000Z",
        ended_at: "2026-11-25T01:11:00.000Z",
        job: "full",
        repository: 1,
        exit_code: 0,
        message: null,
      },
      {
        started_at: "2026-11-25T04:20:00.000Z",
        ended_at: "2026-11-25T04:21:00.000Z",
        job: "drill",
        repository: 0,
        exit_code: 1,
        message: "one\ntwo\tthree \\n, \\",
      },
      first,
    ]);
    expect(parseDrills(machine.read("home/drills.jsonl"))).toEqual([
      {
        drill: "drill-1",
        started_at: "2026-11-25T04:20:00.000Z",
        ended_at: "2026-11-25T04:21:00.000Z",
        passed: false,
        backup: "20261125-011000F",
        recovered_to: "2026-11-25 04:20:01+00",
        seconds: 4,
        checks: [
          { what: "restore and recovery", passed: true, detail: "4 s" },
          { what: "SELECT true", passed: false, detail: "f instead of t" },
        ],
      },
      {
        drill: "drill-2",
        started_at: "a",
        ended_at: "b",
        passed: true,
        backup: null,
        recovered_to: null,
        seconds: 5,
        checks: [{ what: "x", passed: true, detail: "" }],
      },
    ]);
    expect(files()).toEqual(["drills.jsonl", "runs.jsonl"]);
  });

  it("are left alone when there are none", () => {
    start();
    expect(files()).toEqual([""]);
    machine.write("home/drills.tsv", "drill-1\ta\tb\tt\t\\N\t\\N\t5\n");
    start();
    expect(parseDrills(machine.read("home/drills.jsonl"))).toMatchObject([{ drill: "drill-1", checks: [] }]);
  });
});
