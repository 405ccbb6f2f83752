import { existsSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { findGo } from "../../../toolchain/build";
import { archiveName, findChecksum } from "../../../toolchain/download";
import { ensurePulumi } from "../../../toolchain/pulumi";
import { readVersions } from "../../../toolchain/versions";
import { Machine } from "./machine";

const { pulumi: version, plugins } = readVersions();
let machine: Machine;
beforeEach(() => void (machine = new Machine()));
afterEach(() => machine.remove());

const calls = () => readFileSync(join(machine.folder, "calls"), "utf8").trim().split("\n");
const ensure = () => ensurePulumi({ log: machine.log });
const noNetwork = `echo "curl: (6) Could not resolve host" >&2; exit 6`;

/** A Go that answers like a new one and whose programs are empty scripts; `before` runs before each build. */
function go(before = ""): void {
  machine.program(
    "go",
    `if [ "$1" = version ]; then echo "go version go1.99.0 linux/amd64"; exit; fi
${before}
while [ "$1" != -o ]; do shift; done
printf '#!/bin/sh\\n' > "$2"; chmod +x "$2"`,
  );
}

/** A curl that gives out an archive with a pulumi that installs plugins, and `checksums`, where $sum is the right one. */
function curl(checksums: string): void {
  const pulumi = `#!/bin/sh
[ "$1 $2" = "plugin install" ] || exit 0
mkdir -p "$PULUMI_HOME/plugins/$3-$4-v$5"
printf '#!/bin/sh\\n' > "$PULUMI_HOME/plugins/$3-$4-v$5/pulumi-$3-$4"
chmod +x "$PULUMI_HOME/plugins/$3-$4-v$5/pulumi-$3-$4"
`;
  machine.file("release/pulumi/pulumi", pulumi, 0o755);
  machine.file("release/pulumi/pulumi-language-nodejs", "#!/bin/sh\n", 0o755);
  machine.program(
    "curl",
    `while [ "$1" != -o ]; do shift; done
archive="${machine.folder}/archive.tar.gz"
[ -f "$archive" ] || tar -czf "$archive" -C "${machine.folder}/release" pulumi
sum=$(sha256sum "$archive" | cut -d' ' -f1)
case "$3" in
  *.tar.gz) cp "$archive" "$2" ;;
  *) ${checksums} ;;
esac`,
  );
}

describe("a pulumi on PATH", () => {
  test("is used if it is new enough, and nothing else is done", async () => {
    machine.program("pulumi", "echo v4.0.0");
    const found = await ensure();
    expect(found).toEqual({
      command: join(machine.bin, "pulumi"),
      env: { GOGC: "400", PULUMI_SKIP_UPDATE_CHECK: "true" },
      source: "path",
    });
    expect(calls()).toEqual(["pulumi version"]);
    expect(existsSync(machine.cache)).toBe(false);
  });

  test("is passed over if it is too old, and a message says why", async () => {
    machine.program("pulumi", "echo v3.100.0");
    machine.program("curl", noNetwork);
    go();
    expect((await ensure()).source).toBe("built");
    expect(machine.lines[0]).toMatch(/bin\/pulumi: not used, its version is v3\.100\.0; .* newer is needed/);
  });

  test("is not taken for the user's own if it is ours", async () => {
    machine.program("curl", noNetwork);
    go();
    const first = await ensure();
    for (const [name, value] of Object.entries(first.env)) vi.stubEnv(name, value);
    const second = await ensure();
    expect({ ...second, env: { ...second.env, PATH: "" } }).toEqual({ ...first, env: { ...first.env, PATH: "" } });
  });
});

describe("a download", () => {
  const archive = archiveName(version) ?? "";
  const rightSum = `echo "$sum  ${archive}" > "$2"`;

  test("brings Pulumi and the plugins of package.json, once", async () => {
    curl(rightSum);
    const { command, env, source } = await ensure();
    expect(source).toBe("installed");
    expect(existsSync(command)).toBe(true);
    const names = Object.entries(plugins).map(([name, plugin]) => `resource-${name}-v${plugin}`);
    expect(readdirSync(join(env.PULUMI_HOME ?? "", "plugins")).sort()).toEqual(names.sort());
    rmSync(join(machine.bin, "curl"));
    expect((await ensure()).command).toBe(command);
  });

  test("is refused if its checksum is another one", async () => {
    curl(`printf '%064d  ${archive}\\n' 0 > "$2"`);
    go();
    await expect(ensure()).rejects.toThrow(/sha256 [0-9a-f]{64}, but https:.*checksums\.txt has 0{64}/);
    expect(readdirSync(machine.cache)).toEqual([]);
  });

  test("is used without a checksum where that cannot be had, and says so", async () => {
    curl("exit 22");
    expect((await ensure()).source).toBe("installed");
    expect(machine.lines.join("\n")).toMatch(/checksum of .* is not verified/);
  });

  test("gives way to a build if a plugin cannot be had", async () => {
    curl(rightSum);
    machine.file("release/pulumi/pulumi", "#!/bin/sh\necho 'error: no such host' >&2\nexit 1\n", 0o755);
    go();
    expect((await ensure()).source).toBe("built");
    expect(machine.lines.join("\n")).toMatch(/plugin install resource docker .* failed: error: no such host/);
  });

  test("knows the archive of the machine and its line among the checksums", () => {
    expect(archiveName("3.250.0", "linux", "x64")).toBe("pulumi-v3.250.0-linux-x64.tar.gz");
    expect(archiveName("3.250.0", "darwin", "arm64")).toBe("pulumi-v3.250.0-darwin-arm64.tar.gz");
    expect(archiveName("3.250.0", "linux", "ia32")).toBeUndefined();
    const sum = "A".repeat(64);
    expect(findChecksum(`${"b".repeat(64)}  x.tar.gz.sbom\n${sum}  x.tar.gz\n`, "x.tar.gz")).toBe(sum.toLowerCase());
    expect(findChecksum("<html>404</html>", "x.tar.gz")).toBeUndefined();
  });
});

describe("a build", () => {
  beforeEach(() => machine.program("curl", noNetwork));

  test("makes five programs, tells which, and is done once", async () => {
    go();
    const { command, env } = await ensure();
    expect(existsSync(command)).toBe(true);
    expect(env.PULUMI_HOME).toMatch(/built-[0-9a-f]+\/home$/);
    expect(machine.lines).toContain("building pulumi-resource-docker (3 of 5, about 3 minutes) ...");
    const builds = () => calls().filter((call) => call.startsWith("go build"));
    expect(builds()).toHaveLength(5);
    expect(builds()[2]).toMatch(new RegExp(`-X main\\.version=${plugins.docker?.replaceAll(".", "\\.")} \\.$`));
    await ensure();
    expect(builds()).toHaveLength(5);
  });

  test("goes on where it was interrupted", async () => {
    go(`case "$*" in *provider-docker*|*resource-docker*) echo "no space left on device" >&2; exit 1 ;; esac`);
    await expect(ensure()).rejects.toThrow(
      /pulumi-resource-docker: cannot be built[^]*no space left on device[^]*kept/,
    );
    rmSync(join(machine.folder, "calls"));
    go();
    await ensure();
    expect(calls().filter((call) => call.startsWith("go build"))).toHaveLength(3);
  });

  test("is made by one of two that start at once", async () => {
    go("sleep 0.1");
    const [a, b] = await Promise.all([ensure(), ensure()]);
    expect(a).toEqual(b);
    expect(calls().filter((call) => call.startsWith("go build"))).toHaveLength(5);
  });

  test("puts back what was removed from the home", async () => {
    go();
    const { env } = await ensure();
    rmSync(join(env.PULUMI_HOME ?? "", "plugins"), { recursive: true });
    rmSync(join(machine.folder, "calls"));
    await ensure();
    expect(existsSync(join(env.PULUMI_HOME ?? "", "plugins"))).toBe(true);
    expect(calls().filter((call) => call.startsWith("go build"))).toEqual([]);
  });
});

describe("Go", () => {
  const module = () => machine.file("go.mod", "module x\n\ngo 1.25.11\n");
  const old = (release: string, toolchain: string) =>
    machine.program("go", `[ "$1" = version ] && echo "go version go${release} linux/amd64" || echo ${toolchain}`);

  test("that is missing is named, with what to install", async () => {
    vi.stubEnv("PATH", machine.bin);
    await expect(findGo([module()], [])).rejects.toThrow(/install Go 1\.25\.11 or newer .*or install Pulumi/);
  });

  test("that is too old is refused, unless it fetches a newer one", async () => {
    old("1.19.8", "");
    await expect(findGo([module()])).rejects.toThrow(/is "go version go1\.19\.8/);
    old("1.24.2", "local");
    await expect(findGo([module()])).rejects.toThrow(/GOTOOLCHAIN=auto/);
    old("1.24.2", "auto");
    expect(await findGo([module()])).toBe(join(machine.bin, "go"));
  });
});
