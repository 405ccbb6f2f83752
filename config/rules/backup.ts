import { agentSchedules } from "../agent-schedules";
import { locationOf } from "../backup";
import { timesOf } from "../schedule";
import { list, type Rule } from "./rule";

/** Keys of schedules that differ from the name of the job. */
const SCHEDULES: Record<string, string> = { drill: "drill.schedule", dump: "dumps.schedule" };

/** Repositories, schedules, and the databases that drills and dumps name. */
export const checkBackup: Rule = ({ backup, restoreFrom, databases }, report) => {
  if (restoreFrom && !restoreFrom.repository && !restoreFrom.running && !backup)
    report(
      "restoreFrom",
      "the stack file declares no backup; name the repository that holds the backups in restoreFrom.repository",
    );
  if (!backup) return;

  const locations = backup.repositories.map(locationOf);
  locations.forEach((location, i) => {
    const first = locations.indexOf(location);
    if (location !== undefined && first < i)
      report(`backup.repositories[${i}]`, `has the same location as [${first}], ${location}; choose another location`);
  });

  for (const [job, schedule] of Object.entries(agentSchedules(backup))) {
    try {
      timesOf(schedule);
    } catch (error) {
      report(`backup.${SCHEDULES[job] ?? job}`, `"${schedule}": ${(error as Error).message}`);
    }
  }

  const names = Object.keys(databases);
  for (const [key, named = {}] of Object.entries({
    "drill.tables": backup.drill?.tables,
    "drill.recall": backup.drill?.recall,
    "dumps.databases": backup.dumps?.databases,
  })) {
    for (const name of Object.keys(named)) {
      if (!names.includes(name) && name !== "postgres")
        report(`backup.${key}.${name}`, `no such database in pgwright:databases; there are ${list(names)}`);
    }
  }
};
