import { expect, it } from "vitest";
import { commandProblem } from "../../provider/kinds/cron-job/command";

it.each([
  "VACUUM shop.carts",
  "SELECT 1; DELETE FROM shop.carts",
  "CALL shop.forget_old_carts()",
  "SET ROLE owner; ANALYZE shop.carts",
  "REINDEX TABLE CONCURRENTLY shop.carts -- alone",
])("takes %s", async (command) => {
  expect(await commandProblem(command)).toBeUndefined();
});

it.each([
  ["SELEC 1", 'line 1: syntax error at or near "SELEC"'],
  ["", "the command has no statement"],
  ["-- nothing", "the command has no statement"],
  ["SET vacuum_cost_limit = 2000; VACUUM shop.carts", "VACUUM cannot run inside a transaction"],
  ["SELECT 1; CREATE INDEX CONCURRENTLY ON shop.carts (id)", "CREATE INDEX CONCURRENTLY cannot run inside"],
  ["SELECT 1; REINDEX SCHEMA shop", "REINDEX of a schema or a database cannot run inside"],
  ["SELECT 1; CLUSTER", "CLUSTER of all tables cannot run inside"],
  ["SELECT 1; ALTER DATABASE d SET TABLESPACE fast", "ALTER DATABASE SET TABLESPACE cannot run inside"],
  ["SELECT 1;\nCOMMIT", "line 2: pg_cron refuses BEGIN, COMMIT and savepoints"],
  ["SAVEPOINT here", "line 1: pg_cron refuses BEGIN"],
  ["COPY shop.carts FROM STDIN", "line 1: COPY FROM STDIN needs a client"],
])("refuses %j", async (command, problem) => {
  expect(await commandProblem(command)).toContain(problem);
});
