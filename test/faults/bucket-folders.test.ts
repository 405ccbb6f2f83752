import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ObjectStore } from "../integration/backup/object-store";
import { InProcessStack } from "../integration/in-process-stack";
import { docker } from "../integration/stack";

describe("a repository in a bucket", () => {
  let store: ObjectStore;
  let stack: InProcessStack;
  const newest = () => {
    const info = ["pgbackrest", "--config=/etc/pgwright/pgbackrest.conf", "--output=json", "info"];
    return JSON.parse(docker("exec", `${stack.container}-agent`, ...info))[0].backup.at(-1);
  };

  beforeAll(async () => {
    store = await ObjectStore.start();
    stack = await InProcessStack.create({ backup: { repositories: [{}, store.repository()] } });
    await store.giveKeys(stack, "backupS3");
    await stack.up();
  }, 900_000);
  afterAll(async () => {
    await stack?.dispose();
    await store?.dispose();
  });

  it("begins anew in another folder at once", async () => {
    stack.configure((config) => {
      config.backup!.repositories = [{}, store.repository({ folder: "moved" })];
    });
    const preview = await stack.preview();
    expect(preview.changes.map(({ kind }) => kind).sort()).toEqual(["BackupConfiguration", "Backups"]);
    expect(preview.messages.join("\n")).toMatch(/creates the stanza and a full backup in the new repository/);
    await stack.up();
    expect(store.list(`moved/backup/${stack.container}`)).toContain("backup.info");
    expect(newest()).toMatchObject({ type: "full", database: { "repo-key": 2 } });
    // Back again: what was archived meanwhile is missing there.
    stack.configure((config) => {
      config.backup!.repositories = [{}, store.repository()];
    });
    await stack.up();
    expect(newest()).toMatchObject({ type: "full", database: { "repo-key": 2 } });
  });
});
