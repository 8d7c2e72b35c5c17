/** Mailbox names between Unicode and modified UTF-7 (RFC 3501 section 5.1.3). */

export function encodeMutf7(name: string): string {
  return name.replace(/&|[^\x20-\x7e]+/g, run =>
    run === '&'
      ? '&-'
      : `&${Buffer.from(run, 'utf16le').swap16().toString('base64').replace(/=+$/, '').replaceAll('/', ',')}-`,
  );
}

/** Null when the name is not valid: stray `&`, 8-bit, encoded ASCII, unpaired surrogates. */
export function decodeMutf7(name: string): string | null {
  if (/[^\x20-\x7e]/.test(name)) return null;
  let valid = true;
  const decoded = name.replace(/&([^-]*)(-?)/g, (_, base64: string, end: string) => {
    if (end === '') valid = false;
    if (base64 === '') return '&';
    const octets = Buffer.from(base64.replaceAll(',', '/'), 'base64');
    if (octets.length % 2 === 1) valid = false;
    return octets
      .subarray(0, octets.length & ~1)
      .swap16()
      .toString('utf16le');
  });
  // Only the one canonical spelling is accepted: it is what every comparison of names relies on.
  return valid && decoded.isWellFormed() && encodeMutf7(decoded) === name ? decoded : null;
}
