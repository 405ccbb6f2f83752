import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { parseOutcome } from "../../../backup/restore-outcome";
import { filesOf, type Handling } from "../../../provider/restore";
import { AGENT, ScriptMachine } from "./script-machine";

let machine: ScriptMachine;
beforeEach(() => void (machine = new ScriptMachine()));
afterEach(() => machine.remove());

const sha = "0a".repeat(20);
const listing = (...segments: string[]) =>
  JSON.stringify(
    Object.fromEntries(
      [".", ...segments.map((name) => `17-1/${name.slice(0, 16)}/${name}-${sha}.zst`)].map((path) => [
        path,
        { type: "file", size: 1 },
      ]),
    ),
  );

/** What pgbackrest prints, by a part of its arguments. */
const pgbackrest = (...printed: [argument: string, json: string][]) =>
  machine.program(
    "pgbackrest",
    `case "$*" in ${printed.map(([argument, json]) => `*"${argument}"*) cat <<'END'\n${json}\nEND\n;;`).join(" ")} esac`,
  );

describe("variables from JSON", () => {
  it("get any text of it", () => {
    const object = {
      text: "a\n\tb  'c' \"d\" \\e $f `g` *\n",
      number: 0.95,
      no: false,
      none: null,
      empty: "",
      list: ["x y", "", "*\n"],
    };
    const code = `. json.sh; fields "$1" text number no none empty absent; texts list '.list[]' <<<"$1"
      printf '<%s>' "$text" "$number" "$no" "$none" "$empty" "$absent" "\${list[@]}"`;
    expect(machine.bash(code, JSON.stringify(object)).stdout).toBe(`<${object.text}><0.95><false><><><><x y><><*\n>`);
  });
});

describe("missing WAL", () => {
  const info = JSON.stringify([
    {
      backup: [
        { label: "a", timestamp: { stop: 2 }, archive: { start: "000000020000000000000008" } },
        { label: "b", timestamp: { stop: 1 }, archive: { start: "000000020000000100000008" } },
      ],
    },
  ]);
  const missing = (archived: string, ...segments: string[]) => {
    machine.answer(archived === "" ? [] : [["last_archived_wal", `${archived}\n`]]);
    pgbackrest([" info", info], ["repo-ls", listing(...segments)]);
    const { code, stdout } = machine.bash(". common.sh; missing_wal 1");
    expect(code).toBe(0);
    return stdout
      .split("\n")
      .filter(Boolean)
      .map((line) => JSON.parse(line));
  };

  it("are the gaps of each timeline, open if they are after the start of the newest backup", () => {
    expect(
      missing(
        "000000020000000200000000",
        "000000010000000000000001",
        "000000010000000000000004",
        "000000020000000000000007",
        "0000000200000000000000FF",
        "000000020000000100000000",
        "000000020000000100000002",
      ),
    ).toEqual([
      { repository: 1, before_segment: "000000010000000000000004", segments: 2, open: false },
      { repository: 1, before_segment: "0000000200000000000000FF", segments: 247, open: true },
      { repository: 1, before_segment: "000000020000000100000002", segments: 1, open: true },
    ]);
  });

  it("are none after the last archived segment, since segments are archived concurrently", () => {
    const segments = ["000000020000000000000001", "000000020000000000000003"];
    expect(missing("000000020000000000000002", ...segments)).toEqual([]);
    expect(missing("000000020000000000000003", ...segments)).toHaveLength(1);
    expect(missing("", ...segments)).toEqual([]);
    machine.program("psql", "exit 2"); // the server is down
    expect(machine.bash(". common.sh; missing_wal 1").stdout).toMatch(/"open":false/);
  });
});

describe("verify.sh", () => {
  const info = JSON.stringify([
    { backup: [{ label: "20261125-011000F", timestamp: { stop: 1 }, archive: { start: "000000010000000000000002" } }] },
  ]);
  const verify = (segments: string[], manifest = '{"backup.manifest":{"type":"file"}}') => {
    machine.answer([["last_archived_wal", "000000010000000000000009\n"]]);
    pgbackrest(
      [" verify", "stanza: shop\nstatus: ok"],
      [" info", info],
      ["archive/shop", listing(...segments)],
      ["repo-ls", manifest],
    );
    return machine.run("verify.sh", "1");
  };

  it("passes a repository without gaps", () => {
    expect(verify(["000000010000000000000001", "000000010000000000000002"])).toMatchObject({ code: 0, stderr: "" });
  });

  it("reports each gap, and fails if it is open", () => {
    const closed = verify(["000000010000000000000000", "000000010000000000000002"]);
    expect(closed).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^WAL: 1 segments missing before 000000010000000000000002$/m),
    });
    expect(verify(["000000010000000000000002", "000000010000000000000005"]).code).toBe(1);
  });

  it("fails on a missing backup, and on the error of pgBackRest", () => {
    expect(verify([], '{".":{"type":"path"}}')).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/^backup 20261125-011000F: missing in the repository$/m),
    });
    pgbackrest([" verify", "status: error"], [" info", "[]"], ["repo-ls", "{}"]);
    expect(machine.run("verify.sh", "1").code).toBe(1);
  });
});

describe("restore.sh", () => {
  const handling: Handling = {
    run: [{ database: "a\nb", sql: "UPDATE t SET a = 'x'\n;" }],
    checks: [{ database: "shop", query: "SELECT true AS holds", role: "app" }],
    cronOff: true,
  };
  const restore = (check: string, printed: string, code = 0) => {
    for (const [name, content] of Object.entries(filesOf(handling))) machine.write(`restore/${name}`, content);
    machine.program("pgbackrest", `echo '${printed}'; exit ${code}`);
    for (const name of ["pg_isready", "pg_controldata"]) machine.program(name, "echo TimeLineID");
    machine.write(
      "bin/postgres",
      `#!${process.execPath}\nprocess.on("SIGINT", () => process.exit(0)); setInterval(() => 0, 1000);\n`,
      0o755,
    );
    machine.program(
      "psql",
      `echo "$*" >>"${machine.path("sql")}"
       while IFS= read -r line; do
         printf '%s\\n' "$line" >>"${machine.path("sql")}"
         case "$line" in
           *pg_last_xact_replay_timestamp*) echo "2026-11-25 04:20:01+00" ;;
           *pg_get_userbyid*) printf 'owner\\0' ;;
           *datallowconn*) printf 'shop\\0' ;;
           *cron.job*) echo cron.job ;;
           *"AS holds"*) echo ${check} ;;
         esac
       done`,
    );
    return machine.run("restore.sh", "shop", "--type=default");
  };
  const LOG = "P00   INFO: repo1: restore backup set 20261125-011000F, recovery will start at 2026-11-25 01:10:00";

  it("runs the SQL and the checks, and prints the outcome", () => {
    const { code, stdout } = restore("t", LOG);
    expect(code).toBe(0);
    expect(parseOutcome(stdout)).toEqual({ backup: "20261125-011000F", recoveredTo: "2026-11-25 04:20:01+00" });
    const sql = machine.read("sql");
    expect(sql).toContain("UPDATE t SET a = 'x'\n;\n");
    expect(sql).toContain("dbname='a\nb'");
    expect(sql).toMatch(/role=owner[^]*UPDATE t[^]*role=app[^]*AS holds/);
    expect(sql).toContain("UPDATE cron.job SET active = false");
  });

  it("prints the outcome of a failed one too", () => {
    const failed = restore("f", LOG);
    expect(failed).toMatchObject({
      code: 65,
      stderr: expect.stringContaining("check failed: SELECT true AS holds is f"),
    });
    expect(parseOutcome(failed.stdout).backup).toBe("20261125-011000F");
    const none = restore("t", "P00  ERROR: [075]: no backup set found", 75);
    expect(none.code).toBe(75);
    expect(none.stdout).toMatch(/no backup set found\n$/);
    expect(parseOutcome(none.stdout)).toEqual({});
  });
});

describe("dump.sh", () => {
  const dump = async (databases: Record<string, { schemas: string[] }>) => {
    await machine.remove();
    machine = new ScriptMachine({ ...AGENT, dumps: { keep: 2, databases } });
    machine.program("psql", `case "$(cat)" in *"SELECT datname"*) printf 'postgres\\0shop\\0' ;; esac`);
    machine.program("pg_dumpall", "exit 0");
    machine.program("pg_dump", 'for each in "$@"; do case "$each" in --file=*) : >"${each#--file=}" ;; esac; done');
    machine.program("pg_restore", "exit 0");
    for (const old of ["20260101T000000Z", "20260102T000000Z"]) machine.write(`dumps/${old}/x.dump`, "");
    expect(machine.run("dump.sh")).toMatchObject({ code: 0, stderr: "" });
    expect(machine.bash(`ls ${machine.path("dumps")}`).stdout).toMatch(/^20260102T000000Z\n\d{8}T\d{6}Z\n$/);
    return machine.bash(`ls --escape ${machine.path("dumps")}/2*/`).stdout;
  };

  it("dumps the declared databases and schemas, of any name", async () => {
    expect(await dump({ 'odd "name"': { schemas: ["Data one", 'b"c'] }, shop: { schemas: [] } })).toContain(
      'odd\\ "name".dump\nshop.dump',
    );
    const calls = machine.read("calls");
    expect(calls).toContain('--schema="Data one" --schema="b""c" --file=');
    expect(calls).toMatch(/--lock-wait-timeout=60000 --file=\S+\/shop.dump/);
    expect(calls).not.toMatch(/postgres.dump/);
  });

  it("dumps all databases if none is declared", async () => {
    expect(await dump({})).toContain("postgres.dump\nshop.dump");
  });
});

describe("agent.sh", () => {
  it("converts the ledgers of earlier versions, and starts a job by its schedule", async () => {
    machine.write("home/runs.tsv", "a\tb\tfull\t1\t0\t\\N\n");
    machine.program("snooze", "exec sleep 60");
    machine.start("agent.sh");
    await expect
      .poll(() => machine.read("calls"), { timeout: 20_000 })
      .toMatch(/^snooze -t \S+full.stamp -T 1 -s 43200 -M10 -H1 -d\* -m\* -w0 true$/m);
    expect(machine.read("home/runs.jsonl")).toContain('"job":"full"');
  });
});
