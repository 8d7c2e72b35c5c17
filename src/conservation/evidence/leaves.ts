/** foglie.txt: what one stamp covers, as sha256sum writes it. */
import { EvidenceError } from '../errors.ts';

export interface Leaf {
  /** Hex. */
  readonly sha256: string;
  /** Path in the package. */
  readonly name: string;
}

export function encodeLeaves(leaves: readonly Leaf[]): Uint8Array {
  return Buffer.from(leaves.map(({ sha256, name }) => `${sha256}  ${name}\n`).join(''));
}

/** Throws an EvidenceError when a line is none. */
export function readLeaves(text: string): Leaf[] {
  const lines = text.split('\n');
  if (lines.pop() !== '') throw new EvidenceError('the list of leaves is cut off');
  return lines.map(line => {
    const [, sha256, name] = /^([0-9a-f]{64}) {2}(\S+)$/.exec(line) ?? [];
    if (sha256 === undefined || name === undefined) throw new EvidenceError('the list of leaves cannot be read');
    return { sha256, name };
  });
}
