import { createHash } from 'node:crypto';
import type { MessagePort } from 'node:worker_threads';
import type { DigestName } from '../evidence/hash-tree.ts';
import { stampFacts } from '../evidence/inspection.ts';
import { PackageProof } from '../evidence/proof.ts';
import { verifyEvidenceRecord } from '../evidence/record.ts';
import { documentName } from '../metadata/document.ts';
import { ask } from '../threads/supply.ts';

/** Verifies the whole evidence record of each message from its bytes. Work for a worker thread. */
export async function checkRecords(task: {
  readonly directory: string;
  readonly messages: readonly { readonly sha256: string; readonly size: number }[];
  readonly port: MessagePort;
}): Promise<{ readonly file: string; readonly reason: string }[]> {
  const faults: { file: string; reason: string }[] = [];
  let proof: PackageProof;
  try {
    proof = await PackageProof.read(task.directory);
  } catch {
    return []; // told already by the inspection of the package
  }
  for (const [item, { sha256, size }] of task.messages.entries()) {
    const file = `messaggi/${documentName(sha256)}`;
    try {
      const hashes = new Map<DigestName, ReturnType<typeof createHash>>();
      for (const digest of ['sha256', 'sha384', 'sha512'] as const) hashes.set(digest, createHash(digest));
      for await (const piece of ask(task.port, item, size)) for (const hash of hashes.values()) hash.update(piece);
      const digests = new Map([...hashes].map(([name, hash]) => [name, hash.digest()]));
      verifyEvidenceRecord(
        proof.chains(proof.indexOf(file)),
        digest => digests.get(digest) ?? Buffer.of(),
        (token, digest, root) => stampFacts(token, root, digest).time,
      );
    } catch (error) {
      faults.push({ file, reason: error instanceof Error ? error.message : String(error) });
    }
  }
  return faults;
}

/** Items whose bytes cannot be read or have another SHA-256. Work for a worker thread. */
export async function findUnlike(task: {
  readonly messages: readonly { readonly sha256: string; readonly size: number }[];
  readonly port: MessagePort;
}): Promise<number[]> {
  const found: number[] = [];
  for (const [item, { sha256, size }] of task.messages.entries()) {
    try {
      const hash = createHash('sha256');
      for await (const piece of ask(task.port, item, size)) hash.update(piece);
      if (hash.digest('hex') !== sha256) found.push(item);
    } catch {
      found.push(item);
    }
  }
  return found;
}
