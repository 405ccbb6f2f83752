import { execFileSync, spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Checks, expect } from "./checks";
import { MUTATIONS, type Mutation } from "./mutations-list";

// Wrong versions of single lines: the unit tests have to see each. They run in a copy of the checkout.
//   npm run test:faults -- mutations [PART OF A PATH]

const ROOT = join(__dirname, "..", "..");

/** A copy of the files that git knows, with the installed packages. */
function copyCheckout(): string {
  const folder = mkdtempSync(join(tmpdir(), "pgwright-mutations-"));
  const files = execFileSync("git", ["ls-files", "-z"], { cwd: ROOT, encoding: "utf8" }).split("\0").filter(Boolean);
  for (const file of files) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    copyFileSync(join(ROOT, file), join(folder, file));
  }
  symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"));
  return folder;
}

/** Runs the unit tests that import a file; true if all pass. */
function pass(folder: string, file: string): boolean {
  const vitest = join("node_modules", "vitest", "vitest.mjs");
  const { status } = spawnSync(
    process.execPath,
    [vitest, "related", file, "--run", "--project", "unit", "--bail", "1"],
    {
      cwd: folder,
      stdio: "ignore",
    },
  );
  return status === 0;
}

function tryMutation(folder: string, { file, from, to }: Mutation): void {
  const path = join(folder, file);
  const text = readFileSync(path, "utf8");
  expect(text.split(from).length === 2, `${file} does not contain ${from} exactly once`);
  writeFileSync(
    path,
    text.replace(from, () => to),
  );
  try {
    expect(!pass(folder, file), "no unit test fails");
  } finally {
    writeFileSync(path, text);
  }
}

export async function run([part = ""]: string[]): Promise<void> {
  const chosen = MUTATIONS.filter(({ file }) => file.includes(part));
  const checks = new Checks();
  const folder = copyCheckout();
  try {
    for (const file of new Set(chosen.map((each) => each.file)))
      await checks.that(`the tests of ${file} pass`, () => expect(pass(folder, file), "they fail without a change"));
    for (const each of chosen)
      await checks.that(`${each.file}: ${each.from} -> ${each.to}`, () => tryMutation(folder, each));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  checks.close();
}
