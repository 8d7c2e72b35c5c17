/** A literal announced at the end of a line (RFC 3501 section 4.3, RFC 7888, RFC 3516). */
export interface LiteralMark {
  readonly size: number;
  /** The sender waits for `+` before it goes on. */
  readonly synchronising: boolean;
  /** `~{n}`: literal8. */
  readonly binary: boolean;
  /** Octets of the mark itself at the end of the line. */
  readonly markLength: number;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN = 0x7b;
const CLOSE = 0x7d;
const PLUS = 0x2b;
const MINUS = 0x2d;
const TILDE = 0x7e;

/** Reads the mark at the end of a line without its line break; null when the line ends the command or response. */
export function literalMark(line: Uint8Array): LiteralMark | null {
  const last = line.length - 1;
  if (line[last] !== CLOSE) return null;
  let index = last - 1;
  const nonSynchronising = line[index] === PLUS || line[index] === MINUS;
  if (nonSynchronising) index--;
  const digitsEnd = index + 1;
  while (index >= 0 && isDigit(line[index])) index--;
  const digits = digitsEnd - index - 1;
  if (index < 0 || line[index] !== OPEN || digits === 0 || digits > 15) return null;
  if (endsInsideQuotes(line, index)) return null;
  let size = 0;
  for (let digit = index + 1; digit < digitsEnd; digit++) size = size * 10 + ((line[digit] ?? 0) - 0x30);
  const binary = index > 0 && line[index - 1] === TILDE;
  return {
    size,
    synchronising: !nonSynchronising,
    binary,
    markLength: line.length - index + (binary ? 1 : 0),
  };
}

/** `"{5}"` at the end of a line is text, not a literal. */
function endsInsideQuotes(line: Uint8Array, end: number): boolean {
  let quoted = false;
  for (let index = 0; index < end; index++) {
    const octet = line[index];
    if (octet === QUOTE) quoted = !quoted;
    else if (octet === BACKSLASH && quoted) index++;
  }
  return quoted;
}

function isDigit(octet: number | undefined): boolean {
  return octet !== undefined && octet >= 0x30 && octet <= 0x39;
}
