import * as pulumi from "@pulumi/pulumi";
import { afterEach, describe, expect, it } from "vitest";
import { StackError } from "../../../config/problem";
import { fromText, readStack } from "../../../config/read";

// As Pulumi hands them over: simple values as text, maps and lists as JSON.
function configure(values: Record<string, string>, secrets: string[] = []): void {
  const named = Object.entries(values).map(([key, text]) => [`project:${key}`, text]);
  pulumi.runtime.setAllConfig(Object.fromEntries(named));
  process.env.PULUMI_CONFIG_SECRET_KEYS = JSON.stringify(secrets.map((key) => `project:${key}`));
}

function problem(): string {
  try {
    readStack();
  } catch (error) {
    if (error instanceof StackError) return error.message.split("\n")[1]?.trim() ?? "";
    throw error;
  }
  return "";
}

afterEach(() => configure({}));

describe("the configuration of the stack", () => {
  it("may be empty", () => {
    configure({});
    expect(readStack()).toMatchObject({ stack: { protect: false, roles: {} }, passwordsGiven: [] });
  });

  it("arrives with the types that the stack file gives it", () => {
    configure({
      engine: "1234",
      protect: "true",
      server: '{"port":15432,"settings":{"jit":"on","random_page_cost":1.1,"autovacuum":true},"passwordRotation":"2"}',
      roles: '{"on":{},"null":{},"123":{"login":true},"q":{"memberOf":["on","123"]}}',
    });
    const { stack } = readStack();
    expect(stack.engine).toBe("1234");
    expect(stack.protect).toBe(true);
    expect(stack.server).toMatchObject({
      port: 15432,
      settings: { jit: "on", random_page_cost: 1.1, autovacuum: true },
      passwordRotation: "2",
    });
    expect(Object.keys(stack.roles).sort()).toEqual(["123", "null", "on", "q"]);
  });

  it("is refused where a type is another", () => {
    configure({ protect: "yes" });
    expect(problem()).toBe('pgwright:protect: "yes" is not allowed; write true or false');
    configure({ roles: "" });
    expect(problem()).toBe("pgwright:roles: is empty; write a map by name, each " + problem().split("each ")[1]);
    configure({ roles: '{"\\u003cnil\\u003e":{}}' });
    expect(problem()).toContain("YAML reads null and ~ as no value");
  });

  it("leaves keys of other packages alone", () => {
    pulumi.runtime.setAllConfig({ "docker:host": "ssh://a", "project:protect": "false" });
    expect(readStack().stack.protect).toBe(false);
  });

  it("names folders of migrations that are not there", () => {
    configure({ roles: '{"o":{}}', databases: '{"d":{"owner":"o","migrations":{"folder":"no/such"}}}' });
    expect(problem()).toBe(`pgwright:databases.d.migrations.folder: "no/such": no such folder in ${process.cwd()}`);
  });

  it("names files that should be run and are not there", () => {
    const inDatabase = (run: string) => `{"d":{"owner":"o","copyOf":{"database":"e","run":["package.json","${run}"]}}}`;
    configure({ roles: '{"o":{}}', databases: inDatabase("no/mask.sql") });
    expect(problem()).toBe(`pgwright:databases.d.copyOf.run[1]: "no/mask.sql": no such file in ${process.cwd()}`);
    configure({ roles: '{"o":{}}', databases: inDatabase("config") });
    expect(problem()).toContain('pgwright:databases.d.copyOf.run[1]: "config": no such file');
    configure({ restoreFrom: '{"running":"other","run":[{"database":"d","file":"no/mask.sql"}]}' });
    expect(problem()).toContain('pgwright:restoreFrom.run[0].file: "no/mask.sql": no such file');
  });

  it("looks into files of certificates", () => {
    const inBucket = (certificate: string) =>
      `{"repositories":[{"s3":{"bucket":"abc","certificate":"${certificate}"}}]}`;
    configure({ backup: inBucket("no/ca.crt") });
    expect(problem()).toBe(
      `pgwright:backup.repositories[0].s3.certificate: "no/ca.crt": no such file in ${process.cwd()}`,
    );
    configure({ backup: inBucket("package.json") });
    expect(problem()).toBe(
      'pgwright:backup.repositories[0].s3.certificate: "package.json" is not a certificate; name a certificate file in PEM format',
    );
    configure({ restoreFrom: '{"repository":{"s3":{"bucket":"abc","certificate":"package.json"}}}' });
    expect(problem()).toContain('pgwright:restoreFrom.repository.s3.certificate: "package.json" is not a certificate');
  });

  it("keeps keys to buckets secret, and refuses them in plain text", async () => {
    const backup = '{"repositories":[{"s3":{"bucket":"abc"}}]}';
    configure({ backup, backupS3: '{"abc":{"key":"AKIA","secret":"s3cret"}}' }, ["backupS3"]);
    const { backupS3 } = readStack().s3Keys;
    expect(await pulumi.isSecret(backupS3!)).toBe(true);
    configure({ backup, backupS3: '{"abc":{"key":"AKIA","secret":"s3cret"}}' });
    expect(problem()).toBe(
      "pgwright:backupS3: is in plain text; set each with: pulumi config set --secret --path pgwright:backupS3.BUCKET.secret",
    );
  });

  it("keeps passwords secret", async () => {
    const roles = '{"app":{"login":true}}';
    configure({ roles, passwords: '{"app":"s3cret"}' }, ["passwords"]);
    const { passwords, passwordsGiven } = readStack();
    expect(passwordsGiven).toEqual(["app"]);
    expect(await pulumi.isSecret(passwords)).toBe(true);
    configure({ roles, passwords: '{"app":4711}' }, ["passwords"]);
    expect(problem()).toMatch(/^pgwright:passwords\.app: write a string/);
    expect(problem()).not.toContain("4711");
  });

  it("refuses passwords in plain text, and does not show them", () => {
    configure({ roles: '{"app":{"login":true}}', passwords: '{"app":"s3cret"}' });
    expect(problem()).toContain("pulumi config set --secret --path pgwright:passwords.ROLE");
    expect(problem()).not.toContain("s3cret");
  });
});

it("a value that is no JSON is a text", () => {
  expect(["true", "7", "1.50", '{"a":1}', "debian", "", "'x'"].map(fromText)).toEqual([
    true,
    7,
    1.5,
    { a: 1 },
    "debian",
    "",
    "'x'",
  ]);
});
