/** Label of all Docker objects of an ephemeral stack, whose value is the name of its server. */
export const EPHEMERAL = "pgwright.ephemeral";
/** When it may be removed, as it was when the object was made. A stack expires at the latest time that is on any of them. */
export const EXPIRES = "pgwright.expires";

export type Labels = Record<string, string>;

/** They say on the engine itself what a stack is, for those who have neither its state nor its stack file. */
export const ephemeralLabels = (server: string, expires: string): Labels => ({
  [EPHEMERAL]: server,
  [EXPIRES]: expires,
});

/** As `docker ... create` takes them. */
export const labelFlags = (labels: Labels = {}): string[] =>
  Object.entries(labels).flatMap(([name, value]) => ["--label", `${name}=${value}`]);
