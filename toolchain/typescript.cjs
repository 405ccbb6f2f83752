// Preloaded wherever the TypeScript runs: removes the types. This takes half the time of a start, so the results are cached.
// Line numbers do not change, so that stack traces need no source maps.
const { createHash } = require("node:crypto");
const { mkdirSync, readFileSync, renameSync, writeFileSync } = require("node:fs");
const { join } = require("node:path");
const { addHook } = require("pirates");

const folder = join(__dirname, "..", "node_modules", ".cache", "pgwright-typescript");
const { version } = require("sucrase/package.json");

function transformed(code, filePath) {
  const { transform } = require("sucrase"); // loaded only if a file is not cached
  return transform(code, { transforms: ["imports", "typescript"], filePath }).code;
}

addHook(
  (code, filePath) => {
    const kept = join(folder, `${createHash("sha1").update(`${version}\n${code}`).digest("hex")}.js`);
    try {
      return readFileSync(kept, "utf8");
    } catch {
      // not cached yet
    }
    const result = transformed(code, filePath);
    try {
      mkdirSync(folder, { recursive: true });
      const own = `${kept}.${process.pid}`;
      writeFileSync(own, result);
      renameSync(own, kept); // atomic, since other processes may write the same file
    } catch {
      // a read-only checkout: every start transforms the file again
    }
    return result;
  },
  { exts: [".ts"] },
);
