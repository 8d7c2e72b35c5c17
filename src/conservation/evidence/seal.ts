import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { EvidenceError } from '../errors.ts';
import { EVIDENCE_FILES } from '../types.ts';

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const sealSchema = z.object({
  version: z.literal(2),
  packageId: z.string(),
  reportId: z.string(),
  account: z.string(),
  /** Milliseconds since the epoch. */
  sealedAt: z.number(),
  evaluation: z.boolean(),
  pdvDigest: sha256,
  messages: z.array(z.object({ message: z.string(), sha256, subject: z.string(), outcome: z.string() })),
  /** Every other file of the directory. */
  files: z.record(z.string(), z.object({ size: z.number(), sha256 })),
});

/** Table of contents of a whole package. */
export type PackageSeal = z.infer<typeof sealSchema>;

export function encodeSeal(seal: PackageSeal): Uint8Array {
  return Buffer.from(`${JSON.stringify(seal, null, 1)}\n`);
}

/** The seal of a directory of evidence; null when it was never sealed. Throws an EvidenceError when it is damaged. */
export async function readSeal(directory: string): Promise<PackageSeal | null> {
  const path = join(directory, EVIDENCE_FILES.seal);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
  try {
    return sealSchema.parse(JSON.parse(text));
  } catch (error) {
    throw new EvidenceError(`${path}: damaged (${error instanceof Error ? error.message : String(error)})`);
  }
}
