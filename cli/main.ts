import { COMMANDS, findCommand } from "./commands";
import { formatUsage, parseArguments, type Syntax } from "./options";
import { log, print } from "./print";

function printHelp(name: string, { summary, ...syntax }: Syntax & { summary: string }): void {
  print(formatUsage(name, syntax), `  ${summary}`);
  if (syntax.passesTo) print(`  other arguments are passed to ${syntax.passesTo}`);
}

async function main(argv: string[]): Promise<number> {
  if (argv.length === 0 || argv[0] === "--help") {
    for (const [name, command] of Object.entries(COMMANDS)) printHelp(name, command);
    return 0;
  }
  const found = findCommand(argv);
  if (!found) {
    const [name = ""] = argv;
    const within = Object.keys(COMMANDS).filter((each) => each.startsWith(`${name} `));
    if (within.length > 0 && argv[1] === "--help") {
      for (const each of within) printHelp(each, COMMANDS[each] as (typeof COMMANDS)[string]);
      return 0;
    }
    const known = within.length > 0 ? within : Object.keys(COMMANDS);
    throw new Error(
      `command "${argv.slice(0, within.length > 0 ? 2 : 1).join(" ")}": unknown; use one of ${known.join(", ")}`,
    );
  }
  const { name, command, rest } = found;
  const invocation = parseArguments(name, command, rest);
  if (invocation === "help") {
    printHelp(name, command);
    return 0;
  }
  const run = await command.load();
  return run(invocation as never);
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
