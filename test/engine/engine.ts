import * as pulumi from "@pulumi/pulumi";
import * as runtime from "@pulumi/pulumi/runtime/settings";
import * as store from "@pulumi/pulumi/runtime/state";
import { declareStack } from "../../components/stack";
import type { Properties } from "../../provider/kind";
import type { EngineLog } from "../../provider/rpc";
import { Deployment, type DeploymentStep } from "./deployment";
import { EngineServer, type Message } from "./engine-service";
import { Plugin } from "./plugin";
import type { ResourceState } from "./resource-state";

export interface EngineArgs {
  stack: string;
  /** Path of the program pulumi, and the environment of the plugins. */
  pulumi: string;
  env: NodeJS.ProcessEnv;
}

export interface Request {
  operation: "preview" | "update" | "destroy";
  refresh: boolean;
  state: ResourceState[];
  /** The keys of the stack file with their values as Pulumi hands them to a program. */
  config: Record<string, string>;
  /** Of these keys, those that hold a secret. */
  secrets: string[];
}

export interface Result {
  steps: DeploymentStep[];
  messages: Message[];
  /** After an update or destroy that failed too. */
  state: ResourceState[];
  outputs: Properties;
  failed: boolean;
}

// Not in its types, as only the program's own start calls it.
const settings = runtime as typeof runtime & { awaitFeatureSupport(): Promise<void> };
const { withLocalStorage, getStore } = store as unknown as {
  withLocalStorage<T>(callback: () => T): T;
  getStore(): { settings: { engine?: unknown } };
};

const PROJECT = "pgwright";

// One after the other: the program reads the keys of its secrets from the environment of the process.
let turn: Promise<unknown> = Promise.resolve();

/** Runs the program and the plugins of the project in this process, as `pulumi preview`, `up` and `destroy` do. */
export class Engine {
  private readonly server = new EngineServer();
  private readonly plugins = new Map<string, Promise<Plugin>>();
  private listening?: Promise<void>;

  constructor(private readonly args: EngineArgs) {}

  run(request: Request): Promise<Result> {
    const result = turn.then(() => this.runNow(request));
    turn = result.catch(() => undefined);
    return result;
  }

  async close(): Promise<void> {
    for (const plugin of this.plugins.values()) await (await plugin).close();
    this.server.close();
  }

  private async runNow(request: Request): Promise<Result> {
    await (this.listening ??= this.server.listen());
    const own: Plugin[] = [];
    const deployment = new Deployment({
      project: PROJECT,
      stack: this.args.stack,
      preview: request.operation === "preview",
      refresh: request.refresh,
      state: request.state,
      load: async (name, inputs) => {
        const plugin = name === "pgwright" ? Plugin.own(this.server as unknown as EngineLog) : await this.plugin(name);
        if (name === "pgwright") own.push(plugin);
        await plugin.configure(inputs, name);
        return plugin;
      },
    });
    this.server.take();
    try {
      await deployment.refresh();
      const failed = () => deployment.errors.length > 0;
      // A program that has failed may still be running during the next run: each has a runtime of its own.
      if (!failed() && request.operation !== "destroy")
        await withLocalStorage(() => this.runProgram(deployment, request));
      await deployment.settled();
      if (!failed()) await deployment.deleteRest();
      const errors = deployment.errors.map(({ urn, text }) => ({ urn, severity: "error" as const, text }));
      return {
        steps: deployment.steps,
        messages: [...this.server.take(), ...errors],
        state: deployment.state,
        outputs: deployment.outputs,
        failed: failed(),
      };
    } finally {
      await Promise.all(own.map((plugin) => plugin.close()));
    }
  }

  /** The plugin of another package: its process serves all runs. */
  private plugin(name: string): Promise<Plugin> {
    const { pulumi, env } = this.args;
    const running = this.plugins.get(name) ?? Plugin.start(name, pulumi, env, this.server.address);
    this.plugins.set(name, running);
    return running;
  }

  private async runProgram(deployment: Deployment, { operation, config, secrets }: Request): Promise<void> {
    const preview = operation === "preview";
    settings.resetOptions(PROJECT, this.args.stack, -1, this.server.address, "", preview, "organization");
    settings.setMockOptions(deployment, PROJECT, this.args.stack, preview, "organization");
    getStore().settings.engine = this.server; // as the monitor: without a connection
    await settings.awaitFeatureSupport();
    Object.assign(pulumi.log, { debug: () => Promise.resolve() }); // as index.ts does
    process.env.PULUMI_CONFIG_SECRET_KEYS = JSON.stringify(secrets); // which the program reads itself
    pulumi.runtime.setAllConfig(config, secrets);
    const stop = (error: Error) => deployment.fail("", error);
    // An error is caught within, where the runtime would report each promise of the stack as rejected.
    const declare = async () => {
      try {
        // Pulumi notes a stack trace for each promise, which here is found by the source maps.
        const limit = Error.stackTraceLimit;
        if (process.env.PGWRIGHT_TRACE !== "true") Error.stackTraceLimit = 0; // as index.ts does
        try {
          return declareStack();
        } finally {
          Error.stackTraceLimit = limit;
        }
      } catch (error) {
        stop(error as Error);
        return {};
      }
    };
    const program = pulumi.runtime
      .runInPulumiStack(declare)
      .then(() => settings.disconnect())
      .catch(stop);
    await Promise.race([program, deployment.failed]);
  }
}
