import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { renderAgentConfiguration, type AgentInputs } from "../../../backup/agent-configuration";

const IMAGE = join(__dirname, "..", "..", "..", "image");

/** Folders of the image, and where a test has them. Longer paths first: some begin with another. */
const FOLDERS: Record<string, string> = {
  "/usr/local/share/pgwright": "share",
  "/etc/pgwright": "etc",
  "/var/lib/pgwright-dumps": "dumps",
  "/var/lib/pgwright": "home",
  "/var/lib/pgbackrest": "repositories",
  "/var/lib/postgresql/data": "data",
  "/restore/": "restore/",
  "/tmp/": "tmp/",
};

export const AGENT: AgentInputs = {
  stanza: "shop",
  options: { "repo1-path": "/var/lib/pgbackrest/1" },
  schedules: { full: "10 1 * * 0" },
};

export interface Outcome {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** The scripts of the image, with the folders of the image below a folder of their own. Programs of PostgreSQL and pgBackRest are stubs. */
export class ScriptMachine {
  readonly folder = mkdtempSync(join(tmpdir(), "pgwright-scripts-"));
  private readonly running: ChildProcess[] = [];

  constructor(agent: AgentInputs = AGENT) {
    if (spawnSync("jq", ["--version"]).status !== 0)
      throw new Error("jq: not on PATH; install the package jq of this system, or run npm test once as root");
    for (const name of Object.values(FOLDERS)) mkdirSync(join(this.folder, name), { recursive: true });
    mkdirSync(join(this.folder, "repositories", "1"));
    for (const file of readdirSync(IMAGE)) {
      if (file.endsWith(".sh")) this.write(`bin/${file}`, this.moved(readFileSync(join(IMAGE, file), "utf8")), 0o755);
      else cpSync(join(IMAGE, file), join(this.folder, "share", file));
    }
    this.write("etc/agent.json", renderAgentConfiguration(agent));
    this.write("etc/pgbackrest.conf", "[global]\nrepo1-path=x\n");
    this.program("snooze", 'case "$1" in -n) echo "2026-11-29T01:10:00+0000 Sun" ;; *) exit 1 ;; esac');
    this.program("pgbackrest", 'case "$*" in *" info"*) echo "[]" ;; *repo-ls*) echo "{}" ;; esac');
    this.answer([]);
  }

  /** A script with the paths of the test. */
  private moved(script: string): string {
    return script.replace(new RegExp(Object.keys(FOLDERS).join("|"), "g"), (path) =>
      this.path(FOLDERS[path] as string),
    );
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  write(name: string, content: string, mode = 0o644): void {
    mkdirSync(dirname(this.path(name)), { recursive: true });
    writeFileSync(this.path(name), content, { mode });
  }

  read(name: string): string {
    return existsSync(this.path(name)) ? readFileSync(this.path(name), "utf8") : "";
  }

  /** Puts a program on PATH; its calls are in `calls`. */
  program(name: string, script: string): void {
    this.write(`bin/${name}`, `#!/bin/bash\necho "${name} $*" >>"${this.path("calls")}"\n${script}\n`, 0o755);
  }

  /** psql: for each line of its input that matches a pattern, it prints the answer. Its input is in `sql`. */
  answer(answers: [pattern: string, answer: string][]): void {
    const cases = answers.map(
      ([pattern, answer]) => `*${JSON.stringify(pattern)}*) printf '%s' '${answer.replaceAll("'", "'\\''")}' ;;`,
    );
    this.program(
      "psql",
      `while IFS= read -r line; do\n  printf '%s\\n' "$line" >>"${this.path("sql")}"\n  case "$line" in ${cases.join(" ")} esac\ndone`,
    );
  }

  private get environment(): NodeJS.ProcessEnv {
    return {
      ...process.env,
      PATH: `${this.path("bin")}:${process.env.PATH}`,
      PGDATA: this.path("data/pgdata"),
      TMPDIR: this.path("tmp"),
    };
  }

  /** Runs a script of the image. */
  run(script: string, ...args: string[]): Outcome {
    return this.bash(`exec ${script} "$@"`, ...args);
  }

  /** Runs shell code, such as functions of common.sh. */
  bash(code: string, ...args: string[]): Outcome {
    const { status, stdout, stderr } = spawnSync("bash", ["-c", code, "bash", ...args], {
      env: this.environment,
      cwd: this.folder,
      encoding: "utf8",
      timeout: 50_000,
    });
    return { code: status, stdout, stderr };
  }

  /** Starts a script that runs until it is stopped. */
  start(script: string): void {
    const child = spawn(this.path(`bin/${script}`), [], {
      env: this.environment,
      cwd: this.folder,
      detached: true,
      stdio: "ignore",
    });
    this.running.push(child);
  }

  /** Ends everything, and forgets it. */
  async remove(): Promise<void> {
    for (const { pid } of this.running) {
      try {
        process.kill(-pid!, "SIGTERM");
      } catch {
        // it has ended
      }
    }
    await Promise.all(
      this.running.map(
        (child) => child.exitCode ?? child.signalCode ?? new Promise((ended) => child.once("exit", ended)),
      ),
    );
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  }
}
