import type { ServerConfig } from "../config/stack";
import { canonicalValue } from "../tuning/catalogue";
import type { ContainerFact, SettingFact } from "./facts";
import type { Report } from "./report";

// Pure: limits and port of a container as keys of the stack file.

/** Minimum memory of a stack, MiB. */
const SMALLEST = 512;
const DEFAULT = 2048;
const AT = ["server"];

type Limits = Partial<Pick<ServerConfig, "port" | "address" | "memory" | "cpus">>;

/** Memory for which the tuning would choose these shared_buffers, MiB. */
function memoryFor(settings: SettingFact[]): number {
  const buffers = settings.find(({ name }) => name === "shared_buffers");
  const blocks = buffers ? Number(canonicalValue(buffers.name, buffers.value)) : 0;
  return Math.max(DEFAULT, Math.ceil((blocks * 8 * 4) / 1024));
}

const written = (mebibytes: number) => (mebibytes % 1024 === 0 ? `${mebibytes / 1024}GB` : `${mebibytes}MB`);

function memoryOf({ memory }: ContainerFact, settings: SettingFact[], report: Report): string {
  if (memory > 0 && memory < SMALLEST)
    report.addNote(
      AT,
      `memory: the container's limit is ${memory}MB, and a stack file needs at least ${SMALLEST}MB, which is declared`,
    );
  if (memory > 0) return written(Math.max(memory, SMALLEST));
  const enough = memoryFor(settings);
  report.addNote(
    AT,
    `memory: the container has no limit, and a stack file needs one; ${written(enough)} is declared, change it as needed`,
  );
  return written(enough);
}

function cpusOf({ cpus }: ContainerFact, report: Report): number {
  if (cpus === 0) {
    report.addNote(
      AT,
      "cpus: the container has no limit, and a stack file needs one; 2 is declared, change it as needed",
    );
    return 2;
  }
  if (!Number.isInteger(cpus))
    report.addNote(AT, `cpus: the container's limit is ${cpus}, and a stack file needs a whole number; it is rounded`);
  return Math.max(1, Math.round(cpus));
}

/** A free port above that of the container, which keeps its port while it runs. */
export function portBeside({ port = 5431, takenPorts }: ContainerFact): number {
  let free = port + 1;
  while (takenPorts.includes(free)) free += 1;
  return free;
}

export function writeLimits(
  container: ContainerFact,
  settings: SettingFact[],
  port: number | undefined,
  report: Report,
): Limits {
  const chosen = port ?? portBeside(container);
  if (container.port !== undefined && chosen !== container.port) {
    report.addNote(
      AT,
      `port: the container is published on port ${container.port}, which it keeps while it runs; declare that port once the container is removed`,
    );
  }
  return {
    port: chosen,
    ...(container.address === undefined || container.address === "127.0.0.1" ? {} : { address: container.address }),
    memory: memoryOf(container, settings, report),
    cpus: cpusOf(container, report),
  };
}
