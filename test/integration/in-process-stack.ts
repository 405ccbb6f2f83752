import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Message } from "../engine/engine-service";
import { Engine, type Request, type Result } from "../engine/engine";
import { withoutMarks, withSecrets, type ResourceState } from "../engine/resource-state";
import { sorted } from "../../provider/kind";
import { subjectOf } from "../../report/report";
import { querySync } from "./sql-client";
import { TestStack, type Preview, type Run, type StackConfig } from "./stack";

/** Commands that leave the state as it is. */
const READS_ONLY = ["preview", "stack", "status", "metrics", "drift", "psql", "backup", "drill"];

/** SQLSTATE invalid_password. */
const WRONG_PASSWORD = "28P01";

/**
 * A stack whose previews and updates run in the process of the test: the same program and plugins on the same Docker engine,
 * without the time that a process of Pulumi takes. Commands and what else needs Pulumi get the state and give it back.
 */
export class InProcessStack extends TestStack {
  private resources: ResourceState[] = [];
  private outputs: Record<string, unknown> = {};
  private engine?: Engine;
  /** Which of the two have the newest state. */
  private readonly newest = { here: true, pulumi: false };
  private begun = false;

  static override async create(config: StackConfig = {}): Promise<InProcessStack> {
    return (await this.prepare(config)) as InProcessStack;
  }

  override async up(...args: string[]): Promise<string> {
    const { code, text } = await this.tryUp(...args);
    if (code !== 0) throw new Error(`the update ended with ${code}:\n${text}`);
    return text;
  }

  override async tryUp(...args: string[]): Promise<Run> {
    return asRun(await this.perform("update", args));
  }

  override async preview(...args: string[]): Promise<Preview> {
    const result = await this.perform("preview", args);
    const changes = result.steps.map((step) => ({ ...step, ...subjectOf(step.urn) }));
    return { ...asRun(result), changes, messages: result.messages.map(lineOf) };
  }

  override async unchanged(): Promise<Run> {
    const result = await this.perform("preview", ["--refresh"]);
    const { code, text } = asRun(result);
    const changes = result.steps.map(({ op, urn, detailedDiff }) => `${op} ${urn} ${JSON.stringify(detailedDiff)}`);
    return { code: code || (changes.length > 0 ? 1 : 0), text: [...changes, text].join("\n") };
  }

  override async destroy(...args: string[]): Promise<Run> {
    return asRun(await this.perform("destroy", args));
  }

  override async output<T>(name: string): Promise<T> {
    if (!this.newest.here) return super.output<T>(name);
    return this.outputs[name] as T;
  }

  private async perform(operation: Request["operation"], args: string[]): Promise<Result> {
    const unknown = args.filter((arg) => arg !== "--refresh");
    if (unknown.length > 0) throw new Error(`${unknown.join(" ")}: only Pulumi itself has that; use TestStack`);
    await this.takeBack();
    this.engine ??= new Engine({ stack: this.name, pulumi: this.pulumi, env: this.env });
    const secrets = { ...this.plainSecrets, ...(this.config.passwords ? { passwords: this.config.passwords } : {}) };
    const config = Object.entries({ ...this.whole, ...secrets });
    const result = await this.engine.run({
      operation,
      refresh: args.includes("--refresh"),
      state: this.resources,
      config: Object.fromEntries(
        config.map(([key, value]) => [
          `pgwright:${key}`,
          typeof value === "string" ? value : JSON.stringify(sorted(value)),
        ]),
      ),
      secrets: Object.keys(secrets).map((key) => `pgwright:${key}`),
    });
    if (operation === "preview") return result;
    this.newest.pulumi = false;
    this.resources = result.state;
    if (!result.failed) this.outputs = result.outputs;
    return result;
  }

  override async beginState(folder: string): Promise<void> {
    await super.beginState(folder);
    this.begun = true;
    this.resources = [];
    Object.assign(this.newest, { here: true, pulumi: true });
  }

  /** Secrets of the stack file, by key, and those of them that Pulumi has not encrypted yet. */
  private readonly plainSecrets: Record<string, unknown> = {};
  private unencryptedSecrets: [path: string, value: string][] = [];

  override async secret(path: string, value: string): Promise<void> {
    const parts = path.split(".");
    let at = this.plainSecrets;
    for (const part of parts.slice(0, -1)) at = (at[part] ??= {}) as Record<string, unknown>;
    at[parts.at(-1) ?? ""] = value;
    this.unencryptedSecrets.push([path, value]);
  }

  /** The password has to be known, and be the server's; psql in the container needs none. */
  override sql(database: string, text: string): string {
    const password = this.outputs.superuserPassword;
    if (typeof password !== "string") return super.sql(database, text);
    const answer = querySync({ host: "127.0.0.1", port: this.port, user: "postgres", password, database }, text);
    if ("rows" in answer) return answer.rows.trim();
    if (answer.code === WRONG_PASSWORD) return super.sql(database, text);
    throw new Error(answer.error);
  }

  // What needs Pulumi.

  override async run(...args: string[]): Promise<Run> {
    const [command = "", part = ""] = args;
    if (command === "stack" && part !== "export") return super.run(...args);
    await this.handOver(command);
    return super.run(...args);
  }

  override async cli(command: string, ...args: string[]): Promise<Run> {
    await this.handOver(command);
    return super.cli(command, ...args);
  }

  /** Gives Pulumi the state, for a command that may change it or may not. */
  async handOver(command: string): Promise<void> {
    if (!this.begun) {
      this.begun = true;
      await super.beginState("state");
    }
    await this.encrypt();
    for (const [path, value] of this.unencryptedSecrets.splice(0)) await super.secret(path, value);
    if (!this.newest.pulumi) await this.importState();
    if (!READS_ONLY.includes(command)) this.newest.here = false;
  }

  private async importState(): Promise<void> {
    const file = join(this.folder, "deployment.json");
    const deployment = {
      manifest: { time: new Date().toISOString(), magic: "", version: "" },
      secrets_providers: { type: "passphrase", state: { salt: this.salt } },
      resources: this.resources.map(withSecrets),
    };
    writeFileSync(file, JSON.stringify({ version: 3, deployment }));
    const { code, text } = await super.run("stack", "import", "--file", file, "--stack", this.name);
    if (code !== 0) throw new Error(text);
    this.newest.pulumi = true;
  }

  private async takeBack(): Promise<void> {
    if (this.newest.here) return;
    const file = join(this.folder, "deployment.json");
    const args = ["stack", "export", "--show-secrets", "--file", file, "--stack", this.name];
    const { code, text } = await super.run(...args);
    if (code !== 0) throw new Error(text);
    const { deployment } = withoutMarks(JSON.parse(readFileSync(file, "utf8"))) as {
      deployment: { resources?: Partial<ResourceState>[] };
    };
    const whole = { inputs: {}, outputs: {}, dependencies: [], propertyDependencies: {}, protect: false };
    this.resources = (deployment.resources ?? []).map((each) => ({ ...whole, ...each }) as ResourceState);
    this.outputs = this.resources.find(({ type }) => type === "pulumi:pulumi:Stack")?.outputs ?? {};
    this.newest.here = true;
  }

  override async dispose(): Promise<void> {
    await this.engine?.close();
    await super.dispose();
  }
}

/** A message as Pulumi prints it. */
function lineOf({ severity, text }: Message): string {
  return severity === "info" ? text.trim() : `${severity}: ${text.trim()}`;
}

function asRun({ failed, messages, outputs }: Result): Run {
  return { code: failed ? 1 : 0, text: [...messages.map(lineOf), JSON.stringify(Object.keys(outputs))].join("\n") };
}
