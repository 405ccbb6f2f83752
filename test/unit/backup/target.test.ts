import { describe, expect, it } from "vitest";
import { isWhole, parseInfo, type BackupInfo, type StanzaInfo } from "../../../backup/info";
import { chooseBackups, momentOf, restoreArguments, walAfter } from "../../../backup/target";

const backup = (
  label: string,
  stop: string,
  lsn: string,
  start: string,
  more: Partial<BackupInfo> = {},
): BackupInfo => ({
  label,
  type: "full",
  error: false,
  database: { id: 1, "repo-key": 1 },
  archive: { start, stop: start },
  lsn: { start: lsn, stop: lsn },
  timestamp: { start: Date.parse(stop) / 1000 - 5, stop: Date.parse(stop) / 1000 },
  info: { size: 1, repository: { delta: 1 } },
  ...more,
});

const info: StanzaInfo = {
  name: "shop",
  status: { code: 0, message: "ok" },
  db: [],
  archive: [{ database: { id: 1, "repo-key": 1 }, min: "000000010000000000000001", max: "000000020000000100000002" }],
  backup: [
    backup("20260101-010000F", "2026-01-01T01:00:05Z", "0/3000000", "000000010000000000000003"),
    backup("20260102-010000F", "2026-01-02T01:00:05Z", "0/FF000000", "0000000100000000000000FF"),
    backup("20260103-010000F", "2026-01-03T01:00:05Z", "1/5000000", "000000020000000100000001", { error: true }),
  ],
};

describe("a restore begins with", () => {
  const labels = (target: object) => chooseBackups(info, "shop", target).map(({ label }) => label);

  it("the newest backup that ended before the target", () => {
    expect(labels({})).toEqual(["20260102-010000F", "20260101-010000F"]);
    expect(labels({ time: "2026-01-02 02:00:00+00" })[0]).toBe("20260102-010000F");
    expect(labels({ time: "2026-01-02 02:00:00+02" })).toEqual(["20260101-010000F"]);
    // Not the backup that ends in this very moment: it is consistent only once it has ended.
    expect(labels({ time: "2026-01-02 01:00:05+00" })).toEqual(["20260101-010000F"]);
    expect(labels({ time: "2026-01-02 01:00:05.000001+00" })[0]).toBe("20260101-010000F");
    expect(labels({ lsn: "1/0" })[0]).toBe("20260102-010000F");
    expect(labels({ lsn: "0/FEFFFFFF" })).toEqual(["20260101-010000F"]);
    expect(labels({ backup: "20260101-010000F" })).toEqual(["20260101-010000F"]);
  });

  it("nothing, and says what there is", () => {
    expect(() => labels({ time: "2026-01-01 01:00:00Z" })).toThrow(
      "no backup of shop ended before 2026-01-01 01:00:00Z: the oldest, 20260101-010000F, ended at 2026-01-01T01:00:05.000Z (0/3000000)",
    );
    expect(() => labels({ backup: "20250101-010000F" })).toThrow("there are 20260102-010000F, 20260101-010000F");
    // One with pages that are damaged does not count.
    expect(() => labels({ backup: "20260103-010000F" })).toThrow("has no backup 20260103-010000F");
    expect(() => chooseBackups(undefined, "shop", {})).toThrow("the repository has no backup of shop");
  });

  it("so much WAL at most", () => {
    const [newest, oldest] = chooseBackups(info, "shop", {}) as [BackupInfo, BackupInfo];
    // 0xFF to 0x102, both included, over the end of a log of 256 segments.
    expect(walAfter(info, newest)).toBe(4 * 16 * 2 ** 20);
    expect(walAfter(info, oldest)).toBe(0x100 * 16 * 2 ** 20);
    expect(walAfter({ ...info, archive: [] }, oldest)).toBe(0);
  });
});

describe("pgBackRest is reported", () => {
  it("a time in UTC, whatever its offset, with all of its digits", () => {
    expect(restoreArguments({ time: "2026-03-29 02:30:00.123456+02" })).toEqual([
      "--type=time",
      "--target=2026-03-29 00:30:00.123456+00",
      "--target-action=promote",
    ]);
    expect(momentOf("2026-03-29T00:30:00Z").getTime()).toBe(momentOf("2026-03-28 19:15:00-0515").getTime());
  });

  it("what else there is", () => {
    expect(restoreArguments({})).toEqual(["--type=default"]);
    expect(restoreArguments({ backup: "20260101-010000F" })).toEqual([
      "--set=20260101-010000F",
      "--type=immediate",
      "--target-action=promote",
    ]);
    expect(restoreArguments({ name: "a b", timeline: 2, backup: "20260101-010000F" })).toEqual([
      "--set=20260101-010000F",
      "--target-timeline=2",
      "--type=name",
      "--target=a b",
      "--target-action=promote",
    ]);
    expect(restoreArguments({ lsn: "0/1" })).toContain("--target=0/1");
  });
});

describe("what pgBackRest answers", () => {
  it("keeps system identifiers exact", () => {
    const text = '[{"name":"shop","db":[{"id":1,"system-id":7445678901234567891,"version":"17"}],"backup":[]}]';
    expect(parseInfo(text, "shop")?.db[0]?.["system-id"]).toBe("7445678901234567891");
    expect(parseInfo(text, "other")).toBeUndefined();
  });
});

describe("a backup is whole", () => {
  const since = (min: string | null, id = 1): StanzaInfo => ({
    ...info,
    archive: [{ database: { id, "repo-key": 1 }, min, max: "000000020000000100000002" }],
  });

  it("while it is there, with the WAL since its begin", () => {
    expect(isWhole(info, "20260102-010000F")).toBe(true);
    expect(isWhole(since("0000000100000000000000FF"), "20260102-010000F")).toBe(true);
    expect(isWhole(since("000000010000000100000000"), "20260102-010000F")).toBe(false);
    expect(isWhole(since("000000010000000000000001", 2), "20260102-010000F")).toBe(false);
    expect(isWhole(since(null), "20260102-010000F")).toBe(false);
    expect(isWhole(info, "20260104-010000F")).toBe(false);
    expect(isWhole(undefined, "20260102-010000F")).toBe(false);
  });
});
