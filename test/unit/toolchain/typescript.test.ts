import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";

const PRELOAD = join(__dirname, "..", "..", "..", "toolchain", "typescript.cjs");
const folder = mkdtempSync(join(tmpdir(), "pgwright-typescript-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const file = join(folder, "program.ts");
function runs(text: string) {
  writeFileSync(file, text);
  return spawnSync(process.execPath, ["--require", PRELOAD, file], { encoding: "utf8" });
}

it("runs TypeScript as it is written now, also where what came of it is kept", () => {
  const program = (n: number) =>
    `import { basename } from "node:path";\nconst n: number = ${n};\nconsole.log(basename("/a/b"), n);\n`;
  const shown = [1, 1, 2, 1].map((n) => runs(program(n)).stdout.trim());
  expect(shown).toEqual(["b 1", "b 1", "b 2", "b 1"]);
});

it("names the line of an error as the file has it", () => {
  const text = 'interface A {\n  b: string;\n}\nconst a = (): A => {\n  throw new Error("wrong");\n};\na();\n';
  for (let i = 0; i < 2; i++) expect(runs(text).stderr).toContain(`${file}:5:9`);
});

it("says where a file cannot be read as TypeScript", () => {
  expect(runs("const a = ;\n").stderr).toMatch(/program\.ts: Unexpected token \(1:11\)/);
});
