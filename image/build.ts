import { ensureBaseImage } from "../toolchain/base-image";
import { elapsed, run, tail, withProgress } from "../toolchain/run";

// Builds the server's image on the engine. Called by components/image.ts with IMAGE (the tag to give), BASE (empty: Debian
// trixie) and PACKAGES in the environment. The classic builder is used: every engine has it.

async function main(): Promise<void> {
  const { IMAGE, BASE, PACKAGES } = process.env;
  if (!IMAGE) throw new Error("IMAGE is not set: the name and tag to build");
  // The tag is made from all that goes into it.
  if ((await run("docker", ["image", "inspect", IMAGE])).code === 0) return console.log(`${IMAGE} is there already`);
  const started = Date.now();
  const base = await ensureBaseImage({ log: console.log, base: BASE || undefined });
  const into = ["--build-arg", `BASE=${base}`, "--build-arg", `PACKAGES=${PACKAGES ?? ""}`];
  const args = ["build", "--quiet", "--tag", IMAGE, ...into, __dirname];
  console.log(`building ${IMAGE} from ${base} ...`);
  const { code, stderr } = await withProgress(console.log, `building ${IMAGE}`, () =>
    run("docker", args, { env: { DOCKER_BUILDKIT: "0" } }),
  );
  if (code !== 0) throw new Error(`docker build of ${IMAGE} from ${base} failed:\n${tail(stderr)}`);
  console.log(`built ${IMAGE} in ${elapsed(started)}`);
}

main().catch((error: Error) => {
  console.error(error.message);
  process.exitCode = 1;
});
