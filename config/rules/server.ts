import { canonicalValue } from "../../tuning/catalogue";
import { serverSettings } from "../server-settings";
import { list, type Rule } from "./rule";

/** Settings of the server, against its resources and against what the roles need. */
export const checkSettings: Rule = (stack, report) => {
  try {
    const archive = stack.backup && { ...stack.backup, stanza: stack.backup.name ?? "server" };
    const { settings } = serverSettings(stack.server, archive, stack.ephemeral);
    const senders = settings.find(({ name }) => name === "max_wal_senders")?.value;
    for (const [name, { replication }] of Object.entries(stack.roles)) {
      if (replication && senders !== undefined && canonicalValue("max_wal_senders", senders) === "0")
        report(
          `roles.${name}.replication`,
          "true: the server streams no WAL with max_wal_senders = 0; raise max_wal_senders, or write false",
        );
    }
  } catch (error) {
    for (const text of (error as Error).message.split("\n")) report("server", text);
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
