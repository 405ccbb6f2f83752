import { COMMANDS, findCommand, type Command, type FoundCommand } from "./commands";
import { formatUsage, parseArguments } from "./options";
import { log, print } from "./print";

function printHelp(name: string, { summary, ...syntax }: Command): void {
  print(formatUsage(name, syntax), `  ${summary}`);
  if (syntax.passesTo) print(`  other arguments are passed to ${syntax.passesTo}`);
}

async function main(argv: string[]): Promise<number> {
  const found = findCommand(argv);
  return found ? runCommand(found) : printCommands(argv);
}

async function runCommand({ name, command, rest }: FoundCommand): Promise<number> {
  const invocation = parseArguments(name, command, rest);
  if (invocation !== "help") return (await command.load())(invocation as never);
  printHelp(name, command);
  return 0;
}

/** Prints the help of all commands, or of those whose first word is given; throws if another word is. */
function printCommands([first = "--help", second]: string[]): number {
  const group = Object.entries(COMMANDS).filter(([name]) => name.startsWith(`${first} `));
  const commands = group.length > 0 ? group : Object.entries(COMMANDS);
  if (first !== "--help" && !(group.length > 0 && second === "--help")) {
    const given = group.length > 0 && second !== undefined ? `${first} ${second}` : first;
    const names = commands.map(([name]) => name);
    throw new Error(`command "${given}": unknown; use one of ${names.join(", ")}`);
  }
  for (const [name, command] of commands) printHelp(name, command);
  return 0;
}

if (require.main === module) {
  main(process.argv.slice(2)).then(
    (code) => (process.exitCode = code),
    (error: Error) => {
      log("", error.message);
      process.exitCode = 1;
    },
  );
}
