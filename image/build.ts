import { spawnSync } from "node:child_process";
import { ensureBaseImage } from "../toolchain/base-image";

// Builds the server's image on the engine. Called by components/image.ts with IMAGE (the tag to give), BASE (empty: Debian
// trixie) and PACKAGES in the environment. The classic builder is used: every engine has it.

async function main(): Promise<void> {
  const { IMAGE, BASE, PACKAGES } = process.env;
  if (!IMAGE) throw new Error("IMAGE is not set: the name and tag to build");
  const base = await ensureBaseImage({ log: console.log, base: BASE || undefined });
  const args = [
    "build",
    "--tag",
    IMAGE,
    "--build-arg",
    `BASE=${base}`,
    "--build-arg",
    `PACKAGES=${PACKAGES ?? ""}`,
    __dirname,
  ];
  const { status } = spawnSync("docker", args, { stdio: "inherit", env: { ...process.env, DOCKER_BUILDKIT: "0" } });
  if (status !== 0) throw new Error(`docker build of ${IMAGE} from ${base} failed; the lines above say where`);
}

main().catch((error: Error) => {
  console.error(error.message);
  process.exitCode = 1;
});
