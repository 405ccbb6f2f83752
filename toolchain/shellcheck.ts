import { installPackages, isDebian, isRoot, updateLists } from "./debian";
import { type Log, findAll } from "./run";

/** Finds ShellCheck on PATH. If it is missing and this process is root, installs it on Debian or Ubuntu. */
export async function ensureShellcheck({ log }: { log: Log }): Promise<string> {
  const [found] = findAll("shellcheck");
  if (found) return found;
  if (!isDebian() || !isRoot()) {
    throw new Error(
      "shellcheck: not on PATH; install the package shellcheck of this system, " +
        "or run the command once as root, which does it for you on Debian and Ubuntu",
    );
  }
  await updateLists(log);
  await installPackages(["shellcheck"], log);
  const [installed] = findAll("shellcheck");
  if (!installed)
    throw new Error("shellcheck: not on PATH after the installation; install it (https://www.shellcheck.net)");
  return installed;
}
