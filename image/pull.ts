import { spawnSync } from "node:child_process";

// Pulls the image that the stack file names (IMAGE in the environment), unless the engine has it already.

const image = process.env.IMAGE ?? "";
const present = spawnSync("docker", ["image", "inspect", image], { stdio: "ignore" }).status === 0;
if (!present && spawnSync("docker", ["pull", image], { stdio: "inherit" }).status !== 0) {
  console.error(
    `image ${image}: cannot be pulled, see the lines above; check pgwright:image.name and your "docker login", ` +
      "or remove the name from the stack file, so that the image is built",
  );
  process.exitCode = 1;
}
