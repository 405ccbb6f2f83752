import { createServer } from "node:net";

/** Does a program of this machine listen there? */
export function isTaken(address: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    // Other errors are not ours to judge: Docker will tell them.
    probe.on("error", (error: NodeJS.ErrnoException) => resolve(error.code === "EADDRINUSE"));
    probe.listen({ host: address, port, exclusive: true }, () => probe.close(() => resolve(false)));
  });
}
