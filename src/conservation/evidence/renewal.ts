/** rinnovo-NNNN.json: a renewal of a package's stamp, beside the files that were sealed. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { EvidenceError } from '../errors.ts';

const hash = z.string().regex(/^([0-9a-f]{64}|[0-9a-f]{96}|[0-9a-f]{128})$/);
const renewalSchema = z.object({
  version: z.literal(1),
  /** `timestamp`: a new stamp over the last one. `tree`: everything hashed anew (RFC 4998 section 5.2). */
  kind: z.enum(['timestamp', 'tree']),
  digest: z.enum(['sha256', 'sha384', 'sha512']),
  /** Milliseconds since the epoch. */
  at: z.number(),
  /** From the package's value to the root of the stamp, which other packages may share. */
  path: z.array(z.array(hash)),
  /** `tree` only: the new hash of each leaf, in the order of foglie.txt. */
  leaves: z.array(hash),
  token: z.base64(),
  /** DER of the TSA's certificate and its chain. */
  certificates: z.array(z.base64()),
});

export type Renewal = z.infer<typeof renewalSchema>;

const NAME = /^rinnovo-(\d{4})\.json$/;

export function renewalName(number: number): string {
  return `rinnovo-${String(number).padStart(4, '0')}.json`;
}

export function encodeRenewal(renewal: Renewal): Uint8Array {
  return Buffer.from(`${JSON.stringify(renewal, null, 1)}\n`);
}

/** In their order. Throws an EvidenceError when one is damaged or missing in between. */
export async function readRenewals(directory: string): Promise<Renewal[]> {
  const names = (await readdir(directory)).filter(name => NAME.test(name)).toSorted();
  const renewals: Renewal[] = [];
  for (const [index, name] of names.entries()) {
    if (name !== renewalName(index + 1)) throw new EvidenceError(`${renewalName(index + 1)} is missing`);
    try {
      renewals.push(renewalSchema.parse(JSON.parse(await readFile(join(directory, name), 'utf8'))));
    } catch (error) {
      throw new EvidenceError(`${name} is damaged (${error instanceof Error ? error.message : String(error)})`);
    }
  }
  return renewals;
}
