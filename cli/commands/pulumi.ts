import type { Invocation } from "../invocation";
import { Project } from "../project";

/** `npm run pulumi -- ARGS`: the same Pulumi in the same environment. */
export async function passThrough({ args, stack }: Invocation): Promise<number> {
  const project = await Project.open(stack);
  // Commands that are about one stack take the flag; the others would refuse it.
  const aboutStack = [
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
    aboutStack.includes(args[0] ?? "") && !(args[0] === "stack" && ["ls", "init", "select"].includes(args[1] ?? ""));
  return project.run(named ? [...args, "--stack", stack] : args);
}
