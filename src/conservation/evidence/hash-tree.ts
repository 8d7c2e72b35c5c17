/** Hash trees of RFC 4998 section 4.2: one stamp over the root proves every leaf, by its reduced path. */
import { createHash } from 'node:crypto';

export type DigestName = 'sha256' | 'sha384' | 'sha512';

/** Children of one node: few levels, so that a person can follow a path with a shell. */
const ARITY = 16;

/** Lists of hashes from a leaf up; the first has the leaf itself, the others what stands beside its ancestors. */
export type ReducedPath = readonly (readonly Buffer[])[];

/** A tree over a set of leaves; the same set gives the same tree. */
export class HashTree {
  readonly root: Buffer;
  /** Nodes of each level, leaves first; nodes of one parent stand together. */
  readonly #levels: Buffer[][];
  readonly #positions: Map<string, number>;

  constructor(leaves: readonly Uint8Array[], digest: DigestName = 'sha256') {
    const unique = new Map<string, Buffer>(leaves.map(leaf => [hex(leaf), Buffer.from(leaf)]));
    if (unique.size === 0) throw new RangeError('a hash tree needs a leaf');
    let level = [...unique.values()].sort(Buffer.compare);
    this.#positions = new Map(level.map((leaf, index) => [hex(leaf), index]));
    this.#levels = [level];
    while (level.length > 1) {
      // A node without siblings goes up as it is: RFC 4998 hashes what is joined, and nothing is.
      level = groups(level).map(group => (group.length === 1 ? (group[0] as Buffer) : joined(group, digest)));
      this.#levels.push(level);
    }
    this.root = level[0] as Buffer;
  }

  /** Path of a leaf to the root, empty when the leaf is the root; null when it is no leaf of this tree. */
  path(leaf: Uint8Array): ReducedPath | null {
    let index = this.#positions.get(hex(leaf));
    if (index === undefined) return null;
    const path: Buffer[][] = [];
    for (const level of this.#levels.slice(0, -1)) {
      const start = index - (index % ARITY);
      const siblings = level.slice(start, start + ARITY);
      if (siblings.length > 1) {
        // The father of what stands in the first list can be computed, and is therefore not written.
        const own = level[index] as Buffer;
        path.push(sorted(path.length === 0 ? siblings : siblings.filter(node => node !== own)));
      }
      index = Math.floor(index / ARITY);
    }
    return path;
  }

  /** What the root is the hash of; the leaf itself when there is only one. */
  get top(): Buffer {
    const below = this.#levels.at(-2);
    return below === undefined ? this.root : Buffer.concat(sorted(below));
  }
}

/** The octets that are hashed at each step of a path, the last giving the root (RFC 4998 section 4.3); null: no member. */
export function pathSteps(leaf: Uint8Array, path: ReducedPath, digest: DigestName = 'sha256'): Buffer[] | null {
  const [first] = path;
  if (first !== undefined && !first.some(member => member.equals(leaf))) return null;
  const steps: Buffer[] = [];
  for (const list of path) {
    const last = steps.at(-1);
    const members = last === undefined ? list : [...list, createHash(digest).update(last).digest()];
    steps.push(Buffer.concat(sorted(members)));
  }
  return steps;
}

/** The root that a path leads to; null when the leaf is not in its first list. */
export function rootOf(leaf: Uint8Array, path: ReducedPath, digest: DigestName = 'sha256'): Buffer | null {
  const steps = pathSteps(leaf, path, digest);
  if (steps === null) return null;
  const last = steps.at(-1);
  return last === undefined ? Buffer.from(leaf) : createHash(digest).update(last).digest();
}

function groups(level: readonly Buffer[]): Buffer[][] {
  const found: Buffer[][] = [];
  for (let start = 0; start < level.length; start += ARITY) found.push(level.slice(start, start + ARITY));
  return found;
}

function joined(hashes: readonly Buffer[], digest: DigestName): Buffer {
  return createHash(digest)
    .update(Buffer.concat(sorted(hashes)))
    .digest();
}

/** Binary ascending order. */
function sorted(hashes: readonly Buffer[]): Buffer[] {
  return hashes.toSorted(Buffer.compare);
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
}
