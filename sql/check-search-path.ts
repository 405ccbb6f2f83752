import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { loadModule, parseSync } from "libpg-query";

// What names in a routine mean is for the routine to say, not for the session that calls it: the owner of a database decides what
// sessions begin with. npm run check runs this over sql/functions.

/** What each transaction of a procedure that commits begins with: such a procedure cannot have SET. */
const PINS = "PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);";
/** Types that PostgreSQL's grammar knows itself; all others are looked up. */
const OF_GRAMMAR = /^(boolean|int|integer|bigint|smallint|numeric|interval|real|double precision)(\[\])?$/;

/** Of an option: SET, or AS. */
interface Argument {
  VariableSetStmt?: { name: string };
  List?: { items: { String: { sval: string } }[] };
}

interface Routine {
  name: string;
  options: string[];
  /** Bound when it is made: RETURN, or BEGIN ATOMIC. */
  bound: boolean;
  body: string;
}

function routinesOf(sql: string): Routine[] {
  const { stmts = [] } = parseSync(sql) as { stmts?: { stmt: object }[] };
  return stmts.flatMap(({ stmt }) => {
    const made = (stmt as { CreateFunctionStmt?: Record<string, unknown> }).CreateFunctionStmt;
    if (!made) return [];
    const options = made.options as { DefElem: { defname: string; arg: Argument } }[];
    const name = (made.funcname as { String: { sval: string } }[]).map((part) => part.String.sval).join(".");
    const body = options.find(({ DefElem }) => DefElem.defname === "as")?.DefElem.arg.List?.items[0]?.String.sval ?? "";
    const set = options.flatMap(({ DefElem }) =>
      DefElem.defname === "set" ? [DefElem.arg.VariableSetStmt?.name ?? ""] : [],
    );
    return [{ name, options: set, bound: made.sql_body !== undefined, body }];
  });
}

/** Does each transaction of it set the search_path first, and does nothing before the first look up a name? */
function pinsItself(body: string): boolean {
  const [, declared = "", code = ""] = /^\s*(?:DECLARE\n([^]*?))?^BEGIN\n([^]*)$/m.exec(body) ?? [];
  const types = declared
    .split("\n")
    .map((line) => line.replace(/--.*/, "").trim())
    .filter(Boolean)
    .map((line) => /^\w+ (?:CONSTANT )?(.*?)(?: :=.*)?;$/.exec(line)?.[1] ?? line);
  const lines = code.split("\n").map((line) => line.replace(/ --.*/, "").trim());
  return (
    types.every((type) => type.includes(".") || OF_GRAMMAR.test(type)) &&
    lines[0] === PINS &&
    lines.every((line, i) => !/^(COMMIT|ROLLBACK)\b/.test(line) || lines[i + 1] === PINS)
  );
}

/** Routines of a file whose names mean what the session says. */
export function unpinned(sql: string): string[] {
  return routinesOf(sql)
    .filter(({ options, bound, body }) => !options.includes("search_path") && !bound && !pinsItself(body))
    .map(({ name }) => name);
}

async function main(): Promise<void> {
  await loadModule();
  const files = readdirSync("sql/functions", { recursive: true, encoding: "utf8" }).filter((file) =>
    file.endsWith(".sql"),
  );
  const found = files.flatMap((file) =>
    unpinned(readFileSync(join("sql/functions", file), "utf8")).map(
      (name) => `${file}: ${name} looks names up in the search_path of its caller; SET search_path = ''`,
    ),
  );
  for (const line of found) console.error(line);
  process.exitCode = found.length > 0 ? 1 : 0;
}

if (require.main === module) void main();
