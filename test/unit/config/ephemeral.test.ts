import { expect, it } from "vitest";
import { parseStack } from "../../../config/parse";

const ephemeral = { expires: "2026-11-25T18:00:00Z" };
const problems = (input: object) => () => parseStack(input);

it("an ephemeral stack says until when it is there, and waits for its disk unless reported otherwise", () => {
  expect(parseStack({ ephemeral }).ephemeral).toEqual({ ...ephemeral, durable: true });
  expect(parseStack({}).ephemeral).toBeUndefined();
  expect(problems({ ephemeral: {} })).toThrow("pgwright:ephemeral.expires: is missing; write a time in UTC");
  for (const expires of ["soon", "2026-11-25", "2026-11-25T18:00:00+01:00"])
    expect(problems({ ephemeral: { expires } })).toThrow(`"${expires}" is not allowed; write a time in UTC`);
  expect(problems({ ephemeral: { expires: "2026-13-25T18:00:00Z" } })).toThrow("there is no such time");
});

it("it keeps nothing", () => {
  expect(problems({ ephemeral, protect: true })).toThrow(
    "pgwright:protect: true: an ephemeral stack is removed when it expires",
  );
  expect(problems({ ephemeral, backup: {} })).toThrow("pgwright:backup: an ephemeral stack has no backups");
  const sets = {
    "data.t": { interval: "1 day", retention: { age: "30 days", then: "archive", schema: "data", dump: true } },
  };
  const databases = {
    shop: { owner: "postgres", schemas: { data: {} }, partitions: { role: "k", schedule: "@daily", sets } },
  };
  const roles = { k: { login: true } };
  expect(problems({ ephemeral, roles, databases })).toThrow(
    "an ephemeral stack has no backups and no dumps; remove dump",
  );
});

it("only an ephemeral server may be without durability, and it is reported", () => {
  const tuned = (durable: boolean) => parseStack({ ephemeral: { ...ephemeral, durable } }).tuning;
  const valueOf = (name: string, durable: boolean) =>
    tuned(durable).settings.find((setting) => setting.name === name)?.value;
  for (const name of ["fsync", "full_page_writes", "synchronous_commit"]) {
    expect(valueOf(name, false)).toBe("off");
    expect(valueOf(name, true)).not.toBe("off");
  }
  expect(tuned(false).warnings).toEqual([expect.stringMatching(/^NOT DURABLE: /)]);
  expect(tuned(true).warnings).toEqual([]);
  expect(parseStack({}).tuning.warnings).toEqual([]);
  expect(problems({ durable: false })).toThrow("pgwright:durable: unknown key");
});
