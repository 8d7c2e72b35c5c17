/** Everything that the main job needs, started together: a real Dovecot, a time-stamping authority, Archivia. */
import { randomUUID } from 'node:crypto';
import type { ImapFlow } from 'imapflow';
import { type Archivia, type ArchiviaOptions, DOMAIN, startArchivia } from '../support/archivia.ts';
import { connectImap } from '../support/clients.ts';
import { type Dovecot, type DovecotOptions, startDovecot } from '../support/dovecot.ts';
import { plainMessage } from '../support/messages.ts';
import { eventually } from '../support/processes.ts';
import { RawImap } from '../support/raw-imap.ts';
import { type SmtpUpstream, startSmtpUpstream } from '../support/smtp-upstream.ts';
import { startTimestampAuthority, type TimestampAuthorityServer } from '../support/timestamp-authority.ts';

export const USER = `mario.rossi@${DOMAIN}`;
export const PASSWORD = 'Segreta-1';

export interface Stage {
  readonly dovecot: Dovecot;
  readonly tsa: TimestampAuthorityServer;
  readonly smtp: SmtpUpstream;
  readonly archivia: Archivia;
  /** Through Archivia, TLS. */
  client(user?: string, password?: string): Promise<ImapFlow>;
  /** Past Archivia, at Dovecot itself. */
  directClient(user?: string, password?: string): Promise<ImapFlow>;
  /** Through Archivia, plain, logged in. */
  raw(user?: string, password?: string): Promise<RawImap>;
  directRaw(user?: string, password?: string): Promise<RawImap>;
  stop(): Promise<void>;
}

export async function startStage(
  options: { readonly dovecot?: DovecotOptions } & Pick<
    ArchiviaOptions,
    'archive' | 'conservation' | 'limits' | 'more'
  > = {},
): Promise<Stage> {
  const users = { [USER]: PASSWORD, ...options.dovecot?.users };
  const parts = await Promise.all([
    startDovecot({ tls: true, ...options.dovecot, users }),
    startTimestampAuthority(),
    startSmtpUpstream({ users, tls: true }),
  ]);
  const [dovecot, tsa, smtp] = parts;
  const stopParts = async () => {
    await Promise.all(parts.map(part => part.stop()));
  };
  let archivia: Archivia;
  try {
    archivia = await startArchivia({
      dovecot,
      smtp,
      timestamp: { url: tsa.url, caFile: tsa.caFile },
      archive: options.archive,
      // Only what a person asks for, unless the test says otherwise.
      conservation: { policy: { incoming: 'none' }, ...options.conservation },
      limits: options.limits,
      more: options.more,
    });
  } catch (error) {
    await stopParts();
    throw error;
  }
  return {
    dovecot,
    tsa,
    smtp,
    archivia,
    client: (user = USER, password = PASSWORD) =>
      connectImap({ port: archivia.imapsPort, user, password, ca: archivia.ca }),
    directClient: (user = USER, password = PASSWORD) => connectImap({ port: dovecot.imapPort, user, password }),
    raw: (user = USER, password = PASSWORD) => RawImap.login(archivia.imapPort, user, password),
    directRaw: (user = USER, password = PASSWORD) => RawImap.login(dovecot.imapPort, user, password),
    stop: async () => {
      await archivia.stop();
      await stopParts();
    },
  };
}

/** Raw bytes of every message of a folder, by UID. */
export async function sources(client: ImapFlow, folder: string): Promise<Map<number, Buffer>> {
  const lock = await client.getMailboxLock(folder);
  try {
    const found = new Map<number, Buffer>();
    if (client.mailbox === false || client.mailbox.exists === 0) return found;
    for await (const message of client.fetch('1:*', { source: true, uid: true })) {
      // Flags that another session, or conservation, changed meanwhile are told between the answers.
      if (message.uid === undefined) continue;
      if (message.source === undefined) throw new Error(`UID ${message.uid} came without a source`);
      found.set(message.uid, message.source);
    }
    return found;
  } finally {
    lock.release();
  }
}

/**
 * Resolves when the archiver of USER has been through both folders: it looks at the INBOX when told of new mail, then
 * at the sent folder. The second message is seen only after all that followed on the first.
 */
export async function archiverRound(stage: Stage, client: ImapFlow): Promise<void> {
  for (const mark of ['uno', 'due']) {
    const subject = `segno ${mark} ${randomUUID()}`;
    await stage.dovecot.deliver(USER, 'INBOX', plainMessage({ subject }));
    await eventually(`the archiver to have seen ${subject}`, async () => {
      const lock = await client.getMailboxLock('Archivio');
      const found = await client.search({ subject }, { uid: true });
      lock.release();
      return found && found.length > 0;
    });
  }
}
