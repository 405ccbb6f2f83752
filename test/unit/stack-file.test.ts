import { mkdtempSync, readFileSync, rmSync, writeFileSync, existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { StackFile } from "../../cli/stack-file";

const SALT = "encryptionsalt: v1:abc\n";
const TEXT = "config:\n  pgwright:protect: true\n";
let folder: string;
let original: string;
let file: StackFile;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "pgwright-unit-"));
  original = join(folder, "Pulumi.dev.yaml");
  file = new StackFile("dev", folder, mkdtempSync(join(folder, "local-")));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));
const read = (path: string) => readFileSync(path, "utf8");

it("keeps the salt out of the stack file, and for the next run", () => {
  writeFileSync(original, TEXT);
  const copy = file.prepare();
  expect(read(copy)).toBe(TEXT);
  writeFileSync(copy, TEXT + SALT);
  file.finish();
  expect(read(original)).toBe(TEXT);
  expect(read(file.prepare())).toBe(TEXT + SALT);
});

it("takes the salt out that making a stack writes beside the program", () => {
  file.prepare();
  writeFileSync(original, SALT);
  file.finish();
  expect(existsSync(original)).toBe(false);
});

it("brings back what Pulumi has changed", () => {
  writeFileSync(original, TEXT);
  writeFileSync(file.prepare(), `${TEXT}  pgwright:engine: ssh://a\n${SALT}`);
  file.finish();
  expect(read(original)).toBe(`${TEXT}  pgwright:engine: ssh://a\n`);
});

it("brings secrets back with the salt that they need", () => {
  writeFileSync(original, TEXT);
  const secret = `${TEXT}  pgwright:passwords:\n    app:\n      secure: v1:xyz\n${SALT}`;
  writeFileSync(file.prepare(), secret);
  file.finish();
  expect(read(original)).toBe(secret);
});

it("leaves a stack file with a salt of its own alone", () => {
  writeFileSync(original, TEXT + SALT);
  expect(file.prepare()).toBe(original);
  file.finish();
  expect(read(original)).toBe(TEXT + SALT);
});

it("keeps the author's layout when Pulumi writes the file anew", () => {
  const written = "# why\nconfig:\n  pgwright:image: { base: x }\n";
  writeFileSync(original, written);
  const anew = `config:\n  pgwright:image:\n    base: x\n${SALT}`;
  writeFileSync(file.prepare(), anew);
  writeFileSync(original, anew);
  file.finish();
  expect(read(original)).toBe(written);
});
