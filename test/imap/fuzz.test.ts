import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { COMMANDS } from '../../src/imap/commands/index.ts';
import { assertFor } from '../support/fuzz.ts';
import { type Client, Engine, message, type TestAccount } from './support/engine.ts';

const ANSWER_MILLISECONDS = 2_000;

let engine: Engine;
let account: TestAccount;
const rejections: unknown[] = [];
const onRejection = (reason: unknown) => rejections.push(reason);

beforeAll(async () => {
  process.on('unhandledRejection', onRejection);
  engine = await Engine.start();
  account = await engine.account();
  (await account.login()).close();
});
afterAll(async () => {
  process.off('unhandledRejection', onRejection);
  await engine.stop();
});

const word = fc.oneof(
  fc.constantFrom(...COMMANDS.keys()),
  fc.constantFrom(
    'INBOX',
    '"INBOX"',
    'Archivio',
    '--ARCHIVIA--',
    'Conservazione',
    '"Archivio/2026"',
    '*',
    '%',
    '""',
    'NIL',
  ),
  fc.constantFrom(
    '1',
    '1:*',
    '*',
    '0',
    '4294967296',
    '$',
    '(',
    ')',
    '((',
    '[',
    ']',
    '<0.1>',
    '{0}',
    '{3+}',
    '{5}',
    '~{2+}',
  ),
  fc.constantFrom(
    'FLAGS',
    '+FLAGS.SILENT',
    '(\\Seen)',
    '\\Deleted',
    'BODY[]',
    'BODY.PEEK[1.MIME]',
    'BODY[HEADER.FIELDS (A)]',
  ),
  fc.constantFrom(
    'ALL',
    'NOT',
    'OR',
    'UID',
    'CHARSET',
    'UTF-8',
    'RETURN',
    '(MIN)',
    '(SAVE)',
    'SINCE',
    '1-Jan-2026',
    'HEADER',
  ),
  fc.constantFrom(
    '(QRESYNC (1 1))',
    '(CHANGEDSINCE 0)',
    '(CONDSTORE)',
    'ENABLE',
    'QRESYNC',
    'DONE',
    '\r\n',
    '\n',
    '\0',
    '"',
  ),
  fc.string({ maxLength: 8 }),
  fc.nat().map(String),
);
const words = fc.array(word, { maxLength: 8 }).map(parts => parts.join(' '));
const octets = fc.uint8Array({ maxLength: 60 }).map(bytes => Buffer.from(bytes).toString('latin1'));
const lines = fc.array(
  fc.oneof({ weight: 5, arbitrary: words.map(text => `a ${text}`) }, { weight: 1, arbitrary: octets }),
  {
    minLength: 1,
    maxLength: 5,
  },
);

/** Answered in the end: the marker's OK, or BYE, or nothing because a literal is still awaited and the client leaves. */
async function answered(client: Client, input: readonly string[]): Promise<void> {
  // The server may have hung up: what it said before that is still to be read.
  const send = (text: string) => client.send(text).catch(() => {});
  await send(`${input.join('\r\n')}\r\n`);
  // Whatever literal, IDLE or AUTHENTICATE was begun takes this as its end.
  await send(`\r\nDONE\r\n*\r\n${' '.repeat(10)}\r\nzz NOOP\r\n`);
  for (;;) {
    const response = await client.response(ANSWER_MILLISECONDS);
    if (response === null || /^(\* BYE|zz )/.test(response.toString('latin1'))) return;
    // A literal was invited: the marker has become part of it.
    if (response.toString('latin1').startsWith('+ OK')) await send(`${'x'.repeat(64)}\r\nzz NOOP\r\n`);
  }
}

describe.each(['not authenticated', 'authenticated', 'selected'])('%s', state => {
  it('any octets get an answer or goodbye', async () => {
    await account.deliver('INBOX', message(`per ${state}`));
    await assertFor(
      2_500,
      fc.asyncProperty(lines, async input => {
        const client = state === 'not authenticated' ? engine.connect() : await account.login();
        try {
          if (state === 'not authenticated') await client.response();
          if (state === 'selected') await client.ok('SELECT INBOX');
          // A tagged LOGIN or LOGOUT is as welcome as any other input.
          await answered(client, input);
        } finally {
          client.close();
        }
      }),
    );
    expect(engine.errors).toEqual([]);
    expect(rejections).toEqual([]);
  });
});
