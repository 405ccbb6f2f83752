/** The files of one engine; a second engine on the same machine needs other ones. */
export interface EngineFiles {
  /** The engine's own pid file. */
  pidFile: string;
  /** The engine's folder for runtime files. */
  execRoot: string;
  /** The socket of a containerd that the system runs; undefined if the engine starts its own in any case. */
  containerdSocket?: string;
  /** The engine's output. */
  logFile: string;
  /** Additional arguments. */
  args: string[];
}

/** The files of an engine that is started without any option. */
export const systemFiles: EngineFiles = {
  pidFile: "/var/run/docker.pid",
  execRoot: "/var/run/docker",
  containerdSocket: "/run/containerd/containerd.sock",
  logFile: "/var/log/pgwright-dockerd.log",
  args: [],
};
