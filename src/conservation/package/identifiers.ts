import { createHash } from 'node:crypto';

/** Identifiers of one batch: its package of submission, of archiving, and its report. */
export interface PackageIds {
  readonly pdv: string;
  readonly pda: string;
  readonly rdv: string;
}

/**
 * Impronta of a PdV: SHA-256 over the digests of its messages, hex in lower case, sorted, each followed by LF. So
 * `sha256sum *.eml | cut -c1-64 | LC_ALL=C sort | sha256sum` gives it too.
 */
export function pdvDigest(sha256s: readonly string[]): string {
  const hash = createHash('sha256');
  for (const sha256 of sha256s.toSorted()) hash.update(`${sha256}\n`);
  return hash.digest('hex');
}

/** `…-20261121T214353Z-<16 hex>`: when it was made, and over what; fit for a file's name. */
export function packageIds(account: string, digest: string, at: number): PackageIds {
  const time = `${new Date(at).toISOString().slice(0, 19).replace(/[-:]/g, '')}Z`;
  const over = createHash('sha256').update(`${account}\n${digest}\n${at}\n`).digest('hex').slice(0, 16);
  const id = (prefix: string) => `${prefix}-${time}-${over}`;
  return { pdv: id('PDV'), pda: id('PDA'), rdv: id('RDV') };
}
