import { spawnSync } from "node:child_process";
import { CONFIG_PATH, DATA_PATH } from "../backup/paths";
import { Host } from "../provider/host";
import { docker } from "../test/integration/stack";

/** Arguments of a plain server. */
export interface PlainServerArgs {
  image: string;
  /** Files of the configuration volume: postgresql.conf, pg_hba.conf, pg_ident.conf. */
  files: Record<string, string>;
  /** In the format of `docker run`: "2g". */
  memory: string;
  cpus: number;
  sharedMemory: string;
  /** Port on 127.0.0.1; not published if absent. */
  port?: number;
}

/** PostgreSQL run by a plain script: `docker run` of the same image, without Pulumi. */
export class PlainServer {
  private readonly host: Host;

  constructor(
    readonly name: string,
    private readonly args: PlainServerArgs,
  ) {
    this.host = new Host(name);
  }

  async up(): Promise<void> {
    const { name, args } = this;
    docker("network", "create", name);
    docker("volume", "create", `${name}-data`);
    docker("volume", "create", `${name}-config`);
    await this.host.writeVolume(`${name}-config`, args.image, args.files);
    const limits = ["--memory", args.memory, "--memory-swap", args.memory, "--cpus", String(args.cpus)];
    const volumes = ["--volume", `${name}-data:${DATA_PATH}`, "--volume", `${name}-config:${CONFIG_PATH}:ro`];
    const publish = args.port === undefined ? [] : ["--publish", `127.0.0.1:${args.port}:5432`];
    const shared = ["--shm-size", args.sharedMemory];
    docker(
      "run",
      "--detach",
      "--name",
      name,
      "--network",
      name,
      ...publish,
      ...limits,
      ...shared,
      ...volumes,
      args.image,
    );
    this.wait();
  }

  /** Starts the server again, with other files in the configuration volume. */
  async restart(files: Record<string, string>): Promise<void> {
    await this.host.writeVolume(`${this.name}-config`, this.args.image, files);
    docker("restart", this.name);
    this.wait();
  }

  private wait(): void {
    docker("exec", this.name, "sh", "-c", "until pg_isready -q -h 127.0.0.1; do sleep 0.1; done");
  }

  /** Runs SQL as the superuser in database postgres. */
  async sql(text: string): Promise<string> {
    const psql = ["exec", "--interactive", this.name, "psql", "-X", "-q", "-At", "-U", "postgres"];
    return (await this.host.docker(psql, text)).toString().trim();
  }

  /** Runs a program of the image beside the server, in a container of its own with the same network. */
  beside(...command: string[]): string {
    return docker("run", "--rm", "--network", `container:${this.name}`, this.args.image, ...command);
  }

  down(): void {
    const remove = (...args: string[]) => spawnSync("docker", args); // after a failed `up`, some objects do not exist
    remove("rm", "--force", this.name);
    remove("volume", "rm", "--force", `${this.name}-data`, `${this.name}-config`);
    remove("network", "rm", this.name);
  }
}
