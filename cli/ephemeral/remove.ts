import { existsSync, readdirSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { EPHEMERAL, type Labels } from "../../provider/ephemeral-labels";
import { Host } from "../../provider/host";
import { ephemeralFile, mayHaveState, Project, removeTraces, type Deployment } from "../project";
import { endRun } from "../recover";
import { configured, containerName } from "../server";
import { removeLabelled } from "./engine";

/** The engine of a stack: the given one, or the one in its stack file; undefined: the default engine. */
export function engineOf(stack: string, named?: string): string | undefined {
  const written = existsSync(ephemeralFile(stack)) ? configured(stack, "engine") : undefined;
  return named ?? (typeof written === "string" ? written : undefined);
}

export const hostFor = (stack: string, engine?: string) => new Host(containerName(stack), engineOf(stack, engine));

/** Ephemeral stacks that have a stack file in this checkout. */
export function stacksHere(): string[] {
  const folder = dirname(ephemeralFile(""));
  const files = existsSync(folder) ? readdirSync(folder) : [];
  return files.flatMap((file) => /^Pulumi\.(.+)\.yaml$/.exec(file)?.[1] ?? []);
}

/** Whether a state holds a Docker object without the label of ephemeral stacks: then the stack is permanent. */
export function isKept({ resources = [] }: Deployment): boolean {
  return resources.some(({ type, outputs = {} }) => {
    if (type === "pgwright:index:Cluster") return (outputs.labels as Labels | undefined)?.[EPHEMERAL] === undefined;
    if (!DOCKER_OBJECTS.includes(type)) return false;
    return !((outputs.labels ?? []) as { label: string }[]).some(({ label }) => label === EPHEMERAL);
  });
}

const DOCKER_OBJECTS = ["container:Container", "network:Network", "volume:Volume"].map(
  (type) => `docker:index/${type}`,
);

/** Finds the state of an ephemeral stack. Throws if the stack is permanent. */
export async function findState(stack: string): Promise<{ project: Project; deployment: Deployment } | undefined> {
  if (!mayHaveState(stack)) return undefined;
  const project = await Project.open(stack, true);
  const deployment = await project.findDeployment(stack);
  if (!deployment) return undefined;
  if (!isKept(deployment)) return { project, deployment };
  throw new Error(
    `stack ${stack}: not ephemeral, nothing was changed; to remove it: npm run destroy -- --stack ${stack}`,
  );
}

/** Removes a stack: its labelled objects on the engine, its state and its stack file. */
export async function removeStack(stack: string, host: Host): Promise<void> {
  const { project } = (await findState(stack)) ?? {};
  if (project) await endRun(project, stack);
  await removeLabelled(host, containerName(stack));
  await project?.forgetStack(stack);
  removeTraces(stack);
  rmSync(ephemeralFile(stack), { force: true });
}
