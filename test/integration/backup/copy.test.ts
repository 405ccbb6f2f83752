import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { docker } from "../stack";
import { InProcessStack } from "../in-process-stack";

describe("a copy of a running server", () => {
  let source: InProcessStack;
  let copy: InProcessStack;
  beforeAll(async () => {
    source = await InProcessStack.create();
    await source.up();
    source.sql("postgres", "CREATE DATABASE shop");
    source.sql("shop", "CREATE TABLE customers AS SELECT n, 'name ' || n AS name FROM generate_series(1, 5000) AS n");
    source.sql("postgres", "SELECT cron.schedule('nightly', '0 3 * * *', 'SELECT 1')");
    copy = await InProcessStack.create();
    const mask = join(copy.folder, "mask.sql");
    writeFileSync(mask, "UPDATE customers SET name = 'nobody';\n");
    copy.configure((config) => {
      config.restoreFrom = {
        running: source.container,
        run: [{ database: "shop", file: mask }],
        checks: [{ database: "shop", query: "SELECT count(*) = 5000 FROM customers" }],
      };
    });
  });
  afterAll(async () => {
    await copy?.dispose();
    await source.dispose();
  });

  it("is reported, and made whole, masked, with its jobs switched off", async () => {
    expect((await copy.preview()).messages.join("\n")).toMatch(
      /COPY of the running server \S+ at the time of the update, \d+ MB/,
    );
    await copy.up();
    expect(copy.sql("shop", "SELECT count(*) || ' ' || string_agg(DISTINCT name, ',') FROM customers")).toBe(
      "5000 nobody",
    );
    expect(copy.sql("postgres", "SELECT active FROM cron.job WHERE jobname = 'nightly'")).toBe("f");
    expect(source.sql("shop", "SELECT count(DISTINCT name) FROM customers")).toBe("5000");
    expect(docker("top", source.container)).not.toMatch(/socat|pg_basebackup/); // the way out of the source is closed
    expect(source.sql("postgres", "SELECT active FROM cron.job WHERE jobname = 'nightly'")).toBe("t");
    const passwords = await Promise.all([source, copy].map((stack) => stack.output<string>("superuserPassword")));
    expect(passwords[0]).not.toBe(passwords[1]);
    const client = await copy.connect("postgres", passwords[1] as string, "shop");
    await client.end();
    const { code, text } = await copy.unchanged();
    expect(code, text).toBe(0);
  });

  it("is refused where there is no such server", async () => {
    const other = await InProcessStack.create({ restoreFrom: { running: "nobody-here" } });
    try {
      const { code, messages } = await other.preview();
      expect(code).not.toBe(0);
      expect(messages.join("\n")).toMatch(/container nobody-here does not run on this Docker engine/);
    } finally {
      await other.dispose();
    }
  });
});
