import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readEvents, valueAt } from "../../../report/events";

const urn = (kind: string, name: string) => `urn:pulumi:dev::pgwright::pgwright:components:Postgres$${kind}::${name}`;
const ROLE = urn("pgwright:index:Role", "app");
const log = (...events: object[]) => events.map((event) => JSON.stringify(event)).join("\n");
const pre = (op: string, more: object = {}) => ({ resourcePreEvent: { metadata: { op, urn: ROLE, ...more } } });
const out = (op: string, more: object = {}) => ({ resOutputsEvent: { metadata: { op, urn: ROLE, ...more } } });

describe("valueAt", () => {
  it.each([
    ["a", 1],
    ["b.c", "x"],
    ['b["d.e"]', 2],
    ['b["say \\"hi\\""]', 3],
    ["list[1].z", 4],
    ["b.c.d", undefined],
    ["nowhere", undefined],
  ])("%s", (path, expected) => {
    const value = { a: 1, b: { c: "x", "d.e": 2, 'say "hi"': 3 }, list: [0, { z: 4 }] };
    expect(valueAt(value, path)).toBe(expected);
  });

  it("finds a key of any text", () => {
    fc.assert(
      fc.property(fc.string(), fc.integer(), (key, value) => {
        const found = valueAt({ top: Object.fromEntries([[key, value]]) }, `top[${JSON.stringify(key)}]`);
        expect(found).toBe(value);
      }),
    );
  });
});

describe("readEvents", () => {
  it("tells a change with its values", () => {
    const states = { old: { outputs: { limit: 7 } }, new: { inputs: { limit: 20 } } };
    const { steps, unchanged } = readEvents(
      log(
        pre("update", { ...states, detailedDiff: { limit: {} } }),
        out("update", { ...states, detailedDiff: { limit: {} } }),
        { summaryEvent: { resourceChanges: { same: 5, update: 1 } } },
      ),
    );
    expect(steps).toEqual([
      { op: "update", urn: ROLE, gone: false, values: [{ path: "limit", before: 7, after: 20 }] },
    ]);
    expect(unchanged).toBe(5);
  });

  it("tells what a refresh has found, in a preview and by itself, and nothing where all is as it was", () => {
    const states = { old: { outputs: { limit: 20 } }, new: { outputs: { limit: 7 } }, detailedDiff: { limit: {} } };
    const found = { op: "refresh", urn: ROLE, gone: false, values: [{ path: "limit", before: 20, after: 7 }] };
    expect(readEvents(log(pre("refresh"), out("refresh", states))).steps).toEqual([found]);
    expect(readEvents(log(pre("refresh"), out("update", states))).steps).toEqual([found]);
    expect(readEvents(log(pre("refresh"), out("same", { ...states, detailedDiff: null }))).steps).toEqual([]);
    const further = (held?: object) => ({ outputs: { further: held } });
    const left = (old: object, now: object) => readEvents(log(pre("refresh"), out("refresh", { old, new: now }))).steps;
    expect(left(further({ a: "SELECT", b: "USAGE" }), further({ a: "SELECT", c: "INSERT" }))[0]?.values).toEqual([
      { path: 'further["b"]', before: "USAGE", after: undefined },
      { path: 'further["c"]', before: undefined, after: "INSERT" },
    ]);
    expect(left(further({ a: "SELECT" }), further({ a: "SELECT" }))).toEqual([]);
    expect(left(further(), further({ a: "SELECT" }))).toEqual([]); // the state is from before
    const gone = { op: "refresh", urn: ROLE, gone: true, values: [] };
    expect(readEvents(log(pre("refresh"), out("delete", { old: {} }))).steps).toEqual([gone]);
  });

  it("keeps messages for people", () => {
    const { messages } = readEvents(
      log(
        {
          diagnosticEvent: {
            urn: ROLE,
            severity: "info",
            message: "role app: its password changes; open sessions continue\n",
          },
        },
        { diagnosticEvent: { urn: ROLE, severity: "debug", message: "Registering resource" } },
        { diagnosticEvent: { severity: "error", message: "error: preview failed" } },
        { diagnosticEvent: { severity: "warning", message: " \n" } },
      ),
    );
    expect(messages).toEqual([
      { urn: ROLE, severity: "info", text: "role app: its password changes; open sessions continue" },
      { urn: "", severity: "error", text: "preview failed" },
    ]);
  });
});
