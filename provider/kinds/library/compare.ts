import type { LibraryInputs } from "./inputs";

/** The steps that tables of a version lack. Throws if a newer pgwright has changed the tables. */
export function missingSteps({ database, library }: LibraryInputs, steps: string[], version: number): string[] {
  if (version > steps.length)
    throw new Error(
      `database ${database}: the tables of library ${library} have version ${version}, and this pgwright knows versions up to ` +
        `${steps.length}; use the pgwright that installed them, or a newer one`,
    );
  return steps.slice(version);
}
