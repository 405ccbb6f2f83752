import { describe, expect, it } from "vitest";
import { parsePassphrases, parseStack } from "../../../config/parse";
import { StackError } from "../../../config/problem";
import { parseS3Keys } from "../../../config/s3-keys";

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
    [{ repositories: [{ volume: "a", path: "/b" }] }, /repositories\[0\]: .*write at most one of volume, path and s3/],
    [
      { repositories: [{ volume: "a", s3: { bucket: "abc" } }] },
      /repositories\[0\]: .*write at most one of volume, path and s3/,
    ],
    [{ repositories: [{ s3: {} }] }, /repositories\[0\].s3.bucket: is missing; write the name of a bucket/],
    [{ repositories: [{ s3: { bucket: "Shop" } }] }, /s3.bucket: "Shop" is not allowed; .*3 to 63 lower-case letters/],
    [
      { repositories: [{ s3: { bucket: "abc", endpoint: "https://minio:9000" } }] },
      /s3.endpoint: "https:\/\/minio:9000" is not allowed; .* and without https:\/\//,
    ],
    [
      { repositories: [{ s3: { bucket: "abc", folder: "/a/" } }] },
      /s3.folder: "\/a\/".*separated by \/, without a leading/,
    ],
    [{ repositories: [{ s3: { bucket: "abc", folder: "a/../b" } }] }, /s3.folder: "a\/..\/b"/],
    [
      { repositories: [{ s3: { bucket: "abc", pathstyle: true } }] },
      /s3.pathstyle: unknown key; did you mean pathStyle/,
    ],
    [
      { repositories: [{ s3: { bucket: "abc" } }, {}, { s3: { bucket: "abc" } }] },
      /^backup.repositories\[2\]: has the same location as \[0\], s3:\/\/s3.us-east-1.amazonaws.com\/abc\/; choose another location$/,
    ],
    [
      { repositories: [{ path: "/mnt/b" }, { path: "/mnt/b" }] },
      /repositories\[1\]: has the same location as \[0\], \/mnt\/b/,
    ],
    [{ repositories: [{ path: "relative" }] }, /repositories\[0\].path: "relative".*an absolute path/],
    [{ repositories: [{ retention: { full: 2, days: 7 } }] }, /retention: .*write either full or days/],
    [{ full: "61 * * * *" }, /^backup.full: "61 \* \* \* \*": .*minute is 0 to 59/],
    [
      { drill: { schedule: "@reboot" } },
      /^backup.drill.schedule: "@reboot": a schedule of the backup agent has five fields/,
    ],
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
    const server = { settings: { Archive_Command: "cp %p /x" } };
    expect(of({ backup: {}, server })).toEqual([
      "server.settings.Archive_Command: backup sets the archive command; remove this setting",
    ]);
    expect(() => parseStack({ server })).not.toThrow();
  });
});

describe("restoreFrom", () => {
  it("is taken with one target, from one place", () => {
    expect(of({ backup: {}, restoreFrom: {} })).toEqual([]);
    expect(of({ restoreFrom: { running: "pgwright-prod" } })).toEqual([]);
    expect(of({ restoreFrom: { repository: { s3: { bucket: "vault" }, encrypted: true } } })).toEqual([]);
    expect(
      of({ restoreFrom: { server: "prod", repository: { volume: "vault" }, time: "2026-01-01 00:00:00+00" } }),
    ).toEqual([]);
  });

  it.each([
    [{}, /the stack file declares no backup; name the repository/],
    [{ repository: {} }, /write one of volume, path and s3/],
    [{ repository: { path: "/b", s3: { bucket: "abc" } } }, /write one of volume, path and s3/],
    [{ repository: { volume: "vault" }, time: "2026-01-01 00:00:00" }, /a time with its offset/],
    [{ repository: { volume: "vault" }, time: "2026-13-01 00:00:00Z" }, /there is no such time/],
    [{ repository: { volume: "vault" }, name: "a", lsn: "0/1" }, /write at most one of time, name and lsn/],
    [{ repository: { volume: "vault" }, lsn: "1" }, /an LSN such as/],
    [{ repository: { volume: "vault" }, backup: "latest" }, /the label of a backup/],
    [
      { running: "x", time: "2026-01-01 00:00:00Z" },
      /running copies the current data of a server; remove server, repository,/,
    ],
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
    expect(given({ backupPassphrase: long }, { backup: {} }).join()).toMatch(/is not used/);
    for (const backupPassphrase of ["short secret", `${long}\nrepo1-retention-full=1`])
      expect(given({ backupPassphrase }, { backup: { encrypted: true } })).toEqual([
        "backupPassphrase: write a string of at least 20 characters in one line",
      ]);
    const restoreFrom = { repository: { volume: "vault", encrypted: true } };
    expect(given({}, { restoreFrom }).join()).toMatch(/^restorePassphrase: is missing/);
  });
});

describe("keys to buckets", () => {
  const given = (input: object, stack: object) => problems(() => parseS3Keys(input, parseStack(stack)));
  const backup = {
    repositories: [{}, { s3: { bucket: "shop" } }, { s3: { bucket: "shop.eu", region: "eu-central-1" } }],
  };
  const pair = { key: "AKIA", secret: "a+b/c=" };

  it("are there for each bucket, and for no other", () => {
    expect(given({}, { backup: {} })).toEqual([]);
    expect(given({ backupS3: { shop: pair, "shop.eu": pair } }, { backup })).toEqual([]);
    expect(given({ backupS3: { shop: { key: "AKIA" } } }, { backup })).toEqual([
      "backupS3.shop.secret: is missing; set it with: pulumi config set --secret --path 'pgwright:backupS3.shop.secret'",
      `backupS3["shop.eu"].key: is missing; set it with: pulumi config set --secret --path 'pgwright:backupS3["shop.eu"].key'`,
      `backupS3["shop.eu"].secret: is missing; set it with: pulumi config set --secret --path 'pgwright:backupS3["shop.eu"].secret'`,
    ]);
    expect(given({ backupS3: { shop: pair } }, { backup: {} })).toEqual([
      "backupS3.shop: is not used: no repository is in this bucket (buckets of repositories: none); remove it with: pulumi config rm --path 'pgwright:backupS3.shop'",
    ]);
    const restoreFrom = { repository: { s3: { bucket: "vault" } } };
    expect(given({ backupS3: {} }, { restoreFrom }).join()).toMatch(/^restoreS3.vault.key: is missing/);
    expect(given({ restoreS3: { vault: pair } }, { restoreFrom })).toEqual([]);
  });

  it.each([
    ["a text"],
    [{ shop: "AKIA:secret" }],
    [{ shop: { key: "AKIA", secret: "two words" }, "shop.eu": pair }],
    [{ shop: { ...pair, token: "secret" }, "shop.eu": pair }],
    [{ shop: { key: "AKIA", secret: 4711 }, "shop.eu": pair }],
  ])("are refused where they are not as they should be, and not shown: %j", (backupS3) => {
    const found = given({ backupS3 }, { backup }).join("\n");
    expect(found).toMatch(
      /^backupS3(.shop)?(.\w+)?: (is missing|write a map by bucket, each a map with key and secret)/,
    );
    expect(found).not.toMatch(/AKIA|two words|4711/);
  });
});
