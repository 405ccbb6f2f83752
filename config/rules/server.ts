import { canonicalValue } from "../../tuning/catalogue";
import { path } from "../problem";
import { list, type Rule } from "./rule";

/** Settings of the server, against what the backup and the roles need. */
export const checkSettings: Rule = ({ server, backup, roles, tuning }, report) => {
  const command = Object.keys(server.settings).find((name) => name.toLowerCase() === "archive_command");
  if (backup && command !== undefined)
    report(path(["server", "settings", command]), "backup sets the archive command; remove this setting");

  const senders = tuning?.settings.find(({ name }) => name === "max_wal_senders")?.value;
  if (senders === undefined || canonicalValue("max_wal_senders", senders) !== "0") return;
  for (const [name, { replication }] of Object.entries(roles)) {
    if (replication)
      report(
        `roles.${name}.replication`,
        "true: the server streams no WAL with max_wal_senders = 0; raise max_wal_senders, or write false",
      );
  }
};

/** The database that holds pg_cron. */
export const checkCronDatabase: Rule = ({ server: { cronDatabase }, databases }, report) => {
  const names = Object.keys(databases);
  if (cronDatabase !== "postgres" && !names.includes(cronDatabase))
    report(
      "server.cronDatabase",
      `"${cronDatabase}": no such database in pgwright:databases; there are postgres, ${list(names)}`,
    );
};
