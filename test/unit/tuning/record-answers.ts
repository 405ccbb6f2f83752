/**
 * Asks the server of an image what it makes of values, for catalogue.test.ts to compare with what we make of them:
 *
 *   npx sucrase-node test/unit/tuning/record-answers.ts IMAGE > test/unit/data/setting-answers.json
 */
import { escapeLiteral as literal } from "pg";
import { shellWord } from "../../../provider/shell-word";
import { parameters, type Parameter } from "../../../tuning/catalogue";
import { inThrowawayServer, LOAD_ALL } from "../../../tuning/extract";
import { whyManaged } from "../../../tuning/managed";

const memory = [
  "1GB",
  "1024MB",
  "30.1GB",
  "1.5MB",
  "100 kB",
  "64kB",
  "1TB",
  "8192B",
  "12345B",
  "1gb",
  "1Mb",
  "1K",
  "1MBs",
  "5min",
];
const time = ["1min", "90s", "0.5h", "1d", "1500ms", "2500us", "1.5s", "1h ", "1M", "1sec", "7 min", "1MB"];
const numbers = [
  "7",
  " 7 ",
  "+7",
  "0x10",
  "010",
  "08",
  ".5",
  "1.5",
  "2.5",
  "1e1",
  "1e",
  "-1",
  "",
  "abc",
  "1_000",
  "99999999999",
];
const words = [
  "on",
  "ON",
  "of",
  "off",
  "o",
  "t",
  "tru",
  "true",
  "f",
  "yes",
  "y",
  "no",
  "n",
  "1",
  "0",
  "10",
  "",
  " on",
  "offf",
];
const manyNumbers = new Set(
  (
    "shared_buffers work_mem max_wal_size log_temp_files backend_flush_after checkpoint_timeout wal_keep_size log_rotation_age " +
    "track_activity_query_size max_locks_per_transaction statement_timeout autovacuum_vacuum_cost_delay random_page_cost " +
    "checkpoint_completion_target vacuum_cost_delay hash_mem_multiplier effective_cache_size idle_session_timeout log_startup_progress_interval authentication_timeout " +
    "wal_receiver_timeout bgwriter_lru_multiplier jit_above_cost hnsw.ef_search"
  ).split(" "),
);
const manyWords = new Set(["jit", "fsync", "autovacuum", "log_connections", "cron.use_background_workers"]);
// Values that end the asking session, depend on the machine, are shown otherwise or must fit to others.
const skipped =
  /^(transaction_timeout|max_stack_depth|wal_buffers|tcp_.*|max_(connections|wal_senders|worker_processes)|autovacuum_max_workers)$/;

function valuesFor({ name, type, unit, min, max, values }: Parameter): string[] {
  switch (type) {
    case "bool":
      return manyWords.has(name) ? words : [];
    case "enum":
      return [...(values ?? []).map((value) => value.toUpperCase()), ...words, "debug", "archive", "hot_standby"];
    case "integer":
    case "real": {
      const step = type === "integer" ? 1 : 0.01;
      const bounds = [Number(min), Number(max), Number(min) - step, Number(max) + step].map(String);
      const extra = unit === undefined ? ["1kB", "1s"] : /B$/.test(unit) ? memory : time;
      return manyNumbers.has(name) ? [...bounds, ...extra, ...numbers] : bounds;
    }
    case "string":
      return [];
  }
}

const cases = parameters
  .filter(
    ({ name, context }) =>
      context !== "internal" && whyManaged(name.toLowerCase()) === undefined && !skipped.test(name),
  )
  .flatMap((parameter) => valuesFor(parameter).map((value) => ({ parameter, value })));
// In a session what it may set; the others, which the postmaster reads, by starting it just far enough to print one.
const bySession = (parameter: Parameter): boolean => parameter.context === "user" || parameter.context === "superuser";
const session = cases.filter(({ parameter }) => bySession(parameter));
// postgres -C knows no parameters of libraries, and prints modes of files in decimal.
const start = cases.filter(({ parameter: { name }, parameter }) => !bySession(parameter) && !/\.|_mode$/.test(name));

const script = `
$PSQL <<'SQL'
${LOAD_ALL}
CREATE FUNCTION pg_temp.ask(parameter text, value text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE answer text;
BEGIN
  BEGIN
    PERFORM set_config(parameter, value, true);
    SELECT setting INTO answer FROM pg_settings WHERE name = parameter;
    RAISE EXCEPTION 'undo' USING ERRCODE = 'P9999';
  EXCEPTION WHEN SQLSTATE 'P9999' THEN RETURN 'takes ' || answer; WHEN OTHERS THEN RETURN 'refuses';
  END;
END $$;
${session.map(({ parameter, value }) => `SELECT pg_temp.ask(${literal(parameter.name)}, ${literal(value)});`).join("\n")}
SQL
${start
  .map(({ parameter: { name }, value }) => {
    const ask = `postgres -D /tmp/data -c ${shellWord(`${name}=${value}`)} -C ${name} 2>/dev/null`;
    return `if answer=$(${ask}); then echo "takes $answer"; else echo refuses; fi`;
  })
  .join("\n")}
`;

const image = process.argv[2];
if (image === undefined) throw new Error("usage: npx sucrase-node test/unit/tuning/record-answers.ts IMAGE");
const answers = inThrowawayServer(image, script).replace(/\n$/, "").split("\n");
const asked = [...session, ...start];
if (answers.length !== asked.length) throw new Error(`${asked.length} questions, ${answers.length} answers`);
const rows = asked.map(({ parameter, value }, index) => {
  const answer = answers[index]!;
  return JSON.stringify([parameter.name, value, answer === "refuses" ? null : answer.slice("takes ".length)]);
});
console.log(`[\n${rows.join(",\n")}\n]`);
