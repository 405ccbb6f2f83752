import { createServer } from "node:net";

/** True if a program on this machine listens on the port. */
export function isTaken(address: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    // Docker reports other errors itself when it publishes the port.
    probe.on("error", (error: NodeJS.ErrnoException) => resolve(error.code === "EADDRINUSE"));
    probe.listen({ host: address, port, exclusive: true }, () => probe.close(() => resolve(false)));
  });
}
