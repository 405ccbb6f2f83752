// Pure: what a change means for those who use the server. Each message about it begins with a word, which a reader of a preview
// and the report made from it both go by.

import { oneLine } from "./visible-text";

const WORDS = {
  /** Rows, or objects with rows, that are gone afterwards. */
  loss: "DATA LOSS",
  /** Sessions end. */
  restart: "RESTART",
  /** Others wait for as long as there is work to do, which is the longer the more rows there are. */
  lock: "LOCK",
  /** Others wait for a moment, once whoever uses the table already has finished. */
  briefLock: "BRIEF LOCK",
  /** Somebody may do more, or less, than before. */
  access: "ACCESS",
} as const;

export type Hazard = keyof typeof WORDS;

export const HAZARDS = Object.keys(WORDS) as Hazard[];

/** As the title of a report's section. */
export const hazardTitle = (hazard: Hazard): string => WORDS[hazard].charAt(0) + WORDS[hazard].slice(1).toLowerCase();

export const withHazard = (hazard: Hazard, text: string): string => `${WORDS[hazard]}: ${text}`;

/** The hazard that a message tells, and the rest of it. */
export function hazardIn(message: string): { hazard?: Hazard; text: string } {
  const hazard = HAZARDS.find((each) => message.startsWith(`${WORDS[each]}: `));
  return hazard ? { hazard, text: message.slice(WORDS[hazard].length + 2) } : { text: message };
}

/** Hazards that are refused, but for those whose message holds one of the texts. */
export interface Guards {
  forbid: Hazard[];
  except: string[];
}

/** Why what was told may not be done; undefined if it may. */
export function refusal(told: { hazard: Hazard; message: string }[], { forbid, except }: Guards): string | undefined {
  const refused = told.filter(
    ({ hazard, message }) => forbid.includes(hazard) && !except.some((text) => message.includes(text)),
  );
  if (refused.length === 0) return undefined;
  const hazards = [...new Set(refused.map(({ hazard }) => hazard))];
  const names = refused.map(({ message }) => `"${oneLine(message.split(/ (?:is|are|wait)\b|[,:;(]/)[0] ?? "")}"`);
  return [
    `guards.forbid has ${hazards.join(" and ")}, and this change means:`,
    ...refused.flatMap(({ hazard, message }) => {
      const [first = "", ...lines] = message.split("\n");
      return [withHazard(hazard, first), ...lines.map((line) => `  ${line}`)].map((line) => `  ${oneLine(line)}`);
    }),
    `to let it through, write what it is about into guards.except, such as ${names.join(", ")}`,
  ].join("\n");
}
