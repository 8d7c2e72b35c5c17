import type { PecFacts, PecKind, SignatureOutcome } from '../../pec/types.ts';
import type { MessageRecord } from '../../store/types.ts';

/** Italian names of what a message is; they stand in metadata, reports and packages. */
const KINDS: Readonly<Record<PecKind, string>> = {
  'busta-trasporto': 'Messaggio PEC ricevuto (busta di trasporto)',
  'busta-anomalia': 'Messaggio non certificato ricevuto (busta di anomalia)',
  accettazione: 'Ricevuta PEC di accettazione',
  'non-accettazione': 'Avviso PEC di non accettazione',
  'presa-in-carico': 'Ricevuta PEC di presa in carico',
  'avvenuta-consegna': 'Ricevuta PEC di avvenuta consegna',
  'errore-consegna': 'Avviso PEC di mancata consegna',
  'preavviso-errore-consegna': 'Avviso PEC di mancata consegna per superamento del tempo massimo',
  'rilevazione-virus': 'Avviso PEC di rilevazione virus',
  sconosciuta: 'Ricevuta PEC di tipo non previsto',
  rem: 'Messaggio di recapito certificato elettronico (REM)',
  ordinaria: 'Messaggio di posta elettronica ordinaria',
};

export function kindInWords(pec: PecFacts, category: MessageRecord['category']): string {
  if (pec.kind === 'ordinaria' && category === 'Inviati') return 'Messaggio inviato';
  if (pec.kind === 'avvenuta-consegna' && pec.receiptType === 'completa') {
    return 'Messaggio PEC inviato (ricevuta di avvenuta consegna completa)';
  }
  return KINDS[pec.kind];
}

const STATUS: Readonly<Record<SignatureOutcome['status'], string>> = {
  valid: 'Firma del gestore valida',
  'valid-with-remarks': 'Firma del gestore valida, con osservazioni',
  'unknown-issuer': 'Firma integra, emittente non riconosciuto',
  broken: 'Firma del gestore non valida',
  none: 'Messaggio senza firma del gestore',
};

export function signatureInWords(status: SignatureOutcome['status']): string {
  return STATUS[status];
}

/** The subject that the sender wrote: daticert has it; else the outer one without the gestore's prefix. */
export function subjectOf(record: Pick<MessageRecord, 'pec' | 'structure'>): string {
  const certified = record.pec.daticert?.oggetto;
  if (certified !== null && certified !== undefined) return certified;
  const { subject } = record.structure;
  return record.pec.family === 'pec' ? subject.replace(/^(POSTA CERTIFICATA|ANOMALIA MESSAGGIO): /, '') : subject;
}

const ROME = new Intl.DateTimeFormat('sv-SE', {
  timeZone: 'Europe/Rome',
  dateStyle: 'short',
  timeStyle: 'medium',
});

/** Legal date and time in Italy: `YYYY-MM-DD`, `hh:mm:ss`. */
export function italianTime(milliseconds: number): { readonly date: string; readonly time: string } {
  const [date = '', time = ''] = ROME.format(milliseconds).split(' ');
  return { date, time };
}

/** xs:dateTime in UTC, whole seconds. */
export function utcTime(milliseconds: number): string {
  return `${new Date(milliseconds).toISOString().slice(0, 19)}Z`;
}
