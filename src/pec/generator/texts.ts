/** Invented people, offices and sentences. Every name and domain is plainly an example. */

export interface Person {
  readonly name: string;
  readonly address: string;
}

/** Correspondents; the domain tells the gestore (see gestoreOf in generator.ts). */
export const PEOPLE: readonly Person[] = [
  { name: 'Studio Esempio', address: 'studio.esempio@pec.gestore-uno.example' },
  { name: 'Anna Bianchi', address: 'anna.bianchi@pec.gestore-due.example' },
  { name: 'Comune di Esempio', address: 'protocollo@pec.comune.gestore-due.example' },
  { name: 'Luca Verdi', address: 'luca.verdi@avvocati.gestore-tre.example' },
  { name: 'Impresa Esempio S.r.l.', address: 'amministrazione@pec.gestore-tre.example' },
  { name: 'Tribunale di Esempio', address: 'cancelleria@giustizia.gestore-due.example' },
  { name: 'Società Modello S.p.A.', address: 'societa.modello@pec.gestore-uno.example' },
  { name: 'Giulia Neri', address: 'giulia.neri@commercialisti.gestore-tre.example' },
];

/** An address outside PEC. */
export const OUTSIDER: Person = { name: 'Paolo Gialli', address: 'paolo.gialli@posta.example' };

const SUBJECTS = [
  'Trasmissione documentazione pratica n. {n}/{y}',
  'Diffida ad adempiere e costituzione in mora',
  'Istanza di accesso agli atti, prot. {n}',
  'Notifica ai sensi della legge n. 53 del 1994',
  'Convocazione dell’assemblea ordinaria dei soci {y}',
  'Fattura n. {n} del {y}',
  'Richiesta di integrazione documentale, pratica {n}',
  'Deposito memoria difensiva R.G. {n}/{y}',
  'Offerta per la gara CIG ESEMPIO{n}',
  'Comunicazione di avvio del procedimento n. {n}',
  'Sollecito di pagamento fattura {n}/{y}',
  'Verbale dell’assemblea: perché è urgente',
] as const;

const SENTENCES = [
  'Con la presente si trasmette in allegato quanto richiesto con la comunicazione del mese scorso.',
  'Si resta in attesa di un cortese riscontro entro il termine di quindici giorni dal ricevimento.',
  'La documentazione è stata verificata e risulta completa in ogni sua parte.',
  'Si chiede di confermare la ricezione e di indicare il responsabile del procedimento.',
  'In difetto ci si vedrà costretti ad adire le competenti sedi, con aggravio di spese.',
  'Il termine per la presentazione delle osservazioni scade il giorno trenta del mese corrente.',
  'Gli importi indicati nel prospetto sono al netto dell’IVA e degli oneri di legge.',
  'Si prega di citare nelle risposte il numero di protocollo riportato in oggetto.',
  'L’ufficio resta a disposizione per ogni chiarimento, anche per le vie brevi.',
  'La planimetria allegata sostituisce quella già depositata, che presentava un errore di scala.',
  'Le parti convengono che ogni modifica dovrà risultare da atto scritto.',
  'Il pagamento potrà avvenire mediante bonifico sul conto già comunicato.',
  'Si richiamano integralmente le precedenti note, da intendersi qui trascritte.',
  'Il sopralluogo è stato rinviato a data da destinarsi per ragioni di sicurezza.',
  'Alla luce di quanto esposto, si invita la società in indirizzo a provvedere senza indugio.',
] as const;

interface Choice {
  pick<T>(list: readonly T[]): T;
  between(from: number, to: number): number;
}

export function subject(random: Choice, year: number): string {
  return random
    .pick(SUBJECTS)
    .replace('{n}', String(random.between(10, 99_999)))
    .replace('{y}', String(year));
}

/** A letter of about so many characters, lines up to 100 characters, LF. */
export function letter(random: Choice, length: number, signature: string): string {
  const lines = ['Spettabile destinatario,', ''];
  let written = 0;
  while (written < length) {
    const paragraph = Array.from({ length: random.between(1, 3) }, () => random.pick(SENTENCES));
    lines.push(...paragraph, '');
    written += paragraph.reduce((sum, sentence) => sum + sentence.length + 1, 0);
  }
  return [...lines, 'Distinti saluti', signature, ''].join('\n');
}
