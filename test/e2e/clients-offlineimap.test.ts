import { mkdir, readdir, readFile, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runOfflineImap } from '../support/clients.ts';
import { plainMessage } from '../support/messages.ts';
import { ARCHIVE, CONSERVED, startMixedMailbox } from './mixed-mailbox.ts';
import { PASSWORD, type Stage, sources, USER } from './stage.ts';

/** One account, both sides of the border, one after the other: each test goes on where the one before has ended. */
describe('OfflineIMAP in both directions', () => {
  let stage: Stage;
  let maildirs: string;

  beforeAll(async () => {
    stage = await startMixedMailbox(['uno', 'due', 'tre', 'quattro']);
    maildirs = join(stage.archivia.directory, 'offlineimap');
    await mkdir(maildirs);
  });

  afterAll(() => stage?.stop());

  async function sync(): Promise<string> {
    const outcome = await runOfflineImap(stage.archivia.directory, {
      port: stage.archivia.imapsPort,
      caFile: stage.archivia.caFile,
      user: USER,
      password: PASSWORD,
      maildirs,
    });
    expect(outcome.code, outcome.stdout + outcome.stderr).not.toBe(null);
    return `exit ${outcome.code}\n${outcome.stdout}${outcome.stderr}`;
  }

  const folder = (name: string) => join(maildirs, name.replaceAll('/', '.'));

  /** Paths of the messages of a local folder. */
  async function near(name: string): Promise<string[]> {
    const found: string[] = [];
    for (const part of ['cur', 'new']) {
      for (const file of await readdir(join(folder(name), part))) found.push(join(folder(name), part, file));
    }
    return found.sort();
  }

  async function withSubject(name: string, subject: string): Promise<string[]> {
    const found: string[] = [];
    for (const path of await near(name)) {
      if (new RegExp(`^Subject: ${subject}\\r?$`, 'm').test(await readFile(path, 'latin1'))) found.push(path);
    }
    return found;
  }

  async function far(name: string): Promise<Map<number, string>> {
    const client = await stage.client();
    const found = new Map<number, string>();
    for (const [uid, raw] of await sources(client, name)) {
      found.set(uid, /^Subject: (.*)\r$/m.exec(raw.toString('latin1'))?.[1] ?? '');
    }
    await client.logout();
    return found;
  }

  async function farFlags(name: string, subject: string): Promise<ReadonlySet<string> | undefined> {
    const client = await stage.client();
    const lock = await client.getMailboxLock(name);
    const [found] = await client.fetchAll({ subject }, { flags: true });
    lock.release();
    await client.logout();
    return found?.flags;
  }

  it('brings both sides, each message in its folders', async () => {
    expect(await sync()).toMatch(/^exit 0\n/);
    for (const name of ['INBOX', ARCHIVE, 'Archivio', CONSERVED, 'Conservazione']) {
      expect(await near(name), name).toHaveLength((await far(name)).size);
    }
    expect(await near('INBOX')).toHaveLength(4);
    expect(await near('Archivio')).toHaveLength(5);
    expect(await near(CONSERVED)).toHaveLength(1);
  });

  it('has nothing to do the second time', async () => {
    const names = await readdir(maildirs, { recursive: true });
    const before = [await far('INBOX'), await far('Archivio'), await far('Conservazione')];
    expect(await sync()).toMatch(/^exit 0\n/);
    expect((await readdir(maildirs, { recursive: true })).sort()).toEqual(names.sort());
    expect([await far('INBOX'), await far('Archivio'), await far('Conservazione')]).toEqual(before);
  });

  it('carries changes of both sides: flags, new messages', async () => {
    const client = await stage.client();
    const lock = await client.getMailboxLock(ARCHIVE);
    await client.messageFlagsAdd({ subject: 'uno' }, ['\\Flagged']);
    lock.release();
    await client.logout();
    // A star set here, in a folder of the archive and in the INBOX; a message put into the archive.
    for (const name of [ARCHIVE, 'INBOX']) await mark(await only(name, 'due'), 'F');
    const date = new Date('2026-01-20T10:00:00Z');
    const raw = plainMessage({ subject: 'aggiunto a mano', date }).toString('latin1').replaceAll('\r\n', '\n');
    const added = join(folder(ARCHIVE), 'cur', '1768903200_0.1.mano:2,S');
    await writeFile(added, raw, 'latin1');
    // Sent on as its INTERNALDATE.
    await utimes(added, date, date);
    expect(await sync()).toMatch(/^exit 0\n/);

    expect(await farFlags(ARCHIVE, 'due')).toContain('\\Flagged');
    expect(await farFlags('INBOX', 'due')).toContain('\\Flagged');
    expect([...(await far(ARCHIVE)).values()].sort()).toContain('aggiunto a mano');
    // Seen in the broader views at the latest in the next run.
    expect(await sync()).toMatch(/^exit 0\n/);
    expect((await only(ARCHIVE, 'uno')).replace(/.*:2,/, '')).toContain('F');
    expect(await withSubject('Archivio', 'aggiunto a mano')).toHaveLength(1);
    expect([...(await far('Archivio')).values()].filter(subject => subject === 'aggiunto a mano')).toHaveLength(1);
  });

  it('a message deleted in the archive is deleted, in each of its views', async () => {
    await rm(await only(ARCHIVE, 'tre'));
    expect(await sync()).toMatch(/^exit 0\n/);
    expect([...(await far('Archivio')).values()]).not.toContain('tre');
    expect(await sync()).toMatch(/^exit 0\n/);
    for (const name of [ARCHIVE, 'Archivio', 'Archivio/2026']) expect(await withSubject(name, 'tre')).toEqual([]);
    expect([...(await far('INBOX')).values()]).toContain('tre');
  });

  it('a conserved message deleted here stays there, comes back, and nothing goes on failing', async () => {
    const [path = ''] = await near(CONSERVED);
    const bytes = await readFile(path);
    await rm(path);
    const before = await far(CONSERVED);
    const said: string[] = [];
    for (let run = 0; run < 3; run++) said.push(await sync());
    expect(await far(CONSERVED)).toEqual(before);
    expect(await near(CONSERVED), said.join('\n----\n')).toHaveLength(1);
    expect(normal(await readFile((await near(CONSERVED))[0] ?? ''))).toBe(normal(bytes));
    expect(said.at(-1)).toMatch(/^exit 0\n/);
  });

  async function only(name: string, subject: string): Promise<string> {
    const found = await withSubject(name, subject);
    expect(found, `${subject} in ${name}`).toHaveLength(1);
    return found[0] ?? '';
  }
});

/** Sets a Maildir flag by renaming, as mail programs do. */
async function mark(path: string, flag: string): Promise<void> {
  const [, stem = '', flags = ''] = /^(.*?)(?::2,(\w*))?$/.exec(path) ?? [];
  const target = `${stem}:2,${[...new Set([...flags, flag])].sort().join('')}`.replace(/\/new\/([^/]*)$/, '/cur/$1');
  await rename(path, target);
}

function normal(raw: Buffer): string {
  return raw
    .toString('latin1')
    .replaceAll('\r\n', '\n')
    .replace(/^X-OfflineIMAP: .*\n/m, '');
}
