import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, statfsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { startDockerd } from "../../toolchain/dockerd";
import type { EngineFiles } from "../../toolchain/engine-files";

// One place for it, so that what a killed run has left is found by the next.
const FOLDER = join(tmpdir(), "pgwright-fault-engine");
const DISK = join(FOLDER, "disk");
const FILLER = join(DISK, "filler");
const BRIDGE = "pgwright-fault";
const BRIDGE_ADDRESS = "172.31.255.241/28";
/** How long the engine may take to stop its containers. */
const STOP_WITHIN_S = 60;

function must(command: string, ...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: "utf8", maxBuffer: 64 * 1024 * 1024 });
  if (status !== 0) throw new Error(`${command} ${args.join(" ")}: ${stderr}`);
  return stdout.trim();
}

/** A Docker engine of a test's own, on a disk of its own in memory: it may be killed, and its disk may be full. */
export class OwnEngine {
  private readonly files: EngineFiles;
  readonly socket = `unix://${join(FOLDER, "docker.sock")}`;

  private constructor() {
    const execRoot = join(FOLDER, "exec");
    const pidFile = join(FOLDER, "docker.pid");
    const place = ["--data-root", DISK, "--exec-root", execRoot, "--pidfile", pidFile, "--host", this.socket];
    // Rules of the firewall are the other engine's; a port published on the loopback interface needs none. And a bridge of
    // its own: an engine without any would remove the other one's.
    const network = ["--bridge", BRIDGE, "--iptables=false", "--ip6tables=false"];
    this.files = { pidFile, execRoot, logFile: join(FOLDER, "dockerd.log"), args: [...place, ...network] };
  }

  /** Starts an engine whose disk holds `megabytes`, with `image` of the machine's engine on it. */
  static async start(megabytes: number, image: string): Promise<OwnEngine> {
    const engine = new OwnEngine();
    await engine.remove();
    mkdirSync(DISK, { recursive: true });
    must("mount", "-t", "tmpfs", "-o", `size=${megabytes}m`, "tmpfs", DISK);
    must("ip", "link", "add", "name", BRIDGE, "type", "bridge");
    must("ip", "address", "add", BRIDGE_ADDRESS, "dev", BRIDGE);
    await engine.up();
    const archive = join(FOLDER, "image.tar");
    must("docker", "save", "--output", archive, image);
    engine.docker("load", "--quiet", "--input", archive);
    rmSync(archive);
    return engine;
  }

  async up(): Promise<void> {
    const answers = async () =>
      spawnSync("docker", ["version"], { env: { ...process.env, DOCKER_HOST: this.socket } }).status === 0;
    await startDockerd(this.files, answers, console.log);
  }

  docker(...args: string[]): string {
    return must("docker", "--host", this.socket, ...args);
  }

  private pid(): number | undefined {
    if (!existsSync(this.files.pidFile)) return undefined;
    const pid = Number(readFileSync(this.files.pidFile, "utf8"));
    return existsSync(`/proc/${pid}`) ? pid : undefined;
  }

  /** Ends the engine: SIGTERM stops its containers first, SIGKILL leaves them running. */
  async end(signal: "SIGTERM" | "SIGKILL"): Promise<void> {
    const pid = this.pid();
    if (pid === undefined) return;
    process.kill(pid, signal);
    for (let i = 0; existsSync(`/proc/${pid}`) && i < STOP_WITHIN_S * 10; i += 1) await sleep(100);
    if (existsSync(`/proc/${pid}`)) throw new Error(`dockerd ${pid} does not end`);
  }

  /** Leaves so many bytes on the disk. */
  fill(left = 0): void {
    const { bavail, bsize } = statfsSync(DISK);
    must("fallocate", "--length", String(bavail * bsize - left), FILLER);
  }

  /** Gives back what `fill` has taken. */
  free(): void {
    rmSync(FILLER, { force: true });
  }

  /** Ends everything of it, containers included, and removes its disk. */
  async remove(): Promise<void> {
    if (!existsSync(FOLDER)) return;
    const mounts = () =>
      readFileSync("/proc/mounts", "utf8")
        .split("\n")
        .flatMap((line) => line.split(" ")[1] ?? []);
    if (mounts().includes(DISK)) {
      this.free();
      if (this.pid() === undefined) await this.up(); // a killed one leaves its containers running
      const containers = this.docker("ps", "--all", "--quiet").split("\n").filter(Boolean);
      if (containers.length > 0) this.docker("rm", "--force", ...containers);
      await this.end("SIGTERM");
    }
    spawnSync("ip", ["link", "delete", BRIDGE]);
    for (const at of mounts()
      .filter((mount) => mount.startsWith(FOLDER))
      .reverse())
      must("umount", at);
    rmSync(FOLDER, { recursive: true, force: true });
  }
}
