import type { ImapFlow } from 'imapflow';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createGestore, type Gestore, plainMessage } from '../support/messages.ts';
import { eventually } from '../support/processes.ts';
import { archiverRound, type Stage, sources, startStage, USER } from './stage.ts';

describe('the background archiver', () => {
  let stage: Stage;
  let gestore: Gestore;
  const date = new Date('2026-04-02T08:00:00Z');

  beforeAll(async () => {
    [stage, gestore] = await Promise.all([startStage(), createGestore()]);
  });
  afterAll(async () => {
    await stage?.stop();
    await gestore?.close();
  });

  /** Waits for the archive to hold so many messages; what they are. */
  async function archived(client: ImapFlow, view: string, count: number): Promise<Buffer[]> {
    await eventually(`${count} messages in ${view}`, async () => {
      const status = await client.status(view, { messages: true }).catch(() => false as const);
      return status !== false && (status.messages ?? 0) >= count;
    });
    return [...(await sources(client, view)).values()];
  }

  it('copies what arrives in the INBOX from the first login on, as \\Seen, by kind and certified month', async () => {
    const busta = await gestore.busta({ subject: 'Atto', date });
    const receipt = await gestore.accettazione({ subject: 'Atto', date });
    // Old and new mail within one second of the first login.
    await stage.dovecot.deliver(USER, 'INBOX', plainMessage({ subject: 'di prima' }));
    const client = await stage.client();
    await stage.dovecot.deliver(USER, 'INBOX', busta);
    await stage.dovecot.deliver(USER, 'INBOX', receipt);
    expect(await archived(client, 'Archivio', 2)).toEqual([busta, receipt]);
    expect(await archived(client, 'Archivio/2026/04/Ricevuti', 1)).toEqual([busta]);
    expect(await archived(client, 'Archivio/2026/04/Ricevute', 1)).toEqual([receipt]);
    expect(await client.status('Archivio', { messages: true, unseen: true })).toMatchObject({ messages: 2, unseen: 0 });
    const inbox = await client.status('INBOX', { unseen: true, messages: true });
    expect(inbox).toMatchObject({ messages: 3, unseen: 3 });
    await client.logout();
  });

  it('files what lies in the sent folder under Inviati', async () => {
    const client = await stage.client();
    const sent = plainMessage({ subject: 'spedito da me', from: USER, date });
    await client.append('Posta inviata', sent, ['\\Seen'], date);
    await archiverRound(stage, client);
    expect(await archived(client, 'Archivio/2026/04/Inviati', 1)).toEqual([sent]);
    await client.logout();
  });

  it('stores once what it sees often: a copy, a second delivery, a start after kill -9', async () => {
    const client = await stage.client();
    const before = await sources(client, 'Archivio');
    const busta = before.get(Math.min(...before.keys()));
    if (busta === undefined) throw new Error('empty archive');
    await stage.dovecot.deliver(USER, 'INBOX', busta);
    const marker = plainMessage({ subject: 'segno', date });
    await stage.dovecot.deliver(USER, 'INBOX', marker);
    await archived(client, 'Archivio', before.size + 1);
    client.close();
    await stage.archivia.kill();
    await stage.dovecot.deliver(USER, 'INBOX', plainMessage({ subject: 'a server spento', date }));
    await stage.archivia.start();
    const again = await stage.client();
    const after = await archived(again, 'Archivio', before.size + 2);
    expect(after).toHaveLength(before.size + 2);
    expect(after.filter(source => source.equals(busta))).toHaveLength(1);
    await again.logout();
  });

  it('catches up with the password that it kept, before any client has come', async () => {
    await stage.archivia.kill();
    const silent = plainMessage({ subject: 'nessuno guarda', date });
    await stage.dovecot.deliver(USER, 'INBOX', silent);
    const before = (await stage.dovecot.log()).length;
    await stage.archivia.start();
    await eventually('a login of the archiver', async () =>
      (await stage.dovecot.log()).slice(before).includes('Login:'),
    );
    await new Promise(resolve => setTimeout(resolve, 1_500));
    const client = await stage.client();
    expect([...(await sources(client, 'Archivio')).values()]).toContainEqual(silent);
    await client.logout();
  });

  it('goes on after the upstream was away', async () => {
    const client = await stage.client();
    const before = await sources(client, 'Archivio');
    client.close();
    await stage.dovecot.halt();
    await stage.dovecot.resume();
    const late = plainMessage({ subject: 'dopo il guasto', date });
    await stage.dovecot.deliver(USER, 'INBOX', late);
    const again = await stage.client();
    await archived(again, 'Archivio', before.size + 1);
    expect([...(await sources(again, 'Archivio')).values()]).toContainEqual(late);
    await again.logout();
  });

  it('leaves the mailbox as it is: no flag set, nothing seen', async () => {
    const direct = await stage.directClient();
    const lock = await direct.getMailboxLock('INBOX', { readOnly: true });
    for await (const message of direct.fetch('1:*', { flags: true })) expect(message.flags).not.toContain('\\Seen');
    lock.release();
    await direct.logout();
  });
});
