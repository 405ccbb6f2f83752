import { tokenOf } from "../declaration";
import type { AnyKind } from "../kind";
import { access } from "./access";
import { backupConfiguration } from "./backup-configuration";
import { backups } from "./backups";
import { cluster } from "./cluster";
import { configuration } from "./configuration";
import { cronJob } from "./cron-job";
import { database } from "./database";
import { inventory } from "./inventory";
import { library } from "./library";
import { migrations } from "./migrations";
import { partitionSet } from "./partition-set";
import { password } from "./password";
import { presence } from "./presence";
import { protection } from "./protection";
import { restoreDrill } from "./restore-drill";
import { retired } from "./retired";
import { role } from "./role";
import { server } from "./server";
import { tieredTable } from "./tiered-table";
import { vectorIndex } from "./vector-index";

const all = [
  access,
  backupConfiguration,
  backups,
  cluster,
  configuration,
  cronJob,
  database,
  inventory,
  library,
  migrations,
  partitionSet,
  password,
  presence,
  protection,
  restoreDrill,
  retired,
  role,
  server,
  tieredTable,
  vectorIndex,
] as unknown as AnyKind[];

/** All kinds of resources of this plugin, by Pulumi's type token. */
export const kinds: Record<string, AnyKind> = Object.fromEntries(all.map((kind) => [tokenOf(kind.declaration), kind]));
