// The thread of sql-client.ts: runs what it is given in a session of its own, and returns rows as psql's unaligned text.
const { parentPort, workerData } = require("node:worker_threads");
const { Client } = require("pg");

const { signal, port } = workerData;
const asText = { getTypeParser: () => (value) => value };

function explain({ severity = "FATAL", message, detail, hint, where }) {
  const parts = { [severity]: message, DETAIL: detail, HINT: hint, CONTEXT: where };
  const lines = Object.entries(parts).filter(([, text]) => text !== undefined);
  return lines.map(([label, text]) => `${label}:  ${text}`).join("\n");
}

async function run({ connection, text }) {
  const client = new Client({ ...connection, connectionTimeoutMillis: 15_000 });
  client.on("error", () => undefined);
  try {
    await client.connect();
    const results = [await client.query({ text, rowMode: "array", types: asText })].flat();
    const rows = results.filter(({ fields }) => fields?.length > 0).flatMap((each) => each.rows);
    return { rows: rows.map((row) => row.map((value) => value ?? "").join("|")).join("\n") };
  } catch (error) {
    return { error: explain(error), code: error.code ?? "" };
  } finally {
    await client.end().catch(() => undefined);
  }
}

parentPort.on("message", async (request) => {
  port.postMessage(await run(request));
  Atomics.store(signal, 0, 1);
  Atomics.notify(signal, 0);
});
