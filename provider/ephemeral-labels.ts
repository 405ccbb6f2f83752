/** Label of all Docker objects of an ephemeral stack; its value is the name of the server. */
export const EPHEMERAL = "pgwright.ephemeral";
/** Label with the expiry at the time when the object was created. A stack expires at the latest of these times. */
export const EXPIRES = "pgwright.expires";

export type Labels = Record<string, string>;

/** Labels that identify a stack on the engine, for commands that have neither its state nor its stack file. */
export const ephemeralLabels = (server: string, expires: string): Labels => ({
  [EPHEMERAL]: server,
  [EXPIRES]: expires,
});

/** Arguments of `docker ... create`. */
export const labelFlags = (labels: Labels = {}): string[] =>
  Object.entries(labels).flatMap(([name, value]) => ["--label", `${name}=${value}`]);
