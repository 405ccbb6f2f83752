import { describe, expect, it } from "vitest";
import { parsePassphrases, parseStack, StackError } from "../../../config/parse";

function problems(act: () => unknown): string[] {
  try {
    act();
    return [];
  } catch (error) {
    return (error as StackError).problems.map(({ key, text }) => `${key}: ${text}`);
  }
}

const of = (input: object) => problems(() => parseStack(input));

describe("backup in the stack file", () => {
  it("needs nothing more than to be there", () => {
    expect(of({ backup: {} })).toEqual([]);
    expect(parseStack({ backup: {} }).backup).toMatchObject({ repositories: [{}], archiveTimeout: "60s", keep: false });
  });

  it.each([
    [{ repositories: [] }, /^backup.repositories: /],
    [{ repositories: [{ volume: "a", path: "/b" }] }, /repositories\[0\]: .*write either volume or path/],
    [{ repositories: [{ path: "relative" }] }, /repositories\[0\].path: "relative".*an absolute path/],
    [{ repositories: [{ retention: { full: 2, days: 7 } }] }, /retention: .*write either full or days/],
    [{ full: "61 * * * *" }, /^backup.full: "61 \* \* \* \*": .*minute is 0 to 59/],
    [{ drill: { schedule: "@reboot" } }, /^backup.drill.schedule: "@reboot": a schedule here has five fields/],
    [{ drill: { maxAge: "7" } }, /maxAge: "7".*such as 36h or 7d/],
    [{ drill: { tables: { postgres: ["orders"] } } }, /drill.tables.postgres\[0\]: "orders": write schema.name/],
    [{ drill: { tables: { nowhere: ["a.b"] } } }, /^backup.drill.tables.nowhere: no such database/],
    [{ drill: { recall: { postgres: { idx: 0.9 } } } }, /drill.recall.postgres.idx: "idx": write schema.name/],
    [{ drill: { recall: { postgres: { "a.idx": 95 } } } }, /recall.postgres\["a.idx"\]: 95 is not allowed/],
    [{ archiveTimeout: "1d" }, /archiveTimeout: "1d".*such as 60s or 5min/],
    [{ dumps: { databases: { nowhere: {} } } }, /^backup.dumps.databases.nowhere: no such database/],
  ])("is refused where it cannot be: %j", (backup, why) => {
    expect(of({ backup }).join("\n")).toMatch(why);
  });

  it("leaves no room for settings that would cut the archive off", () => {
    expect(of({ backup: {}, server: { settings: { archive_mode: "off" } } }).join()).toMatch(/archive_mode/);
    expect(of({ backup: {}, server: { settings: { wal_level: "minimal", max_wal_senders: 0 } } }).join()).toMatch(
      /wal_level = minimal and archive_mode = on/,
    );
  });
});

describe("restoreFrom", () => {
  it("is taken with one target, from one place", () => {
    expect(of({ backup: {}, restoreFrom: {} })).toEqual([]);
    expect(of({ restoreFrom: { running: "pgwright-prod" } })).toEqual([]);
    expect(
      of({ restoreFrom: { server: "prod", repository: { volume: "vault" }, time: "2026-01-01 00:00:00+00" } }),
    ).toEqual([]);
  });

  it.each([
    [{}, /there is no backup in this stack file: name the repository/],
    [{ repository: {} }, /write either volume or path/],
    [{ repository: { volume: "vault" }, time: "2026-01-01 00:00:00" }, /a time with its offset/],
    [{ repository: { volume: "vault" }, time: "2026-13-01 00:00:00Z" }, /there is no such time/],
    [{ repository: { volume: "vault" }, name: "a", lsn: "0/1" }, /write one of time, name and lsn/],
    [{ repository: { volume: "vault" }, lsn: "1" }, /an LSN such as/],
    [{ repository: { volume: "vault" }, backup: "latest" }, /the label of a backup/],
    [{ running: "x", time: "2026-01-01 00:00:00Z" }, /running stands alone/],
  ])("is refused where it cannot be: %j", (restoreFrom, why) => {
    expect(of({ restoreFrom }).join("\n")).toMatch(why);
  });
});

describe("passphrases", () => {
  const long = "a text of more than twenty characters";
  const given = (input: object, stack: object) => problems(() => parsePassphrases(input as never, parseStack(stack)));

  it("are there exactly where something is encrypted, long enough, and never shown", () => {
    expect(given({}, { backup: {} })).toEqual([]);
    expect(given({ backupPassphrase: long }, { backup: { encrypted: true } })).toEqual([]);
    expect(given({}, { backup: { encrypted: true } }).join()).toMatch(/^backupPassphrase: is missing/);
    expect(given({ backupPassphrase: long }, { backup: {} }).join()).toMatch(/is for nothing/);
    expect(given({ backupPassphrase: "short secret" }, { backup: { encrypted: true } })).toEqual([
      "backupPassphrase: write a text of at least 20 characters",
    ]);
    const restoreFrom = { repository: { volume: "vault", encrypted: true } };
    expect(given({}, { restoreFrom }).join()).toMatch(/^restorePassphrase: is missing/);
  });
});
