import { existsSync, readdirSync, readFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { CommandError, Host } from "../provider/host";
import { withDatabase } from "../provider/session";
import { log, type Project } from "./project";
import { containerName } from "./server";

// A run that was killed leaves two things behind: the lock of a local state, and operations that nobody knows the end of.

interface PendingOperation {
  type: string;
  resource: { urn: string; type: string; inputs?: Record<string, unknown> };
}

/** Makes the state usable again after a run that was killed. Does nothing after one that ended. */
export async function repairInterrupted(project: Project, stack: string): Promise<void> {
  if (project.backend.kind === "local" && lockIsStale(project.backend.state, stack)) {
    log("an earlier run was killed: taking over its lock");
    const { code, stderr } = await project.capture(["cancel", "--yes", "--stack", stack]);
    if (code !== 0) throw new Error(`the lock of the killed run could not be removed: ${stderr.trim()}`);
  }
  const exported = await project.capture(["stack", "export", "--stack", stack]);
  if (exported.code !== 0) throw new Error(exported.stderr.trim());
  const checkpoint = JSON.parse(exported.stdout) as { deployment?: { pending_operations?: PendingOperation[] } };
  const pending = checkpoint.deployment?.pending_operations ?? [];
  if (!checkpoint.deployment || pending.length === 0) return;

  for (const { type, resource } of pending) if (type === "creating") await removeHalfMade(resource, stack);
  delete checkpoint.deployment.pending_operations;
  const { code, stderr } = await project.capture(["stack", "import", "--stack", stack], JSON.stringify(checkpoint));
  if (code !== 0) throw new Error(`the state of the killed run could not be mended: ${stderr.trim()}`);
}

function lockIsStale(state: string, stack: string): boolean {
  const folder = join(state, ".pulumi", "locks", "organization", "pgwright", stack);
  if (!existsSync(folder)) return false;
  return readdirSync(folder).some((file) => {
    const { pid, hostname: host } = JSON.parse(readFileSync(join(folder, file), "utf8")) as { pid: number; hostname: string };
    return host === hostname() && !existsSync(`/proc/${pid}`);
  });
}

/**
 * What the killed run was making may be there or not; Pulumi knows nothing of it and would fail to make it again. It holds
 * nothing yet, for what goes into it is made afterwards.
 */
async function removeHalfMade({ type, inputs }: PendingOperation["resource"], stack: string): Promise<void> {
  const host = new Host(containerName(stack));
  const name = String(inputs?.name ?? "");
  const quoted = `"${name.replaceAll('"', '""')}"`;
  const sql = { "postgresql:index/role:Role": `DROP ROLE IF EXISTS ${quoted}`, "postgresql:index/database:Database": `DROP DATABASE IF EXISTS ${quoted}` }[type];
  const docker = { "docker:index/container:Container": ["rm", "--force", name], "docker:index/network:Network": ["network", "rm", name] }[type];
  if (!name || (!sql && !docker)) return;
  log(`the killed run was making ${type.split(":").pop()?.toLowerCase()} ${name}: starting over with it`);
  if (docker) {
    await host.docker(docker).catch((error) => {
      if (!(error instanceof CommandError && /no such/i.test(error.output))) throw error;
    });
  } else if (sql && (await host.inspect())?.running) {
    await withDatabase(host, "postgres", (client) => client.query(sql));
  }
}
