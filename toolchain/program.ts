import { installPackages, isDebian, isRoot, updateLists } from "./debian";
import { type Log, findAll } from "./run";

/**
 * Finds a program on PATH that has the name of its Debian package. If it is missing and this process is root, installs it on Debian or
 * Ubuntu.
 */
export async function ensureProgram(name: string, { log }: { log: Log }): Promise<string> {
  const [found] = findAll(name);
  if (found) return found;
  if (!isDebian() || !isRoot()) {
    throw new Error(
      `${name}: not on PATH; install the package ${name} of this system, ` +
        "or run the command once as root, which does it for you on Debian and Ubuntu",
    );
  }
  await updateLists(log);
  await installPackages([name], log);
  const [installed] = findAll(name);
  if (!installed) throw new Error(`${name}: not on PATH after the installation of its package; install the program`);
  return installed;
}
