/** A number of rows for people: 40,000,000. */
export const formatCount = (count: number): string => Math.round(count).toLocaleString("en-US");
