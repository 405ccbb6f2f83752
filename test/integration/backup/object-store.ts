import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { StackInput } from "../../../config/stack";
import { ensureS3Server } from "../../../toolchain/s3-server";
import { docker, freePort, type TestStack } from "../stack";

type RepositoryInput = NonNullable<NonNullable<StackInput["backup"]>["repositories"]>[number];

/** The address of this machine in a network. By the kernel: an engine that was started again says no gateway of its bridge. */
async function addressIn(subnet: string): Promise<string> {
  const socket = createSocket("udp4");
  socket.connect(9, subnet.replace(/\.\d+\/\d+$/, ".2")); // sends nothing
  await once(socket, "connect");
  const { address } = socket.address();
  socket.close();
  return address;
}

/** An object store with one bucket, on the address of this machine that containers see, behind TLS with a CA of its own. */
export class ObjectStore {
  readonly bucket = "backups-of-tests";
  key = `KEY${randomBytes(8).toString("hex")}`;
  secret = randomBytes(20).toString("hex");
  private server?: ChildProcess;

  private constructor(
    private readonly program: string,
    private readonly folder: string,
    private readonly address: string,
    private readonly port: number,
  ) {}

  static async start(): Promise<ObjectStore> {
    const program = await ensureS3Server({ log: console.log });
    const address = await addressIn(
      docker("network", "inspect", "bridge", "--format", "{{(index .IPAM.Config 0).Subnet}}"),
    );
    const folder = mkdtempSync(join(tmpdir(), "pgwright-test-s3-"));
    const store = new ObjectStore(program, folder, address, await freePort(address));
    mkdirSync(join(store.objects, store.bucket), { recursive: true });
    mkdirSync(join(folder, "metadata"));
    store.certify();
    await store.run();
    return store;
  }

  get endpoint(): string {
    return `${this.address}:${this.port}`;
  }

  /** The file with the certificate of the CA. */
  get certificate(): string {
    return join(this.folder, "ca.crt");
  }

  private get objects(): string {
    return join(this.folder, "objects");
  }

  /** A repository in the bucket, as a stack file has it. */
  repository(change: Partial<NonNullable<RepositoryInput["s3"]>> = {}): RepositoryInput {
    const { bucket, endpoint, certificate } = this;
    return { s3: { bucket, endpoint, folder: "shop/postgres", pathStyle: true, certificate, ...change } };
  }

  /** Gives a stack the keys; `name`: backupS3 or restoreS3. */
  async giveKeys(stack: TestStack, name: string, { key = this.key, secret = this.secret } = {}): Promise<void> {
    await stack.secret(`${name}.${this.bucket}.key`, key);
    await stack.secret(`${name}.${this.bucket}.secret`, secret);
  }

  /** Objects below a folder of the bucket. */
  list(folder: string): string[] {
    const found = readdirSync(join(this.objects, this.bucket, folder), { recursive: true, withFileTypes: true });
    return found.filter((entry) => entry.isFile()).map(({ name }) => name);
  }

  read(object: string): Buffer {
    return readFileSync(join(this.objects, this.bucket, object));
  }

  private certify(): void {
    const openssl = (...args: string[]) => {
      const { status, stderr } = spawnSync("openssl", args, { cwd: this.folder, encoding: "utf8" });
      if (status !== 0) throw new Error(`openssl ${args.join(" ")}: ${stderr}`);
    };
    const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
    writeFileSync(join(this.folder, "names"), `subjectAltName=IP:${this.address}\n`);
    openssl("req", "-x509", ...key, "-keyout", "ca.key", "-out", "ca.crt", "-days", "2", "-subj", "/CN=CA of a test");
    openssl("req", ...key, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=object store");
    const signed = ["-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "names", "-days", "2"];
    openssl("x509", "-req", "-in", "server.csr", "-out", "server.crt", ...signed);
  }

  /** Starts it, with the keys that it has now. */
  async run(): Promise<void> {
    const file = (name: string) => join(this.folder, name);
    const tls = ["--cert", file("server.crt"), "--key", file("server.key")];
    this.server = spawn(
      this.program,
      ["--quiet", "--port", this.endpoint, ...tls, "posix", "--sidecar", file("metadata"), this.objects],
      {
        stdio: "ignore",
        env: { ...process.env, ROOT_ACCESS_KEY_ID: this.key, ROOT_SECRET_ACCESS_KEY: this.secret },
      },
    );
    process.on("exit", () => this.server?.kill());
    for (const deadline = Date.now() + 30_000; Date.now() < deadline; await sleep(100)) {
      const answers = new Promise<boolean>((resolve) => {
        const socket = connect(this.port, this.address, () => resolve(true)).on("error", () => resolve(false));
        socket.on("connect", () => socket.destroy());
      });
      if (await answers) return;
    }
    throw new Error(`the object store does not answer at ${this.endpoint}`);
  }

  async stop(): Promise<void> {
    const { server } = this;
    if (!server || server.exitCode !== null) return;
    const ended = new Promise((resolve) => server.on("close", resolve));
    server.kill();
    await ended;
  }

  async dispose(): Promise<void> {
    await this.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
