import { createHash } from 'node:crypto';
import type { ImapFlow } from 'imapflow';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { plainMessage } from '../support/messages.ts';
import { eventually } from '../support/processes.ts';
import type { RawImap } from '../support/raw-imap.ts';
import { type Stage, sources, startStage, USER } from './stage.ts';

const INTAKE = '--ARCHIVIA--';
const COUNT = 200;
const digest = (raw: Uint8Array) => createHash('sha256').update(raw).digest('hex');

describe(`kill -9 in the middle of a MOVE of ${COUNT} messages into ${INTAKE}`, () => {
  let stage: Stage;
  const delivered = new Set<string>();
  let strikes = 0;

  beforeAll(async () => {
    stage = await startStage({ archive: { auto: { incoming: false, sent: false } } });
    for (let index = 0; index < COUNT; index++) {
      const date = new Date(Date.UTC(2026, index % 3, 5, 12, 0, index));
      const body = `Messaggio numero ${index}\r\n${'testo '.repeat(index * 10)}`;
      const raw = plainMessage({ subject: `numero ${index}`, body, date });
      delivered.add(digest(raw));
      await stage.dovecot.deliver(USER, 'INBOX', raw, { internalDate: date });
    }
    expect(delivered.size).toBe(COUNT);
  });
  afterAll(() => stage?.stop());

  /** Digests of what a tree of views holds, one for each message that it shows. */
  async function held(client: ImapFlow, view: string): Promise<string[]> {
    return [...(await sources(client, view)).values()].map(digest);
  }

  const upstream = async () => (await stage.dovecot.stored(USER, 'INBOX')).map(digest);

  /** Resolves when a response matches; false when the command came to its end before. */
  async function until(client: RawImap, pattern: RegExp): Promise<boolean> {
    for (;;) {
      const response = (await client.response(60_000))?.toString('latin1');
      if (response === undefined || response.startsWith('m ')) return false;
      if (pattern.test(response)) return true;
    }
  }

  /** Everything is upstream or archived, and nothing stands twice in one place. */
  async function expectAll(): Promise<void> {
    const left = await upstream();
    const client = await stage.client();
    const archived = await held(client, 'Archivio');
    expect(new Set([...left, ...archived])).toEqual(delivered);
    expect(new Set(archived).size).toBe(archived.length);
    const waiting = await held(client, INTAKE);
    expect(new Set(waiting).size).toBe(waiting.length);
    await client.logout();
  }

  // Milliseconds after the command, or the response upon which the server is killed: all copied and nothing removed
  // upstream; removed in part.
  it.each([20, 60, 120, 200, 300, 450, /COPYUID/, /EXPUNGE/])('loses nothing when it strikes at %s', async moment => {
    const mover = await stage.raw();
    await mover.ok('SELECT INBOX');
    await mover.send(`m UID MOVE 1:* ${INTAKE}\r\n`);
    const struck =
      typeof moment === 'number'
        ? await Promise.race([
            until(mover, /^$/).catch(() => false),
            new Promise<boolean>(resolve => setTimeout(resolve, moment, true)),
          ])
        : await until(mover, moment);
    await stage.archivia.kill();
    mover.close();
    if (struck) strikes += 1;
    await stage.archivia.start();
    await expectAll();
  });

  it('has archived each message once when the MOVE has been repeated to its end', async () => {
    // Otherwise nothing was proven.
    expect(strikes).toBeGreaterThan(2);
    stage.tsa.mode = 'slow';
    const mover = await stage.raw();
    await mover.ok('SELECT INBOX');
    await mover.ok(`UID MOVE 1:* ${INTAKE}`, 60_000);
    expect((await mover.ok('SELECT INBOX')).raw.toString('latin1')).toContain('* 0 EXISTS');
    mover.close();
    expect(await upstream()).toEqual([]);
    const client = await stage.client();
    expect((await held(client, 'Archivio')).sort()).toEqual([...delivered].sort());
    await client.logout();
  }, 60_000);

  it('conserves each message once, killed while a package waits for its stamp and after that', async () => {
    await stage.archivia.kill();
    stage.tsa.mode = 'good';
    for (const delay of [0, 150, 400]) {
      await stage.archivia.start();
      await new Promise(resolve => setTimeout(resolve, delay));
      await stage.archivia.kill();
    }
    await stage.archivia.start();
    const client = await stage.client();
    await eventually(
      'every message to be conserved',
      async () => {
        const status = await client.status(INTAKE, { messages: true });
        return status !== false && status.messages === 0;
      },
      60_000,
    );
    expect((await held(client, 'Conservazione/2026')).sort()).toEqual([...delivered].sort());
    expect((await held(client, 'Archivio')).sort()).toEqual([...delivered].sort());
    await client.logout();
  }, 120_000);

  it('gave no UID twice', async () => {
    const client = await stage.client();
    const uids = [...(await sources(client, 'Archivio')).keys()];
    expect(new Set(uids).size).toBe(COUNT);
    await client.logout();
  });
});
