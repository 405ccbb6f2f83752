import { describe, expect, it } from "vitest";
import { Postgres } from "../../components/postgres";
import { parseStack } from "../../config/parse";
import { configurationId } from "../../provider/kinds/configuration/files";
import type { ConfigurationInputs } from "../../provider/kinds/configuration/inputs";
import { parametersOf } from "../../provider/kinds/configuration/parameters";
import { differing } from "./differing";
import { mockResources, settled } from "./mocked-resources";

const settings = [
  { name: "work_mem", value: "4MB", reason: "the rest of the budget" },
  { name: "jit", value: "off", reason: "compilation costs more time than it saves" },
];
const rest = { volume: "v", image: "i", hba: ["local all all trust"], ident: [] };
const inputs = { ...rest, settings, parameters: parametersOf(settings) };

describe("the resource Configuration", () => {
  it("has no difference to a state of an earlier version, which had the reasons apart from the values", async () => {
    const earlier = { ...rest, parameters: parametersOf(settings), reasons: { work_mem: "a", jit: "b" } };
    expect(await differing("Configuration", earlier, earlier, inputs)).toEqual([]);
    // The engine keeps the state of a resource without a difference, and its new inputs.
    expect(await differing("Configuration", inputs, earlier, inputs)).toEqual([]);
  });

  it("compares values by parameter, and no reasons", async () => {
    const change = (more: object) => {
      const changed = settings.map((setting) => (setting.name === "jit" ? { ...setting, ...more } : setting));
      return { ...rest, settings: changed, parameters: parametersOf(changed) };
    };
    expect(await differing("Configuration", inputs, inputs, change({ reason: "another" }))).toEqual([]);
    expect(await differing("Configuration", inputs, inputs, change({ value: "on" }))).toEqual(["parameters.jit"]);
  });

  it("has a version that depends on values and rules, in any order, and is that of earlier versions", () => {
    const id = configurationId(settings, rest.hba);
    expect(id).toBe("82bea8bd4d4b96df");
    expect(configurationId([...settings].reverse(), rest.hba)).toBe(id);
    expect(configurationId(settings, [])).not.toBe(id);
  });

  it("has the settings that the parser has computed, and the archive command with the name of the server", async () => {
    const found = await mockResources();
    const stack = parseStack({ server: { settings: { work_mem: "1MB" } }, backup: {} });
    await settled(new Postgres("pgwright-shop", stack).version);
    const {
      settings: written,
      parameters,
      hba,
    } = found["Configuration pgwright-shop-config"] as never as ConfigurationInputs;
    const [last] = written.slice(-1);
    expect(written.slice(0, -1)).toEqual(stack.tuning.settings);
    expect(last).toMatchObject({ name: "archive_command", value: expect.stringContaining("--stanza=pgwright-shop ") });
    expect(parameters).toEqual(parametersOf(written));
    expect(found["Server pgwright-shop"]).toMatchObject({ parameters, configuration: configurationId(written, hba) });
  });
});
