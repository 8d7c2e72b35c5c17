/** daticert.xml: where it lies and what it says (RFC 6109 sections 4.3.3 and 4.4). */
import { DOMParser, type Element as XmlElement } from '@xmldom/xmldom';
import { decodeBody } from '../mime/index.ts';
import type { MimeNode } from '../mime/types.ts';
import type { Daticert } from './types.ts';

/** A list of 500 recipients makes some 50 KiB; the parser needs up to half a microsecond an octet. */
const MAX_SIZE = 512 * 1024;
/** The DTD nests four deep; a tree of a hundred thousand levels only costs memory. */
const MAX_DEPTH = 32;

const ELEMENT_NODE = 1;

/** A daticert.xml that cannot be read; the message says why, in English. */
export class DaticertError extends Error {
  override name = 'DaticertError';
}

/**
 * The gestore's own daticert.xml: a direct part of the multipart/mixed that is signed. Not one inside postacert.eml,
 * which belongs to another message, or to a forger.
 */
export function findDaticert(root: MimeNode): MimeNode | null {
  const mixed = root.type === 'multipart' && root.subtype === 'signed' ? root.children[0] : undefined;
  if (mixed?.type !== 'multipart') return null;
  return mixed.children.find(isDaticert) ?? null;
}

function isDaticert(node: MimeNode): boolean {
  if (node.children.length > 0 || node.type === 'multipart' || node.type === 'message') return false;
  const named = [...node.parameters, ...node.dispositionParameters];
  return named.some(([name, value]) => /^(file)?name$/i.test(name) && value.trim().toLowerCase() === 'daticert.xml');
}

/** Reads the part. Throws a DaticertError. */
export function readDaticert(raw: Uint8Array, node: MimeNode): Daticert {
  // Encoded, it is larger than it is decoded, whatever the encoding.
  if (node.bodyEnd - node.bodyStart > 3 * MAX_SIZE) throw new DaticertError('too large');
  return parseDaticert(decodeBody(raw, node));
}

/** Parses daticert.xml without DTD or entities. Throws a DaticertError. */
export function parseDaticert(bytes: Uint8Array): Daticert {
  if (bytes.length > MAX_SIZE) throw new DaticertError('too large');
  const xml = decode(bytes);
  if (/<!\s*(DOCTYPE|ENTITY)/i.test(xml)) throw new DaticertError('document type declarations are refused');
  if (deeperThan(xml, MAX_DEPTH)) throw new DaticertError('nested too deeply');
  return readPostacert(parseXml(xml));
}

function parseXml(xml: string): XmlElement {
  let reason = 'no root element';
  const onError = (level: string, message: string): void => {
    // Warnings (an attribute without quotes) do not change what is read; throwing ends the parse.
    if (level === 'warning') return;
    reason = message;
    throw new DaticertError(message);
  };
  try {
    const { documentElement } = new DOMParser({ onError }).parseFromString(xml, 'application/xml');
    if (documentElement !== null) return documentElement;
  } catch {
    // Told below: the parser wraps what onError throws.
  }
  throw new DaticertError(`not well-formed: ${reason.slice(0, 200)}`);
}

/** In the declared encoding; UTF-8 that is none is read as windows-1252, which is what such gestori wrote. */
function decode(bytes: Uint8Array): string {
  const head = Buffer.from(bytes.subarray(0, 200)).toString('latin1');
  const declared = /^[^<]*<\?xml[^>]*\bencoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']/.exec(head)?.[1] ?? 'utf-8';
  try {
    return new TextDecoder(declared, { fatal: true }).decode(bytes).trimStart();
  } catch {
    return new TextDecoder('windows-1252').decode(bytes).trimStart();
  }
}

/** Counts tags only: what is miscounted here is not well-formed and fails in the parser. */
function deeperThan(xml: string, limit: number): boolean {
  let depth = 0;
  for (const [tag] of xml.matchAll(/<[^<>]*>/g)) {
    if (tag.startsWith('</')) depth--;
    else if (!tag.endsWith('/>') && !tag.startsWith('<?') && !tag.startsWith('<!')) depth++;
    if (depth > limit) return true;
  }
  return false;
}

function readPostacert(root: XmlElement): Daticert {
  if (root.tagName !== 'postacert') throw new DaticertError('the root element is not postacert');
  const tipo = attribute(root, 'tipo');
  if (tipo === null) throw new DaticertError('attribute tipo is missing');
  const intestazione = required(root, 'intestazione');
  const dati = required(root, 'dati');
  const data = child(dati, 'data');
  const written = {
    giorno: text(data, 'giorno') ?? '',
    ora: text(data, 'ora') ?? '',
    zona: attribute(data, 'zona') ?? '',
  };
  const identificativo = text(dati, 'identificativo');
  if (identificativo === null) throw new DaticertError('element identificativo is missing');
  return {
    tipo,
    errore: attribute(root, 'errore') ?? 'nessuno',
    mittente: text(intestazione, 'mittente') ?? '',
    destinatari: elements(intestazione, 'destinatari').map(element => ({
      address: content(element),
      tipo: attribute(element, 'tipo') ?? 'certificato',
    })),
    risposte: text(intestazione, 'risposte') ?? '',
    oggetto: text(intestazione, 'oggetto'),
    gestoreEmittente: text(dati, 'gestore-emittente') ?? '',
    data: written,
    at: instant(written),
    identificativo,
    msgid: text(dati, 'msgid'),
    ricevuta: attribute(child(dati, 'ricevuta'), 'tipo'),
    consegna: text(dati, 'consegna'),
    ricezione: elements(dati, 'ricezione').map(content),
    erroreEsteso: text(dati, 'errore-esteso'),
  };
}

function elements(parent: XmlElement | null, name: string): XmlElement[] {
  const found: XmlElement[] = [];
  for (let node = parent?.firstChild ?? null; node !== null; node = node.nextSibling) {
    if (node.nodeType === ELEMENT_NODE && node.nodeName === name) found.push(node as XmlElement);
  }
  return found;
}

function child(parent: XmlElement | null, name: string): XmlElement | null {
  return elements(parent, name)[0] ?? null;
}

function required(parent: XmlElement, name: string): XmlElement {
  const found = child(parent, name);
  if (found === null) throw new DaticertError(`element ${name} is missing`);
  return found;
}

function content(element: XmlElement): string {
  return printable(element.textContent ?? '');
}

/** Control characters are no XML, but the parser lets them pass. */
function printable(text: string): string {
  return text.replace(/[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]/g, '\uFFFD').trim();
}

/** Text of a child; null when it is absent or empty. */
function text(parent: XmlElement | null, name: string): string | null {
  const element = child(parent, name);
  return element === null ? null : content(element) || null;
}

function attribute(element: XmlElement | null, name: string): string | null {
  return printable(element?.getAttribute(name) ?? '') || null;
}

/** Milliseconds since the epoch; null when the three do not make an instant. */
function instant({ giorno, ora, zona }: Daticert['data']): number | null {
  const day = /^(\d\d)\/(\d\d)\/(\d{4})$/.exec(giorno);
  const time = /^(\d\d):(\d\d):(\d\d)$/.exec(ora);
  const zone = /^([+-])(\d\d):?(\d\d)$/.exec(zona);
  if (day === null || time === null || zone === null) return null;
  const [date, month, year] = [Number(day[1]), Number(day[2]), Number(day[3])];
  const [hour, minute, second] = [Number(time[1]), Number(time[2]), Number(time[3])];
  const [zoneHour, zoneMinute] = [Number(zone[2]), Number(zone[3])];
  if (hour > 23 || minute > 59 || second > 60 || zoneHour > 14 || zoneMinute > 59 || year < 1970) return null;
  const local = new Date(Date.UTC(year, month - 1, date, hour, minute, Math.min(second, 59)));
  // The 31st of February rolls over into March.
  if (local.getUTCMonth() !== month - 1 || local.getUTCDate() !== date) return null;
  const offset = (zoneHour * 60 + zoneMinute) * 60_000;
  return local.getTime() - (zone[1] === '-' ? -offset : offset);
}
