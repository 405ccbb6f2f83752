import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import type { ImageConfig } from "../config/stack";
import { Presence, type Provider } from "../provider/resources";

const CONTEXT = join(__dirname, "..", "image");

export interface ImageArgs extends ImageConfig {
  /** Docker engine, as in DOCKER_HOST; the user's default engine if absent. */
  engine?: string;
  pgwright: Provider;
}

/** Name of the image of this context, base and packages. It has a hash of the content, so equal content is built only once. */
export function imageTag(context: Record<string, string>, base: string, packages: string[]): string {
  const content = JSON.stringify([Object.entries(context).sort(), base, [...packages].sort()]);
  return `pgwright/postgres:17-${createHash("sha256").update(content).digest("hex").slice(0, 12)}`;
}

function readContext(folder: string): Record<string, string> {
  const files = readdirSync(folder).filter((file) => !file.endsWith(".ts"));
  return Object.fromEntries(files.map((file) => [file, readFileSync(join(folder, file), "utf8")]));
}

/** The name of the image that this checkout builds. */
export function ownImage(base = "", packages: string[] = []): string {
  return imageTag(readContext(CONTEXT), base, packages);
}

/** The image of the server: a pulled one, or one that is built on the engine when its context has changed. */
export class Image extends pulumi.ComponentResource {
  /** Name of the image, known in a preview. */
  public readonly reference: string;
  /** The resource that containers depend on. */
  public readonly ready: pulumi.Resource;

  constructor(name: string, args: ImageArgs, opts?: pulumi.ComponentResourceOptions) {
    super("pgwright:components:Image", name, {}, opts);
    const base = args.base ?? "";
    this.reference = args.name ?? ownImage(base, args.packages);
    const presence = new Presence(
      `${name}-image`,
      { what: "image", object: this.reference },
      { parent: this, provider: args.pgwright },
    );
    const recipe: { script: string; environment: Record<string, string> } = args.name
      ? { script: "pull.ts", environment: {} }
      : { script: "build.ts", environment: { BASE: base, PACKAGES: args.packages.join(" ") } };
    this.ready = new command.local.Command(
      name,
      {
        // A relative path, so that the state is the same in every checkout.
        create: `node --require sucrase/register/ts ${relative(process.cwd(), join(CONTEXT, recipe.script))}`,
        environment: {
          IMAGE: this.reference,
          ...recipe.environment,
          GENERATION: pulumi.interpolate`${presence.generation}`,
          ...(args.engine ? { DOCKER_HOST: args.engine } : {}),
        },
        addPreviousOutputInEnv: false,
      },
      { parent: this },
    );
    this.registerOutputs({ reference: this.reference });
  }
}
