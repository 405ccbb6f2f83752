import { join } from "node:path";
import { MessageChannel, receiveMessageOnPort, Worker, type MessagePort } from "node:worker_threads";

export interface Connection {
  host: string;
  port: number;
  user: string;
  password: string;
  database: string;
}

/** Rows as psql's unaligned text, or an error as psql prints it, with its SQLSTATE. */
export type Answer = { rows: string } | { error: string; code: string };

let thread: { worker: Worker; port: MessagePort; signal: Int32Array } | undefined;

function start() {
  const signal = new Int32Array(new SharedArrayBuffer(4));
  const { port1, port2 } = new MessageChannel();
  const worker = new Worker(join(__dirname, "sql-worker.cjs"), {
    workerData: { signal, port: port2 },
    transferList: [port2],
    execArgv: [],
  });
  worker.unref();
  port1.unref();
  return { worker, port: port1, signal };
}

/**
 * Runs SQL in a session of its own and waits for it, as psql does. A thread does it: `docker exec` and psql would take ten times
 * as long.
 */
export function querySync(connection: Connection, text: string): Answer {
  const { worker, port, signal } = (thread ??= start());
  Atomics.store(signal, 0, 0);
  worker.postMessage({ connection, text });
  Atomics.wait(signal, 0, 0);
  return (receiveMessageOnPort(port) as { message: Answer }).message;
}
