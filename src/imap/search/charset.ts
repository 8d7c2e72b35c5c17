import { Refusal } from '../errors.ts';

/** How the texts of a search are written, and what decodes them: UTF-8, and what older clients here send instead. */
const CHARSETS = new Map([
  ['US-ASCII', 'utf-8'],
  ['UTF-8', 'utf-8'],
  ['ISO-8859-1', 'windows-1252'],
  ['ISO-8859-15', 'iso-8859-15'],
  ['WINDOWS-1252', 'windows-1252'],
]);

/** Decodes the octets of a text. Throws a Refusal where they are none in the charset. */
export type DecodeText = (octets: string) => string;

/** @param charset as the client wrote it; null: it names none, and means UTF-8. Throws a Refusal for an unknown one */
export function textDecoding(charset: string | null): DecodeText {
  const label = CHARSETS.get(charset?.toUpperCase() ?? 'UTF-8');
  if (label === undefined) throw badCharset();
  const decoder = new TextDecoder(label, { fatal: true, ignoreBOM: true });
  return octets => {
    try {
      return decoder.decode(Buffer.from(octets, 'latin1'));
    } catch {
      throw badCharset();
    }
  };
}

function badCharset(): Refusal {
  return new Refusal(`BADCHARSET (${[...CHARSETS.keys()].join(' ')})`, 'Il testo da cercare non si può leggere.');
}
