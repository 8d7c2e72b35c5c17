import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PASSWORD, type Stage, startStage, USER } from '../e2e/stage.ts';
import { assertFor, fuzzMilliseconds } from '../support/fuzz.ts';
import { createGestore, plainMessage } from '../support/messages.ts';
import { eventually } from '../support/processes.ts';
import { RawImap } from '../support/raw-imap.ts';
import { input } from './input.ts';

/** An answer comes at once, on a machine that has nothing else to do. */
const ANSWER_MILLISECONDS = 2_000;
/** What a busy machine is given beyond that, at most. */
const PATIENCE_MILLISECONDS = 10_000;
const MEGABYTE = 1024 * 1024;

let stage: Stage;
/** Speaks with proxy and upstream, and does nothing wrong: how long it waits is how slow the machine is. */
let healthy: RawImap;
beforeAll(async () => {
  stage = await startStage({ archive: { auto: { incoming: false, sent: false } } });
  const gestore = await createGestore();
  const date = new Date('2026-01-15T10:00:00Z');
  for (const subject of ['uno', 'due', 'tre']) {
    await stage.dovecot.deliver(USER, 'INBOX', plainMessage({ subject, date }), { internalDate: date });
  }
  await stage.dovecot.deliver(USER, 'INBOX', await gestore.accettazione({ subject: 'Atto', date }), {
    internalDate: date,
  });
  await gestore.close();
  const client = await stage.raw();
  await client.ok('SELECT INBOX');
  await client.ok('COPY 1:* Archivio');
  await client.ok('MOVE 4 --ARCHIVIA--');
  await eventually('the receipt to be conserved', async () => (await conserved(client)) === 1);
  client.close();
  healthy = await stage.raw();
  await healthy.ok('SELECT INBOX');
});
afterAll(async () => {
  healthy?.close();
  await stage?.stop();
});

/** What brings a fresh connection into the state; none of it may fail. */
const STATES: Record<string, readonly string[]> = {
  'not logged in': [],
  'nothing selected': [`LOGIN ${USER} ${PASSWORD}`],
  'in a folder of the upstream': [`LOGIN ${USER} ${PASSWORD}`, 'SELECT INBOX'],
  'in a folder of the upstream, read-only, with QRESYNC': [
    `LOGIN ${USER} ${PASSWORD}`,
    'ENABLE QRESYNC',
    'EXAMINE INBOX',
  ],
  'in a view': [`LOGIN ${USER} ${PASSWORD}`, 'SELECT INBOX', 'SELECT Archivio'],
  'in a view, with QRESYNC': [`LOGIN ${USER} ${PASSWORD}`, 'ENABLE QRESYNC', 'SELECT Archivio'],
  'in Conservazione': [`LOGIN ${USER} ${PASSWORD}`, 'SELECT Conservazione'],
};

/** What is begun and not ended when the input comes. */
const BEGUN: Record<string, string> = {
  '': '',
  ', in IDLE': 'i IDLE\r\n',
  ', in the literal of an APPEND upstream': 'i APPEND Bozze {20+}\r\nSubject',
  ', in the literal of an APPEND to a view': 'i APPEND Archivio {20+}\r\nSubject',
  ', in a mailbox name': 'i SELECT {7}\r\n',
  ', in AUTHENTICATE': 'i AUTHENTICATE PLAIN\r\n',
};

const cases = Object.keys(STATES).flatMap(state => Object.keys(BEGUN).map(begun => [state, begun] as const));
const each = fuzzMilliseconds(30_000) / cases.length;

async function write(client: RawImap, text: string, cut: number): Promise<void> {
  const octets = Buffer.from(text, 'latin1');
  const size = cut === 0 ? Math.max(1, octets.length) : cut;
  // The server may have hung up: what it said before that is still to be read.
  for (let at = 0; at < octets.length; at += size) await client.send(octets.subarray(at, at + size)).catch(() => {});
}

/** Resolves with the mark's answer, BYE or the end of the connection; rejects when there is none. */
async function answered(client: RawImap): Promise<void> {
  // Ends what may be open: a line, a short literal, IDLE, AUTHENTICATE.
  const end = `\r\n${'x'.repeat(64)}\r\nDONE\r\n*\r\nzz NOOP\r\n`;
  await write(client, end, 0);
  for (;;) {
    const response = await inTime(client);
    if (response === null) return;
    const line = response.toString('latin1', 0, 200);
    if (/^(\* BYE|zz )/.test(line)) return;
    // An invitation has made the mark a part of something else.
    if (line.startsWith('+')) await write(client, end, 0);
  }
}

/** The next response. One that is late is waited for as long again as a NOOP of the healthy connection takes now. */
async function inTime(client: RawImap): Promise<Buffer | null> {
  try {
    return await client.response(ANSWER_MILLISECONDS);
  } catch {
    const start = performance.now();
    await healthy.ok('NOOP', PATIENCE_MILLISECONDS);
    return client.response(performance.now() - start);
  }
}

describe('with an upstream', () => {
  let memory = 0;
  beforeAll(async () => {
    memory = await stage.archivia.memory();
  });

  it.each(cases)(
    '%s%s: whatever comes is answered',
    async (state, begun) => {
      await assertFor(
        each,
        fc.asyncProperty(input, async ({ lines, cut }) => {
          const client = await RawImap.connect(stage.archivia.imapPort);
          try {
            await client.response();
            for (const command of STATES[state] ?? []) await client.ok(command);
            await client.send(BEGUN[begun] ?? '');
            await write(client, `${lines.join('\r\n')}\r\n`, cut);
            await answered(client);
          } finally {
            client.close();
          }
        }),
      );
      expect(faults()).toEqual([]);
    },
    each + 60_000,
  );

  it('the server has kept its composure and its memory, and what is conserved', async () => {
    expect(faults()).toEqual([]);
    const client = await stage.raw();
    expect(await conserved(client)).toBe(1);
    client.close();
    // Every connection is closed by now: what it held is free, or will be with the next collection.
    expect((await stage.archivia.memory()) - memory).toBeLessThan(250 * MEGABYTE);
  });
});

async function conserved(client: RawImap): Promise<number> {
  const reply = await client.command('STATUS "Conservazione/2026/01/Ricevute" (MESSAGES)');
  return Number(/MESSAGES (\d+)/.exec(reply.raw.toString())?.[1] ?? 0);
}

/** Lines of the server's log that no client may bring about: errors, and what Node says of its own accord. */
function faults(): string[] {
  return stage.archivia.log.filter(line => /"level":[56]0|unhandled|uncaught|Warning:/i.test(line));
}
