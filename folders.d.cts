/** Who may import whom: see folders.cjs. */
export const FOLDERS: Record<string, { uses: string[]; never: Record<string, string>; except?: string[] }>;
/** Parts of the kind Migrations: see folders.cjs. */
export const MIGRATIONS: Record<string, string[]>;
/** Files of a kind, in the order in which they may import each other: see folders.cjs. */
export const KIND: { files: string[]; hold: string }[];
