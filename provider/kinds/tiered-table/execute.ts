import { writeObjectName } from "../../../config/object-name";
import type { Operation } from "../../kind";
import { asOwner } from "../../run-role";
import { withDatabase, sqlState } from "../../session";
import { find } from "./catalog";
import { configOf } from "./compare";
import type { TieredTableInputs } from "./inputs";

/** Creates the set, or alters and repairs an existing one. */
export async function put(inputs: TieredTableInputs, { host }: Operation): Promise<TieredTableInputs> {
  const config = JSON.stringify(configOf(inputs));
  await withDatabase(host, inputs.database, async (client) => {
    const call = (await find(client, inputs)) ? "tiers_alter" : "tiers_create";
    try {
      await asOwner(host, inputs.database, inputs.config.owner, (run) =>
        run.query(`SELECT pgwright.${call}($1::jsonb)`, [config]),
      );
    } catch (error) {
      if (sqlState(error) !== "55P03") throw error;
      throw new Error(
        `${writeObjectName(inputs)}: in use for 10 s, nothing was changed; end the transaction that uses it, or run the update again`,
      );
    }
    const remaining = (await find(client, inputs))?.problems ?? [];
    if (remaining.length > 0)
      throw new Error(`${writeObjectName(inputs)}: problems remain after the repair: ${remaining.join("; ")}`);
  });
  return inputs;
}
