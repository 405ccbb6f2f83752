// Pure: consequences of a change for the users of the server. The message of a hazard begins with its label, by which readers of a
// preview and the report recognise it.

import { oneLine } from "./visible-text";

const LABELS = {
  /** Rows, or objects with rows, are lost. */
  loss: "DATA LOSS",
  /** The server restarts: all sessions end. */
  restart: "RESTART",
  /** Other sessions wait while the change works, and the time grows with the number of rows. */
  lock: "LOCK",
  /** Other sessions wait for a moment, after running transactions on the table have ended. */
  briefLock: "BRIEF LOCK",
  /** A role gains or loses privileges. */
  access: "ACCESS",
} as const;

export type Hazard = keyof typeof LABELS;

export const HAZARDS = Object.keys(LABELS) as Hazard[];

/** The title of a report's section. */
export const hazardTitle = (hazard: Hazard): string => LABELS[hazard].charAt(0) + LABELS[hazard].slice(1).toLowerCase();

export const withHazard = (hazard: Hazard, text: string): string => `${LABELS[hazard]}: ${text}`;

/** Splits a message into its hazard, if it has one, and the rest. */
export function hazardIn(message: string): { hazard?: Hazard; text: string } {
  const hazard = HAZARDS.find((each) => message.startsWith(`${LABELS[each]}: `));
  return hazard ? { hazard, text: message.slice(LABELS[hazard].length + 2) } : { text: message };
}

/** `forbid`: hazards that are refused. `except`: a hazard whose message contains one of these texts is allowed. */
export interface Guards {
  forbid: Hazard[];
  except: string[];
}

/** A hazard with the lines of its message. */
export interface ReportedHazard {
  hazard: Hazard;
  lines: readonly [first: string, ...more: string[]];
}

/** Why the reported hazards are refused; undefined if they are allowed. */
export function refusal(reported: ReportedHazard[], { forbid, except }: Guards): string | undefined {
  const refused = reported.filter(
    ({ hazard, lines }) => forbid.includes(hazard) && !except.some((text) => lines.some((line) => line.includes(text))),
  );
  if (refused.length === 0) return undefined;
  const hazards = [...new Set(refused.map(({ hazard }) => hazard))];
  const names = refused.map(({ lines: [first] }) => `"${oneLine(first.split(/ (?:is|are|wait)\b|[,:;(]/)[0] ?? "")}"`);
  return [
    `guards.forbid: this change has forbidden hazards (${hazards.join(", ")}):`,
    ...refused.flatMap(({ hazard, lines: [first, ...more] }) =>
      [withHazard(hazard, first), ...more.map((line) => `  ${line}`)].map((line) => `  ${oneLine(line)}`),
    ),
    `to allow it, add a part of the message to guards.except, such as ${names.join(", ")}`,
  ].join("\n");
}
