import { describe, expect, it } from "vitest";
import { backupOptions, parsePgbackrestConf, passphraseOptions, renderPgbackrestConf } from "../../../backup/options";
import { backupSchema } from "../../../config/backup";

const options = (input: object) => backupOptions(backupSchema.parse(input));

describe("pgbackrest.conf", () => {
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

  it("is encrypted where it is told to be, and never without the passphrase of each repository", () => {
    expect(options({ encrypted: true, repositories: [{}, {}] })).toMatchObject({
      "repo1-cipher-type": "aes-256-cbc",
      "repo2-cipher-type": "aes-256-cbc",
    });
    expect(passphraseOptions(2, "x")).toEqual({ "repo1-cipher-pass": "x", "repo2-cipher-pass": "x" });
  });

  it("is read back as it was written", () => {
    const all = { ...options({}), ...passphraseOptions(1, "with = and [brackets] # and spaces") };
    expect(parsePgbackrestConf(renderPgbackrestConf("shop", all))).toEqual({ stanza: "shop", options: all });
    expect(parsePgbackrestConf("")).toEqual({ stanza: "", options: {} });
  });
});
