import { log } from "./print";
import type { Project } from "./project";
import type { Stdout } from "./terminal";

/** The error of @pulumi/postgresql if the server has another password than the state. */
const WRONG_PASSWORD = /password authentication failed for user "postgres"/;

/**
 * Runs a read-only command that refreshes all resources first (`refresh`: its flags for that). If the password of postgres was changed
 * on the server, by a dump of roles for instance, only pgwright's own plugin can connect: then the command runs again without a refresh,
 * and the update sets the password. Also returns the refresh flags for that update.
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
    "password of postgres: changed on the server; an update sets the password of this stack again. Schemas and extensions are previewed " +
      "as the state has them:",
    "",
  );
  return { ...(await project.observe(command, options)), refresh: [] };
}
