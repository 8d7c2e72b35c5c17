import type { IncomingCommand } from '../wire/reader.ts';

const CONDSTORE_USE: Record<string, RegExp> = {
  SELECT: /\((?:CONDSTORE|QRESYNC)/i,
  EXAMINE: /\((?:CONDSTORE|QRESYNC)/i,
  STATUS: /HIGHESTMODSEQ/i,
  FETCH: /\bMODSEQ\b|CHANGEDSINCE/i,
  SEARCH: /\bMODSEQ\b/i,
  STORE: /UNCHANGEDSINCE/i,
};

/** Commands that switch CONDSTORE on by using it (RFC 7162 section 3.1). */
export function enablesCondstore(command: IncomingCommand): boolean {
  const pattern = CONDSTORE_USE[command.name.replace(/^UID /, '')];
  if (pattern === undefined) return false;
  return command.segments.some(segment => segment.kind === 'text' && pattern.test(segment.octets.toString('latin1')));
}
