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

/** All kinds of resources of this plugin, by Pulumi type token. */
export const kinds = {
  "pgwright:index:Access": access,
  "pgwright:index:BackupConfiguration": backupConfiguration,
  "pgwright:index:Backups": backups,
  "pgwright:index:Cluster": cluster,
  "pgwright:index:Configuration": configuration,
  "pgwright:index:CronJob": cronJob,
  "pgwright:index:Database": database,
  "pgwright:index:Inventory": inventory,
  "pgwright:index:Library": library,
  "pgwright:index:Migrations": migrations,
  "pgwright:index:PartitionSet": partitionSet,
  "pgwright:index:Password": password,
  "pgwright:index:Presence": presence,
  "pgwright:index:Protection": protection,
  "pgwright:index:RestoreDrill": restoreDrill,
  "pgwright:index:Role": role,
  "pgwright:index:RoleSettings": retired,
  "pgwright:index:Server": server,
  "pgwright:index:TieredTable": tieredTable,
  "pgwright:index:VectorIndex": vectorIndex,
};
