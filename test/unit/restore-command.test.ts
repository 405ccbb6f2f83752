import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { restoreRequest, withRestore } from "../../cli/commands/restore";

describe("npm run restore", () => {
  it("takes one target", () => {
    expect(restoreRequest({ name: "a thousand" })).toEqual({ name: "a thousand" });
    expect(restoreRequest({ time: "2026-01-01 00:00:00+00", backup: "20260101-000000F" })).toEqual({
      time: "2026-01-01 00:00:00+00",
      backup: "20260101-000000F",
    });
    expect(restoreRequest({ latest: true })).toEqual({});
    expect(restoreRequest({ accept: true })).toBe("accept");
    expect(() => restoreRequest({})).toThrow(/give a target \(--time, --name, --lsn or --backup\)/);
    expect(() => restoreRequest({ accept: true, name: "x" })).toThrow(/or --accept alone/);
  });

  it("writes it into the stack file, texts as texts, and leaves the rest alone", () => {
    const file = "# mine\nconfig:\n  pgwright:server: { port: 1 } # the port\n";
    const text = withRestore(file, { name: "5" });
    expect(parse(text)).toEqual({
      config: { "pgwright:server": { port: 1 }, "pgwright:restoreFrom": { inPlace: true, name: "5" } },
    });
    expect(text).toContain("# mine\n");
    expect(text).toContain("# the port\n");
    expect(parse(withRestore(text, { time: "2026-01-01 00:00:00+00" })).config["pgwright:restoreFrom"]).toEqual({
      inPlace: true,
      time: "2026-01-01 00:00:00+00",
    });
    // Pulumi would read it as a date otherwise.
    expect(withRestore(file, { time: "2026-01-01 00:00:00+00" })).toContain('time: "2026-01-01 00:00:00+00"');
    expect(withRestore(text, "accept")).toBe(file);
  });
});
