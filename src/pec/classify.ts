/**
 * What a message is. Only the top level is believed: a receipt that a third party forged can reach a mailbox only inside
 * a busta, whose own header says so.
 */
import type { MimeNode } from '../mime/types.ts';
import { type Family, NOTHING_KNOWN } from './families/family.ts';
import { POSTA_CERTIFICATA } from './families/posta-certificata.ts';
import { REM } from './families/rem.ts';
import { pecFields } from './headers.ts';
import type { PecFacts } from './types.ts';

/** The first that recognises a message reads it. */
const FAMILIES: readonly Family[] = [POSTA_CERTIFICATA, REM];

/** Never throws; what cannot be read of daticert.xml or of an evidence is told in the facts. */
export function classifyMessage(raw: Uint8Array, root: MimeNode): PecFacts {
  const fields = pecFields(raw, root);
  const family = FAMILIES.find(candidate => candidate.recognises(fields));
  return (
    family?.read(raw, root, fields) ?? {
      ...NOTHING_KNOWN,
      family: 'ordinaria',
      kind: 'ordinaria',
      category: 'Ordinaria',
      receiptType: fields.get('x-tiporicevuta')?.trim().toLowerCase() || null,
      referenceMessageId: fields.get('x-riferimento-message-id') || null,
    }
  );
}
