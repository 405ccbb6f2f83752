// Pure: what a change means for those who use the server. Each message about it begins with a word, which a reader of a preview
// and the report made from it both go by.

const WORDS = {
  /** Rows, or objects with rows, that are gone afterwards. */
  loss: "DATA LOSS",
  /** Sessions end. */
  restart: "RESTART",
  /** Others wait while it runs. */
  lock: "LOCK",
  /** Somebody may do more, or less, than before. */
  access: "ACCESS",
} as const;

export type Effect = keyof typeof WORDS;

export const EFFECTS = Object.keys(WORDS) as Effect[];

export const withEffect = (effect: Effect, text: string): string => `${WORDS[effect]}: ${text}`;

/** The effect that a message tells, and the rest of it. */
export function effectIn(message: string): { effect?: Effect; text: string } {
  const effect = EFFECTS.find((each) => message.startsWith(`${WORDS[each]}: `));
  return effect ? { effect, text: message.slice(WORDS[effect].length + 2) } : { text: message };
}
