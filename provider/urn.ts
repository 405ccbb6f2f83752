// The parts of a resource's URN: urn:pulumi:STACK::PROJECT::PARENT TYPE$TYPE::NAME

/** Type of the resource, without the types of its parents. */
export function typeOf(urn: string): string {
  return urn.split("::")[2]?.split("$").pop() ?? "";
}

/** Name of the resource, which may contain "::" itself. */
export function nameOf(urn: string): string {
  return urn.split("::").slice(3).join("::");
}
