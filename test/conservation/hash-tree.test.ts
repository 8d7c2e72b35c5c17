import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { EvidenceError } from '../../src/conservation/errors.ts';
import { type DigestName, HashTree, rootOf } from '../../src/conservation/evidence/hash-tree.ts';
import { joinPaths } from '../../src/conservation/evidence/proof.ts';
import {
  encodeEvidenceRecord,
  encodeSequence,
  readEvidenceRecord,
  type TimestampChain,
  verifyEvidenceRecord,
} from '../../src/conservation/evidence/record.ts';
import { DerError } from '../../src/pki/der.ts';
import { run, temporaryDirectory } from './support/environment.ts';

const hash = (text: string | Uint8Array, digest: DigestName = 'sha256') => createHash(digest).update(text).digest();
const leaves = (count: number, seed = 0) => Array.from({ length: count }, (_, index) => hash(`${seed}-${index}`));
const counts = fc.integer({ min: 1, max: 700 });
const digests = fc.constantFrom<DigestName>('sha256', 'sha384', 'sha512');

test('every leaf leads to the root, and nothing else does', () => {
  fc.assert(
    fc.property(counts, fc.integer(), fc.string(), (count, seed, stranger) => {
      const all = leaves(count, seed);
      const tree = new HashTree(all);
      for (const leaf of all) {
        const path = tree.path(leaf);
        if (path === null) throw new Error('a leaf without path');
        expect(rootOf(leaf, path)).toEqual(tree.root);
        const other = hash(`x${stranger}`);
        expect(tree.path(other)).toBeNull();
        // A path proves its own leaf and those that stand beside it, which the first list names, and no other.
        if (count > 1) expect(rootOf(other, path)).toBeNull();
      }
    }),
    { numRuns: 40 },
  );
});

test('a path of which any hash is changed, added or left out leads elsewhere', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 2, max: 300 }),
      fc.nat(),
      fc.nat(),
      fc.nat({ max: 255 }),
      (count, who, where, flip) => {
        const all = leaves(count);
        const tree = new HashTree(all);
        const leaf = all[who % count] as Buffer;
        const path = (tree.path(leaf) ?? []).map(list => list.map(member => Buffer.from(member)));
        const members = path.flat();
        const victim = members[where % members.length] as Buffer;
        const byte = where % victim.length;
        victim[byte] = (victim[byte] ?? 0) ^ (flip || 1);
        expect(rootOf(leaf, path)).not.toEqual(tree.root);
        victim[byte] = (victim[byte] ?? 0) ^ (flip || 1);
        expect(rootOf(leaf, path)).toEqual(tree.root);
        path[where % path.length]?.push(hash('more'));
        expect(rootOf(leaf, path)).not.toEqual(tree.root);
        expect(rootOf(leaf, (tree.path(leaf) ?? []).slice(0, -1))).not.toEqual(tree.root);
      },
    ),
  );
});

test('the order of the leaves, and leaves given twice, make no difference', () => {
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 100 }), digests, (count, digest) => {
      const all = leaves(count);
      const other = new HashTree([...all.toReversed(), ...all], digest);
      expect(other.root).toEqual(new HashTree(all, digest).root);
      expect(hash(other.top, digest)).toEqual(other.root);
    }),
  );
});

test('paths of a tree on a tree join into one', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 1, max: 60 }), (lower, upper) => {
      const trees = Array.from({ length: upper }, (_, seed) => new HashTree(leaves(lower, seed)));
      const top = new HashTree(trees.map(({ root }) => root));
      for (const [seed, tree] of trees.entries()) {
        const leaf = leaves(lower, seed)[0] as Buffer;
        const path = joinPaths(tree.path(leaf) ?? [], top.path(tree.root) ?? [], tree.root);
        expect(rootOf(leaf, path)).toEqual(top.root);
      }
    }),
    { numRuns: 50 },
  );
});

/** Stamps of no authority: a token is the root in DER. */
const token = (root: Uint8Array) => Buffer.concat([Buffer.from([0x30, 2 + root.length, 0x04, root.length]), root]);
const times = new Map<string, number>();
const stampOf = (root: Uint8Array, time: number): Uint8Array => {
  const made = token(root);
  times.set(made.toString('hex'), time);
  return made;
};
const check = (given: Uint8Array, _digest: DigestName, root: Uint8Array): number => {
  const made = Buffer.from(given);
  if (!made.subarray(4).equals(root)) throw new EvidenceError('the stamp is over another digest');
  return times.get(made.toString('hex')) ?? 0;
};

/** A document among others, stamped, renewed, and hashed anew. */
function history(document: Buffer): TimestampChain[] {
  const tree = new HashTree([hash(document), ...leaves(40)]);
  const first = { digest: 'sha256', path: tree.path(hash(document)) ?? [], token: stampOf(tree.root, 1000) } as const;
  const over = hash(first.token);
  const shared = new HashTree([over, ...leaves(3, 9)]);
  const second = { digest: 'sha256', path: shared.path(over) ?? [], token: stampOf(shared.root, 2000) } as const;
  const earlier = hash(encodeSequence([[first, second]]), 'sha512');
  const anew = hash(Buffer.concat([hash(document, 'sha512'), earlier]), 'sha512');
  const large = new HashTree([anew, ...leaves(20, 5).map(leaf => hash(leaf, 'sha512'))], 'sha512');
  const third = { digest: 'sha512', path: large.path(anew) ?? [], token: stampOf(large.root, 3000) } as const;
  return [[first, second], [third]];
}

const digestOf = (document: Buffer) => (digest: DigestName) => hash(document, digest);

test('an evidence record comes back from its DER, verifies its document, and no other', async () => {
  const document = Buffer.from('un documento');
  const chains = history(document);
  const record = encodeEvidenceRecord(chains);
  const read = readEvidenceRecord(record);
  expect(verifyEvidenceRecord(read, digestOf(document), check)).toEqual([1000, 2000, 3000]);
  expect(() => verifyEvidenceRecord(read, digestOf(Buffer.from('un altro')), check)).toThrow(/not in the reduced/);
  // Somebody who can make SHA-256 collide still has SHA-512 against him.
  const forged = (digest: DigestName) => hash(digest === 'sha256' ? document : Buffer.from('un altro'), digest);
  expect(() => verifyEvidenceRecord(read, forged, check)).toThrow(/not in the reduced/);

  const directory = await temporaryDirectory();
  await writeFile(join(directory, 'record.der'), record);
  const parsed = await run('openssl', ['asn1parse', '-inform', 'DER', '-in', 'record.der'], directory);
  expect(parsed).toMatch(/:sha256[\s\S]*:sha512/);
});

test('a history in the wrong order, or with a stamp taken out of its middle, is refused', () => {
  const document = Buffer.from('un documento');
  const [[first, second] = [], [third] = []] = history(document);
  if (first === undefined || second === undefined || third === undefined) throw new Error('no history');
  const verify = (chains: TimestampChain[]) => verifyEvidenceRecord(chains, digestOf(document), check);
  expect(verify([[first, second], [third]])).toHaveLength(3);
  expect(verify([[first]])).toHaveLength(1);
  expect(() => verify([[first], [third]])).toThrow(EvidenceError);
  expect(() => verify([[second, first]])).toThrow(EvidenceError);
  expect(() => verify([[first, third]])).toThrow(EvidenceError);
});

test('a record with any octet changed is refused, or proves the same', () => {
  const document = Buffer.from('un documento');
  const record = encodeEvidenceRecord(history(document));
  const good = verifyEvidenceRecord(readEvidenceRecord(record), digestOf(document), check);
  for (let at = 0; at < record.length; at++) {
    const changed = record.slice();
    changed[at] = (changed[at] ?? 0) ^ 0x01;
    try {
      const found = verifyEvidenceRecord(readEvidenceRecord(changed), digestOf(document), check);
      expect(found).toEqual(good);
    } catch (error) {
      expect(error instanceof EvidenceError || error instanceof DerError).toBe(true);
    }
  }
  for (let length = 0; length < record.length; length++) {
    expect(() => readEvidenceRecord(record.subarray(0, length))).toThrow();
  }
});
