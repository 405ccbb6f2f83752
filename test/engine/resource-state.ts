import type { Properties } from "../../provider/kind";

/** One resource of a state, under the names that `pulumi stack export` has for its parts. */
export interface ResourceState {
  urn: string;
  type: string;
  custom: boolean;
  id?: string;
  inputs: Properties;
  outputs: Properties;
  parent?: string;
  /** Reference to the provider: its URN and id. */
  provider?: string;
  dependencies: string[];
  propertyDependencies: Record<string, string[]>;
  protect: boolean;
  /** The object stays when the resource goes. */
  retainOnDelete?: boolean;
  deletedWith?: string;
  refreshBeforeUpdate?: boolean;
  /** What is wrong with a resource that was made all the same. */
  initErrors?: string[];
  replacementTrigger?: unknown;
  /** Names of outputs, and of inputs of the same names, that Pulumi encrypts. */
  additionalSecretOutputs?: string[];
}

const PROVIDER = "pulumi:providers:";

/** The package that a resource of type pulumi:providers:PACKAGE is the provider of; undefined for all others. */
export function providedPackage(type: string): string | undefined {
  return type.startsWith(PROVIDER) ? type.slice(PROVIDER.length) : undefined;
}

const SECRET = { "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270" };

/** The resource with what is secret marked as that, as `pulumi stack import` takes it. */
export function withSecrets(resource: ResourceState): ResourceState {
  const secret = resource.additionalSecretOutputs ?? [];
  const mark = (all: Properties) =>
    Object.fromEntries(
      Object.entries(all).map(([key, value]) => [
        key,
        secret.includes(key) ? { ...SECRET, plaintext: JSON.stringify(value) } : value,
      ]),
    );
  return { ...resource, inputs: mark(resource.inputs), outputs: mark(resource.outputs) };
}

/** A value of `pulumi stack export --show-secrets` without its marks. */
export function withoutMarks(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutMarks);
  if (typeof value !== "object" || value === null) return value;
  if ("plaintext" in value) return JSON.parse(String(value.plaintext));
  const own = Object.entries(value).filter(([key]) => key !== "__internal"); // Pulumi's own, in the inputs of a provider
  return Object.fromEntries(own.map(([key, each]) => [key, withoutMarks(each)]));
}
