import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { EXTENSIONS } from "../../../adopt/extensions";
import { ownImage } from "../../../components/image";
import { docker, TestStack } from "../stack";
import { ForeignServer } from "./foreign-server";

describe("what cannot be adopted", () => {
  let server: ForeignServer;
  let stack: TestStack;
  const idle = `pgwright-t${process.pid}-idle`;
  beforeAll(async () => {
    server = await ForeignServer.start("refused");
    server.sql("postgres", "CREATE ROLE plain LOGIN PASSWORD 'plain word'; ALTER ROLE postgres PASSWORD 'super word'");
    docker("run", "--detach", "--init", "--name", idle, "--entrypoint", "sleep", ownImage(), "infinity");
    stack = await TestStack.create();
  });
  afterAll(async () => {
    await stack?.dispose();
    server?.stop();
    docker("rm", "--force", "--volumes", idle);
  });

  /** Adopts into a file that is not there yet. */
  const adopt = async (from: string, ...more: string[]) => {
    const file = join(stack.folder, "Pulumi.new.yaml");
    const [former, wanted] = [stack.env.PULUMI_OPTION_CONFIG_FILE, file];
    stack.env.PULUMI_OPTION_CONFIG_FILE = wanted;
    try {
      return { ...(await stack.cli("adopt", "--from", from, ...more)), file };
    } finally {
      stack.env.PULUMI_OPTION_CONFIG_FILE = former;
    }
  };
  const at = (user: string, password: string, port = server.port) =>
    `postgresql://${user}:${password}@127.0.0.1:${port}/postgres`;

  it.each<[string, () => string, RegExp]>([
    [
      "no container",
      () => "nobody-here",
      /container nobody-here: not found on the Docker engine; docker ps lists the containers/,
    ],
    [
      "no PostgreSQL in it",
      () => idle,
      /container \S+-idle: no PostgreSQL server answers: [^]*--from postgresql:\/\/USER@HOST:PORT/,
    ],
    [
      "a plain role",
      () => at("plain", "plain word"),
      /127\.0\.0\.1:\d+: role plain is not a superuser .*; connect as a superuser/,
    ],
    [
      "a wrong password",
      () => at("postgres", "wrong"),
      /database postgres of 127\.0\.0\.1:\d+: connection failed: password authentication failed/,
    ],
    [
      "nobody there",
      () => at("postgres", "super word", 1),
      /database postgres of 127\.0\.0\.1:1: connection failed: .*ECONNREFUSED/,
    ],
    [
      "no address",
      () => "postgresql://a b:c@[",
      /--from: not a valid address; write postgresql:\/\/USER@HOST:PORT\/DATABASE/,
    ],
  ])("%s", async (_, from, message) => {
    const { code, text, file } = await adopt(from());
    expect(code).not.toBe(0);
    expect(text).toMatch(message);
    expect(text).not.toMatch(/plain word|super word/);
    expect(existsSync(file)).toBe(false);
  });

  it("a stack file that is there, unless it is forced; then secrets stay", async () => {
    const before = "config:\n  pgwright:passwords: {app: {secure: AAAA}}\nencryptionsalt: v1:abc\n";
    writeFileSync(join(stack.folder, "Pulumi.new.yaml"), before);
    const { code, text, file } = await adopt(server.name);
    expect(code).not.toBe(0);
    expect(text).toContain(`${file}: exists already; choose another --stack, or overwrite it with --force`);
    expect(readFileSync(file, "utf8")).toBe(before);
    expect((await adopt(server.name, "--force")).code).toBe(0);
    expect(parse(readFileSync(file, "utf8"))).toMatchObject({
      encryptionsalt: "v1:abc",
      config: { "pgwright:passwords": { app: { secure: "AAAA" } }, "pgwright:roles": { plain: {} } },
    });
    rmSync(file);
  });

  it("the data of a server elsewhere comes by a dump, and so do its roles with their passwords", async () => {
    server.sql("postgres", "CREATE DATABASE shop");
    server.sql("shop", "CREATE EXTENSION vector; CREATE TABLE carts AS SELECT generate_series(1, 300) AS n");
    server.sql("shop", "GRANT SELECT ON carts TO plain");
    const { code, text } = await stack.cli(
      "adopt",
      "--from",
      at("postgres", "super word"),
      "--port",
      String(stack.port),
      "--force",
    );
    expect(code, text).toBe(0);
    const written = readFileSync(stack.env.PULUMI_OPTION_CONFIG_FILE as string, "utf8");
    expect(written).toMatch(/plain:\n {6}login: true\n {6}password: keep/);
    expect(written).not.toContain("restoreFrom:");
    expect(text + written).not.toMatch(/plain word|super word/);
    expect(text).toContain("the data is on a server without a container and is not copied; transfer it with pg_dump");

    const first = await stack.tryUp();
    expect(first.code).not.toBe(0);
    expect(first.text).toContain("password: keep: role plain does not exist");
    const bring = (database: string, ...dump: string[]) =>
      spawnSync("docker", ["exec", "--interactive", stack.container, "psql", "-X", "-U", "postgres", "-d", database], {
        input: docker("exec", server.name, ...dump),
      });
    bring("postgres", "pg_dumpall", "-U", "postgres", "--roles-only");
    const second = await stack.tryUp();
    expect(second.text).toContain("a grant in the stack file names it");
    bring("shop", "pg_dump", "-U", "postgres", "shop");
    await stack.up("--refresh");
    const client = await stack.connect("plain", "plain word", "shop");
    expect((await client.query("SELECT count(*)::int FROM carts")).rows).toEqual([{ count: 300 }]);
    await client.end();
    const again = await stack.unchanged();
    expect(again.code, again.text).toBe(0);
  });

  it("files outside the data directory: no copy is declared, and one that is declared by hand is refused", async () => {
    docker("exec", server.name, "mkdir", "/tmp/fast");
    server.sql("postgres", "CREATE TABLESPACE fast LOCATION '/tmp/fast'");
    const { code, text, file } = await adopt(server.name);
    expect(code, text).toBe(0);
    expect(text).toContain("restoreFrom is not declared: tablespace fast prevents a copy of the data directory");
    expect(readFileSync(file, "utf8")).not.toContain("restoreFrom:");
    stack.configure((config) => (config.restoreFrom = { running: server.name, inPlace: true }));
    const preview = await stack.preview();
    expect(preview.code).not.toBe(0);
    expect(preview.messages.join("\n")).toMatch(
      /has tablespaces outside its data directory, .*: fast; move their objects/,
    );
  });

  it("the extensions of the image are those that an adoption counts on", () => {
    expect(
      stack
        .sql("postgres", "SELECT string_agg(name, ' ' ORDER BY name) FROM pg_available_extensions")
        .split(" ")
        .sort(),
    ).toEqual([...EXTENSIONS].sort());
  });
});
