/** What a file is: by its octets first, then by its name, then by what the sender says. */
import { head, looksLikeText } from './characters.ts';
import { cmsOctets } from './cms.ts';
import type { Hint } from './types.ts';

export type Kind =
  | 'pdf'
  | 'zip'
  | 'rtf'
  | 'cms'
  | 'message'
  | 'html'
  | 'xml'
  | 'plain'
  /** Old Office formats and Outlook's messages; encrypted new ones. */
  | 'ole'
  /** Images, sound, detached signatures: no text is missed. */
  | 'textless'
  | 'unknown';

/** File beginnings of what holds no text, one character an octet. */
const TEXTLESS =
  /^(?:\x89PNG|\xff\xd8\xff|GIF8|II\*\0|MM\0\*|BM[\s\S]{4}\0\0\0\0|RIFF[\s\S]{4}(?:WEBP|WAVE|AVI )|OggS|ID3|fLaC|[\s\S]{4}ftyp|\x1aE\xdf\xa3|\0\0\x01\0|wOF[F2]|true\0|\0\x01\0\0\0)/;
const TEXTLESS_NAME =
  /\.(?:p7s|tsr|tst|asc|sig|png|jpe?g|gif|tiff?|bmp|webp|heic|svgz|ico|mp[34]|m4a|wav|ogg|opus|avi|mov|mkv|ttf|otf|woff2?|cer|crt|der|crl)$/i;
const TEXTLESS_TYPE =
  /^(?:image|audio|video|font|model)\/|^application\/(?:x-)?pkcs7-signature$|^application\/(?:pgp-signature|timestamp-reply|pkix-cert|pkix-crl)$/;

/** The first line of a header, and a field that only messages and MIME entities have, in the same header. */
const HEADER = /^[!-9;-~]{1,80}:[^\r\n]*\r?\n/;
const FIELD =
  /^(?:received|from|date|subject|message-id|mime-version|content-type|return-path|delivered-to|x-(?:trasporto|ricevuta)):/im;

const NAMES: readonly (readonly [name: RegExp, kind: Kind])[] = [
  [/\.html?$|\.xhtml$/i, 'html'],
  [/\.(?:xml|xsd|xsl|xslt|svg|fodt|fods|fodp|rdf|xbrl|kml|gpx)$/i, 'xml'],
  [/\.(?:txt|text|csv|tsv|log|md|json|ics|vcf|ini|conf|sql|yaml|yml)$/i, 'plain'],
  [/\.(?:eml|m7m|mht|mhtml)$/i, 'message'],
];

export function sniff(bytes: Uint8Array, { name, type }: Hint): Kind {
  const beginning = head(bytes, 1024);
  const begun = beginning.replace(/^(?:\xef\xbb\xbf)?\s*/, '');
  if (begun.startsWith('%PDF-')) return 'pdf';
  if (/^PK(?:\x03\x04|\x05\x06|\x07\x08)/.test(beginning)) return 'zip';
  if (/^\{\\rtf/.test(begun)) return 'rtf';
  if (beginning.startsWith('\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1')) return 'ole';
  if (cmsOctets(bytes) !== null) return /\.p7s$/i.test(name ?? '') ? 'textless' : 'cms';
  // Some printers write a few lines of their own before the PDF.
  if (beginning.includes('%PDF-') && (/\.pdf$/i.test(name ?? '') || type === 'application/pdf')) return 'pdf';
  if (TEXTLESS.test(beginning)) return 'textless';
  if (!looksLikeText(bytes)) return TEXTLESS_NAME.test(name ?? '') || TEXTLESS_TYPE.test(type) ? 'textless' : 'unknown';
  return textKind(bytes, begun, name ?? '', type);
}

function textKind(bytes: Uint8Array, begun: string, name: string, type: string): Kind {
  if (/\.(?:p7s|asc|sig|tsr|cer|crt|crl|pem)$/i.test(name)) return 'textless';
  const named = NAMES.find(([pattern]) => pattern.test(name))?.[1];
  if (isMessage(bytes) && (named === 'message' || named === undefined)) return 'message';
  if (/^<(?:!doctype html|html[\s>])/i.test(begun)) return 'html';
  if (/^<\?xml[\s?]/.test(begun.replaceAll('\0', ''))) return 'xml';
  if (named !== undefined && named !== 'message') return named;
  if (type === 'text/html') return 'html';
  if (/^(?:application|text)\/xml$|\+xml$/.test(type)) return 'xml';
  return 'plain';
}

/** Whether the file begins with the header of a message, or of a MIME entity as S/MIME signs it. */
function isMessage(bytes: Uint8Array): boolean {
  const beginning = head(bytes, 16 * 1024);
  if (!HEADER.test(beginning)) return false;
  const end = /\r?\n\r?\n/.exec(beginning);
  return FIELD.test(end ? beginning.slice(0, end.index) : beginning);
}
