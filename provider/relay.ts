import { readFileSync } from "node:fs";
import { join } from "node:path";
import { SERVER_SOCKET_PATH } from "../backup/paths";
import { DockerProcess, SocketStream } from "./docker-process";
import type { Host } from "./host";

/** Runs in the container; it has the format of the frames. Passed as text, because the container's image may be of another version. */
const PROGRAM = readFileSync(join(__dirname, "relay.pl"), "utf8");

/** Bytes before the data of a frame. */
const HEADER = 9;

type FrameKind = "o" | "d" | "e" | "x";

/**
 * The way of this process to a server: one `docker exec`, which costs a tenth of a second and over ssh several, for the streams of
 * all sessions. Access to the Docker engine already implies superuser access to its databases, so no password is needed. The
 * published port is not used: a remote engine, a firewall and pg_hba.conf cannot block this connection.
 */
class Relay {
  private readonly docker: DockerProcess;
  private readonly streams = new Map<number, RelayStream>();
  /** Streams that keep this process alive. */
  private readonly awake = new Set<number>();
  private opened = 0;
  private unread: Buffer = Buffer.alloc(0);

  /** `ended`: called when the relay carries no streams any more. */
  constructor(host: Host, ended: (relay: Relay) => void) {
    const socket = `${SERVER_SOCKET_PATH}/.s.PGSQL.5432`;
    const command = ["exec", "--interactive", host.container, "perl", "-e", PROGRAM, socket];
    this.docker = new DockerProcess(command, host.environment(), (error) => {
      ended(this);
      this.close(error ?? new Error("docker exec ended"));
    });
    this.docker.stdout.on("data", (chunk: Buffer) => this.receive(chunk));
  }

  open(stream: RelayStream): number {
    const id = (this.opened += 1);
    this.streams.set(id, stream);
    this.ref(id);
    this.send(id, "o");
    return id;
  }

  send(id: number, kind: FrameKind, data: Buffer = Buffer.alloc(0), done: () => void = () => undefined): void {
    const header = Buffer.alloc(HEADER);
    header.writeUInt32BE(id, 0);
    header.write(kind, 4, "latin1");
    header.writeUInt32BE(data.length, 5);
    this.docker.write(data.length > 0 ? Buffer.concat([header, data]) : header, done);
  }

  /** The stream is closed in this process. */
  forget(id: number): void {
    if (!this.streams.delete(id)) return;
    this.unref(id);
    this.send(id, "x");
  }

  /** A stream that is closed keeps nothing alive. */
  ref(id: number): void {
    if (this.streams.has(id) && this.awake.add(id).size === 1) this.docker.ref();
  }

  unref(id: number): void {
    if (this.awake.delete(id) && this.awake.size === 0) this.docker.unref();
  }

  private receive(chunk: Buffer): void {
    let rest = this.unread.length > 0 ? Buffer.concat([this.unread, chunk]) : chunk;
    while (rest.length >= HEADER) {
      const end = HEADER + rest.readUInt32BE(5);
      if (rest.length < end) break;
      const id = rest.readUInt32BE(0);
      const data = rest.subarray(HEADER, end);
      if (rest.toString("latin1", 4, 5) === "d") this.streams.get(id)?.push(data);
      else this.end(id, data.toString());
      rest = rest.subarray(end);
    }
    this.unread = rest;
  }

  /** The server has closed the stream, or it could not be opened. */
  private end(id: number, problem: string): void {
    const stream = this.streams.get(id);
    this.streams.delete(id);
    this.unref(id);
    if (problem === "") stream?.push(null);
    else stream?.destroy(new Error(problem));
  }

  private close(error: Error): void {
    for (const [id, stream] of this.streams) {
      this.streams.delete(id);
      this.unref(id);
      stream.destroy(error);
    }
  }
}

/** By engine and container. */
const relays = new Map<string, Relay>();

function relayOf(host: Host): Relay {
  const key = JSON.stringify([host.engine, host.container]);
  const found = relays.get(key);
  if (found) return found;
  const relay = new Relay(host, (ended) => {
    if (relays.get(key) === ended) relays.delete(key);
  });
  relays.set(key, relay);
  return relay;
}

/** A connection to the server's socket. */
export class RelayStream extends SocketStream {
  private relay?: Relay;
  private id = 0;

  constructor(private readonly host: Host) {
    super();
  }

  connect(): this {
    this.relay = relayOf(this.host);
    this.id = this.relay.open(this);
    setImmediate(() => this.emit("connect"));
    return this;
  }
  override ref(): this {
    this.relay?.ref(this.id);
    return this;
  }
  override unref(): this {
    this.relay?.unref(this.id);
    return this;
  }

  // pg reads all that comes, so there is nothing to hold back.
  override _read(): void {}
  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    if (!this.relay) return done(new Error(`container ${this.host.container}: the connection is closed`));
    this.relay.send(this.id, "d", chunk, done);
  }
  override _final(done: () => void): void {
    this.relay?.send(this.id, "e");
    done();
  }
  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.relay?.forget(this.id);
    done(error);
  }
}
