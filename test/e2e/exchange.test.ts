import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ImapFlow, SearchObject } from 'imapflow';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { createTestAuthorities } from '../../src/pec/generator/index.ts';
import { type Archivia, DOMAIN, startArchivia } from '../support/archivia.ts';
import { connectImap } from '../support/clients.ts';
import { type Dovecot, startDovecot } from '../support/dovecot.ts';
import { pecProvider } from '../support/pec-provider.ts';
import { eventually, run } from '../support/processes.ts';
import { type SmtpUpstream, startSmtpUpstream } from '../support/smtp-upstream.ts';
import { type TemporaryDirectory, temporaryDirectory } from '../support/temp.ts';

const MARIO = `mario.rossi@${DOMAIN}`;
const ANNA = `anna.bianchi@${DOMAIN}`;
const NOBODY = `nessuno@${DOMAIN}`;
const PASSWORD = 'Segreta-1';

describe('a message that is sent, and what its gestori do with it', () => {
  let temporary: TemporaryDirectory;
  let dovecot: Dovecot;
  let smtp: SmtpUpstream;
  let archivia: Archivia;

  beforeAll(async () => {
    temporary = await temporaryDirectory('exchange');
    const authorities = await createTestAuthorities();
    const gestoriCaFile = join(temporary.path, 'gestori.pem');
    await writeFile(gestoriCaFile, authorities.root.certificatePem);
    const users = { [MARIO]: PASSWORD, [ANNA]: PASSWORD };
    dovecot = await startDovecot({ tls: true, users });
    const provider = pecProvider({ authorities, dovecot, mailboxes: [MARIO, ANNA] });
    smtp = await startSmtpUpstream({ users, tls: true, onReceived: provider });
    const policy = { incoming: 'receipts', outgoing: false };
    archivia = await startArchivia({ dovecot, smtp, conservation: { policy, gestoriCaFile } });
    for (const user of [MARIO, ANNA]) await (await client(user)).logout();
    await eventually('both archivers to look', () => connected() >= 2);
  });
  afterAll(async () => {
    await archivia?.stop();
    await smtp?.stop();
    await dovecot?.stop();
    await temporary?.remove();
  });

  const connected = (): number => archivia.log.filter(line => line.includes('"connected"')).length;
  const client = (user: string): Promise<ImapFlow> =>
    connectImap({ port: archivia.imapsPort, user, password: PASSWORD, ca: archivia.ca });

  async function restartWith(policy: object): Promise<void> {
    const file = join(archivia.directory, 'archivia.yaml');
    const config = parse(await readFile(file, 'utf8'));
    config.conservation.policy = policy;
    expect(await archivia.shutDown()).toBe(0);
    await writeFile(file, stringify(config));
    await archivia.start();
  }

  const original = (subject: string, to: string, extra = ''): string =>
    [
      `${extra}From: Mario Rossi <${MARIO}>`,
      `To: ${to}`,
      `Subject: ${subject}`,
      `Message-ID: <${subject}.1@studio.example>`,
      `Date: ${new Date().toUTCString().replace('GMT', '+0000')}`,
      '',
      'Si trasmette quanto in oggetto.',
      '',
    ].join('\r\n');

  async function send(subject: string, to = ANNA): Promise<void> {
    const file = join(temporary.path, 'messaggio.eml');
    await writeFile(file, original(subject, to));
    const outcome = await run('swaks', [
      ...['--server', '127.0.0.1', '--port', String(archivia.smtpPort), '--from', MARIO, '--to', to],
      ...['--auth', 'PLAIN', '--auth-user', MARIO, '--auth-password', PASSWORD, '--data', `@${file}`],
    ]);
    expect(outcome.code, outcome.stdout).toBe(0);
  }

  /** Folder and thread of each message about a subject, by its own subject. */
  async function about(user: string, root: string, subject: string): Promise<Map<string, { thread: string }>> {
    const imap = await client(user);
    try {
      const found = new Map<string, { thread: string }>();
      const folders = (await imap.list()).map(({ path }) => path);
      if (!folders.includes(root)) return found;
      const { exists } = await imap.mailboxOpen(root, { readOnly: true });
      if (exists === 0) return found;
      for await (const message of imap.fetch('1:*', { envelope: true, threadId: true })) {
        const own = message.envelope?.subject ?? '';
        if (own === subject || own.endsWith(`: ${subject}`)) found.set(own, { thread: message.threadId ?? '' });
      }
      return found;
    } finally {
      await imap.logout();
    }
  }

  /** Resolves when these messages about a subject, and no others, are there. */
  async function holds(user: string, root: string, subject: string, expected: readonly string[]) {
    let found = new Map<string, { thread: string }>();
    await eventually(`${root} of ${user} to hold what is about ${subject}`, async () => {
      found = await about(user, root, subject);
      return expected.every(name => found.has(name));
    });
    expect([...found.keys()].sort()).toEqual([...expected].sort());
    return found;
  }

  it('ends with the whole exchange in the archives of both, and each policy conserves what it says', async () => {
    await send('uno');
    const exchange = await holds(MARIO, 'Archivio', 'uno', ['uno', 'ACCETTAZIONE: uno', 'CONSEGNA: uno']);
    expect(new Set([...exchange.values()].map(({ thread }) => thread)).size).toBe(1);
    await holds(ANNA, 'Archivio', 'uno', ['POSTA CERTIFICATA: uno']);
    await send('ignoto', NOBODY);
    const failed = ['ignoto', 'ACCETTAZIONE: ignoto', 'AVVISO DI MANCATA CONSEGNA: ignoto'];
    await holds(MARIO, 'Archivio', 'ignoto', failed);

    const later = async (subject: string, policy: object): Promise<void> => {
      await restartWith(policy);
      await send(subject);
      const mine = [subject, `ACCETTAZIONE: ${subject}`, `CONSEGNA: ${subject}`];
      await holds(MARIO, 'Archivio', subject, mine);
      await holds(ANNA, 'Archivio', subject, [`POSTA CERTIFICATA: ${subject}`]);
    };
    await later('due', { incoming: 'none', outgoing: true });
    await later('tre', { incoming: 'envelopes', outgoing: false });
    await later('quattro', { incoming: 'all', outgoing: true });

    // The last ones first: what is conserved by then besides what is listed would have been queued before them.
    await holds(MARIO, 'Conservazione', 'quattro', ['quattro', 'ACCETTAZIONE: quattro', 'CONSEGNA: quattro']);
    await holds(ANNA, 'Conservazione', 'quattro', ['POSTA CERTIFICATA: quattro']);
    await holds(MARIO, 'Conservazione', 'uno', ['ACCETTAZIONE: uno', 'CONSEGNA: uno']);
    await holds(MARIO, 'Conservazione', 'ignoto', failed.slice(1));
    await holds(ANNA, 'Conservazione', 'uno', []);
    await holds(MARIO, 'Conservazione', 'due', ['due']);
    await holds(ANNA, 'Conservazione', 'due', []);
    await holds(MARIO, 'Conservazione', 'tre', []);
    await holds(ANNA, 'Conservazione', 'tre', ['POSTA CERTIFICATA: tre']);
  }, 120_000);

  it('does the same for what a mail client sends', async () => {
    const muttrc = join(temporary.path, 'muttrc');
    await writeFile(
      muttrc,
      `set from = "${MARIO}"
set realname = "Mario Rossi"
set use_from = yes
set hostname = "studio.example"
set smtp_url = "smtp://${MARIO.replace('@', '%40')}@127.0.0.1:${archivia.smtpPort}/"
set smtp_pass = "${PASSWORD}"
set smtp_authenticators = "plain"
set ssl_starttls = no
set ssl_force_tls = no
set record = ""
`,
    );
    const attached = join(temporary.path, 'relazione.txt');
    await writeFile(attached, 'La relazione è allegata.\n');
    const outcome = await run('mutt', ['-n', '-F', muttrc, '-s', 'da mutt', '-a', attached, '--', ANNA], {
      input: 'Si allega la relazione.\n',
      env: { HOME: temporary.path, TERM: 'dumb' },
    });
    expect(outcome.code, outcome.stderr).toBe(0);
    const exchange = await holds(MARIO, 'Archivio', 'da mutt', [
      'da mutt',
      'ACCETTAZIONE: da mutt',
      'CONSEGNA: da mutt',
    ]);
    expect(new Set([...exchange.values()].map(({ thread }) => thread)).size).toBe(1);
    await holds(ANNA, 'Archivio', 'da mutt', ['POSTA CERTIFICATA: da mutt']);
  });

  it('loses nothing when it is killed before the provider answers: the copy is marked until a receipt comes', async () => {
    const answer = Promise.withResolvers<void>();
    const whole = smtp.whole;
    smtp.hold = answer.promise;
    const sending = send('interrotto').then(
      () => 'sent',
      () => 'failed',
    );
    await eventually('the provider to have the message', () => smtp.whole > whole);
    await archivia.kill();
    await archivia.start();
    const imap = await client(MARIO);
    await imap.mailboxOpen('Archivio');
    const count = async (query: SearchObject): Promise<number> => {
      await imap.noop();
      const found = await imap.search({ header: { 'message-id': 'interrotto.1@studio.example' }, ...query });
      return found ? found.length : -1;
    };
    expect([await sending, await count({}), await count({ keyword: '$InvioIncerto' })]).toEqual(['failed', 1, 1]);
    smtp.hold = null;
    answer.resolve();
    await eventually('the mark to go', async () => (await count({ keyword: '$InvioIncerto' })) === 0);
    expect(await count({})).toBe(1);
    await imap.logout();
  });

  it('knows the copy of the sent folder that a client has altered: another message, the same exchange', async () => {
    const imap = await client(MARIO);
    const altered = original('quattro', ANNA, 'X-Mozilla-Status: 0001\r\n');
    await imap.append('Posta inviata', altered, ['\\Seen']);
    await imap.mailboxOpen('Archivio');
    const copies = await eventually('the copy in the archive', async () => {
      await imap.noop();
      const uids = await imap.search({ header: { 'message-id': 'quattro.1@studio.example' } }, { uid: true });
      return uids && uids.length === 2 ? uids : null;
    });
    const threads = await imap.fetchAll(copies, { threadId: true }, { uid: true });
    expect(new Set(threads.map(({ threadId }) => threadId)).size).toBe(1);
    await imap.logout();
  });
});
