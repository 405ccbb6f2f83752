import { spawnSync } from "node:child_process";
import { createServer } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { InProcessStack } from "./in-process-stack";
import { firstUpKilled } from "./killed-up";
import { docker } from "./stack";

const config = {
  roles: { owner: {}, reader: { login: true } },
  databases: { app: { owner: "owner", schemas: { data: {} } } },
};

describe("a stack that something has happened to", () => {
  let stack: InProcessStack;
  beforeAll(async () => {
    stack = await InProcessStack.create(structuredClone(config));
    await stack.up();
    stack.sql("app", "CREATE TABLE data.t (x int); INSERT INTO data.t SELECT generate_series(1, 1000)");
  });
  afterAll(() => stack.dispose());
  const rows = () => stack.sql("app", "SELECT count(*) FROM data.t");

  it("is started again after the container was killed", async () => {
    docker("kill", stack.container);
    const preview = await stack.preview();
    expect(preview.changes.map(({ kind }) => kind)).toEqual(["Server"]);
    expect(preview.messages.join("\n")).toMatch(/stopped: the update starts it/);
    await stack.up();
    expect(rows()).toBe("1000");
    expect((await stack.preview()).changes).toEqual([]);
  });

  it("gets its container back after somebody removed it", async () => {
    docker("rm", "--force", stack.container);
    const preview = await stack.preview();
    expect(preview.messages.join("\n")).toMatch(/container .* is missing: the update recreates it on the same volumes/);
    expect(preview.changes.filter(({ kind }) => kind === "Container").map(({ op }) => op)).toContain("replace");
    expect(preview.changes.filter(({ op }) => op === "delete")).toEqual([]);
    await stack.up();
    expect(rows()).toBe("1000");
    expect((await stack.unchanged()).code).toBe(0);
  });

  it("gets its configuration back after somebody removed it", async () => {
    const image = docker("inspect", "--format", "{{.Config.Image}}", stack.container);
    docker(
      "run",
      "--rm",
      "-u",
      "root",
      "--entrypoint",
      "sh",
      "-v",
      `${stack.container}-config:/c`,
      image,
      "-c",
      "rm /c/*",
    );
    docker("restart", "--time", "30", stack.container); // without a configuration it ends again and again
    const preview = await stack.preview();
    expect(preview.changes.map(({ kind }) => kind)).toEqual(["Configuration", "Server"]);
    expect(preview.messages.join("\n")).toMatch(/postgresql.conf: missing .*npm run up writes it again/);
    await stack.up();
    expect(rows()).toBe("1000");
    expect((await stack.preview()).changes).toEqual([]);
  });

  it("says what to do when the engine does not answer", async () => {
    const env = { ...stack.env };
    stack.env.DOCKER_HOST = "unix:///nowhere/docker.sock";
    try {
      const { code, text } = await stack.run("up", "--yes", "--skip-preview", "--stack", stack.name);
      expect(code).not.toBe(0);
      // First of all that is printed: Docker's plugin would say it in its way.
      expect(/error: (.*)/.exec(text)?.[1]).toMatch(
        /Docker engine unix:\/\/\/nowhere\/docker.sock does not answer; start it/,
      );
    } finally {
      stack.env.DOCKER_HOST = env.DOCKER_HOST;
      if (env.DOCKER_HOST === undefined) delete stack.env.DOCKER_HOST;
    }
    expect(rows()).toBe("1000");
  });

  it("says what to do when its image cannot be had", async () => {
    stack.configure((each) => (each.image = { name: "registry.invalid/nobody/nothing:1" }));
    const { code, text } = await stack.tryUp();
    expect(code).not.toBe(0);
    expect(text).toMatch(/image registry.invalid\/nobody\/nothing:1: cannot be pulled/);
    stack.configure((each) => delete each.image);
    await stack.up();
    expect(rows()).toBe("1000");
  });
});

it("an image that cannot be built leaves no container", async () => {
  const stack = await InProcessStack.create({ image: { packages: ["no-such-package"] } });
  try {
    const { code, text } = await stack.tryUp();
    expect(code).not.toBe(0);
    expect(text).toMatch(/docker build of \S+ from \S+ failed:[^]*no-such-package/);
    const left = docker("ps", "--all", "--quiet").split("\n").filter(Boolean);
    // A container of another test may have gone meanwhile.
    const { stdout } = spawnSync("docker", ["inspect", "--format", "{{.Config.Env}}", ...left], { encoding: "utf8" });
    expect(stdout).not.toContain("no-such-package");
  } finally {
    await stack.dispose();
  }
});

it("a port that is taken fails the preview with what to do", async () => {
  const stack = await InProcessStack.create();
  const other = createServer().listen(stack.port, "127.0.0.1");
  try {
    const { code, text } = await stack.preview();
    expect(code).not.toBe(0);
    expect(text).toMatch(new RegExp(`port ${stack.port} on 127.0.0.1: in use by .*set another server.port`));
  } finally {
    other.close();
    await stack.dispose();
  }
});

// In the middle of it; `npm run test:faults -- interrupted` has more moments.
it("a first `up` that is killed: the next one goes on", () => firstUpKilled(config, 4000));
