/** PEC europea: registered electronic mail of ETSI EN 319 532-3. */
import { type EvidenceResult, findEvidence } from '../rem/evidence.ts';
import type { Category } from '../types.ts';
import { type Family, type Fields, NOTHING_KNOWN, token } from './family.ts';

/** Events of ETSI EN 319 522-1 section 6; those that end a way are for the eyes. */
const EVENTS: Readonly<Record<string, Category>> = {
  submissionacceptance: 'Ricevute',
  submissionrejection: 'Avvisi',
  relayacceptance: 'Ricevute',
  relayrejection: 'Avvisi',
  relayfailure: 'Avvisi',
  notificationforacceptance: 'Ricevute',
  notificationforacceptancefailure: 'Avvisi',
  consignmentacceptance: 'Ricevute',
  consignmentrejection: 'Avvisi',
  acceptancerejectionexpiry: 'Avvisi',
  contentconsignment: 'Ricevute',
  contentconsignmentfailure: 'Avvisi',
  consignmentnotification: 'Ricevute',
  consignmentnotificationfailure: 'Avvisi',
  contenthandover: 'Ricevute',
  contenthandoverfailure: 'Avvisi',
  relaytononerds: 'Ricevute',
  relaytononerdsfailure: 'Avvisi',
  receivedfromnonerds: 'Ricevute',
};

export const REM: Family = {
  recognises: fields => fields.has('rem-messagetype') || fields.has('rem-eventidentifier'),
  read(raw, root, fields) {
    const event = localName(fields.get('rem-eventidentifier'));
    const found: EvidenceResult = findEvidence(raw, root);
    return {
      ...NOTHING_KNOWN,
      family: 'rem',
      kind: 'rem',
      category: categoryOf(event, fields),
      referenceMessageId: fields.get('rem-uamessageidentifier') || null,
      rem: {
        messageType: fields.get('rem-messagetype')?.trim() || null,
        event,
        reason: localName(fields.get('rem-reasonidentifier')),
        evidenceId: fields.get('rem-evidence-id')?.trim() || null,
        ...found,
      },
    };
  },
};

/** A dispatch carries a message; all else is evidence of an event. */
function categoryOf(event: string | null, fields: Fields): Category {
  const type = token(fields, 'rem-messagetype') ?? '';
  if (/dispatch|payload/.test(type)) return 'Ricevuti';
  if (event === null) return 'Ricevuti';
  const known = event.toLowerCase();
  if (Object.hasOwn(EVENTS, known)) return EVENTS[known] ?? 'Avvisi';
  return /reject|fail|error|expir/.test(known) ? 'Avvisi' : 'Ricevute';
}

/** `SubmissionAcceptance` of `http://uri.etsi.org/19522/Event/SubmissionAcceptance`. */
function localName(uri: string | undefined): string | null {
  return (
    uri
      ?.trim()
      .replace(/[/#]+$/, '')
      .split(/[/#:]/)
      .at(-1)
      ?.trim() || null
  );
}
