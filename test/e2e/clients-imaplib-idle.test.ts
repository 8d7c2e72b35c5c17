import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { plainMessage } from '../support/messages.ts';
import { start } from '../support/processes.ts';
import { PASSWORD, type Stage, startStage, USER } from './stage.ts';

/** imaplib has no IDLE in the Python versions of most systems: written by hand, as scripts of administrators do. */
const SCRIPT = `
import imaplib, ssl, sys
port, ca, user, password = int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4]
box = imaplib.IMAP4_SSL('localhost', port, ssl_context=ssl.create_default_context(cafile=ca), timeout=30)
box.login(user, password)
def say(text):
    print(text, flush=True)
def idle(mailbox, until):
    box.select(mailbox)
    tag = box._new_tag()
    box.send(tag + b' IDLE\\r\\n')
    line = box.readline()
    while not line.startswith(b'+'):
        line = box.readline()
    say('idling ' + mailbox)
    while until not in line:
        line = box.readline().strip()
        say('heard ' + line.decode())
    box.send(b'DONE\\r\\n')
    while not line.startswith(tag):
        line = box.readline().strip()
    say('over ' + line.decode().split(' ')[1])
idle('INBOX', b'EXISTS')
idle('Archivio', b'EXISTS')
idle('"--ARCHIVIA--"', b'EXPUNGE')
say('noop ' + box.noop()[0])
box.logout()
`;

describe("IDLE by hand over Python's imaplib", () => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await startStage({ archive: { auto: { incoming: false, sent: false } } });
    await stage.dovecot.deliver(USER, 'INBOX', plainMessage({ subject: 'uno' }));
  });
  afterAll(() => stage?.stop());

  it('hears of new mail upstream, of a copy in the archive, of a message that leaves --ARCHIVIA--', async () => {
    const { archivia } = stage;
    const script = join(archivia.directory, 'idle.py');
    await writeFile(script, SCRIPT);
    const child = start('python3', [script, String(archivia.imapsPort), archivia.caFile, USER, PASSWORD]);
    const said: string[] = [];
    let rest = '';
    const waiting = new Set<() => void>();
    let errors = '';
    child.stderr.on('data', chunk => (errors += chunk));
    child.stdout.on('data', (chunk: Buffer) => {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      said.push(...lines);
      for (const wake of waiting) wake();
    });
    const ended = new Promise<void>(resolve => child.once('close', () => resolve()));
    const until = async (line: string) => {
      while (!said.includes(line)) {
        await Promise.race([
          new Promise<void>(resolve => waiting.add(resolve)),
          ended.then(() => {
            if (!said.includes(line)) throw new Error(`ended before "${line}": ${said.join('\n')}\n${errors}`);
          }),
        ]);
      }
    };
    const client = await stage.client();
    await until('idling INBOX');
    await stage.dovecot.deliver(USER, 'INBOX', plainMessage({ subject: 'due' }));
    await until('heard * 2 EXISTS');

    await until('idling Archivio');
    const lock = await client.getMailboxLock('INBOX');
    expect(await client.messageCopy('1', 'Archivio')).not.toBe(false);
    await until('heard * 1 EXISTS');

    await until('idling "--ARCHIVIA--"');
    // It comes, is conserved, and leaves.
    expect(await client.messageCopy('2', '--ARCHIVIA--')).not.toBe(false);
    await until('heard * 1 EXPUNGE');
    lock.release();
    await client.logout();
    await ended;
    expect(errors).toBe('');
    expect(said.filter(line => line.startsWith('over'))).toEqual(['over OK', 'over OK', 'over OK']);
    expect(said.at(-1)).toBe('noop OK');
    // EXISTS tells of growth only: none behind an EXPUNGE.
    const heard = said.slice(said.indexOf('idling "--ARCHIVIA--"')).filter(line => line.startsWith('heard'));
    expect(heard.filter(line => line.endsWith('EXISTS'))).toEqual(['heard * 1 EXISTS']);
  });
});
