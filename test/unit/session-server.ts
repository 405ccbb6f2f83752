import { readFileSync, rmSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { basename, join } from "node:path";
import { Machine } from "./toolchain/machine";

/**
 * `docker` with one container, which runs the program of `docker exec` here, and a server at the socket that this program connects to.
 * The server answers every query without rows, after 20 ms; SELECT 'error' fails, SELECT 'crash' ends the session.
 */
export class SessionServer {
  private readonly machine = new Machine();
  /** Not the name of another test's: connections to a container are kept. */
  readonly container = basename(this.machine.folder);
  private readonly server: Server;
  /** A line for the begin and the end of each session and query. */
  readonly log: string[] = [];

  constructor(listening: () => void) {
    const { folder } = this.machine;
    const socket = join(folder, "socket");
    this.machine.program(
      "docker",
      `if [ "$1" = exec ]; then
         if [ -e ${folder}/down ]; then echo "Error: No such container" >&2; exit 1; fi
         exec /usr/bin/perl -e "$6" ${socket}
       fi
       while IFS= read -r line && [ "$line" != "$(printf '\\r')" ]; do :; done
       printf 'HTTP/1.1 404 Not Found\\r\\nContent-Length: 2\\r\\nConnection: close\\r\\n\\r\\n{}'`,
    );
    this.server = createServer((client) => this.serve(client)).listen(socket, listening);
  }

  /** From here on, no container runs. */
  stop(): void {
    this.machine.file("down", "");
  }

  /** The container runs again. */
  start(): void {
    rmSync(join(this.machine.folder, "down"));
  }

  /** The first arguments of the docker commands so far. */
  get commands(): string[] {
    const calls = readFileSync(join(this.machine.folder, "calls"), "utf8");
    return [...calls.matchAll(/^docker (\S+)/gm)].map(([, command = ""]) => command);
  }

  close(): void {
    this.server.close();
    this.machine.remove();
  }

  private serve(client: Socket): void {
    let input = Buffer.alloc(0);
    let started = false;
    const send = (type: string, ...parts: (string | Buffer)[]) => {
      const body = Buffer.concat(parts.map((part) => (typeof part === "string" ? Buffer.from(`${part}\0`) : part)));
      const head = Buffer.from([type.charCodeAt(0), 0, 0, 0, 0]);
      head.writeUInt32BE(body.length + 4, 1);
      client.write(Buffer.concat([head, body]));
    };
    const ready = () => send("Z", Buffer.from("I"));
    const answer = (text: string) => {
      if (text === "SELECT 'crash'") return void client.destroy();
      if (text === "SELECT 'error'") send("E", "SERROR", "C42P01", "Mno such table", "");
      else send("C", "SELECT 0");
      if (text !== "") this.log.push(`end ${text}`);
      ready();
    };
    client.on("error", () => undefined);
    client.on("end", () => this.log.push("close"));
    client.on("data", (chunk) => {
      input = Buffer.concat([input, chunk]);
      for (;;) {
        const head = started ? 1 : 0; // the start-up packet has no type
        if (input.length < head + 4 || input.length < head + input.readUInt32BE(head)) return;
        const size = head + input.readUInt32BE(head);
        const text = input.subarray(head + 4, size - 1).toString();
        if (!started) {
          started = true;
          this.log.push("open");
          send("R", Buffer.alloc(4));
          ready();
        } else if (input[0] === "Q".charCodeAt(0)) {
          if (text.startsWith("--"))
            answer(""); // the check of schema pgwright
          else {
            this.log.push(`begin ${text}`);
            setTimeout(answer, 20, text);
          }
        }
        input = input.subarray(size);
      }
    });
  }
}
