import { resolve } from "node:path";
import { ensureEngine } from "../../toolchain/docker";
import { toMarkdown } from "../../report/markdown";
import { errorText, makeReport } from "../../report/report";
import type { Invocation, PREVIEW } from "../options";
import { log } from "../print";
import { Project, ROOT } from "../project";
import { observeRefreshed } from "../refreshed";
import { reportFiles, writeReports } from "../reports";
import { refreshFlags } from "../server";

/** `npm run preview`: what `npm run up` would do. `--report FILE.md` or `FILE.json` also writes it for a reviewer or a program.
 * `--data FOLDER` previews the stack file and the SQL of another checkout, and runs none of its code. */
export async function preview({ stack, options, args }: Invocation<typeof PREVIEW>): Promise<number> {
  const files = reportFiles(options.report);
  const { data } = options;
  await ensureEngine({ log });
  const project = await Project.open(stack, undefined, data === undefined ? undefined : resolve(ROOT, data));
  await project.ensureStack(stack);
  const command = ["preview", "--stack", stack, ...args];
  const { code, events } = await observeRefreshed(project, command, await refreshFlags(stack));
  const report = makeReport(stack, events);
  // Pulumi prints the errors before the table of resources and the outputs: repeated last, they are seen.
  if (code !== 0) log(...report.errors.map(errorText));
  writeReports(files, { markdown: () => toMarkdown(report), data: report });
  return code;
}
