import { declare } from "../../declaration";
import { hashLibrary } from "../../../sql/read";
import type { LibraryName } from "./libraries";

export interface LibraryInputs {
  database: string;
  /** Folder of sql/functions. */
  library: LibraryName;
  /** Hash of its files; in the state, the hash of the installed files, or why they differ from them. */
  files: string;
}

export type LibraryState = LibraryInputs;

export const declaration = declare<LibraryInputs>()({
  type: "Library",
  wanted: { files: ({ library }) => hashLibrary(library) },
});
