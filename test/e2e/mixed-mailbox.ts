import { expect } from 'vitest';
import { createGestore, plainMessage } from '../support/messages.ts';
import { eventually } from '../support/processes.ts';
import { type Stage, startStage, USER } from './stage.ts';

export const ARCHIVE = 'Archivio/2026/01/Ordinaria';
export const CONSERVED = 'Conservazione/2026/01/Ricevute';

/**
 * A stage whose mailbox has something on every side: messages of these subjects in INBOX and in `ARCHIVE`, a receipt in
 * `CONSERVED`. Nothing is archived by itself.
 */
export async function startMixedMailbox(subjects: readonly string[]): Promise<Stage> {
  const [stage, gestore] = await Promise.all([
    startStage({ archive: { auto: { incoming: false, sent: false } } }),
    createGestore(),
  ]);
  const date = new Date('2026-01-15T10:00:00Z');
  for (const subject of subjects) {
    await stage.dovecot.deliver(USER, 'INBOX', plainMessage({ subject, date }), { internalDate: date });
  }
  const receipt = await gestore.accettazione({ subject: 'Atto', date });
  await gestore.close();
  await stage.dovecot.deliver(USER, 'INBOX', receipt, { internalDate: date });
  const client = await stage.client();
  const lock = await client.getMailboxLock('INBOX');
  expect(await client.messageCopy(`1:${subjects.length}`, 'Archivio')).not.toBe(false);
  expect(await client.messageMove(String(subjects.length + 1), '--ARCHIVIA--')).not.toBe(false);
  lock.release();
  await eventually('the receipt to be conserved', async () => {
    const status = await client.status(CONSERVED, { messages: true }).catch(() => false as const);
    return status !== false && status.messages === 1;
  });
  await client.logout();
  return stage;
}
