/** Names in an order in which those that others need come first. */
export function inOrder(names: string[], needs: (name: string) => string[]): string[] {
  const order: string[] = [];
  const visit = (name: string) => {
    if (order.includes(name) || !names.includes(name)) return;
    needs(name).forEach(visit);
    order.push(name);
  };
  names.forEach(visit);
  return order;
}

/** The way from a name back to itself over what it needs, if there is one. */
export function cycleFrom(start: string, needs: (name: string) => string[]): string[] | undefined {
  const walk = (name: string, way: string[]): string[] | undefined => {
    for (const next of needs(name)) {
      if (next === start) return [...way, next];
      if (way.includes(next)) continue;
      const found = walk(next, [...way, next]);
      if (found) return found;
    }
    return undefined;
  };
  return walk(start, [start]);
}
