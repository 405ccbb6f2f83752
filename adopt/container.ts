import type { ServerConfig } from "../config/stack";
import { canonicalValue } from "../tuning/catalogue";
import type { ContainerFact, SettingFact } from "./facts";
import type { Report } from "./told";

// Pure: limits and port of a container in the stack file's words.

/** The smallest server there is, MiB. */
const SMALLEST = 512;
const DEFAULT = 2048;
const AT = ["server"];

type Limits = Partial<Pick<ServerConfig, "port" | "address" | "memory" | "cpus">>;

/** Memory that a server with these shared_buffers is tuned for, MiB. */
function memoryFor(settings: SettingFact[]): number {
  const buffers = settings.find(({ name }) => name === "shared_buffers");
  const blocks = buffers ? Number(canonicalValue(buffers.name, buffers.value)) : 0;
  return Math.max(DEFAULT, Math.ceil((blocks * 8 * 4) / 1024));
}

const written = (mebibytes: number) => (mebibytes % 1024 === 0 ? `${mebibytes / 1024}GB` : `${mebibytes}MB`);

function memoryOf({ memory }: ContainerFact, settings: SettingFact[], report: Report): string {
  if (memory > 0 && memory < SMALLEST)
    report.leave(AT, `memory is ${memory}MB in the container, and ${SMALLEST}MB at least in a stack file`);
  if (memory > 0) return written(Math.max(memory, SMALLEST));
  const enough = memoryFor(settings);
  report.leave(
    AT,
    `the container has no limit of its memory, and a stack file has one: ${written(enough)} here; write what it may have`,
  );
  return written(enough);
}

function cpusOf({ cpus }: ContainerFact, report: Report): number {
  if (cpus === 0) {
    report.leave(
      AT,
      "the container has no limit of its CPUs, and a stack file has one: 2 here; write what it may have",
    );
    return 2;
  }
  if (!Number.isInteger(cpus)) report.leave(AT, `cpus is ${cpus} in the container, and a whole number in a stack file`);
  return Math.max(1, Math.round(cpus));
}

/** A port beside that of the container, which keeps it as long as it runs. */
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
    report.leave(
      AT,
      `the container is published on port ${container.port}, which it keeps while it runs; take that port once it is gone`,
    );
  }
  return {
    port: chosen,
    ...(container.address === undefined || container.address === "127.0.0.1" ? {} : { address: container.address }),
    memory: memoryOf(container, settings, report),
    cpus: cpusOf(container, report),
  };
}
