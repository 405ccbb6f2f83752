// Preloaded wherever our TypeScript runs: takes the types off. That is half the time of a start, so what came out is kept.
// Lines stay where they are, so that stack traces need no source maps.
const { createHash } = require("node:crypto");
const { mkdirSync, readFileSync, renameSync, writeFileSync } = require("node:fs");
const { join } = require("node:path");
const { addHook } = require("pirates");

const folder = join(__dirname, "..", "node_modules", ".cache", "pgwright-typescript");
const { version } = require("sucrase/package.json");

function transformed(code, filePath) {
  const { transform } = require("sucrase"); // not loaded where all is kept
  return transform(code, { transforms: ["imports", "typescript"], filePath }).code;
}

addHook(
  (code, filePath) => {
    const kept = join(folder, `${createHash("sha1").update(`${version}\n${code}`).digest("hex")}.js`);
    try {
      return readFileSync(kept, "utf8");
    } catch {
      // not kept yet
    }
    const result = transformed(code, filePath);
    try {
      mkdirSync(folder, { recursive: true });
      const own = `${kept}.${process.pid}`;
      writeFileSync(own, result);
      renameSync(own, kept); // whole or not at all, whoever else writes it
    } catch {
      // a checkout that cannot be written to: every start does it again
    }
    return result;
  },
  { exts: [".ts"] },
);
