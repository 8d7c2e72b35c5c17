import { createHash } from 'node:crypto';

/** PEM text of one DER object (RFC 7468), 64 columns, final newline. */
export function pemEncode(label: string, der: Uint8Array): string {
  const base64 = Buffer.from(der.buffer, der.byteOffset, der.byteLength).toString('base64');
  const lines = base64.match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}

export interface PemBlock {
  readonly label: string;
  readonly der: Uint8Array;
}

/** Every PEM block of a text, in order; text between blocks is skipped, a block that never ends is left out. */
export function pemDecodeAll(text: string): PemBlock[] {
  const blocks: PemBlock[] = [];
  const begin = /^-----BEGIN ([^-\r\n]{1,64})-----[ \t]*\r?$/gm;
  for (let match = begin.exec(text); match !== null; match = begin.exec(text)) {
    const label = match[1] ?? '';
    const end = text.indexOf(`-----END ${label}-----`, begin.lastIndex);
    if (end < 0) continue;
    const body = text.slice(begin.lastIndex, end);
    // Old private keys carry header lines ("Proc-Type: ...") before a blank line; base64 has no colon.
    const base64 = body.includes(':') ? body.replace(/^[\s\S]*?\r?\n\r?\n/, '') : body;
    blocks.push({ label, der: new Uint8Array(Buffer.from(base64, 'base64')) });
    begin.lastIndex = end;
  }
  return blocks;
}

/** Hex SHA-256 of a certificate's DER, lower case, no colons. */
export function sha256Fingerprint(der: Uint8Array): string {
  return createHash('sha256').update(der).digest('hex');
}
