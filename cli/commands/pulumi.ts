import type { Invocation } from "../options";
import { Project } from "../project";

/** `npm run pulumi -- ARGS`: runs Pulumi in the environment of the other commands. */
export async function passThrough({ args, stack }: Invocation): Promise<number> {
  const project = await Project.open(stack);
  // Commands for one stack take --stack; the others would refuse it.
  const stackCommands = [
    "up",
    "preview",
    "destroy",
    "refresh",
    "config",
    "stack",
    "state",
    "cancel",
    "import",
    "logs",
    "watch",
  ];
  const named =
    stackCommands.includes(args[0] ?? "") && !(args[0] === "stack" && ["ls", "init", "select"].includes(args[1] ?? ""));
  return project.run(named ? [...args, "--stack", stack] : args);
}
