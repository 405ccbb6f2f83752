/** Who may import whom: see folders.cjs. */
export const FOLDERS: Record<string, { uses: string[]; never: Record<string, string>; except?: string[] }>;
/** Parts of the kind Migrations: see folders.cjs. */
export const MIGRATIONS: Record<string, string[]>;
