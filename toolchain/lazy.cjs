// Preloaded wherever the program runs. @pulumi/pulumi loads TypeScript and npm's installer to serialize functions, which this project
// never does: they take two thirds of the second in which it is loaded. Each is loaded at its first use instead.
const Module = require("node:module");
const { sep } = require("node:path");

const LAZY = ["@npmcli/arborist", "typescript"];
const within = `${sep}@pulumi${sep}pulumi${sep}`;

/** Stands for a module: `load` is called when one of its properties is read. */
function lazy(load) {
  let loaded;
  // Compiled code makes a copy of a module that is not marked, for which it would have to be loaded.
  return new Proxy({}, { get: (_, key) => (key === "__esModule" ? true : (loaded ??= load())[key]) });
}

const load = Module._load;
Module._load = function (request, parent, ...rest) {
  const now = () => load.call(this, request, parent, ...rest);
  return LAZY.includes(request) && parent?.filename?.includes(within) ? lazy(now) : now();
};
