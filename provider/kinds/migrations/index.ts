import type { Kind, Operation } from "../../kind";
import { ask, withDatabase } from "../../session";
import { reconcile, type AccessInputs } from "../access";
import { MigrationFileError, parseMigrations } from "./file";
import { readLedger } from "./ledger";
import { planMigrations, runMigrations } from "./run";

export interface MigrationsInputs {
  database: string;
  /** Runs as this role. */
  role: string;
  /** Text of each file, by name. */
  files: Record<string, string>;
  /** The newest version that should be applied; undefined: all. */
  target?: string;
  /** Privileges of the database: those that the migrations need themselves have to be there before they run. */
  access: AccessInputs;
  /** Hash of each file that should be applied, by name: what is compared. */
  applied: Record<string, string>;
}

export type MigrationsState = MigrationsInputs;

async function apply(inputs: MigrationsInputs, { host, info }: Operation): Promise<void> {
  const parsed = await parseMigrations(inputs.files);
  await withDatabase(host, inputs.database, async (client) => {
    await reconcile(client, inputs.access, [], true);
    await runMigrations(client, parsed, inputs.target, inputs.role, info);
  });
}

/** The migrations of one database: what the folder holds is applied, once, in order. */
export const migrations: Kind<MigrationsInputs, MigrationsState> = {
  replaceOn: ["database"],
  notCompared: ["role", "files", "target", "access"],
  async check({ files, target }) {
    try {
      const parsed = await parseMigrations(files);
      if (target && !parsed.some(({ version }) => version === target)) {
        return [{ property: "target", reason: `"${target}" is no version of the folder; there are ${parsed.map(({ version }) => version).join(", ")}` }];
      }
      return [];
    } catch (error) {
      if (error instanceof MigrationFileError) return [{ property: "files", reason: error.message }];
      throw error;
    }
  },
  async explain(_old, inputs, { host, preview, info }) {
    if (!preview) return;
    const files = await parseMigrations(inputs.files);
    const ledger = await ask(host, inputs.database, readLedger, undefined).catch(() => undefined);
    const { up, down } = planMigrations(files, ledger ?? [], inputs.target);
    for (const file of down) info(`will undo ${file.file}: ${file.down?.statements.length} statements as ${inputs.role}`);
    for (const { file, up: section } of up) {
      info(`will apply ${file}: ${section.statements.length} statements as ${inputs.role}${section.transaction ? "" : ", outside a transaction"}`);
    }
  },
  async create(inputs, operation) {
    if (!operation.preview) await apply(inputs, operation);
    return { id: inputs.database, state: inputs };
  },
  read: (_id, state, inputs, { host }) =>
    ask(
      host,
      inputs.database,
      async (client) => {
        const ledger = (await readLedger(client)) ?? [];
        const done = ledger.filter(({ finished }) => finished).map(({ version, name, hash }) => [`${version}_${name}.sql`, hash]);
        return { ...state, applied: Object.fromEntries(done) };
      },
      state,
    ),
  async update(_id, _old, inputs, operation) {
    if (!operation.preview) await apply(inputs, operation);
    return inputs;
  },
  // What the migrations have made goes with the database.
  delete: async () => undefined,
};
