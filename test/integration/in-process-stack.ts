import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Engine, type Request, type Result } from "../engine/engine";
import { nameOf, typeOf, type ResourceState } from "../engine/resource-state";
import { TestStack, type Preview, type Run, type StackConfig } from "./stack";

/**
 * A stack whose previews and updates run in the process of the test: the same program and plugins on the same Docker engine,
 * without the time that a process of Pulumi takes. Commands and what else needs Pulumi get the state and give it back.
 */
export class InProcessStack extends TestStack {
  private resources: ResourceState[] = [];
  private outputs: Record<string, unknown> = {};
  private engine?: Engine;
  /** Where the newest state is. */
  private newest: "here" | "pulumi" = "here";
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
    const changes = result.steps.map((step) => ({ ...step, kind: kindOf(step.urn), name: nameOf(step.urn) }));
    return { ...asRun(result), changes, messages: result.messages.map(({ text }) => text.trim()) };
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
    if (this.newest === "pulumi") return super.output<T>(name);
    return this.outputs[name] as T;
  }

  private async perform(operation: Request["operation"], args: string[]): Promise<Result> {
    const unknown = args.filter((arg) => arg !== "--refresh");
    if (unknown.length > 0) throw new Error(`${unknown.join(" ")}: only Pulumi itself has that; use TestStack`);
    await this.takeBack();
    this.engine ??= new Engine({ stack: this.name, home: this.env.PULUMI_HOME as string, env: this.env });
    const passwords = this.config.passwords ?? {};
    const config = Object.entries({ ...this.whole, ...(this.config.passwords ? { passwords } : {}) });
    const result = await this.engine.run({
      operation,
      refresh: args.includes("--refresh"),
      state: this.resources,
      config: Object.fromEntries(
        config.map(([key, value]) => [`pgwright:${key}`, typeof value === "string" ? value : JSON.stringify(value)]),
      ),
      secrets: this.config.passwords ? ["pgwright:passwords"] : [],
    });
    if (operation === "preview") return result;
    this.resources = result.state;
    if (!result.failed) this.outputs = result.outputs;
    return result;
  }

  // What needs Pulumi.

  override async run(...args: string[]): Promise<Run> {
    await this.handOver(args);
    return super.run(...args);
  }

  override async cli(command: string, ...args: string[]): Promise<Run> {
    await this.handOver([]);
    return super.cli(command, ...args);
  }

  private async handOver(args: string[]): Promise<void> {
    const isOwn = ["init", "import", "export"].includes(args[1] ?? "");
    if (isOwn) return;
    if (!this.begun) {
      this.begun = true;
      await this.beginState("state");
    }
    if (this.newest === "pulumi") return;
    const file = join(this.folder, "deployment.json");
    const deployment = {
      manifest: { time: new Date().toISOString(), magic: "", version: "" },
      resources: this.resources,
    };
    writeFileSync(file, JSON.stringify({ version: 3, deployment }));
    const { code, text } = await super.run("stack", "import", "--file", file, "--stack", this.name);
    if (code !== 0) throw new Error(text);
    this.newest = "pulumi";
  }

  private async takeBack(): Promise<void> {
    if (this.newest === "here") return;
    const file = join(this.folder, "deployment.json");
    const args = ["stack", "export", "--show-secrets", "--file", file, "--stack", this.name];
    const { code, text } = await super.run(...args);
    if (code !== 0) throw new Error(text);
    const { deployment } = revealed(JSON.parse(readFileSync(file, "utf8"))) as {
      deployment: { resources?: Partial<ResourceState>[] };
    };
    const whole = { inputs: {}, outputs: {}, dependencies: [], propertyDependencies: {}, protect: false };
    this.resources = (deployment.resources ?? []).map((each) => ({ ...whole, ...each }) as ResourceState);
    this.outputs = this.resources.find(({ type }) => type === "pulumi:pulumi:Stack")?.outputs ?? {};
    this.newest = "here";
  }

  override async dispose(): Promise<void> {
    await this.engine?.close();
    await super.dispose();
  }
}

function kindOf(urn: string): string {
  return typeOf(urn).split(":").pop() ?? "";
}

function asRun({ failed, messages, outputs }: Result): Run {
  const lines = messages.map(({ severity, text }) => `${severity}: ${text}`);
  return { code: failed ? 1 : 0, text: [...lines, JSON.stringify(Object.keys(outputs))].join("\n") };
}

/** A value with its secrets in plain text. */
function revealed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(revealed);
  if (typeof value !== "object" || value === null) return value;
  if ("plaintext" in value) return JSON.parse(String(value.plaintext));
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, revealed(each)]));
}
