import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { scriptPath } from "../backup/paths";
import { mebibytes } from "../config/units";
import { Presence, type Provider } from "../provider/resources";
import type { Mount } from "./repositories";

export interface SidecarArgs {
  /** Image of the server. */
  image: string;
  /** A script of the image; with argument "health" it checks that it runs. */
  script: string;
  /** Memory limit, such as 512MB. */
  memory: string;
  mounts: Mount[];
  /** Its network; no network if absent. */
  network?: pulumi.Input<string>;
  pgwright: Provider;
}

/** A container beside the server, of the same image. */
export class Sidecar extends pulumi.ComponentResource {
  public readonly container: docker.Container;

  constructor(name: string, args: SidecarArgs, opts?: pulumi.ComponentResourceOptions) {
    super("pgwright:components:Sidecar", name, {}, opts);
    const memory = mebibytes(args.memory);
    const presence = new Presence(
      `${name}-container`,
      { what: "container", object: name, running: true },
      { parent: this, provider: args.pgwright },
    );
    this.container = new docker.Container(
      name,
      {
        name,
        image: args.image,
        command: [args.script],
        restart: "unless-stopped",
        memory,
        memorySwap: memory,
        ...(args.network === undefined ? { networkMode: "none" } : { networksAdvanced: [{ name: args.network }] }),
        volumes: args.mounts,
        healthcheck: {
          tests: ["CMD", scriptPath(args.script), "health"],
          interval: "30s",
          timeout: "5s",
          startPeriod: "30s",
          retries: 3,
        },
        capabilities: { drops: ["ALL"] },
        logDriver: "json-file",
        logOpts: { "max-file": "3", "max-size": "20m" },
        stopSignal: "SIGTERM",
        destroyGraceSeconds: 10,
        removeVolumes: false,
        mustRun: true,
      },
      {
        parent: this,
        replaceOnChanges: ["healthcheck", "tmpfs", "init"],
        replacementTrigger: presence.generation,
      },
    );
    this.registerOutputs({});
  }
}
