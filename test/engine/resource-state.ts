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
  deletedWith?: string;
  refreshBeforeUpdate?: boolean;
  /** What is wrong with a resource that was made all the same. */
  initErrors?: string[];
  replacementTrigger?: unknown;
}

export function typeOf(urn: string): string {
  return urn.split("::")[2]?.split("$").pop() ?? "";
}

export function nameOf(urn: string): string {
  return urn.split("::").slice(3).join("::");
}

const PROVIDER = "pulumi:providers:";

/** The package that a resource of type pulumi:providers:PACKAGE is the provider of; undefined for all others. */
export function providedPackage(type: string): string | undefined {
  return type.startsWith(PROVIDER) ? type.slice(PROVIDER.length) : undefined;
}
