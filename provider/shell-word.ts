/** A text as one word of a shell command, in quotes only where it needs them. */
export const shellWord = (text: string): string =>
  /^[\w./:@%+,=-]*$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
