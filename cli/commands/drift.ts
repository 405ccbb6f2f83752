import { ensureEngine } from "../../toolchain/docker";
import { isDrift, toMarkdown, toText, undeclaredLine, type Drift } from "../../report/drift";
import { makeReport } from "../../report/report";
import type { DRIFT as OPTIONS, Invocation } from "../options";
import { log, print } from "../print";
import { Project } from "../project";
import { reportFiles, writeReports } from "../reports";
import { hostOf, ignoredDrift } from "../server";
import { findUndeclared } from "../undeclared";

/** Exit code if there is drift; 1 is an error. */
const DRIFT = 2;

/** `npm run drift`: reports objects that changed since the last update, and undeclared objects. Changes nothing. */
export async function drift({ stack, options }: Invocation<typeof OPTIONS>): Promise<number> {
  const files = reportFiles(options.report);
  await ensureEngine({ log });
  const project = await Project.open(stack);
  const deployment = await project.deployment(stack);
  const host = hostOf(stack);
  if (!(await host.inspect())?.running)
    throw new Error(`container ${host.container}: not running; npm run up starts it`);
  const { code, stdout, stderr, events } = await project.observe(
    ["refresh", "--preview-only", "--non-interactive", "--stack", stack],
    { quiet: true },
  );
  if (code !== 0) throw new Error(`${stdout}${stderr}`.trim());
  const ignored = ignoredDrift(stack);
  const undeclared = (await findUndeclared(host, deployment)).filter(
    (each) => !ignored.some((text) => undeclaredLine(each).includes(text)),
  );
  const found: Drift = { stack, changed: makeReport(stack, events).left, undeclared };
  print(...toText(found));
  writeReports(files, { markdown: () => toMarkdown(found), data: found });
  return isDrift(found) ? DRIFT : 0;
}
