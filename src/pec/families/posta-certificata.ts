/** PEC as in RFC 6109 section 3 (reference table in section 2). */
import type { MimeNode } from '../../mime/types.ts';
import { DaticertError, findDaticert, readDaticert } from '../daticert.ts';
import { lateNotice } from '../notice.ts';
import type { Category, Daticert, PecKind } from '../types.ts';
import { type Family, type Fields, NOTHING_KNOWN, token } from './family.ts';

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

/** The annex closes no list of values: what is not named here had better be seen. */
const CATEGORY: Partial<Readonly<Record<PecKind, Category>>> = {
  'busta-trasporto': 'Ricevuti',
  accettazione: 'Ricevute',
  'presa-in-carico': 'Ricevute',
  'avvenuta-consegna': 'Ricevute',
};

export const POSTA_CERTIFICATA: Family = {
  recognises: fields => token(fields, 'x-trasporto') !== null || token(fields, 'x-ricevuta') !== null,
  read(raw, root, fields) {
    const kind = kindOf(fields);
    const { daticert, daticertError } = certified(raw, root);
    return {
      ...NOTHING_KNOWN,
      family: 'pec',
      kind,
      virus:
        kind === 'rilevazione-virus' ||
        token(fields, 'x-verificasicurezza') === 'errore' ||
        daticert?.errore === 'virus',
      notice: kind === 'preavviso-errore-consegna' ? lateNotice(raw, root) : null,
      category: CATEGORY[kind] ?? 'Avvisi',
      receiptType: token(fields, 'x-tiporicevuta') ?? daticert?.ricevuta?.toLowerCase() ?? null,
      referenceMessageId: fields.get('x-riferimento-message-id') || null,
      daticert,
      daticertError,
    };
  },
};

function kindOf(fields: Fields): PecKind {
  // X-Trasporto first: whatever else is in the header of a busta may have leaked in from the sender's.
  const trasporto = token(fields, 'x-trasporto');
  return trasporto !== null ? lookUp(TRASPORTO, trasporto) : lookUp(RICEVUTA, token(fields, 'x-ricevuta') ?? '');
}

function lookUp(table: Readonly<Record<string, PecKind>>, value: string): PecKind {
  return Object.hasOwn(table, value) ? (table[value] ?? 'sconosciuta') : 'sconosciuta';
}

function certified(raw: Uint8Array, root: MimeNode): { daticert: Daticert | null; daticertError: string | null } {
  try {
    const node = findDaticert(root);
    return { daticert: node === null ? null : readDaticert(raw, node), daticertError: null };
  } catch (error) {
    const reason = error instanceof DaticertError ? error.message : 'unreadable';
    return { daticert: null, daticertError: `daticert.xml: ${reason}` };
  }
}
