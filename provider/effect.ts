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

export type Effect = keyof typeof WORDS;

export const EFFECTS = Object.keys(WORDS) as Effect[];

/** As the title of a report's section. */
export const effectTitle = (effect: Effect): string => WORDS[effect].charAt(0) + WORDS[effect].slice(1).toLowerCase();

export const withEffect = (effect: Effect, text: string): string => `${WORDS[effect]}: ${text}`;

/** The effect that a message tells, and the rest of it. */
export function effectIn(message: string): { effect?: Effect; text: string } {
  const effect = EFFECTS.find((each) => message.startsWith(`${WORDS[each]}: `));
  return effect ? { effect, text: message.slice(WORDS[effect].length + 2) } : { text: message };
}

/** Effects that are not let through, but for those whose message holds one of the texts. */
export interface Guards {
  forbid: Effect[];
  except: string[];
}

/** Why what was told may not be done; undefined if it may. */
export function refusal(told: { effect: Effect; message: string }[], { forbid, except }: Guards): string | undefined {
  const refused = told.filter(
    ({ effect, message }) => forbid.includes(effect) && !except.some((text) => message.includes(text)),
  );
  if (refused.length === 0) return undefined;
  const effects = [...new Set(refused.map(({ effect }) => effect))];
  const names = refused.map(({ message }) => `"${oneLine(message.split(/ (?:is|are|wait)\b|[,:;(]/)[0] ?? "")}"`);
  return [
    `guards.forbid has ${effects.join(" and ")}, and this change means:`,
    ...refused.flatMap(({ effect, message }) => {
      const [first = "", ...lines] = message.split("\n");
      return [withEffect(effect, first), ...lines.map((line) => `  ${line}`)].map((line) => `  ${oneLine(line)}`);
    }),
    `to let it through, write what it is about into guards.except, such as ${names.join(", ")}`,
  ].join("\n");
}
