import type { Host } from "../../host";
import type { Operation } from "../../kind";
import type { InventoryInputs } from "./inputs";

async function isOnEngine(host: Host, object: string): Promise<boolean> {
  const [kind = "", name = ""] = object.split(" ");
  if (kind === "container") return (await host.inspect(name)) !== undefined;
  const list = [kind, "ls", "--format", "{{.Name}}", "--filter", `name=${name}`];
  return (await host.docker(list)).toString().split("\n").includes(name);
}

/**
 * Refuses Docker objects that exist on the engine and not in the state: Docker would use an existing volume of the same name, and a
 * destroy would remove it. All Docker objects of the stack depend on this resource, so the check runs before any is created.
 */
export async function mustBeOurs(
  old: InventoryInputs | undefined,
  inputs: InventoryInputs,
  { host }: Operation,
): Promise<void> {
  if (old && !old.objects) return; // an earlier version has created them
  const added = (inputs.objects ?? []).filter((object) => !old?.objects?.includes(object));
  const exist = await Promise.all(added.map((object) => isOnEngine(host, object)));
  const problems = added.flatMap((object, i) => {
    const [kind = "", name = ""] = object.split(" ");
    const volume = inputs.volumes[name];
    if (!exist[i] || volume?.kept) return [];
    const problem = `${object}: it exists on the Docker engine, but not in the state of this stack; `;
    if (volume && kind === "volume")
      return [
        `${problem}write backup.keep: true to use it and never remove it, or declare it as volume in the stack file`,
      ];
    return [`${problem}remove it (docker ${kind} rm ${name}) or choose another stack`];
  });
  if (problems.length > 0) throw new Error(problems.join("\n"));
}
