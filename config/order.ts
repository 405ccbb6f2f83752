/** Sorts names so that each comes after those that it needs. */
export function sortByNeeds(names: string[], needs: (name: string) => string[]): string[] {
  const order: string[] = [];
  const visit = (name: string) => {
    if (order.includes(name) || !names.includes(name)) return;
    needs(name).forEach(visit);
    order.push(name);
  };
  names.forEach(visit);
  return order;
}

/** The path from a name over its needs back to itself; undefined if there is none. */
export function findCycle(start: string, needs: (name: string) => string[]): string[] | undefined {
  const walk = (name: string, path: string[]): string[] | undefined => {
    for (const next of needs(name)) {
      if (next === start) return [...path, next];
      if (path.includes(next)) continue;
      const found = walk(next, [...path, next]);
      if (found) return found;
    }
    return undefined;
  };
  return walk(start, [start]);
}
