import { backupOptions } from "../../../backup/options";
import { repositoryPath } from "../../../backup/paths";
import { backupSchema } from "../../../config/backup";
import type { Repositories } from "../../../provider/restore";
import { docker } from "../stack";

/** The repository of a stack that says nothing more of it than `backup: {}`. */
export function ownRepository(container: string): Repositories {
  return {
    stanza: container,
    mounts: { [repositoryPath(1)]: `${container}-backup` },
    options: backupOptions(backupSchema.parse({})),
  };
}

/** Changes a byte in the middle of the largest file of the newest backup. */
export function damageNewestBackup(container: string): void {
  const script = `
    file=$(find -L /var/lib/pgbackrest/1/backup/*/latest -type f -printf '%s %p\\n' | sort -n | tail -n 1 | cut -d' ' -f2-)
    at=$(($(stat -c %s "$file") / 2))
    old=$(od -An -tu1 -j $at -N 1 "$file")
    printf "\\\\x$(printf %x $(((old + 1) % 256)))" | dd of="$file" bs=1 seek=$at conv=notrunc status=none`;
  docker("exec", `${container}-agent`, "bash", "-euc", script);
}
