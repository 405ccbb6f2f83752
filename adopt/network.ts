// Pure: networks of IP addresses in CIDR notation.

export interface Network {
  /** Bits of an address: 32 or 128. */
  size: 32 | 128;
  base: bigint;
  /** Length of the prefix. */
  bits: number;
}

function groups(text: string): string[] {
  return text === "" ? [] : text.split(":");
}

/** Parses an IP address to a number; undefined for other texts. */
function parseAddress(text: string): { size: 32 | 128; value: bigint } | undefined {
  const dotted = /^(.*:)?(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  if (dotted) {
    const [, head, ...bytes] = dotted;
    const value = bytes.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
    if (head === undefined) return { size: 32, value };
    return parseAddress(`${head}${(value >> 16n).toString(16)}:${(value & 0xffffn).toString(16)}`);
  }
  if (!/^[0-9a-f:]*:[0-9a-f:]*$/i.test(text)) return undefined;
  const [head = "", tail] = text.split("::");
  const [first, last] = [groups(head), groups(tail ?? "")];
  const zeros = Array<string>(Math.max(0, 8 - first.length - last.length)).fill("0");
  const value = [...first, ...(tail === undefined ? [] : zeros), ...last];
  return { size: 128, value: value.reduce((sum, group) => (sum << 16n) | BigInt(`0x${group}`), 0n) };
}

/** Parses an address and a netmask of pg_hba_file_rules; undefined if they are not a network. */
export function parseNetwork(address: string, netmask: string): Network | undefined {
  const [from, mask] = [parseAddress(address), parseAddress(netmask)];
  if (!from || !mask || from.size !== mask.size) return undefined;
  const bits = mask.value.toString(2).replaceAll("0", "").length;
  return { size: from.size, bits, base: from.value & mask.value };
}

export const EVERYWHERE: Network[] = [
  { size: 32, base: 0n, bits: 0 },
  { size: 128, base: 0n, bits: 0 },
];

export function contains(outer: Network, inner: Network): boolean {
  const shift = BigInt(outer.size - outer.bits);
  return outer.size === inner.size && outer.bits <= inner.bits && outer.base >> shift === inner.base >> shift;
}

export const overlaps = (a: Network, b: Network): boolean => contains(a, b) || contains(b, a);

/** The difference of two networks, as networks: the halves that do not contain `hole`, at each length of the prefix. */
export function without(network: Network, hole: Network): Network[] {
  if (contains(hole, network)) return [];
  if (!contains(network, hole)) return [network];
  const bits = network.bits + 1;
  const half = 1n << BigInt(network.size - bits);
  return [network.base, network.base + half].flatMap((base) => without({ size: network.size, base, bits }, hole));
}

export function writeNetwork({ size, base, bits }: Network): string {
  const part = (width: number, i: number) => (base >> BigInt(size - width * (i + 1))) & ((1n << BigInt(width)) - 1n);
  if (size === 32) return `${[0, 1, 2, 3].map((i) => part(8, i)).join(".")}/${bits}`;
  const text = [...Array(8).keys()].map((i) => part(16, i).toString(16)).join(":");
  const [zeros] = [...text.matchAll(/(?<![^:])0(?::0)+(?![^:])/g)].sort(([a], [b]) => b.length - a.length);
  if (zeros === undefined) return `${text}/${bits}`;
  const head = text.slice(0, zeros.index).replace(/:$/, "");
  return `${head}::${text.slice(zeros.index + zeros[0].length).replace(/^:/, "")}/${bits}`;
}
