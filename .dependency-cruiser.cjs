// What `npm run check` looks for in the imports, made from the table of folders.cjs.
const { FOLDERS, MIGRATIONS, KIND } = require("./folders.cjs");

/** A folder or a file, as an expression of paths. */
const pattern = (place) => `^${place.replace(/\./g, "\\.")}${/\.\w+$/.test(place) ? "$" : "/"}`;
const all = Object.keys(FOLDERS).map(pattern);

const layers = Object.entries(FOLDERS).map(([folder, { uses }]) => ({
  name: `what ${folder} may import`,
  severity: "error",
  from: { path: pattern(folder) },
  to: { path: [...all, "^(bench|test)/"], pathNot: [pattern(folder), ...uses.map(pattern)] },
}));

const packages = Object.entries(FOLDERS).flatMap(([folder, { never, except = [] }]) =>
  Object.entries(never).map(([what, expression]) => ({
    name: `${folder} never imports ${what}`,
    severity: "error",
    from: { path: pattern(folder), pathNot: except.map(pattern) },
    to: { path: expression },
  })),
);

const migrations = "provider/kinds/migrations";
const parts = Object.entries(MIGRATIONS).map(([part, uses]) => ({
  name: `what ${migrations}/${part} may import`,
  severity: "error",
  from: { path: pattern(`${migrations}/${part}`) },
  to: { path: pattern(migrations), pathNot: [part, ...uses].map((each) => pattern(`${migrations}/${each}`)) },
}));

const ofKinds = (lines) => `^provider/kinds/[^/]+/(${lines.flatMap(({ files }) => files).join("|")})\\.ts$`;
const kinds = KIND.slice(0, -1).map((line, i) => ({
  name: `what ${line.files.join(", ")} of a kind may import`,
  severity: "error",
  from: { path: ofKinds([line]) },
  to: { path: ofKinds(KIND.slice(i + 1)) },
}));

module.exports = {
  forbidden: [
    { name: "no circle of files", severity: "error", from: {}, to: { circular: true } },
    ...layers,
    ...packages,
    ...parts,
    ...kinds,
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
  },
};
