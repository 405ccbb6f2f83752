import { z } from "zod";
import { rowsOf } from "../../catalog-query";
import type { Operation } from "../../kind";
import { asOwner } from "../../run-role";
import { withDatabase } from "../../session";
import { ownerOf, COLUMNS } from "./catalog";
import type { PartitionSetInputs } from "./inputs";

export async function put(inputs: PartitionSetInputs, { host, info, warn }: Operation): Promise<PartitionSetInputs> {
  const { parent, database } = inputs;
  await withDatabase(host, database, async (client) => {
    const owner = await ownerOf(client, parent); // throws if the table does not exist
    await client.query(
      `INSERT INTO pgwright.partition_sets
       SELECT * FROM jsonb_populate_record(NULL::pgwright.partition_sets, $1::jsonb)
       ON CONFLICT (parent) DO UPDATE
       SET (${COLUMNS.join(", ")}) = (${COLUMNS.map((column) => `excluded.${column}`).join(", ")})`,
      [JSON.stringify(inputs)],
    );
    await asOwner(host, database, owner, async (run) => {
      const putBack = "SELECT done FROM pgwright.partition_put_back($1)";
      for (const { done } of await rowsOf(run, { done: z.string() }, putBack, [parent])) info(done);
      try {
        await run.query("CALL pgwright.maintain_partitions(pg_catalog.now(), $1)", [parent]);
      } catch (error) {
        const { detail, message } = error as { detail?: string; message: string };
        throw new Error(`${parent}: the maintenance of its partitions failed: ${detail ?? message}`);
      }
    });
    const [health] = await rowsOf(
      client,
      { copying: z.string().nullable(), attention: z.string().nullable() },
      "SELECT copying, attention FROM pgwright.partition_health WHERE parent = $1",
      [parent],
    );
    if (health?.copying) info(`its job continues: ${health.copying}`);
    if (health?.attention) warn(health.attention);
  });
  return inputs;
}
