/** Hash-tree renewal (RFC 4998 section 5.2): every document hashed by another algorithm. Work for a worker thread. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { MessagePort } from 'node:worker_threads';
import { EvidenceError } from '../errors.ts';
import type { DigestName } from '../evidence/hash-tree.ts';
import { PackageProof } from '../evidence/proof.ts';
import { leafOf } from '../evidence/record.ts';
import { ask } from '../threads/supply.ts';

interface HashAnewTask {
  readonly directory: string;
  readonly digest: DigestName;
  /** The messages that the port gives, by their SHA-256. */
  readonly messages: readonly { readonly sha256: string; readonly size: number }[];
  readonly port: MessagePort;
}

/**
 * The new hash of each leaf, over the document and all stamps so far; hex, in the order of the leaves. Throws an
 * EvidenceError when a document is not what was sealed: what has changed is not stamped anew.
 */
export async function hashAnew(task: HashAnewTask): Promise<string[]> {
  const { directory, digest, port } = task;
  const proof = await PackageProof.read(directory);
  const items = new Map(task.messages.map((message, item) => [message.sha256, { item, size: message.size }]));
  const hashes: string[] = [];
  for (const [index, leaf] of proof.leaves.entries()) {
    const message = items.get(leaf.sha256);
    const octets =
      message === undefined ? [await readFile(join(directory, leaf.name))] : ask(port, message.item, message.size);
    const document = await digests(octets, digest);
    if (document.sha256 !== leaf.sha256) throw new EvidenceError(`${leaf.name} is not what was sealed`);
    hashes.push(leafOf(digest, null, proof.chains(index), () => document.anew).toString('hex'));
  }
  return hashes;
}

async function digests(
  octets: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  digest: DigestName,
): Promise<{ readonly sha256: string; readonly anew: Buffer }> {
  const before = createHash('sha256');
  const anew = createHash(digest);
  for await (const piece of octets) {
    before.update(piece);
    anew.update(piece);
  }
  return { sha256: before.digest('hex'), anew: anew.digest() };
}
