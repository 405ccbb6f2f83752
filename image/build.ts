import { join } from "node:path";
import { ensureBaseImage } from "../toolchain/base-image";
import { cacheFolder } from "../toolchain/cache";
import { withLock } from "../toolchain/lock";
import { elapsed, run, tail, withProgress } from "../toolchain/run";

// Builds the server's image on the engine. Called by components/image.ts with IMAGE (name and tag of the image), BASE (empty: Debian
// trixie) and PACKAGES in the environment. Uses the classic builder, which every engine has. If several stacks need the image at once,
// one builds it and the others wait.

async function main(): Promise<void> {
  const { IMAGE, BASE, PACKAGES } = process.env;
  if (!IMAGE) throw new Error("IMAGE: not set; set it to the name and tag to build");
  if (await isPresent(IMAGE)) return;
  const lock = join(cacheFolder(), `image-${IMAGE.replace(/[^\w.-]/g, "-")}.lock`);
  await withLock(lock, console.log, async () => {
    if (!(await isPresent(IMAGE))) await build(IMAGE, BASE || undefined, PACKAGES ?? "");
  });
}

/** An image of that tag is up to date: the tag is a hash of everything that the build uses. */
async function isPresent(image: string): Promise<boolean> {
  const present = (await run("docker", ["image", "inspect", image])).code === 0;
  if (present) console.log(`${image}: present already`);
  return present;
}

async function build(image: string, wantedBase: string | undefined, packages: string): Promise<void> {
  const started = Date.now();
  const base = await ensureBaseImage({ log: console.log, base: wantedBase });
  const into = ["--build-arg", `BASE=${base}`, "--build-arg", `PACKAGES=${packages}`];
  const args = ["build", "--quiet", "--force-rm", "--tag", image, ...into, __dirname];
  console.log(`building ${image} from ${base} ...`);
  const { code, stderr } = await withProgress(console.log, `building ${image}`, () =>
    run("docker", args, { env: { DOCKER_BUILDKIT: "0" } }),
  );
  if (code !== 0) throw new Error(`docker build of ${image} from ${base} failed:\n${tail(stderr)}`);
  console.log(`built ${image} in ${elapsed(started)}`);
}

main().catch((error: Error) => {
  console.error(error.message);
  process.exitCode = 1;
});
