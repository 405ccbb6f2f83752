import { spawnSync } from "node:child_process";

// Has the engine fetch the image that the stack file names (IMAGE in the environment), unless it is there already.

const image = process.env.IMAGE ?? "";
const there = spawnSync("docker", ["image", "inspect", image], { stdio: "ignore" }).status === 0;
if (!there && spawnSync("docker", ["pull", image], { stdio: "inherit" }).status !== 0) {
  console.error(
    `image ${image} cannot be pulled; the lines above say why. Check pgwright:image.name and your "docker login", ` +
      "or leave the name out: then the image is built here",
  );
  process.exitCode = 1;
}
