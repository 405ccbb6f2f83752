import { connect } from "../../provider/connection";
import type { Host } from "../../provider/host";
import { readSql } from "../../sql/read";
import type { Invocation } from "../main";
import { hostOf } from "../server";

/** `npm run status`: how the server and its backups stand; ends with 1 if something needs somebody. */
export async function status({ stack }: Invocation): Promise<number> {
  return (await printStatus(stack)) ? 0 : 1;
}

interface Line {
  what: string;
  value: string;
  /** Somebody has to look at it. */
  alarm: boolean;
}

/** Prints how things stand; true if all is well. */
export async function printStatus(stack: string): Promise<boolean> {
  const host = hostOf(stack);
  const lines = [await containerLine(host, host.container, "server")];
  if (await host.inspect(`${host.container}-agent`)) {
    lines.push(await containerLine(host, `${host.container}-agent`, "backup agent"));
    lines.push(...(await backupLines(host)));
  } else lines.push({ what: "backups", value: "none: the stack file has no backup", alarm: false });
  const width = Math.max(...lines.map(({ what }) => what.length));
  for (const { what, value, alarm } of lines) console.log(`${alarm ? "!" : " "} ${what.padEnd(width)}  ${value}`);
  return !lines.some(({ alarm }) => alarm);
}

async function containerLine(host: Host, name: string, what: string): Promise<Line> {
  const state = await host.inspect(name);
  return { what, value: state ? `${name} is ${state.status}` : `${name} is not there`, alarm: !state?.running };
}

async function backupLines(host: Host): Promise<Line[]> {
  try {
    const client = await connect(host, "postgres");
    try {
      return (await client.query<Line>(readSql("catalog/backup-status.sql"))).rows;
    } finally {
      await client.end();
    }
  } catch (error) {
    return [{ what: "backups", value: (error as Error).message, alarm: true }];
  }
}
