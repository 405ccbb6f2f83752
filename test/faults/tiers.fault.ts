import { conservation } from "../integration/tiers/conservation";
import { TiersServer } from "../integration/tiers/server";
import { Checks } from "./checks";

// Tiered sets under load, while clients, backends and the server are ended: each acknowledged row is there exactly once.
// Takes five minutes; other seconds may be given: `npm run test:faults -- tiers 60`. A second argument breaks the code, to see
// that the test fails then: `break` drops tables without looking whether they are empty, `copy` moves rows without deleting
// them, `hasty` waits for nobody.

const BREAKS: Record<string, (sql: string) => string> = {
  break: (sql) =>
    sql
      .replaceAll(/IF NOT pgwright\.tiers_is_empty\(p_relation\) THEN/g, "IF false THEN")
      .replaceAll("OR pgwright.tiers_is_empty(t.relation)", "OR true"),
  copy: (sql) =>
    sql.replace(
      "'m%s AS (DELETE FROM %s AS t WHERE t.%I >= %L AND t.%3$I < %5$L RETURNING %6$s)'",
      "'m%1$s AS (SELECT %6$s FROM %2$s AS t WHERE t.%3$I >= %4$L AND t.%3$I < %5$L)'",
    ),
  hasty: (sql) =>
    sql.replace(
      /RETURN NOT EXISTS \(\s*SELECT FROM pg_catalog\.pg_locks AS l\s*WHERE l\.locktype = 'virtualxid'[^;]*;/,
      "RETURN true;",
    ),
};

export async function run([seconds = "300", broken]: string[]): Promise<void> {
  const server = await TiersServer.start();
  const checks = new Checks();
  try {
    const change = broken === undefined ? undefined : BREAKS[broken];
    if (broken !== undefined && !change)
      throw new Error(`there is no ${broken}; there are ${Object.keys(BREAKS).join(", ")}`);
    if (change) server.install(change);
    await checks.that(`rows are conserved for ${seconds} s of load and kills`, async () => {
      const { violations, counts, runs, kills } = await conservation(server, { seconds: Number(seconds), kills: true });
      console.log(`  ${JSON.stringify({ counts, runs, kills })}`);
      if (violations.length > 0) throw new Error(violations.join("\n"));
    });
  } finally {
    await server.stop();
  }
  checks.close();
}
