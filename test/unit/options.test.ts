import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { COMMANDS, findCommand } from "../../cli/commands";
import { formatUsage, parseArguments, type Invocation } from "../../cli/options";

/** Parses a command line as `npm run` passes it. */
function parse(line: string): Invocation | "help" {
  const found = findCommand(line.split(" "));
  if (!found) throw new Error(`no command in ${line}`);
  return parseArguments(found.name, found.command, found.rest);
}

describe("the arguments of a command", () => {
  it("name the stack, which is dev if they do not", () => {
    expect(parse("status")).toEqual({ stack: "dev", options: {}, args: [] });
    expect(parse("status --stack prod")).toEqual({ stack: "prod", options: {}, args: [] });
    expect(parse("status --stack=prod")).toEqual({ stack: "prod", options: {}, args: [] });
  });

  it("may be of two words", () => {
    expect(parse("ephemeral up pr-17 --from Pulumi.pr.yaml --for 8h --json")).toEqual({
      stack: "dev",
      options: { from: "Pulumi.pr.yaml", for: "8h", json: true },
      args: ["pr-17"],
    });
    expect(findCommand(["ephemeral"])).toBeUndefined();
    expect(findCommand(["ephemeral", "make"])).toBeUndefined();
  });

  it("keep the order of what another program gets", () => {
    expect(parse("preview --diff --report a.md --target urn --report=b.json --stack x -v 3")).toEqual({
      stack: "x",
      options: { report: ["a.md", "b.json"] },
      args: ["--diff", "--target", "urn", "-v", "3"],
    });
    expect(parse("psql -d app -c x --stack prod")).toEqual({
      stack: "prod",
      options: {},
      args: ["-d", "app", "-c", "x"],
    });
    expect(parse("test --stack x")).toEqual({ stack: "dev", options: {}, args: ["--stack", "x"] });
  });

  it.each([
    ["status --stak prod", /^status: unknown option '--stak'/],
    ["status prod", /^status: takes no arguments, not "prod"/],
    ["status --stack", /^status: option '--stack <value>' argument missing/],
    ["up --stack", /^up: option '--stack <value>' argument missing/],
    ["status --stack a/b", /^status: --stack "a\/b": invalid name/],
    ["drift --refresh", /^drift: unknown option '--refresh'/],
    ["preview --data --stack x", /^preview: option '--data' argument is ambiguous/],
    ["preview --data=", /^preview: --data: value is empty/],
    ["backup full more", /^backup: takes 0 to 1 argument, not "full more"/],
    ["archive", /^archive: takes 1 to 2 arguments, not ""/],
    ["restore --tim x", /^restore: unknown option '--tim'/],
    ["ephemeral up", /^ephemeral up: takes 1 argument, not ""/],
    ["ephemeral up a b", /^ephemeral up: takes 1 argument, not "a b"/],
    ["ephemeral up a --stack b", /^ephemeral up: unknown option '--stack'/],
    ["ephemeral sweep a", /^ephemeral sweep: takes no arguments, not "a"/],
    ["ephemeral destroy a --for 1h", /^ephemeral destroy: unknown option '--for'/],
  ])("%s is refused, with the usage", (line, message) => {
    expect(() => parse(line)).toThrow(message);
    expect(() => parse(line)).toThrow(/\nusage: npm run /);
  });

  it("belong to a command that package.json and docs/README.md have too", () => {
    const { scripts } = JSON.parse(readFileSync("package.json", "utf8")) as { scripts: Record<string, string> };
    const pages = readFileSync("docs/README.md", "utf8") + readFileSync("CONTRIBUTING.md", "utf8");
    for (const name of Object.keys(COMMANDS)) {
      const [script = ""] = name.split(" ");
      expect(scripts[script], name).toBe(`node cli/start.mjs ${script}`);
      expect(pages, name).toContain(script === "test" ? "npm test" : `npm run ${script}`);
    }
  });

  it("are shown as the documentation writes them", () => {
    const usage = (name: string) => formatUsage(name, COMMANDS[name] as (typeof COMMANDS)[string]);
    expect(usage("status")).toBe("npm run status -- [--stack NAME]");
    expect(usage("check")).toBe("npm run check");
    expect(usage("ephemeral destroy")).toBe("npm run ephemeral -- destroy NAME [--engine ENGINE]");
    expect(usage("test")).toBe("npm test -- [OPTION OF vitest]...");
  });

  it("may ask for help", () => {
    for (const name of Object.keys(COMMANDS)) expect(parse(`${name} --help`)).toBe("help");
  });
});
