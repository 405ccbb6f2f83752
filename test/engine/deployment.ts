import * as grpc from "@grpc/grpc-js";
import * as resource from "@pulumi/pulumi/proto/resource_pb";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import { Struct } from "google-protobuf/google/protobuf/struct_pb";
import { randomUUID } from "node:crypto";
import { Incomplete, sorted, type Properties } from "../../provider/kind";
import { UNKNOWN } from "../../provider/unknown";
import { typeOf } from "../../provider/urn";
import { readVersions } from "../../toolchain/versions";
import { fromStruct, type Diff, type Made, type Plugin } from "./plugin";
import { providedPackage, type ResourceState } from "./resource-state";

/** One step of an update or a preview. */
export interface DeploymentStep {
  op: "create" | "update" | "replace" | "delete";
  urn: string;
  detailedDiff: Diff["detailed"];
}

export interface DeploymentArgs {
  project: string;
  stack: string;
  preview: boolean;
  /** Reads every resource before anything else, and not only those whose kind asks for it. */
  refresh: boolean;
  state: ResourceState[];
  /** A plugin that is configured for one provider. */
  load(name: string, inputs: Properties): Promise<Plugin>;
}

type Respond<Response> = (error: Partial<grpc.ServiceError> | null, response?: Response) => void;

const FEATURES = [
  resource.ResourceMonitorFeature.RESOURCE_MONITOR_FEATURE_DELETED_WITH,
  resource.ResourceMonitorFeature.RESOURCE_MONITOR_FEATURE_REPLACEMENT_TRIGGER,
];

/**
 * The engine of one preview, update or destroy, as far as the program of this project needs one: what Pulumi's engine does with
 * the same plugins, in the process of the test. It is the resource monitor that the program registers its resources with.
 */
export class Deployment {
  readonly steps: DeploymentStep[] = [];
  readonly errors: { urn: string; text: string }[] = [];
  outputs: Properties = {};
  /** Settled at the first error: the program is not answered any more. */
  readonly failed: Promise<void>;

  private settleFailed: () => void = () => undefined;
  private readonly old = new Map<string, ResourceState>();
  private readonly registered = new Map<string, ResourceState>();
  /** URNs of resources that were deleted before something that they depend on is replaced. */
  private readonly removed = new Set<string>();
  private readonly plugins = new Map<string, Promise<Plugin>>();
  private readonly running = new Set<Promise<unknown>>();

  constructor(private readonly args: DeploymentArgs) {
    for (const each of args.state) this.old.set(each.urn, structuredClone(each));
    this.failed = new Promise((resolve) => (this.settleFailed = resolve));
  }

  /** The state after it, in an order in which nothing comes before what it depends on. */
  get state(): ResourceState[] {
    const rest = [...this.old.values()].filter(({ urn }) => !this.registered.has(urn));
    return [...this.registered.values(), ...rest];
  }

  /** Reads what the server is like now, before anything is compared. */
  async refresh(): Promise<void> {
    const read = async (old: ResourceState) => {
      const plugin = await this.pluginFor(old.provider ?? "");
      const found = await plugin.read(old);
      if (found) Object.assign(old, found);
      else this.old.delete(old.urn);
    };
    const wanted = [...this.old.values()].filter(
      (each) => isObject(each) && (this.args.refresh || each.refreshBeforeUpdate === true),
    );
    const results = await Promise.allSettled(wanted.map(read));
    results.forEach((result, i) => {
      if (result.status === "rejected") this.fail(wanted[i]?.urn ?? "", result.reason as Error);
    });
  }

  /** Deletes what the program has not registered. */
  async deleteRest(): Promise<void> {
    const doomed = [...this.old.values()].filter(({ urn }) => !this.registered.has(urn)).reverse();
    const urns = new Set(doomed.map(({ urn }) => urn));
    const kept = doomed.filter(({ protect }) => protect);
    for (const { urn } of kept) this.fail(urn, new Error(`resource ${urn} cannot be deleted because it is protected`));
    if (kept.length > 0) return;
    for (const each of doomed) {
      try {
        await this.delete(each, urns.has(each.deletedWith ?? ""));
      } catch (error) {
        this.fail(each.urn, error as Error);
        return;
      }
    }
  }

  private async delete(old: ResourceState, withAnother: boolean): Promise<void> {
    this.steps.push({ op: "delete", urn: old.urn, detailedDiff: null });
    if (!withAnother) await this.remove(old);
    this.old.delete(old.urn);
  }

  /** Deletes the object of a resource, unless it has none, or keeps it. */
  private async remove(old: ResourceState): Promise<void> {
    if (this.args.preview || !isObject(old) || old.retainOnDelete) return;
    await (await this.pluginFor(old.provider ?? "")).delete(old);
  }

  /** Ends the run with an error; what has begun goes on. */
  fail(urn: string, error: Error): void {
    this.errors.push({ urn, text: error.message });
    this.settleFailed();
  }

  /** Waits for the operations that have begun. */
  async settled(): Promise<void> {
    while (this.running.size > 0) await Promise.allSettled([...this.running]);
  }

  // What the program calls.

  getDeploymentInfo(_: Empty, respond: Respond<resource.DeploymentInfo>): void {
    const info = new resource.DeploymentInfo();
    info.setSupportedfeaturesList(FEATURES);
    respond(null, info);
  }

  registerResourceOutputs(request: resource.RegisterResourceOutputsRequest, respond: Respond<Empty>): void {
    if (typeOf(request.getUrn()) === "pulumi:pulumi:Stack") this.outputs = fromStruct(request.getOutputs());
    respond(null, new Empty());
  }

  close(): void {}

  registerResource(
    request: resource.RegisterResourceRequest,
    respond: Respond<resource.RegisterResourceResponse>,
  ): void {
    if (this.errors.length > 0) return;
    const work = this.register(request).then(
      (state) => {
        const response = new resource.RegisterResourceResponse();
        response.setUrn(state.urn);
        response.setId(state.id ?? "");
        response.setObject(Struct.fromJavaScript(JSON.parse(JSON.stringify(state.outputs))));
        respond(null, response);
      },
      (error: Error) => this.fail(this.urnOf(request), error),
    );
    this.running.add(work);
    void work.finally(() => this.running.delete(work));
  }

  private urnOf(request: resource.RegisterResourceRequest): string {
    const parent = request.getParent();
    const above = parent === "" || typeOf(parent) === "pulumi:pulumi:Stack" ? "" : `${parent.split("::")[2]}$`;
    const { stack, project } = this.args;
    return `urn:pulumi:${stack}::${project}::${above}${request.getType()}::${request.getName()}`;
  }

  /** The resource of the former state, under this URN or one that it had before. */
  private former(urn: string, aliases: string[]): ResourceState | undefined {
    const found = [urn, ...aliases].map((each) => this.old.get(each)).find((each) => each !== undefined);
    if (!found || found.urn === urn) return found;
    this.old.delete(found.urn);
    const renamed = { ...found, urn, type: typeOf(urn) };
    this.old.set(urn, renamed);
    return renamed;
  }

  private async register(request: resource.RegisterResourceRequest): Promise<ResourceState> {
    const urn = this.urnOf(request);
    const old = this.former(urn, request.getAliasurnsList());
    const goal: ResourceState = {
      urn,
      type: request.getType(),
      custom: request.getCustom(),
      inputs: fromStruct(request.getObject()),
      outputs: {},
      parent: request.getParent() || undefined,
      dependencies: request.getDependenciesList(),
      propertyDependencies: Object.fromEntries(
        [...request.getPropertydependenciesMap().entries()].map(([key, each]) => [key, each.getUrnsList()]),
      ),
      protect: request.getProtect() ?? false,
      retainOnDelete: request.getRetainondelete() ?? false,
      deletedWith: request.getDeletedwith() || undefined,
      replacementTrigger: request.getReplacementTrigger()?.toJavaScript(),
      additionalSecretOutputs: request.getAdditionalsecretoutputsList(),
    };
    const done = (state: ResourceState) => {
      this.registered.set(urn, state);
      return state;
    };
    if (!goal.custom) {
      if (!old) this.steps.push({ op: "create", urn, detailedDiff: null });
      return done({ ...goal, outputs: goal.inputs });
    }
    if (providedPackage(goal.type) !== undefined) {
      if (request.getVersion() !== "") goal.inputs.version = request.getVersion();
      return done(await this.provider(goal, old));
    }
    goal.provider = request.getProvider() || (await this.defaultProvider(goal.type));
    return done(await this.object(goal, old, request));
  }

  // Providers.

  private async provider(goal: ResourceState, old: ResourceState | undefined): Promise<ResourceState> {
    const id = old?.id ?? randomUUID();
    const changed = JSON.stringify(sorted(old?.inputs)) !== JSON.stringify(sorted(goal.inputs));
    if (changed) this.steps.push({ op: old ? "update" : "create", urn: goal.urn, detailedDiff: null });
    const state = { ...goal, id, outputs: goal.inputs };
    const known = !JSON.stringify(goal.inputs).includes(UNKNOWN);
    const name = providedPackage(goal.type) ?? "";
    const reference = `${goal.urn}::${id}`;
    if (!known) this.unknown.add(reference);
    else if (changed || !this.plugins.has(reference)) this.plugins.set(reference, this.args.load(name, goal.inputs));
    await this.plugins.get(reference);
    return state;
  }

  /** Providers whose settings a preview does not know yet. */
  private readonly unknown = new Set<string>();

  private async defaultProvider(type: string): Promise<string> {
    const name = type.split(":")[0] ?? "";
    const version = readVersions().plugins[name] ?? "";
    const { stack, project } = this.args;
    const urn = `urn:pulumi:${stack}::${project}::pulumi:providers:${name}::default_${version.replaceAll(".", "_")}`;
    const known = this.registered.get(urn) ?? this.old.get(urn);
    const state: ResourceState = known ?? {
      urn,
      type: `pulumi:providers:${name}`,
      custom: true,
      id: randomUUID(),
      inputs: {},
      outputs: {},
      dependencies: [],
      propertyDependencies: {},
      protect: false,
    };
    this.registered.set(urn, state);
    const reference = `${urn}::${state.id}`;
    if (!this.plugins.has(reference)) this.plugins.set(reference, this.args.load(name, {}));
    return reference;
  }

  private pluginFor(reference: string): Promise<Plugin> {
    const urn = reference.split("::").slice(0, -1).join("::");
    const loaded = this.plugins.get(reference);
    if (loaded) return loaded;
    const state = this.old.get(urn) ?? this.registered.get(urn);
    if (!state) throw new Error(`no provider ${reference}`);
    const plugin = this.args.load(providedPackage(state.type) ?? "", state.inputs);
    this.plugins.set(reference, plugin);
    return plugin;
  }

  // Objects.

  private async object(
    goal: ResourceState,
    old: ResourceState | undefined,
    request: resource.RegisterResourceRequest,
  ): Promise<ResourceState> {
    const { urn } = goal;
    const { preview } = this.args;
    const ignore = request.getIgnorechangesList();
    if (old) for (const key of ignore) this.keep(goal.inputs, old.inputs, key);
    if (this.unknown.has(goal.provider ?? "")) return this.notYetKnown(goal, old);
    const plugin = await this.pluginFor(goal.provider ?? "");
    goal.inputs = await plugin.check(urn, old?.inputs, goal.inputs);

    const create = (op: "create" | "replace", detailedDiff: Diff["detailed"] = null) => {
      this.steps.push({ op, urn, detailedDiff });
      return this.made(goal, () => plugin.create(urn, goal.inputs, preview));
    };
    if (!old) return create(this.removed.has(urn) ? "replace" : "create");

    const diff = await plugin.diff(old, goal.inputs, ignore);
    const triggered = JSON.stringify(old.replacementTrigger) !== JSON.stringify(goal.replacementTrigger);
    const paths = [...Object.keys(diff.detailed ?? {}), ...diff.keys];
    const changedKeys = new Set(paths.map((path) => /^[^.[]+/.exec(path)?.[0] ?? path));
    const replaces =
      triggered ||
      diff.replaces.length > 0 ||
      request.getReplaceonchangesList().some((key) => diff.changed && changedKeys.has(key));
    if (replaces) {
      if (old.protect) throw new Error(`unable to replace resource ${urn}: it is protected`);
      const first = request.getDeletebeforereplacedefined()
        ? request.getDeletebeforereplace()
        : diff.deleteBeforeReplace;
      if (first) await this.deleteBefore(old);
      const state = await create("replace", diff.detailed);
      if (!first) await this.remove(old);
      return state;
    }
    if (!diff.changed && (old.initErrors?.length ?? 0) === 0) {
      const { id, outputs, refreshBeforeUpdate } = old;
      return { ...goal, id, outputs, refreshBeforeUpdate };
    }
    this.steps.push({ op: "update", urn, detailedDiff: diff.detailed });
    return this.made(goal, () => plugin.update(old, goal.inputs, ignore, preview));
  }

  private keep(inputs: Properties, old: Properties, key: string): void {
    if (key in old) inputs[key] = old[key];
    else delete inputs[key];
  }

  /** Of a provider whose settings are not known before the update: nothing is known but the inputs. */
  private notYetKnown(goal: ResourceState, old: ResourceState | undefined): ResourceState {
    this.steps.push({ op: old ? "update" : "create", urn: goal.urn, detailedDiff: null });
    return { ...goal, id: old?.id, outputs: goal.inputs };
  }

  /** Runs an operation; what it has made in spite of an error is kept with it. */
  private async made(goal: ResourceState, operation: () => Promise<Made>): Promise<ResourceState> {
    try {
      const { id, outputs, refreshBeforeUpdate } = await operation();
      return { ...goal, id: id || undefined, outputs, refreshBeforeUpdate };
    } catch (error) {
      if (error instanceof Incomplete && !this.args.preview) {
        const outputs = error.state as Properties;
        const kept = { ...goal, id: error.id, outputs, refreshBeforeUpdate: true, initErrors: [error.message] };
        this.registered.set(goal.urn, kept);
      }
      throw error;
    }
  }

  /** Deletes an object that is replaced, and before it those that would be replaced with it. */
  private async deleteBefore(old: ResourceState): Promise<void> {
    for (const dependent of [...this.old.values()].reverse()) {
      const keys = Object.entries(dependent.propertyDependencies).filter(([, urns]) => urns.includes(old.urn));
      if (keys.length === 0 || !dependent.custom || this.registered.has(dependent.urn)) continue;
      const unknown = Object.fromEntries(keys.map(([key]) => [key, UNKNOWN]));
      const plugin = await this.pluginFor(dependent.provider ?? "");
      const inputs = { ...dependent.inputs, ...unknown };
      const diff = await plugin.diff(dependent, inputs, []);
      if (diff.replaces.length > 0) await this.deleteBefore(dependent);
    }
    this.removed.add(old.urn);
    this.old.delete(old.urn);
    await this.remove(old);
  }
}

/** True for what a plugin makes: neither a component nor a provider. */
function isObject({ custom, type }: ResourceState): boolean {
  return custom && providedPackage(type) === undefined;
}
