export interface LibraryParts {
  /** Names of its objects in schema pgwright, as a regular expression. */
  objects: string;
  /** PUBLIC may execute its routines: they run with the caller's privileges, or check the caller. */
  isPublic?: true;
  /** Query of the objects that need the library, by name and owner: it cannot be dropped before them. */
  users?: string;
  /** A query that updates one of these objects, run as its owner after the library was changed. */
  refresh?: string;
}

export const LIBRARIES = {
  backups: { objects: "^(backup|drill|restore_drill)" },
  partitions: { objects: "^(maintain_)?partition", isPublic: true },
  privileges: { objects: "^privileges_" },
  tiers: {
    objects: "^tiers_",
    isPublic: true,
    users:
      "SELECT format('%I.%I', schema_name, set_name) AS name, owner_name AS owner FROM pgwright.tiers_sets ORDER BY 1",
    // The library generates views, triggers and procedures of each set.
    refresh:
      "SELECT pgwright.tiers_alter(config) FROM pgwright.tiers_sets WHERE format('%I.%I', schema_name, set_name) = $1",
  },
  vectors: { objects: "^(measure_vectors|vector_)", isPublic: true },
} as const satisfies Record<string, LibraryParts>;
export type LibraryName = keyof typeof LIBRARIES;
