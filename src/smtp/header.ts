import { domainToASCII } from 'node:url';
import addressparser from 'nodemailer/lib/addressparser';

/** Longest header section that is read before anything goes upstream, octets. */
const MAX_HEADER = 1024 * 1024;
/** Of it, From, To, Cc and Bcc together: five hundred recipients with long names take some 60 kB. */
const MAX_ADDRESS_FIELDS = 256 * 1024;

/** Collects a message's beginning until its header section is there whole. */
export class HeaderReader {
  #bytes: Buffer = Buffer.alloc(0);
  #end: number | null = null;

  /** All that came so far: the header section and maybe the beginning of the body. */
  get bytes(): Buffer {
    return this.#bytes;
  }

  get complete(): boolean {
    return this.#end !== null;
  }

  get tooLarge(): boolean {
    return (this.#end ?? this.#bytes.length) > MAX_HEADER;
  }

  push(chunk: Buffer): void {
    const from = Math.max(0, this.#bytes.length - 3);
    this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk]);
    if (this.#bytes.subarray(0, 2).equals(CRLF)) this.#end = 0;
    if (this.#end !== null) return;
    const blank = this.#bytes.indexOf(BLANK_LINE, from);
    if (blank >= 0) this.#end = blank + CRLF.length;
  }

  /** The addresses of the header section; of all that came when the message ended without a body. */
  addresses(): HeaderAddresses | null {
    return readAddresses(this.#bytes.subarray(0, this.#end ?? this.#bytes.length).toString('utf8'));
  }
}

const CRLF = Buffer.from('\r\n');
const BLANK_LINE = Buffer.from('\r\n\r\n');

/** Normalised addresses, in the order of the header. */
export interface HeaderAddresses {
  readonly from: readonly string[];
  readonly visible: ReadonlySet<string>;
  /** Something stands in a Bcc or Resent-Bcc field. */
  readonly bcc: boolean;
}

/** null when the address fields together are longer than any real message's. */
function readAddresses(header: string): HeaderAddresses | null {
  const values = { from: '', to: '', cc: '', bcc: '' };
  let length = 0;
  for (const field of header.split(/\r\n(?![ \t])/)) {
    const colon = field.indexOf(':');
    if (colon < 0) continue;
    const name = field
      .slice(0, colon)
      .trim()
      .toLowerCase()
      .replace(/^resent-(?=bcc$)/, '');
    if (name !== 'from' && name !== 'to' && name !== 'cc' && name !== 'bcc') continue;
    const value = field
      .slice(colon + 1)
      .replace(/\r\n/g, '')
      .trim();
    length += value.length;
    if (length > MAX_ADDRESS_FIELDS) return null;
    values[name] += values[name] === '' || value === '' ? value : `, ${value}`;
  }
  return {
    from: parse(values.from),
    visible: new Set([...parse(values.to), ...parse(values.cc)]),
    bcc: values.bcc !== '',
  };
}

function parse(value: string): string[] {
  return addressparser(value, { flatten: true })
    .map(({ address }) => normalizeAddress(address))
    .filter(address => address !== '');
}

/** Lower case, the domain in ASCII: what tells two PEC addresses apart. */
export function normalizeAddress(address: string): string {
  const at = address.lastIndexOf('@');
  if (at < 0) return address.trim().toLowerCase();
  const domain = address.slice(at + 1).trim();
  return `${address.slice(0, at).trim().toLowerCase()}@${domainToASCII(domain) || domain.toLowerCase()}`;
}
