import { type Operation, differences } from "../../kind";
import { whyDown } from "../../readiness";
import { ask } from "../../session";
import { find } from "./catalog";
import { explainCopy } from "./copy";
import { type DatabaseInputs, MAINTENANCE_DATABASE, isCopy } from "./inputs";
import { databaseChanges } from "./statements";

export function reportStatements(title: string, statements: string[], info: Operation["info"]): void {
  if (statements.length > 0) info(title, ...statements.map((each) => `${each};`));
}

/** Warns that copyOf has no effect on an existing database, if it was added or changed. */
export function warnIgnoredCopy(
  old: DatabaseInputs | undefined,
  { name, copyOf }: DatabaseInputs,
  { warn }: Operation,
): void {
  if (differences(old?.copyOf, copyOf).length === 0) return;
  warn(
    `database ${name}: copyOf has no effect, because the database already exists; to recreate it and lose its contents, ` +
      "remove it from the stack file for one update",
  );
}

export async function explain(
  old: DatabaseInputs | undefined,
  inputs: DatabaseInputs,
  operation: Operation,
): Promise<void> {
  const { host, info, preview } = operation;
  if (!preview) return;
  const down = (await whyDown(host)) !== undefined;
  const found = down
    ? undefined
    : await ask(host, MAINTENANCE_DATABASE, (client) => find(client, inputs.name), undefined);
  if (!found) {
    if (isCopy(inputs) && !(old && down)) await explainCopy(inputs, down, operation);
    return;
  }
  if (!old) info(`database ${inputs.name} already exists; the update adopts it with its contents`);
  warnIgnoredCopy(old, inputs, operation);
  reportStatements("will be run:", databaseChanges(found, inputs), info);
}
