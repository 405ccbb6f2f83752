import { log } from "./print";
import type { Project } from "./project";
import type { Stdout } from "./terminal";

/** What @pulumi/postgresql says where it logs in with the password of the state and the server has another. */
const WRONG_PASSWORD = /password authentication failed for user "postgres"/;

/**
 * Runs a command that looks and changes nothing, and has all plugins look at the server first (`refresh`: the flags that say so). Where
 * the password of postgres was changed in the server, by a dump of roles for instance, only pgwright's own plugin gets in: then the others
 * take what they have seen last, and the update sets the password again. Returns the flags for that update too.
 */
export async function observeRefreshed(
  project: Project,
  command: string[],
  refresh: string[],
  options: { stdout?: Stdout } = {},
) {
  const first = await project.observe([...command, ...refresh], options);
  const isLockedOut = first.code !== 0 && first.events.messages.some(({ text }) => WRONG_PASSWORD.test(text));
  if (!isLockedOut || refresh.length === 0) return { ...first, refresh };
  log(
    "",
    "The server has another password of postgres than this stack has set; an update sets that again. Schemas and extensions are taken " +
      "as they were last seen:",
    "",
  );
  return { ...(await project.observe(command, options)), refresh: [] };
}
