import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { drillSpecification } from "../../../backup/drill";
import { parseDrills, parseRuns } from "../../../backup/ledgers";
import { backupSchema } from "../../../config/backup";
import { AGENT, ScriptMachine } from "./script-machine";

const TENANT = "tenant=7 'a'\n\"b\"/%";
const QUERY = "SELECT 'a\tb'\n-- and \\ more\nFROM t";

const drill = drillSpecification(
  backupSchema.parse({
    drill: {
      checks: [
        { database: TENANT, query: QUERY },
        { database: "shop", query: "SELECT false AS later", role: "app" },
      ],
      tables: { shop: ["shop.orders"] },
      recall: { shop: { "shop.chunks_idx": 0.95 } },
    },
  }).drill!,
);

let machine: ScriptMachine;
beforeEach(() => void (machine = new ScriptMachine({ ...AGENT, drill })));
afterEach(() => machine.remove());

const INVENTORY = '["extension plpgsql 1.0", "role app"]\n';

/** Server and copy: psql asks the copy by its socket in the machine's /tmp. */
function answers(copy: { rows: string; inventory: string; later: string; recall: string }): void {
  machine.program(
    "psql",
    `copy=; case "$*" in *"--host ${machine.path("tmp")}"*|*"--host /tmp"*) copy=t ;; esac
     while IFS= read -r line; do
       printf '%s\\n' "$line" >>"${machine.path("sql")}"
       case "$line" in
         "SELECT datname FROM pg_database"*) printf '%s\\0' shop '${TENANT.replaceAll("'", "'\\''")}' ;;
         *jsonb_agg*) if [ "$copy" ]; then printf '%s\\n' '${copy.inventory}'; else printf '%s\\n' '${INVENTORY.trim()}'; fi ;;
         *pg_get_userbyid*) printf 'app\\0' ;;
         *pg_export_snapshot*) echo 0000-1 ;;
         *pg_walfile_name*) echo 000000010000000000000005 ;;
         *"max(last_archived_wal)"*) echo 000000010000000000000005 ;;
         *pg_last_xact_replay_timestamp*) echo "2026-11-25 04:20:01+00" ;;
         *"AND before"*) echo 1 ;;
         *"NOT before"*) echo 0 ;;
         *"pg_catalog.count("*) if [ "$copy" ]; then echo ${copy.rows}; else echo $((n = \${n:-99} + 1)); fi ;;
         "-- and "*) echo t ;;
         "SELECT false AS later") if [ "$copy" ]; then echo ${copy.later}; else echo f; fi ;;
         "-- Measures the recall"*) echo ${copy.recall} ;;
       esac
     done`,
  );
}

function programs(): void {
  machine.program(
    "pgbackrest",
    `case "$*" in *" restore "*) echo "P00   INFO: repo1: restore backup set 20261125-011000F_20261125-031000I, recovery will start" ;; *info*) echo '[]' ;; esac`,
  );
  machine.program("pg_isready", "exit 0");
  machine.program("pg_amcheck", "exit 0");
  machine.program("pg_checksums", "echo 'Blocks scanned: 1'");
  // bash cannot handle an interrupt in the background.
  machine.write(
    "bin/postgres",
    `#!${process.execPath}\nprocess.on("SIGINT", () => process.exit(0)); setInterval(() => 0, 1000);\n`,
    0o755,
  );
}

const drills = () => parseDrills(machine.read("home/drills.jsonl"));
const checks = () =>
  Object.fromEntries((drills().at(-1)?.checks ?? []).map(({ what, passed, detail }) => [what, `${passed}: ${detail}`]));

describe("a drill", () => {
  it("gets what it needs from the agent, and records what it finds", { timeout: 120_000 }, () => {
    programs();
    answers({ rows: "100", inventory: INVENTORY.trim(), later: "f", recall: "0.97" });
    machine.start("drill.sh");
    const { code, stdout } = machine.run("backup.sh", "drill");
    expect(stdout).toBe("");
    expect(code).toBe(0);
    const [first] = drills();
    expect(first).toMatchObject({
      drill: expect.stringMatching(/^drill-\d{8}T\d{6}Z$/),
      passed: true,
      backup: "20261125-011000F_20261125-031000I",
      recovered_to: "2026-11-25 04:20:01+00",
      seconds: expect.any(Number),
    });
    const name = TENANT.replace("\n", " ");
    expect(checks()).toEqual({
      "restore and recovery": expect.stringMatching(/^true: \d+ s$/),
      "row before the restore point": "true: 1",
      "row after the restore point": "true: 0",
      "extensions and roles of shop": "true: ",
      [`extensions and roles of ${name}`]: "true: ",
      "tables and btree indexes (amcheck)": "true: ",
      [QUERY.replace(/[\t\n]/g, " ")]: "true: t",
      "SELECT false AS later": "true: not yet: f, as on the server",
      "rows of shop.orders in shop": "true: 100; at the restore point 100",
      "recall of shop.chunks_idx in shop": "true: 0.97; 0.95 at least",
      "checksums of all pages": "true: Blocks scanned: 1",
    });
    expect(parseRuns(machine.read("home/runs.jsonl"))).toMatchObject([{ job: "drill", repository: 0, exit_code: 0 }]);

    // Later drills do not ask the server, and the checks must hold.
    answers({ rows: "98", inventory: '["extension plpgsql 1.0", "role other"]', later: "f", recall: "0.5" });
    expect(machine.run("backup.sh", "drill").code).toBe(1);
    expect(drills().at(-1)?.passed).toBe(false);
    expect(checks()).toMatchObject({
      "extensions and roles of shop": "false: < role app > role other",
      "SELECT false AS later": "false: f",
      "rows of shop.orders in shop": "false: 98; at the restore point 100",
      "recall of shop.chunks_idx in shop": "false: 0.5; 0.95 at least",
    });
    expect(parseRuns(machine.read("home/runs.jsonl")).at(-1)).toMatchObject({
      exit_code: 1,
      message: expect.stringMatching(
        /^extensions and roles of shop: < role app > role other\n[^]*\nSELECT false AS later: f\n/,
      ),
    });
  });

  it("records a restore that fails", { timeout: 120_000 }, () => {
    programs();
    answers({ rows: "100", inventory: INVENTORY.trim(), later: "f", recall: "0.97" });
    machine.program(
      "pgbackrest",
      `case "$*" in *" restore "*) echo "P00  ERROR: [075]: no backup set found"; exit 75 ;; *info*) echo '[]' ;; esac`,
    );
    machine.start("drill.sh");
    expect(machine.run("backup.sh", "drill").code).toBe(1);
    expect(drills()).toMatchObject([{ passed: false, backup: null, recovered_to: null }]);
    expect(drills()[0]?.checks).toEqual([
      { what: "restore and recovery", passed: false, detail: "P00  ERROR: [075]: no backup set found" },
    ]);
  });

  it("ignores a bucket that does not answer", { timeout: 120_000 }, async () => {
    await machine.remove();
    const options = { "repo1-path": "/1", "repo2-path": "/2", "repo2-type": "s3" };
    machine = new ScriptMachine({ ...AGENT, options, drill });
    machine.write("etc/pgbackrest.conf", "[global]\nprocess-max=1\nrepo1-path=/1\nrepo2-path=/2\nrepo2-type=s3\n");
    answers({ rows: "100", inventory: INVENTORY.trim(), later: "f", recall: "0.97" });
    const info = JSON.stringify([
      { repo: [1, 2].map((key) => ({ key, status: { code: key === 2 ? 99 : 0 } })), backup: [] },
    ]);
    machine.program("pgbackrest", `case "$*" in *" restore "*) exit 75 ;; *info*) echo '${info}' ;; esac`);
    machine.start("drill.sh");
    expect(machine.run("backup.sh", "drill").code).toBe(1);
    expect(machine.read("calls")).toMatch(/^pgbackrest --config=\S+\/tmp\/pgbackrest.conf .* restore /m);
    expect(machine.read("tmp/pgbackrest.conf")).toBe("[global]\nprocess-max=1\nrepo1-path=/1\n");
  });
});
