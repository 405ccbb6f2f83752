import { parseArgs, type ParseArgsConfig } from "node:util";

/** Options of a command, as `util.parseArgs` takes them. */
export type Options = NonNullable<ParseArgsConfig["options"]>;

export type Values<O extends Options> = ReturnType<typeof parseArgs<{ options: O }>>["values"];

/** The arguments of a command, parsed. */
export interface Invocation<O extends Options = Options> {
  /** The stack that the command acts on. */
  stack: string;
  options: Values<O>;
  /** Arguments without a name, or all that the command passes to another program. */
  args: string[];
}

/** The arguments that a command takes. */
export interface Syntax {
  /** The arguments besides --stack, as the usage shows them. */
  usage: string;
  options?: Options;
  /** Least and greatest number of arguments without a name; none if absent. */
  positionals?: [number, number];
  /** The program that gets all arguments that are not options of the command. */
  passesTo?: string;
  /** The command takes no --stack. */
  withoutStack?: true;
}

const text = { type: "string" } as const;
const flag = { type: "boolean" } as const;

export const PREVIEW = { report: { type: "string", multiple: true }, data: text } as const;
export const DRIFT = { report: { type: "string", multiple: true } } as const;
export const RESTORE = { time: text, name: text, lsn: text, backup: text, latest: flag, accept: flag } as const;
export const ADOPT = { from: text, port: text, engine: text, force: flag } as const;
export const NAMED = { list: flag } as const;
export const EPHEMERAL_UP = {
  from: text,
  for: text,
  "not-durable": flag,
  role: text,
  database: text,
  env: text,
  json: flag,
} as const;
export const EPHEMERAL_LIST = { engine: text, json: flag } as const;
export const EPHEMERAL = { engine: text } as const;

const DEFAULT_STACK = "dev";
const STACK_NAME = /^[A-Za-z0-9._-]{1,100}$/;

/** `name`: the command as the user types it. */
export function formatUsage(name: string, { usage, withoutStack }: Syntax): string {
  const [script, ...action] = name.split(" ");
  const command = script === "test" ? "npm test" : `npm run ${script}`;
  const all = [...action, withoutStack ? "" : "[--stack NAME]", usage].filter((part) => part !== "").join(" ");
  return all === "" ? command : `${command} -- ${all}`;
}

/**
 * Parses the arguments of a command; "help" if they ask for it. An unknown option, an option without its value and a wrong number of
 * arguments are errors with the usage, unless another program gets them.
 */
export function parseArguments(name: string, syntax: Syntax, argv: string[]): Invocation | "help" {
  try {
    return parse(syntax, argv);
  } catch (error) {
    // Without the hints that parseArgs adds.
    const [problem = ""] = (error as Error).message.split(". ");
    throw new Error(
      `${name}: ${problem.replace(/^[A-Z]/, (first) => first.toLowerCase())}\nusage: ${formatUsage(name, syntax)}`,
    );
  }
}

function parse(syntax: Syntax, argv: string[]): Invocation | "help" {
  const stackOption: Options = syntax.withoutStack ? {} : { stack: text };
  const options: Options = { ...syntax.options, ...stackOption, help: flag };
  const { values, args } = syntax.passesTo === undefined ? parseAll(options, argv) : parseOwn(options, argv);
  const { stack = DEFAULT_STACK, help, ...others } = values as Values<Options> & { stack?: string; help?: boolean };
  if (help) return "help";
  const empty = Object.entries(others).find(([, value]) => value === "")?.[0];
  if (empty !== undefined) throw new Error(`--${empty}: value is empty`);
  if (!STACK_NAME.test(stack))
    throw new Error(`--stack "${stack}": invalid name; use 1 to 100 letters, digits, . _ or -`);
  const [least, most] = syntax.positionals ?? [0, 0];
  if (syntax.passesTo === undefined && (args.length < least || args.length > most)) {
    const number = least === most ? `${least || "no"}` : `${least} to ${most}`;
    throw new Error(`takes ${number} argument${most === 1 ? "" : "s"}, not "${args.join(" ")}"`);
  }
  return { stack, options: others, args };
}

function parseAll(options: Options, args: string[]) {
  const { values, positionals } = parseArgs({ args, options, strict: true, allowPositionals: true });
  return { values, args: positionals };
}

/** Parses the options of the command itself, and returns all other arguments as they are. */
function parseOwn(options: Options, args: string[]) {
  const { tokens } = parseArgs({ args, options, strict: false, tokens: true });
  const own = new Set<number>();
  for (const token of tokens) {
    if (token.kind !== "option" || !(token.name in options)) continue;
    own.add(token.index);
    if (token.inlineValue === false) own.add(token.index + 1);
  }
  const { values } = parseArgs({ args: args.filter((_, i) => own.has(i)), options, strict: true });
  return { values, args: args.filter((_, i) => !own.has(i)) };
}
