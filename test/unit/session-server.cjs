// Stands in for `docker`: a container whose server answers every query without rows, after 20 ms. $SERVER/down: no container runs.
// $SERVER/log gets a line for the begin and the end of each session and query. SELECT 'error' fails, SELECT 'crash' ends the server.
const { Buffer } = require("node:buffer");
const { appendFileSync, existsSync } = require("node:fs");
const { join } = require("node:path");
const { setTimeout } = require("node:timers");

const [command] = process.argv.slice(2);
const log = (...words) => appendFileSync(join(process.env.SERVER, "log"), `${words.join(" ")}\n`);
if (existsSync(join(process.env.SERVER, "down")) || command !== "exec") {
  log(command, "failed");
  process.stderr.write("Error: No such container\n");
  process.exit(1);
}

function send(type, ...parts) {
  const body = Buffer.concat(parts.map((part) => (typeof part === "string" ? Buffer.from(`${part}\0`) : part)));
  const head = Buffer.from([type.charCodeAt(0), 0, 0, 0, 0]);
  head.writeUInt32BE(body.length + 4, 1);
  process.stdout.write(Buffer.concat([head, body]));
}
const ready = () => send("Z", Buffer.from("I"));

function answer(text) {
  if (text === "SELECT 'crash'") process.exit(0);
  if (text === "SELECT 'error'") send("E", "SERROR", "C42P01", "Mno such table", "");
  else send("C", "SELECT 0");
  log("end", text);
  ready();
}

let input = Buffer.alloc(0);
let started = false;
process.stdin.on("data", (chunk) => {
  input = Buffer.concat([input, chunk]);
  for (;;) {
    const head = started ? 1 : 0; // the start-up packet has no type
    if (input.length < head + 4 || input.length < head + input.readUInt32BE(head)) return;
    const size = head + input.readUInt32BE(head);
    const text = input.subarray(head + 4, size - 1).toString();
    if (!started) {
      started = true;
      log("open");
      send("R", Buffer.alloc(4));
      ready();
    } else if (input[0] === "Q".charCodeAt(0)) {
      if (text.startsWith("--"))
        answer(""); // the check of schema pgwright
      else {
        log("begin", text);
        setTimeout(answer, 20, text);
      }
    }
    input = input.subarray(size);
  }
});
process.stdin.on("end", () => {
  log("close");
  process.exit(0);
});
