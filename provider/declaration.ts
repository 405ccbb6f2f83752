import type { Alias } from "@pulumi/pulumi";

/**
 * How a program declares a kind of resource. `I` are the inputs of the kind, `W` those that no program declares, `S` its state.
 * The classes of resources.ts are made from it.
 */
export interface Declaration<I extends object, S extends I, W extends keyof I> {
  /** Last part of Pulumi's type token, and the name of the class. */
  type: string;
  /** Values of the state that are no inputs. */
  outputs?: readonly (keyof Omit<S, keyof I> & string)[];
  /** Inputs and outputs that the state keeps encrypted. */
  secrets?: readonly (keyof S & string)[];
  /** Types of earlier versions. */
  aliases?: readonly Alias[];
  /**
   * The inputs that no program declares: what the object must be (`present: true`), and what follows from the declared ones. The
   * plugin adds them when it checks the inputs.
   */
  wanted?: { [K in W]: (declared: I) => I[K] };
}

/** A declaration of any kind, as the plugin and the classes use it. */
export type AnyDeclaration = Pick<Declaration<object, object, never>, "type" | "aliases"> & {
  outputs?: readonly string[];
  secrets?: readonly string[];
  wanted?: Record<string, (declared: never) => unknown>;
};

/** Declares a kind; TypeScript derives from `wanted` which inputs no program declares. */
export const declare =
  <I extends object, S extends I = I>() =>
  <W extends keyof I = never>(declaration: Declaration<I, S, W>): Declaration<I, S, W> =>
    declaration;

export const tokenOf = ({ type }: Pick<AnyDeclaration, "type">): string => `pgwright:index:${type}`;
