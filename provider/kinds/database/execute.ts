import type { Operation } from "../../kind";
import { withDatabase } from "../../session";
import { find } from "./catalog";
import { makeCopy } from "./copy";
import { type DatabaseInputs, MAINTENANCE_DATABASE, isCopy } from "./inputs";
import { databaseChanges } from "./statements";

export async function createOrAlter(
  inputs: DatabaseInputs,
  operation: Operation,
): Promise<{ adopted: boolean; done: string[] }> {
  const { host } = operation;
  const [found, template] = await withDatabase(host, MAINTENANCE_DATABASE, async (client) => [
    await find(client, inputs.name),
    await find(client, "template0"),
  ]);
  if (!found && isCopy(inputs)) {
    await makeCopy(inputs, operation);
    return { adopted: false, done: [] };
  }
  const done = databaseChanges(found, inputs, template);
  await withDatabase(host, MAINTENANCE_DATABASE, async (client) => {
    for (const statement of done) await client.query(statement); // CREATE DATABASE cannot run inside a transaction
  });
  return { adopted: found !== undefined, done };
}
