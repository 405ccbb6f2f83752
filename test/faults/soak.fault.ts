import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parse } from "yaml";
import { TestStack } from "../integration/stack";

// After 1, 10 and 60 minutes of running jobs a preview with refresh still finds nothing to change. Other minutes may be given
// as arguments: `npm run test:faults -- soak 1 5`.

export async function run(args: string[]): Promise<void> {
  const moments = args.length > 0 ? args.map(Number) : [1, 10, 60];
  const { config } = parse(readFileSync(join(__dirname, "..", "..", "Pulumi.dev.yaml"), "utf8")) as {
    config: Record<string, { port?: number }>;
  };
  const stackFile = Object.fromEntries(
    Object.entries(config).map(([key, value]) => [key.replace("pgwright:", ""), value]),
  );
  delete stackFile.server?.port;
  const stack = await TestStack.create(stackFile);
  let failed = 0;
  try {
    await stack.up();
    const started = Date.now();
    for (const minutes of moments) {
      await sleep(started + minutes * 60_000 - Date.now());
      const { code, text } = await stack.unchanged();
      const runs = stack
        .sql("solo", "SELECT status, count(*) FROM cron.job_run_details GROUP BY 1 ORDER BY 1")
        .replaceAll("\n", ", ");
      console.log(`after ${minutes} min: ${code === 0 ? "quiet" : "NOT quiet"}; runs of jobs: ${runs}`);
      if (code !== 0) console.log(text);
      failed += code === 0 ? 0 : 1;
    }
  } finally {
    await stack.dispose();
  }
  console.log(`\n${moments.length - failed} passed, ${failed} failed`);
  if (failed > 0) process.exitCode = 1;
}
