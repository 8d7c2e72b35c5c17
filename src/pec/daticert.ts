/** daticert.xml: where it lies and what it says (RFC 6109 sections 4.3.3 and 4.4). */
import { decodeBody } from '../mime/index.ts';
import type { MimeNode } from '../mime/types.ts';
import type { Daticert } from './types.ts';
import { mayBeRead, printable, readXml, type XmlElement, XmlError } from './xml.ts';

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
  if (!mayBeRead(node.bodyEnd - node.bodyStart)) throw new DaticertError('too large');
  return parseDaticert(decodeBody(raw, node));
}

/** Parses daticert.xml without DTD or entities. Throws a DaticertError. */
export function parseDaticert(bytes: Uint8Array): Daticert {
  try {
    return readPostacert(readXml(bytes));
  } catch (error) {
    throw error instanceof XmlError ? new DaticertError(error.message) : error;
  }
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
