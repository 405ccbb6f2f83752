import { readFileSync } from "node:fs";
import { join } from "node:path";

/** The checkout that this folder belongs to. */
export const checkout = join(__dirname, "..");

/** Required versions of Pulumi, and of the resource plugins by name. */
export interface Versions {
  pulumi: string;
  plugins: Record<string, string>;
}

const pluginNames = ["docker", "postgresql", "command"];

/** The numbers of a version such as `v3.250.0`, `go1.26rc1` or `3.251.0-alpha.x`; undefined if there are none. */
export function parseVersion(text: string): [number, number, number] | undefined {
  const match = /(\d+)\.(\d+)(?:\.(\d+))?/.exec(text);
  return match ? [Number(match[1]), Number(match[2]), Number(match[3] ?? 0)] : undefined;
}

/** Whether `version` is `minimum` or newer; false for a text without a version. */
export function isAtLeast(version: string, minimum: string): boolean {
  const [have, want] = [parseVersion(version), parseVersion(minimum)];
  if (!have || !want) return false;
  for (const [index, part] of have.entries()) {
    const other = want[index] ?? 0;
    if (part !== other) return part > other;
  }
  return true;
}

/**
 * Reads the versions. package.json pins the plugins: a plugin has the version of its npm package. The Go module pins Pulumi: that
 * version is built or downloaded, and is the oldest that is accepted on PATH.
 */
export function readVersions(root = checkout): Versions {
  const manifestFile = join(root, "package.json");
  const manifest = JSON.parse(readFileSync(manifestFile, "utf8")) as { dependencies?: Record<string, string> };
  const plugins: Record<string, string> = {};
  for (const name of pluginNames) {
    const version = manifest.dependencies?.[`@pulumi/${name}`];
    if (!version || !/^\d+\.\d+\.\d+$/.test(version)) {
      throw new Error(
        `${manifestFile}: the version of @pulumi/${name} is ${JSON.stringify(version)}, ` +
          `but the plugin needs an exact one; write three numbers, such as "5.2.0", without ^ or ~`,
      );
    }
    plugins[name] = version;
  }
  const moduleFile = join(root, "toolchain", "pulumi", "go.mod");
  const pulumi = /github\.com\/pulumi\/pulumi\/pkg\/v3 v(\d+\.\d+\.\d+)/.exec(readFileSync(moduleFile, "utf8"))?.[1];
  if (!pulumi) {
    throw new Error(`${moduleFile}: has no version of github.com/pulumi/pulumi/pkg/v3; add it to require`);
  }
  return { pulumi, plugins };
}
