const MIB = 1 << 20;

/** A field of a million values, a header of a hundred megabytes, nesting without end. */
export const HOSTILE: Readonly<Record<string, () => Buffer>> = {
  'header of 100 MB': () => filled('', `X-Riempitivo: ${'y'.repeat(60)}\r\n`, 100 * MIB),
  addresses: () => filled('From: a@pec.example.it\r\nTo: ', 'a@b, ', 8 * MIB),
  'nested multiparts': () => Buffer.from(multiparts(20_000)),
  'nested messages': () => filled('', 'Content-Type: message/rfc822\r\n\r\n', 8 * MIB),
  parts: () => filled('Content-Type: multipart/mixed; boundary=b\r\n\r\n', '--b\r\n\r\n\r\n', 8 * MIB),
  tags: () => filled('Content-Type: text/html\r\n\r\n', '<b>', 8 * MIB),
};

function filled(start: string, filling: string, size: number): Buffer {
  return Buffer.concat([Buffer.from(start), Buffer.alloc(size, filling), Buffer.from('\r\n\r\ncorpo\r\n')]);
}

function multiparts(depth: number): string {
  let text = '';
  for (let level = 0; level < depth; level++) {
    text += `Content-Type: multipart/mixed; boundary=b${level}\r\n\r\n--b${level}\r\n`;
  }
  return text;
}
