/** Who may import whom: see folders.cjs. */
export const FOLDERS: Record<string, { uses: string[]; never: Record<string, string>; except?: string[] }>;
