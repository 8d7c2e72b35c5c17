import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { assertFor } from '../support/fuzz.ts';
import { type Client, Engine, message } from './support/engine.ts';

/** What a stranger writes into a message or a name must not become a response of its own. */

let engine: Engine;
beforeAll(async () => {
  engine = await Engine.start();
});
afterEach(() => expect(engine.errors).toEqual([]));
afterAll(() => engine.stop());

const ITEMS = '(UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODYSTRUCTURE BODY.PEEK[HEADER] BODY.PEEK[1.MIME])';

/** Parentheses, strings and literals of one response: balanced, no control character outside of literals. */
function wellFormed(response: string): void {
  let depth = 0;
  const fail = (at: number, what: string) => {
    throw new Error(`${what} in ${JSON.stringify(response.slice(Math.max(0, at - 80), at + 20))}`);
  };
  const literal = /~?\{(\d+)\}\r\n/y;
  for (let at = 0; at < response.length; at++) {
    literal.lastIndex = at;
    const mark = literal.exec(response);
    if (mark !== null) {
      at = literal.lastIndex + Number(mark[1]) - 1;
      continue;
    }
    const character = response[at] ?? '';
    if (character < ' ' || character > '~') fail(at, 'an octet that must not stand there');
    if (character === '"') {
      for (at++; response[at] !== '"'; at++) {
        if (response[at] === '\\') at++;
        if (!/^[^\r\n\0]$/.test(response[at] ?? '')) fail(at, 'a quoted string that goes on');
      }
    } else if (character === '(') depth++;
    else if (character === ')' && --depth < 0) fail(at, 'a parenthesis too many');
  }
  if (depth !== 0) fail(response.length, 'a parenthesis too few');
}

async function checkAll(client: Client, count: number): Promise<void> {
  const lines = await client.data(`FETCH 1:* ${ITEMS}`);
  expect(lines).toHaveLength(count);
  for (const line of lines) {
    expect(line).toMatch(/^\* \d+ FETCH \(UID /);
    wellFormed(line);
  }
}

it('crafted headers stay inside their FETCH response', async () => {
  const account = await engine.account();
  const evil = [
    'Subject: a\r* 99 EXISTS\r\nFrom: x@pec.example.it',
    'Subject: a\n* 99 EXISTS\nFrom: x@pec.example.it',
    'Subject: =?utf-8?q?a=0D=0A*_99_EXISTS=0D=0At1_OK_x?=',
    'Subject: =?utf-8?b?DQoqIDk5IEVYSVNUUw0K?=',
    'Subject: a\0b "c" \\d {3}',
    'Subject: {3}\r\n abc)',
    'From: "a\r\n * 99 EXISTS" <x"y\\z@pec.example.it>',
    'From: "\\"" <a@b>, {5}, (((, "unfinished\r\nTo: <>',
    `From: ${'a,'.repeat(5_000)}`,
    'From: gruppo: a@b, "c\\d" <e@f>;',
    'Message-ID: <a\0b> "c"\r\nIn-Reply-To: {9}\r\nDate: "x\\',
    'Content-Type: text/plain; name="a\r\n\tb\\"c"; charset={3}',
    'Content-Type: multipart/mixed; boundary="x"\r\n\r\n--x\r\nContent-Type: a/b; n*0*=utf-8\'\'%0D%0A; n*1="{2}"\r\n\r\n--x--',
    'Content-Type: application/pdf; name="=?utf-8?q?=0D=0Ax?="\r\nContent-Disposition: attachment; filename="=?utf-8?q?=00=0A?="',
    'Content-Type: message/rfc822\r\nContent-Description: a\rb\0c\r\n\r\nSubject: nested\r* 98 EXISTS\r\n\r\nx',
    'Content-ID: <\x01\x02>\r\nContent-MD5: "\r\nContent-Language: it, "en\r\nContent-Location: \\',
  ];
  const client = await account.login();
  for (const header of evil) await account.deliver('INBOX', `${header}\r\n\r\ncorpo`);
  await client.ok('SELECT INBOX');
  await checkAll(client, evil.length);
  // The views show the same.
  await client.ok('COPY 1:* Archivio');
  await client.ok('SELECT Archivio');
  await checkAll(client, evil.length);
});

it('any octets in any header stay inside', async () => {
  const account = await engine.account();
  const client = await account.login();
  const name = fc.constantFrom(
    'Subject',
    'From',
    'To',
    'Sender',
    'Date',
    'Message-ID',
    'Content-Type',
    'Content-Disposition',
    'Content-ID',
    'Content-Transfer-Encoding',
    'Content-Language',
    'In-Reply-To',
  );
  const piece = fc.oneof(
    fc.constantFrom(
      '\r',
      '\n',
      '\0',
      '"',
      '\\',
      '(',
      ')',
      '{3}',
      '<',
      '>',
      ';',
      '=',
      ',',
      '=?utf-8?q?',
      '?=',
      '=0D=0A',
      '\r\n ',
      '\r\n',
      'multipart/mixed; boundary=b',
      '\r\n\r\n--b\r\n',
    ),
    fc.uint8Array({ maxLength: 6 }).map(octets => Buffer.from(octets).toString('latin1')),
    fc.string({ maxLength: 6 }),
  );
  const header = fc.tuple(name, fc.array(piece, { maxLength: 8 })).map(([key, parts]) => `${key}: ${parts.join('')}`);
  let count = 0;
  await assertFor(
    5_000,
    fc.asyncProperty(fc.array(header, { minLength: 1, maxLength: 5 }), async headers => {
      await account.deliver('INBOX', Buffer.from(`${headers.join('\r\n')}\r\n\r\ncorpo ${++count}`, 'latin1'));
      await client.ok('SELECT INBOX');
      const lines = await client.data(`FETCH * ${ITEMS}`);
      expect(lines).toHaveLength(1);
      wellFormed(lines[0] ?? '');
    }),
  );
});

it('names of mailboxes, keywords and search texts cannot hold a line break', async () => {
  const account = await engine.account();
  const client = await account.login();
  await account.deliver('INBOX', message('uno'));
  const literal = (text: string) => `{${text.length}+}\r\n${text}`;
  for (const name of ['a\r\n* 99 EXISTS', 'a\rb', 'a\nb', 'a\0b', '&AA0ACg-x', '&AAAACg-']) {
    expect(await client.answer(`CREATE ${literal(name)}`), JSON.stringify(name)).toMatch(/^(NO|BAD) /);
  }
  await client.ok(`CREATE ${literal('Con "virgolette" e \\barre {3}')}`);
  const list = await client.data('LIST "" *');
  for (const line of list) wellFormed(line.replace(/^\* LIST /, ''));
  expect(list.some(line => line.endsWith('"Con \\"virgolette\\" e \\\\barre {3}"'))).toBe(true);
  await client.ok('SELECT INBOX');
  for (const flag of ['$a\rb', '$a\0', '$\xe8', '$a"', '$a{3}']) {
    expect(await client.answer(`STORE 1 +FLAGS (${flag})`), JSON.stringify(flag)).toMatch(/^BAD /);
  }
  expect(await client.data(`SEARCH SUBJECT ${literal('x\r\n* 99 EXISTS')}`)).toEqual(['* SEARCH']);
});
