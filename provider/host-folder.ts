import { existsSync, statSync } from "node:fs";
import { CommandError, POSTGRES, type Host } from "./host";
import { shellWord } from "./shell-word";

/** `--mount` of a folder of the Docker host. Unlike `--volume`, it does not create a missing folder. */
export function folderMount(source: string, target: string, readOnly = false): string[] {
  const field = `"source=${source.replaceAll('"', '""')}"`;
  return ["--mount", `type=bind,${field},target=${target}${readOnly ? ",readonly" : ""}`];
}

/** Path in the container at which the folder is mounted. */
const FOLDER = "/folder";
/** Conditions of find for entries that user 999 cannot use. */
const UNUSABLE = ["(", "!", "-readable", "-o", "-type", "d", "(", "!", "-writable", "-o", "!", "-executable", ")", ")"];

const missing = (folder: string) => ({
  problem: "does not exist",
  command: `install -d -o ${POSTGRES} -g ${POSTGRES} -m 750 ${shellWord(folder)}`,
});
const forbidden = (folder: string, path = "") => ({
  problem: `user ${POSTGRES} of the containers cannot write to ${path === "" ? "it" : `${folder}${path}`}`,
  command: `chown -R ${POSTGRES}:${POSTGRES} ${shellWord(folder)} && chmod -R u+rwX ${shellWord(folder)}`,
});
const noFolder = (folder: string) => ({ problem: "is not a folder", command: `ls -ld ${shellWord(folder)}` });
type Problem = ReturnType<typeof missing>;

/** Checks the folder as user 999 in a container. */
async function inContainer(host: Host, image: string, folder: string): Promise<Problem | undefined> {
  const fixed = ["run", "--rm", "--network", "none", "--cap-drop", "ALL", "--label", "pgwright.helper=folder"];
  const script = `[ -d ${FOLDER} ] || exit 20; exec find ${FOLDER} -maxdepth 3 "$@" -print -quit`;
  const command = ["--entrypoint", "sh", image, "-c", script, "sh", ...UNUSABLE];
  try {
    const found = (await host.docker([...fixed, ...folderMount(folder, FOLDER), ...command])).toString().trim();
    return found === "" ? undefined : forbidden(folder, found.slice(FOLDER.length));
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    if (error.code === 20) return noFolder(folder);
    if (/bind source path does not exist/.test(error.output)) return missing(folder);
    throw error;
  }
}

/** Checks mode and owner while no image exists, if the engine is on this machine. */
async function onThisMachine(host: Host, folder: string): Promise<Problem | undefined> {
  const root = (await host.docker(["info", "--format", "{{.DockerRootDir}}"])).toString().trim();
  if (!existsSync(root)) return undefined; // the engine is on another machine, or in a virtual one
  if (!existsSync(folder)) return missing(folder);
  const { mode, uid, gid } = statSync(folder);
  if ((mode & 0o170000) !== 0o040000) return noFolder(folder);
  const shift = uid === POSTGRES ? 6 : gid === POSTGRES ? 3 : 0;
  return ((mode >> shift) & 0o7) === 0o7 ? undefined : forbidden(folder);
}

/** Throws, with the command that corrects it, if the containers cannot write to a folder of the Docker host. Changes nothing. */
export async function mustBeWritable(host: Host, image: string, folders: string[]): Promise<void> {
  if (folders.length === 0) return;
  const running = (await host.imageExists(image)) ? image : (await host.inspect())?.image;
  for (const folder of folders) {
    const found = await (running ? inContainer(host, running, folder) : onThisMachine(host, folder));
    if (found)
      throw new Error(
        `folder ${folder} of the Docker host: ${found.problem}; on the Docker host, run: ${found.command}`,
      );
  }
}
