import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { ownImage } from "../../../components/image";
import { run } from "../../../toolchain/run";
import { docker, freePort } from "../stack";

// A server as `docker compose` would run it from an image of the docker-library family: PostgreSQL alone, its own pg_hba.conf with
// trust inside the container, settings by ALTER SYSTEM and on the command line. Nothing of pgwright is in it but the image.

const START = `
initdb --username="$POSTGRES_USER" --auth=trust --locale-provider=builtin --builtin-locale=C.UTF-8 --encoding=UTF8 >/dev/null
printf '%s\\n' "host all intruder all reject" "host all all all scram-sha-256" >>"$PGDATA/pg_hba.conf"
exec postgres -c listen_addresses='*' "$@"`;

export class ForeignServer {
  private constructor(
    readonly name: string,
    readonly user: string,
    readonly port: number,
  ) {}

  /** `settings`: on the command line, as compose's \`command\` has them. */
  static async start(what: string, settings: string[] = [], user = "postgres"): Promise<ForeignServer> {
    const image = ownImage();
    const built = await run(process.execPath, ["--require", "./toolchain/typescript.cjs", join("image", "build.ts")], {
      env: { IMAGE: image },
    });
    if (built.code !== 0) throw new Error(built.stderr);
    const port = await freePort();
    const server = new ForeignServer(`pgwright-t${process.pid}-${what}`, user, port);
    const options = ["--name", server.name, "--user", "postgres", "--memory", "1400m", "--cpus", "1"];
    const environment = ["--env", `POSTGRES_USER=${user}`, "--env", "PGDATA=/tmp/data"];
    const publish = ["--publish", `127.0.0.1:${port}:5432`];
    const start = ["--entrypoint", "bash", image, "-c", START, "start", ...settings.flatMap((each) => ["-c", each])];
    docker("run", "--detach", "--init", ...options, ...environment, ...publish, ...start);
    await server.ready();
    return server;
  }

  private async ready(): Promise<void> {
    docker(
      "exec",
      this.name,
      "bash",
      "-c",
      "for i in $(seq 300); do pg_isready -qh 127.0.0.1 && exit; sleep 0.2; done; exit 1",
    );
  }

  sql(database: string, text: string): string {
    const psql = ["exec", "--interactive", this.name, "psql", "-X", "-q", "-At", "-v", "ON_ERROR_STOP=1"];
    const { status, stdout, stderr } = spawnSync("docker", [...psql, "-U", this.user, "-d", database], {
      input: text,
      encoding: "utf8",
    });
    if (status !== 0) throw new Error(stderr);
    return stdout.trim();
  }

  restart(): void {
    docker("restart", this.name);
    docker("exec", this.name, "bash", "-c", "until pg_isready -qh 127.0.0.1; do sleep 0.2; done");
  }

  stop(): void {
    spawnSync("docker", ["rm", "--force", "--volumes", this.name]);
  }
}
