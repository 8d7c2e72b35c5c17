import type { Session } from './session.ts';

/** Whether this client is told MODSEQ with every change of flags. QRESYNC includes CONDSTORE. */
export function condstoreEnabled(session: Session): boolean {
  return session.enabled.has('CONDSTORE') || session.enabled.has('QRESYNC');
}

/**
 * Switches CONDSTORE on (RFC 7162 section 3.1): by ENABLE, or by the first command that uses it. A client that has a
 * mailbox selected is told its HIGHESTMODSEQ.
 */
export function enableCondstore(session: Session): void {
  if (condstoreEnabled(session)) return;
  session.enabled.add('CONDSTORE');
  const { selected, writer } = session;
  if (selected !== null) writer.line(`* OK [HIGHESTMODSEQ ${selected.highestModseq}] Highest`);
}
