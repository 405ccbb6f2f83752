import { locationOf } from "../config/backup";
import type { Stack } from "../config/stack";
import type { InventoryInputs } from "../provider/kinds/inventory/inputs";
import { dumpsVolume, repositoryVolume } from "./repositories";

/** The declared objects of a stack whose removal loses rows or backups. `name`: of the server. */
export function inventoryOf(name: string, { databases, backup }: Pick<Stack, "databases" | "backup">): InventoryInputs {
  const inside = Object.entries(databases).map(([database, { extensions, tiers }]) => [
    database,
    {
      extensions: Object.keys(extensions),
      tiers: Object.fromEntries(Object.entries(tiers).map(([table, { onRemove }]) => [table, onRemove])),
    },
  ]);
  const kept = backup?.keep ?? false;
  const volumes = [
    ...(backup?.repositories ?? []).flatMap((repository, i) =>
      locationOf(repository) === undefined
        ? [[repositoryVolume(name, i + 1), { holds: "the backups in it", kept }]]
        : [],
    ),
    ...(backup?.dumps && locationOf(backup.dumps) === undefined
      ? [[dumpsVolume(name), { holds: "the dumps in it", kept }]]
      : []),
  ];
  const { drill } = backup ?? {};
  const sidecars = [...(backup ? [`${name}-agent`] : []), ...(drill ? [`${name}-drill`] : [])];
  const objects = [
    `network ${name}`,
    ...[name, ...sidecars].map((each) => `container ${each}`),
    ...[`${name}-config`, ...sidecars, ...volumes.map(([volume]) => volume as string)].map((each) => `volume ${each}`),
  ];
  return { databases: Object.fromEntries(inside), volumes: Object.fromEntries(volumes), objects };
}
