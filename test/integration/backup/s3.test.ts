import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually } from "../eventually";
import { docker } from "../stack";
import { ObjectStore } from "./object-store";
import { InProcessStack } from "../in-process-stack";

const PASSPHRASE = "correct horse battery staple 17";

describe("a repository in a bucket", () => {
  let store: ObjectStore;
  let stack: InProcessStack;
  let copy: InProcessStack;
  const container = (part: string) => `${stack.container}-${part}`;
  const agent = (...command: string[]) => docker("exec", container("agent"), ...command);
  const info = () =>
    JSON.parse(agent("pgbackrest", "--config=/etc/pgwright/pgbackrest.conf", "--output=json", "info"))[0];
  const network = (name: string) =>
    docker("inspect", "--format", "{{range $name, $_ := .NetworkSettings.Networks}}{{$name}} {{end}}", name).trim();

  beforeAll(async () => {
    store = await ObjectStore.start();
    stack = await InProcessStack.create({
      roles: { owner: {} },
      databases: { app: { owner: "owner" } },
      backup: { encrypted: true },
    });
    await stack.secret("backupPassphrase", PASSPHRASE);
    await stack.up();
    stack.sql("app", "SET ROLE owner; CREATE TABLE t AS SELECT generate_series(1, 1000) AS n");
  }, 900_000);
  afterAll(async () => {
    await copy?.dispose();
    await stack?.dispose();
    await store?.dispose();
  });

  it("is refused while its keys are missing, and the error says how to set them", async () => {
    stack.configure((config) => {
      config.backup = { encrypted: true, repositories: [{}, store.repository()] };
    });
    const { code, text } = await stack.preview();
    expect(code).not.toBe(0);
    expect(text).toContain(
      `pgwright:backupS3.${store.bucket}.key: is missing; set it with: pulumi config set --secret --path 'pgwright:backupS3.${store.bucket}.key'`,
    );
    expect(text).toContain(`pgwright:backupS3.${store.bucket}.secret: is missing`);
  });

  it("is refused where it cannot be read, with what to do, before anything changes", async () => {
    const refusal = async (change: Parameters<ObjectStore["repository"]>[0] = {}) => {
      stack.configure((config) => {
        config.backup!.repositories = [{}, store.repository(change)];
      });
      const { code, messages } = await stack.preview();
      expect(code).not.toBe(0);
      return messages.join("\n");
    };
    const named = (problem: string) =>
      new RegExp(`repository 2, bucket ${store.bucket} at ${store.endpoint}: ${problem}`);
    await store.giveKeys(stack, "backupS3", { secret: "another" });
    expect(await refusal()).toMatch(
      named(
        "the secret does not belong to the access key; set both again \\(pulumi config set --secret --path .*SignatureDoesNotMatch",
      ),
    );
    await store.giveKeys(stack, "backupS3", { key: "NOBODY" });
    expect(await refusal()).toMatch(named("the object store does not know the access key; set both again"));
    await store.giveKeys(stack, "backupS3");
    expect(await refusal({ bucket: "nowhere" })).toMatch(/pgwright:backupS3.nowhere.key: is missing/);
    expect(await refusal({ certificate: undefined })).toMatch(
      named("the endpoint's certificate is not trusted; name a file with the certificate of its CA in s3.certificate"),
    );
    expect(await refusal({ region: "eu-central-1" })).toMatch(named("the bucket is in another region"));
    expect(await refusal({ pathStyle: false })).toMatch(
      named("the endpoint's host name is unknown; correct s3.endpoint, or write"),
    );
    expect(store.list("")).toEqual([]);
  });

  it("gets WAL and backups beside a volume, without a restart of the server", async () => {
    stack.configure((config) => {
      config.backup!.repositories = [{}, store.repository()];
    });
    const [id, started] = [stack.containerId(), stack.startTime()];
    expect(network(container("agent"))).toBe("none");
    await stack.up();
    expect([stack.containerId(), stack.startTime()]).toEqual([id, started]);
    expect(network(container("agent"))).toBe(stack.container);
    const { backup, status } = info();
    expect(status.code).toBe(0);
    const made = backup.map((each: { type: string; database: { "repo-key": number } }) => [
      each.database["repo-key"],
      each.type,
    ]);
    expect(made).toEqual([
      [1, "full"],
      [2, "full"],
    ]);
    const segment = stack.sql("postgres", "SELECT pg_walfile_name(pg_switch_wal() - 1)");
    const archived = () =>
      store.list(`shop/postgres/archive/${stack.container}`).some((name) => name.includes(segment));
    await eventually("the segment is in the bucket", archived, { seconds: 60, every: 500 });
    expect(agent("find", "/var/lib/pgbackrest/1/archive", "-name", `${segment}*`)).not.toBe("");
    const objects = store.read(`shop/postgres/backup/${stack.container}/backup.info`);
    expect(objects.subarray(0, 8).toString()).toBe("Salted__");
    const { code, text } = await stack.unchanged();
    expect(code, text).toBe(0);
  });

  it("is reported with its size, and without a free space", async () => {
    agent("report.sh");
    const { code, text } = await stack.cli("status");
    expect(text).toMatch(/backup, repository 2 +\d{8}-\d{6}F, ended/);
    expect(text).toMatch(/repository 1 +\d+ \S+, \d+ \S+ free on its disk, up to WAL \w+/);
    expect(text).toMatch(/repository 2 +\d+ \S+, up to WAL \w+/);
    expect(code).toBe(0);
    expect(
      stack.sql("postgres", "SELECT bytes > 1e6, free_bytes FROM pgwright.backup_health WHERE repository = 2"),
    ).toBe("t|");
    expect(agent("verify.sh", "2")).toMatch(/status: ok/);
  });

  it("keeps its keys out of sight, while it is written to as well", async () => {
    const containers = [stack.container, container("agent")];
    const processes = `pgbackrest --config=/etc/pgwright/pgbackrest.conf --stanza=${stack.container} --repo=2 --type=full backup &
      while kill -0 $! 2>/dev/null; do cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null; done; wait $!`;
    const seen = [
      JSON.stringify(await stack.state()),
      agent("bash", "-c", processes),
      ...containers.flatMap((name) => [docker("inspect", name), docker("logs", name)]),
      agent("cat", "/var/lib/pgwright/info.json"),
    ];
    expect(seen[1]).toContain("backup:local");
    for (const text of seen)
      for (const secret of [PASSPHRASE, store.secret, store.key]) expect(text).not.toContain(secret);
    expect(agent("ls", "-l", "/etc/pgwright/pgbackrest.conf")).toMatch(/^-rw-r----- 1 root postgres/);
  });

  it("gets other keys without a restart", async () => {
    await store.stop();
    Object.assign(store, { key: "KEYOFANOTHER", secret: "a+secret/with=signs" });
    await store.run();
    await store.giveKeys(stack, "backupS3");
    const preview = await stack.preview();
    expect(preview.changes.map(({ kind }) => kind)).toEqual(["BackupConfiguration"]);
    expect(preview.text).not.toContain(store.secret);
    const id = stack.containerId();
    await stack.up();
    expect(stack.containerId()).toBe(id);
    agent("backup.sh", "incremental");
    expect(info().backup.at(-1)).toMatchObject({ type: "incr", database: { "repo-key": 2 } });
  });

  it("proves itself alone in a drill whose copy reaches nobody", async () => {
    // A subscriber would go on in the copy, and take from the publisher what is meant for its source.
    stack.sql(
      "app",
      "CREATE SUBSCRIPTION s CONNECTION 'host=nobody.invalid' PUBLICATION p WITH (connect = false, slot_name = s)",
    );
    stack.sql("app", "ALTER SUBSCRIPTION s ENABLE");
    const alone = `SELECT bool_and(backend_type !~ 'logical|cron') AND current_setting('listen_addresses') = '' FROM pg_stat_activity`;
    stack.configure((config) => {
      config.backup!.repositories = [store.repository()];
      config.backup!.drill = {
        checks: [
          { database: "app", query: "SELECT count(*) = 1000 FROM t" },
          { database: "app", query: "SELECT subenabled FROM pg_subscription" },
          { database: "app", query: alone, role: "postgres" },
        ],
      };
    });
    expect(stack.sql("postgres", "SELECT count(*) > 0 FROM pg_stat_activity WHERE backend_type ~ 'logical'")).toBe("t");
    const text = await stack.up();
    expect(text).toMatch(/drill-\d{8}T\d{6}Z has passed: from \d{8}-\d{6}F(_\d{8}-\d{6}I)?, recovered to .*, in \d+ s/);
    expect(docker("inspect", "--format", "{{.Mounts}}", container("drill"))).not.toContain("pgbackrest");
    expect(network(container("drill"))).toBe(stack.container);
    stack.sql("app", "ALTER SUBSCRIPTION s DISABLE; ALTER SUBSCRIPTION s SET (slot_name = NONE)");
    stack.sql("app", "DROP SUBSCRIPTION s");
    const unchanged = await stack.unchanged();
    expect(unchanged.code, unchanged.text).toBe(0);
  });

  it("gives its rows to another stack", async () => {
    copy = await InProcessStack.create({
      restoreFrom: { server: stack.container, repository: { ...store.repository(), encrypted: true } },
    });
    await copy.secret("restorePassphrase", PASSPHRASE);
    const refused = await copy.preview();
    expect(refused.text).toMatch(/pgwright:restoreS3.backups-of-tests.key: is missing/);
    await store.giveKeys(copy, "restoreS3", { secret: "another" });
    expect((await copy.preview()).messages.join("\n")).toMatch(
      /repository 1, bucket \S+ at \S+: the secret does not belong to the access key/,
    );
    await store.giveKeys(copy, "restoreS3");
    expect((await copy.preview()).messages.join("\n")).toMatch(
      /RESTORE of \S+ from \d{8}-\d{6}F.*up to the end of the archived WAL/,
    );
    await copy.up();
    expect(copy.sql("app", "SELECT count(*) FROM t")).toBe("1000");
    const { code, text } = await copy.unchanged();
    expect(code, text).toBe(0);
  });

  it("outlives its stack, and nothing else does", async () => {
    expect((await stack.destroy()).code).toBe(0);
    expect(stack.remains()).toEqual([]);
    expect(store.list(`shop/postgres/backup/${stack.container}`)).toContain("backup.info");
    const anew = await stack.preview();
    expect(anew.code).not.toBe(0);
    expect(anew.messages.join("\n")).toMatch(/the repository holds backups of a server named \S+, the newest of/);
    stack.configure((config) => {
      config.restoreFrom = {};
    });
    const preview = await stack.preview();
    expect(preview.messages.join("\n")).toMatch(/RESTORE of \S+ from \d{8}-\d{6}F/);
    expect(stack.remains()).toEqual([]);
  });
});
