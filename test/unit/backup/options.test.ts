import { describe, expect, it } from "vitest";
import { archiveCommand } from "../../../backup/archive-settings";
import {
  backupOptions,
  hasBuckets,
  keyOptions,
  onlyRepositories,
  parsePgbackrestConf,
  passphraseOptions,
  renderPgbackrestConf,
  repositoryNumbers,
} from "../../../backup/options";
import { backupSchema } from "../../../config/backup";

const options = (input: object) => backupOptions(backupSchema.parse(input));

describe("pgbackrest.conf", () => {
  it.each(["passphrase that is long\nrepo1-retention-full=1", "a\rb", "a\0b"])(
    "refuses a value of two lines: %j",
    (text) => {
      expect(() => renderPgbackrestConf("shop", { "repo1-cipher-pass": text })).toThrow(
        /^repo1-cipher-pass of pgbackrest.conf: has a line break or a NUL character/,
      );
      expect(() => renderPgbackrestConf(text, {})).toThrow(/^stanza of pgbackrest.conf/);
    },
  );

  it("has what a stack file says of retention, by repository", () => {
    const found = options({
      repositories: [
        { retention: { days: 14, wal: 2 } },
        { path: "/mnt/b", retention: { full: 4, differential: 7 } },
        {},
      ],
    });
    expect(found).toMatchObject({
      "repo1-path": "/var/lib/pgbackrest/1",
      "repo1-retention-full": "14",
      "repo1-retention-full-type": "time",
      "repo1-retention-archive": "2",
      "repo1-retention-archive-type": "full",
      "repo2-retention-full": "4",
      "repo2-retention-full-type": "count",
      "repo2-retention-diff": "7",
      "repo3-retention-full": "2",
    });
    expect(found).not.toHaveProperty("repo2-retention-archive");
    expect(found).not.toHaveProperty("repo1-cipher-type");
  });

  it("is encrypted where it is reported to be, and never without the passphrase of each repository", () => {
    expect(options({ encrypted: true, repositories: [{}, {}] })).toMatchObject({
      "repo1-cipher-type": "aes-256-cbc",
      "repo2-cipher-type": "aes-256-cbc",
    });
    expect(passphraseOptions(2, "x")).toEqual({ "repo1-cipher-pass": "x", "repo2-cipher-pass": "x" });
  });

  it("leads to buckets where they are", () => {
    const s3 = { bucket: "shop", endpoint: "minio:9000", folder: "a/b", pathStyle: true, certificate: "ca.crt" };
    const found = options({
      repositories: [{}, { s3 }, { s3: { bucket: "shop", region: "eu-central-1" } }],
      encrypted: true,
    });
    expect(found).toMatchObject({
      "repo1-path": "/var/lib/pgbackrest/1",
      "repo2-type": "s3",
      "repo2-path": "/a/b",
      "repo2-s3-bucket": "shop",
      "repo2-s3-endpoint": "minio:9000",
      "repo2-s3-region": "us-east-1",
      "repo2-s3-uri-style": "path",
      "repo2-storage-ca-file": "/etc/pgwright/repository-2.crt",
      "repo2-cipher-type": "aes-256-cbc",
      "repo3-path": "/",
      "repo3-s3-endpoint": "s3.eu-central-1.amazonaws.com",
      "repo3-s3-uri-style": "host",
    });
    expect(found).not.toHaveProperty("repo1-type");
    expect(found).not.toHaveProperty("repo3-storage-ca-file");
    expect([found, options({})].map(hasBuckets)).toEqual([true, false]);
    expect(repositoryNumbers(found)).toEqual([1, 2, 3]);
    expect(repositoryNumbers(onlyRepositories(found, (number) => number !== 2))).toEqual([1, 3]);
  });

  it("has the keys of each bucket", () => {
    const { repositories } = backupSchema.parse({
      repositories: [{}, { s3: { bucket: "shop" } }, { s3: { bucket: "vault" } }],
    });
    const keys = { shop: { key: "A", secret: "a" }, vault: { key: "B", secret: "b" } };
    expect(keyOptions(repositories, keys)).toEqual({
      "repo2-s3-key": "A",
      "repo2-s3-key-secret": "a",
      "repo3-s3-key": "B",
      "repo3-s3-key-secret": "b",
    });
  });

  it("changes nothing of an archive without buckets; with one, the others do not wait long for it", () => {
    const command = (input: object) => archiveCommand("shop", backupSchema.parse(input)).value;
    expect(command({})).toBe("pgbackrest --config=/etc/pgwright/pgbackrest.conf --stanza=shop archive-push %p");
    expect(command({ repositories: [{}, { s3: { bucket: "abc" } }] })).toMatch(
      /--stanza=shop --io-timeout=5 archive-push/,
    );
  });

  it("is read back as it was written", () => {
    const all = { ...options({}), ...passphraseOptions(1, "with = and [brackets] # and spaces") };
    expect(parsePgbackrestConf(renderPgbackrestConf("shop", all))).toEqual({ stanza: "shop", options: all });
    expect(parsePgbackrestConf("")).toEqual({ stanza: "", options: {} });
  });
});
