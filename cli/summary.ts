import { print } from "./print";
import type { Project } from "./project";
import { containerName, stackOption } from "./server";

/** The outputs of a stack. */
export interface Outputs {
  host: string;
  port: number;
  version: string;
  databases: string[];
}

/** Prints the address of the server and the next commands. */
export async function printSummary(project: Project, stack: string): Promise<void> {
  const { resources = [] } = await project.deployment(stack);
  const { outputs } = resources.find(({ type }) => type === "pulumi:pulumi:Stack") ?? {};
  const { host, port, version, databases } = outputs as unknown as Outputs;
  const flag = stackOption(stack);
  const [database = "postgres"] = databases;
  print(
    "",
    `PostgreSQL ${version} is ready in container ${containerName(stack)}`,
    "",
    `  address     ${host}:${port}`,
    `  databases   ${databases.join(", ") || "postgres"}`,
    `  as superuser        npm run psql --${flag} -d ${database}`,
    `  passwords           npm run pulumi -- stack output rolePasswords --show-secrets${flag}`,
    `  what would change   npm run preview${flag ? ` --${flag}` : ""}`,
    `  take it down        npm run destroy${flag ? ` --${flag}` : ""}`,
  );
  if (stack === "dev")
    print(
      "",
      "A job writes metrics of this machine and of PostgreSQL every minute; after the first minute, query them:",
      "",
      `  npm run psql -- -d solo -c 'SELECT * FROM metrics.system_metrics ORDER BY "timestamp" DESC LIMIT 5'`,
      "  npm run psql -- -d solo -c 'SELECT * FROM metrics.partition_overview'",
    );
}
