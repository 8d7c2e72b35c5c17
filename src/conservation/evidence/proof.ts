/** A package's stamps, and from them the evidence record of each of its leaves. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { EvidenceError } from '../errors.ts';
import { EVIDENCE_FILES } from '../types.ts';
import { HashTree, type ReducedPath } from './hash-tree.ts';
import { type Leaf, readLeaves } from './leaves.ts';
import type { ArchiveTimestamp, TimestampChain } from './record.ts';
import { type Renewal, readRenewals } from './renewal.ts';

export class PackageProof {
  readonly leaves: readonly Leaf[];
  /** The tree under the first stamp. */
  readonly tree: HashTree;
  readonly token: Uint8Array;
  readonly renewals: readonly Renewal[];
  /** Trees of the renewals that hashed anew, by the renewal's place. */
  readonly #renewedTrees: readonly (HashTree | null)[];

  private constructor(leaves: readonly Leaf[], token: Uint8Array, renewals: readonly Renewal[]) {
    this.leaves = leaves;
    this.tree = new HashTree(leaves.map(leaf => Buffer.from(leaf.sha256, 'hex')));
    this.token = token;
    this.renewals = renewals;
    this.#renewedTrees = renewals.map(renewal => {
      if (renewal.kind === 'timestamp') return null;
      if (renewal.leaves.length !== leaves.length)
        throw new EvidenceError('a renewal has not as many leaves as the package');
      return new HashTree(
        renewal.leaves.map(leaf => Buffer.from(leaf, 'hex')),
        renewal.digest,
      );
    });
  }

  /** Reads what lies in a package's directory; the stamps are not checked. */
  static async read(directory: string): Promise<PackageProof> {
    const leaves = readLeaves(await readFile(join(directory, EVIDENCE_FILES.leaves), 'utf8'));
    const token = new Uint8Array(await readFile(join(directory, EVIDENCE_FILES.timestamp)));
    return new PackageProof(leaves, token, await readRenewals(directory));
  }

  /** Number of a leaf. Throws an EvidenceError when the package has none of that name. */
  indexOf(name: string): number {
    const index = this.leaves.findIndex(leaf => leaf.name === name);
    if (index < 0) throw new EvidenceError(`${name} is not under the stamp`);
    return index;
  }

  /** Hash of a leaf in the n-th tree: 0 for the first, then the trees that were hashed anew. */
  leafHash(index: number, tree: number): Buffer {
    const renewed = this.renewals.filter(({ kind }) => kind === 'tree')[tree - 1];
    return Buffer.from((tree === 0 ? this.leaves[index]?.sha256 : renewed?.leaves[index]) ?? '', 'hex');
  }

  /** The stamps that prove a leaf, as an EvidenceRecord has them. */
  chains(index: number): TimestampChain[] {
    const leaf = this.leaves[index];
    if (leaf === undefined) throw new EvidenceError('no such leaf');
    const first = this.tree.path(Buffer.from(leaf.sha256, 'hex')) ?? [];
    const chains: ArchiveTimestamp[][] = [[{ digest: 'sha256', path: first, token: this.token }]];
    for (const [place, renewal] of this.renewals.entries()) {
      const token = Buffer.from(renewal.token, 'base64');
      const upper = renewal.path.map(list => list.map(hash => Buffer.from(hash, 'hex')));
      const tree = this.#renewedTrees[place] ?? null;
      if (tree === null) {
        chains.at(-1)?.push({ digest: renewal.digest, path: upper, token });
        continue;
      }
      const lower = tree.path(Buffer.from(renewal.leaves[index] ?? '', 'hex'));
      if (lower === null) throw new EvidenceError('a renewal lacks a leaf');
      chains.push([{ digest: renewal.digest, path: joinPaths(lower, upper, tree.root), token }]);
    }
    return chains;
  }

  /** The last stamp, which is the one to be renewed. */
  get latest(): { readonly digest: Renewal['digest']; readonly token: Uint8Array } {
    const last = this.renewals.at(-1);
    return last === undefined
      ? { digest: 'sha256', token: this.token }
      : { digest: last.digest, token: Buffer.from(last.token, 'base64') };
  }
}

/** A path to a root and on from there to the root of a larger tree: the father in between is computed, not written. */
export function joinPaths(lower: ReducedPath, upper: ReducedPath, root: Buffer): ReducedPath {
  if (lower.length === 0) return upper;
  const [first, ...rest] = upper;
  return first === undefined ? lower : [...lower, first.filter(member => !member.equals(root)), ...rest];
}
