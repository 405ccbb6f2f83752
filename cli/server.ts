import { Host } from "../provider/host";
import { log } from "./project";

/** The container of a stack, as index.ts names it. */
export function containerName(stack: string): string {
  return `pgwright-${stack}`;
}

/**
 * A preview reads what lives in PostgreSQL anyway. Roles, databases and Docker objects belong to other plugins, which look
 * only when told to refresh, and fail if the server is down; so they are told while it runs.
 */
export async function refreshFlags(stack: string): Promise<string[]> {
  const container = await new Host(containerName(stack)).inspect();
  if (container?.running) return ["--refresh"];
  if (container) log(`container ${containerName(stack)} does not run (${container.status}): roles and databases are taken as they were last seen`);
  return [];
}
