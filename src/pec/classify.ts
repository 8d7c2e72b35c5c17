/**
 * What a message is (RFC 6109 section 3; reference table in section 2). Only the top level is believed: a receipt that
 * a third party forged can reach a mailbox only inside a busta, whose own header says so.
 */
import type { MimeNode } from '../mime/types.ts';
import { DaticertError, findDaticert, readDaticert } from './daticert.ts';
import { pecFields } from './headers.ts';
import type { Category, Daticert, PecFacts, PecKind } from './types.ts';

const TRASPORTO: Readonly<Record<string, PecKind>> = {
  'posta-certificata': 'busta-trasporto',
  errore: 'busta-anomalia',
};

const RICEVUTA: Readonly<Record<string, PecKind>> = {
  accettazione: 'accettazione',
  'non-accettazione': 'non-accettazione',
  'presa-in-carico': 'presa-in-carico',
  'avvenuta-consegna': 'avvenuta-consegna',
  'errore-consegna': 'errore-consegna',
  'preavviso-errore-consegna': 'preavviso-errore-consegna',
  'rilevazione-virus': 'rilevazione-virus',
};

const CATEGORY: Readonly<Record<PecKind, Category>> = {
  'busta-trasporto': 'Ricevuti',
  'busta-anomalia': 'Avvisi',
  accettazione: 'Ricevute',
  'presa-in-carico': 'Ricevute',
  'avvenuta-consegna': 'Ricevute',
  'non-accettazione': 'Avvisi',
  'errore-consegna': 'Avvisi',
  'preavviso-errore-consegna': 'Avvisi',
  'rilevazione-virus': 'Avvisi',
  // The annex closes no list of values: what is not known had better be seen.
  sconosciuta: 'Avvisi',
  rem: 'Ricevuti',
  ordinaria: 'Ordinaria',
};

type Fields = ReadonlyMap<string, string>;

/** Never throws; what cannot be read of daticert.xml is told in `daticertError`. */
export function classifyMessage(raw: Uint8Array, root: MimeNode): PecFacts {
  const fields = pecFields(raw, root);
  const kind = kindOf(fields);
  const family = kind === 'rem' || kind === 'ordinaria' ? kind : 'pec';
  const { daticert, daticertError } = family === 'pec' ? certified(raw, root) : NO_DATICERT;
  return {
    family,
    kind,
    virus:
      family === 'pec' &&
      (kind === 'rilevazione-virus' ||
        token(fields, 'x-verificasicurezza') === 'errore' ||
        daticert?.errore === 'virus'),
    category: kind === 'rem' ? remCategory(fields) : CATEGORY[kind],
    receiptType: token(fields, 'x-tiporicevuta') ?? daticert?.ricevuta?.toLowerCase() ?? null,
    referenceMessageId: fields.get('x-riferimento-message-id') || null,
    daticert,
    daticertError,
  };
}

function kindOf(fields: Fields): PecKind {
  // X-Trasporto first: whatever else is in the header of a busta may have leaked in from the sender's.
  const trasporto = token(fields, 'x-trasporto');
  if (trasporto !== null) return lookUp(TRASPORTO, trasporto);
  const ricevuta = token(fields, 'x-ricevuta');
  if (ricevuta !== null) return lookUp(RICEVUTA, ricevuta);
  return fields.has('rem-messagetype') || fields.has('rem-eventidentifier') ? 'rem' : 'ordinaria';
}

function lookUp(table: Readonly<Record<string, PecKind>>, value: string): PecKind {
  return Object.hasOwn(table, value) ? (table[value] ?? 'sconosciuta') : 'sconosciuta';
}

/** A field's value in lower case; null when absent or empty. */
function token(fields: Fields, name: string): string | null {
  return fields.get(name)?.trim().toLowerCase() || null;
}

const NO_DATICERT = { daticert: null, daticertError: null };

function certified(raw: Uint8Array, root: MimeNode): { daticert: Daticert | null; daticertError: string | null } {
  try {
    const node = findDaticert(root);
    return node === null ? NO_DATICERT : { daticert: readDaticert(raw, node), daticertError: null };
  } catch (error) {
    const reason = error instanceof DaticertError ? error.message : 'unreadable';
    return { daticert: null, daticertError: `daticert.xml: ${reason}` };
  }
}

/** ETSI EN 319 532-3: a dispatch carries a message, all else is evidence of an event. */
function remCategory(fields: Fields): Category {
  const event = token(fields, 'rem-eventidentifier') ?? '';
  if (/reject|fail|error|expir/.test(event)) return 'Avvisi';
  const type = token(fields, 'rem-messagetype') ?? '';
  return /dispatch|payload/.test(type) || event === '' ? 'Ricevuti' : 'Ricevute';
}
