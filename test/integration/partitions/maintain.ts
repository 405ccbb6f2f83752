import type { TestStack } from "../stack";

/** Runs the maintenance of a set in database app as the job of role keeper does, at a time; throws what the run reports. */
export async function maintain(stack: TestStack, table: string, now: string): Promise<void> {
  const client = await stack.connect("postgres", await stack.output("superuserPassword"), "app");
  try {
    await client.query("UPDATE pgwright.partition_sets SET maintainer = 'keeper'; SET SESSION AUTHORIZATION keeper");
    await client.query(`CALL pgwright.maintain_partitions('${now}', '${table}')`);
  } catch (error) {
    throw new Error((error as { detail?: string }).detail ?? String(error), { cause: error });
  } finally {
    await client.end();
  }
}
