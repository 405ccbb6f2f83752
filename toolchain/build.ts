import { mkdirSync, readFileSync, readdirSync, renameSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { keyOf, temporaryName } from "./cache";
import type { Installation } from "./installation";
import { type Log, elapsed, findAll, isExecutable, run, tail, withProgress } from "./run";
import { type Versions, isAtLeast } from "./versions";

/** A program that is built from one of the Go modules in this folder. */
export interface Program {
  /** The name of the executable. */
  file: string;
  /** The folder of the module. */
  module: string;
  /** The Go package, as seen from the module. */
  package: string;
  /** Flags of the linker. */
  ldflags: string;
  /** A script of the module that is installed under the program's name, and starts the program as `FILE-built`. */
  before?: string;
  /** Duration of a build without caches on two cores, for messages. */
  duration: string;
  /** What needs the program; Pulumi if absent. */
  purpose?: Purpose;
}

/** What needs a build, and what to do instead of the build. */
export interface Purpose {
  what: string;
  instead?: string;
}

const PULUMI: Purpose = { what: "Pulumi", instead: "install Pulumi from https://www.pulumi.com/docs/install" };

/** The five programs of Pulumi. */
export function programs(versions: Versions): Program[] {
  const sdk = "github.com/pulumi/pulumi/sdk/v3";
  const pulumiVersion = `-s -w -X ${sdk}/go/common/version.Version=v${versions.pulumi}`;
  const provider = (name: string, duration: string): Program => ({
    file: `pulumi-resource-${name}`,
    module: `provider-${name}`,
    package: ".",
    ldflags: `-s -w -X main.version=${versions.plugins[name]}`,
    duration,
  });
  return [
    {
      file: "pulumi",
      module: "pulumi",
      package: "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
      ldflags: pulumiVersion,
      duration: "3 minutes",
    },
    {
      file: "pulumi-language-nodejs",
      module: "language-nodejs",
      package: `${sdk}/nodejs/cmd/pulumi-language-nodejs`,
      ldflags: pulumiVersion,
      before: "with-options.sh",
      duration: "half a minute",
    },
    provider("docker", "3 minutes"),
    provider("postgresql", "1 minute"),
    provider("command", "half a minute"),
  ];
}

/** The key of a built program: its sources, flags and machine. Not the version of Go, so that a newer Go does not rebuild it. */
export function programKey(program: Program, sources: string): string {
  const folder = join(sources, program.module);
  const files = readdirSync(folder)
    .filter((name) => /^go\.(mod|sum)$|\.go$/.test(name))
    .sort();
  const contents = files.flatMap((name) => [name, readFileSync(join(folder, name))]);
  return keyOf([process.platform, process.arch, program.package, program.ldflags, ...contents]);
}

/** The key of all programs together. */
export function buildKey(versions: Versions, sources: string): string {
  return keyOf(
    programs(versions).flatMap((program) => {
      const { module, before } = program;
      return [programKey(program, sources), ...(before ? [readFileSync(join(sources, module, before))] : [])];
    }),
  );
}

/**
 * Builds the missing programs and adds them to the installation. Each program is stored under its own key when it is built, so
 * that an interrupted run continues with the next one, and a change of one module rebuilds one program.
 */
export async function build(installation: Installation, options: Options & { versions: Versions }): Promise<void> {
  const { versions, sources } = options;
  const all = programs(versions);
  for (const [index, program] of all.entries()) {
    const kept = await built(program, `${index + 1} of ${all.length}, `, all, options);
    installation.add(kept, program.before ? `${program.file}-built` : program.file);
    if (program.before) installation.copy(join(sources, program.module, program.before), program.file);
  }
}

interface Options {
  /** Folder of the modules. */
  sources: string;
  /** Folder of the built programs. */
  store: string;
  log: Log;
}

/** The path of a built program; builds it first if necessary. `among`: the programs for which Go has to be new enough. */
export async function built(program: Program, which: string, among: Program[], options: Options): Promise<string> {
  const { sources, store, log } = options;
  mkdirSync(store, { recursive: true });
  const kept = join(store, `${program.file}-${programKey(program, sources)}`);
  if (isExecutable(kept)) return kept;
  const files = among.map(({ module }) => join(sources, module, "go.mod"));
  const go = await findGo(files, undefined, program.purpose);
  const step = `building ${program.file} (${which}about ${program.duration})`;
  log(`${step} ...`);
  const started = Date.now();
  const temporary = temporaryName(kept);
  await withProgress(log, step, () => compile(go, program, join(sources, program.module), temporary));
  renameSync(temporary, kept);
  log(`built ${program.file} in ${elapsed(started)}`);
  return kept;
}

async function compile(go: string, program: Program, folder: string, output: string): Promise<void> {
  const args = [
    "build",
    "-mod=readonly",
    "-buildvcs=false",
    "-o",
    output,
    "-ldflags",
    program.ldflags,
    program.package,
  ];
  // Without cgo, no C compiler and no C headers are needed. A Go workspace around the checkout is ignored.
  const { instead } = program.purpose ?? PULUMI;
  const result = await run(go, args, { cwd: folder, env: { CGO_ENABLED: "0", GOWORK: "off", GOFLAGS: undefined } });
  if (result.code === 0) return;
  throw new Error(
    `${program.file}: cannot be built: \`${go} build\` in ${folder} ended with code ${result.code}:\n` +
      `${tail(result.stderr)}\n` +
      `the build needs a Go module proxy (see \`go env GOPROXY\`), about 3 GB of memory and 6 GB of disk for Go's caches; ` +
      `correct the cause and run the command again, finished programs are kept` +
      (instead ? `; or ${instead}` : ""),
  );
}

/** Finds a Go command that is new enough for every module. Throws, with what to install, if there is none. */
export async function findGo(
  moduleFiles: readonly string[],
  folders = ["/usr/local/go/bin"],
  { what, instead }: Purpose = PULUMI,
): Promise<string> {
  const wanted = newest(moduleFiles.map((file) => /^go (\S+)/m.exec(readFileSync(file, "utf8"))?.[1] ?? "0.0"));
  const advice =
    `install Go ${wanted} or newer from https://go.dev/dl and put it on PATH, ` +
    `${instead ? `or ${instead}, ` : ""}then run the command again`;
  // The installation of Go uses that folder, and leaves PATH to the login shell.
  const go = findAll("go", folders)[0];
  if (!go) {
    throw new Error(`${what}: a build needs Go, which is neither on PATH nor in ${folders.join()}; ${advice}`);
  }
  // Outside of the modules: within them, Go would first download the toolchain that they require.
  const version = (await run(go, ["version"], { cwd: tmpdir() })).stdout.trim();
  if (isAtLeast(version, wanted)) return go;
  const toolchain = (await run(go, ["env", "GOTOOLCHAIN"], { cwd: tmpdir() })).stdout.trim();
  // From 1.21 on, Go downloads the toolchain that a module requires, unless GOTOOLCHAIN disables that.
  if (isAtLeast(version, "1.21") && !/^local$|^path$|^go[\d.]+$/.test(toolchain)) return go;
  const hint = isAtLeast(version, "1.21")
    ? `; or set GOTOOLCHAIN=auto (now ${toolchain}), so that Go downloads it`
    : "";
  throw new Error(`${what}: a build needs Go ${wanted}, but ${go} is "${version}"; ${advice}${hint}`);
}

function newest(versions: readonly string[]): string {
  return versions.reduce((best, version) => (isAtLeast(best, version) ? best : version));
}
