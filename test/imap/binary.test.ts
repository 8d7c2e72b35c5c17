import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { decodeBase64, decodeQuotedPrintable } from '../../src/mime/transfer.ts';
import { Dovecot } from '../mime/dovecot.ts';
import { type Client, Engine } from './support/engine.ts';
import { literals } from './support/literals.ts';

let engine: Engine;
beforeAll(async () => {
  engine = await Engine.start();
});
afterEach(() => expect(engine.errors).toEqual([]));
afterAll(() => engine.stop());

async function mailbox(...messages: readonly string[]): Promise<Client> {
  const account = await engine.account();
  const client = await account.login();
  for (const raw of messages) await account.deliver('INBOX', Buffer.from(raw, 'latin1'));
  await client.ok('SELECT INBOX');
  return client;
}

function parts(...bodies: readonly (readonly [encoding: string, body: string])[]): string {
  return [
    'Subject: parti',
    'Content-Type: multipart/mixed; boundary="b"',
    '',
    ...bodies.flatMap(([encoding, body]) => [
      '--b',
      'Content-Type: application/octet-stream',
      `Content-Transfer-Encoding: ${encoding}`,
      '',
      body,
    ]),
    '--b--',
    '',
  ].join('\r\n');
}

function base64(content: Uint8Array, line = 76): string {
  return (
    Buffer.from(content)
      .toString('base64')
      .match(new RegExp(`.{1,${line}}`, 'g')) ?? []
  ).join('\r\n');
}

/** Octets that look like none of the encodings, NUL among them. */
function octets(length: number, seed = 1): Buffer {
  const bytes = Buffer.alloc(length);
  for (let at = 0, state = seed; at < length; at++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    bytes[at] = state >>> 16;
  }
  return bytes;
}

function quotedPrintable(content: Uint8Array): string {
  const text = [...content].map(octet => `=${octet.toString(16).toUpperCase().padStart(2, '0')}`).join('');
  return (text.match(/.{1,75}/g) ?? []).join('=\r\n').replace(/(=?[0-9A-F]?)=\r\n/g, '$1=\r\n');
}

describe('FETCH BINARY', () => {
  it('gives decoded parts, their sizes and pieces of them', async () => {
    const client = await mailbox(
      parts(
        ['base64', base64(Buffer.from('ciao\0mondo'))],
        ['quoted-printable', 'perch=C3=A9 =\r\nno'],
        ['7bit', 'x=41'],
      ),
    );
    const fetch = (items: string) => client.data(`FETCH 1 (${items})`);
    expect(await fetch('BINARY.SIZE[1] BINARY.SIZE[2] BINARY.SIZE[3] BINARY.SIZE[4]')).toEqual([
      '* 1 FETCH (BINARY.SIZE[1] 10 BINARY.SIZE[2] 10 BINARY.SIZE[3] 4 BINARY.SIZE[4] 0)',
    ]);
    expect(await fetch('BINARY.PEEK[1]')).toEqual(['* 1 FETCH (BINARY[1] ~{10}\r\nciao\0mondo)']);
    expect(await fetch('BINARY.PEEK[2]')).toEqual(['* 1 FETCH (BINARY[2] ~{10}\r\nperch\xc3\xa9 no)']);
    expect(await fetch('BINARY.PEEK[1]<3.4>')).toEqual(['* 1 FETCH (BINARY[1]<3> ~{4}\r\no\0mo)']);
    expect(await fetch('BINARY.PEEK[1]<8.90>')).toEqual(['* 1 FETCH (BINARY[1]<8> ~{2}\r\ndo)']);
    expect(await fetch('BINARY.PEEK[1]<20.9>')).toEqual(['* 1 FETCH (BINARY[1]<20> ~{0}\r\n)']);
    expect(await fetch('BINARY.PEEK[9]')).toEqual(['* 1 FETCH (BINARY[9] NIL)']);
    expect(await fetch('BINARY[3]')).toEqual(['* 1 FETCH (BINARY[3] ~{4}\r\nx=41 FLAGS (\\Seen))']);
    expect(await client.answer('FETCH 1 BINARY[1.MIME]')).toMatch(/^BAD /);
    expect(await client.answer('FETCH 1 BINARY[HEADER]')).toMatch(/^BAD /);
    expect(await client.answer('FETCH 1 BINARY.SIZE[1]<0.1>')).toMatch(/^BAD /);
  });

  it('the whole message and parts that hold parts are as they are', async () => {
    const inner = 'Subject: dentro\r\nContent-Transfer-Encoding: base64\r\n\r\nY2lhbw==\r\n';
    const raw = `Content-Type: message/rfc822\r\n\r\n${inner}`;
    const client = await mailbox(raw);
    const [all] = literals(await client.data('FETCH 1 BINARY.PEEK[]'));
    expect(all?.toString('latin1')).toBe(raw);
    expect(await client.data('FETCH 1 BINARY.SIZE[]')).toEqual([`* 1 FETCH (BINARY.SIZE[] ${raw.length})`]);
    expect(literals(await client.data('FETCH 1 BINARY.PEEK[1]'))[0]?.toString()).toBe(inner);
    expect(literals(await client.data('FETCH 1 BINARY.PEEK[1.1]'))[0]?.toString()).toBe('ciao');
  });

  it('an encoding that nobody knows is [UNKNOWN-CTE], and other messages are served', async () => {
    const client = await mailbox(parts(['x-uuencode', 'begin 644']), parts(['base64', 'Y2lhbw==']));
    const lines = await client.run('FETCH 1:2 (UID BINARY.PEEK[1])');
    expect(lines[0]).toBe('* 2 FETCH (UID 2 BINARY[1] ~{4}\r\nciao)');
    expect(lines.at(-1)).toMatch(/^NO \[UNKNOWN-CTE\] /);
    expect(await client.answer('FETCH 1 BINARY.SIZE[1]')).toMatch(/^NO \[UNKNOWN-CTE\] /);
    const seen = await client.run('FETCH 1 BINARY[1]');
    expect(seen).toEqual(['* 1 FETCH (FLAGS (\\Seen))', expect.stringMatching(/^NO \[UNKNOWN-CTE\] /)]);
  });

  it('large parts of every make, whole and in pieces', async () => {
    const content = octets(1_500_000);
    const crooked = base64(content, 61);
    const client = await mailbox(
      parts(
        ['base64', base64(content)],
        ['base64', crooked],
        ['quoted-printable', quotedPrintable(content.subarray(0, 700_000))],
        [
          'quoted-printable',
          [...content.subarray(0, 400_000)].map(o => `=${o.toString(16).padStart(2, '0')}`).join(''),
        ],
        ['base64', `${base64(content.subarray(0, 500_000))}\r\n${base64(content.subarray(0, 400_001))}==\r\n!\r\n`],
      ),
    );
    const expected = [
      content,
      content,
      content.subarray(0, 700_000),
      content.subarray(0, 400_000),
      decodeBase64(Buffer.from(`${base64(content.subarray(0, 500_000))}${base64(content.subarray(0, 400_001))}==`)),
    ];
    for (const [index, whole] of expected.entries()) {
      const part = index + 1;
      expect(await client.data(`FETCH 1 BINARY.SIZE[${part}]`)).toEqual([
        `* 1 FETCH (BINARY.SIZE[${part}] ${whole.length})`,
      ]);
      const [got] = literals(await client.data(`FETCH 1 BINARY.PEEK[${part}]`));
      expect(got?.equals(whole), `part ${part}`).toBe(true);
      for (const [start, length] of [
        [0, 10],
        [262_143, 3],
        [399_000, 300_000],
        [390_000, 65_536],
        [0, 4_000_000],
      ]) {
        const [piece] = literals(await client.data(`FETCH 1 BINARY.PEEK[${part}]<${start}.${length}>`));
        const end = (start ?? 0) + (length ?? 0);
        expect(piece?.equals(whole.subarray(start, end)), `part ${part} from ${start}`).toBe(true);
      }
    }
  }, 30_000);

  it('any body, cut anywhere, is what decoding it whole gives', async () => {
    const account = await engine.account();
    const client = await account.login();
    const piece = fc.constantFrom(
      'QUJD',
      'QQ==',
      'A',
      '=',
      '\r\n',
      '\n',
      ' ',
      '\t',
      '=41',
      '=\r\n',
      '= \r\n',
      'é',
      '=4',
      '!',
    );
    const samples = fc.sample(
      fc.record({
        encoding: fc.constantFrom('base64', 'quoted-printable'),
        body: fc.array(piece, { minLength: 1, maxLength: 60 }).map(list => list.join('')),
        start: fc.nat(40),
        length: fc.integer({ min: 1, max: 40 }),
      }),
      { numRuns: 150, seed: 7 },
    );
    for (const { encoding, body } of samples) {
      const raw = `Content-Transfer-Encoding: ${encoding}\r\n\r\n${body}`;
      await account.deliver('INBOX', Buffer.from(raw, 'latin1'));
    }
    await client.ok('SELECT INBOX');
    for (const [index, { encoding, body, start, length }] of samples.entries()) {
      const bytes = Buffer.from(body, 'latin1');
      const whole = encoding === 'base64' ? decodeBase64(bytes) : decodeQuotedPrintable(bytes);
      const data = await client.data(`FETCH ${index + 1} (BINARY.PEEK[1]<${start}.${length}> BINARY.SIZE[1])`);
      expect(literals(data)[0]?.toString('latin1')).toBe(whole.subarray(start, start + length).toString('latin1'));
      expect(data.join()).toContain(`BINARY.SIZE[1] ${whole.length}`);
    }
  });

  it('Dovecot gives the same', async () => {
    const raw = parts(
      ['base64', base64(octets(5_000, 3))],
      ['quoted-printable', 'a=3D b   \r\nc=\r\nd=E8'],
      ['8bit', 'perch\xe8'],
      ['base64', 'QUJDRA=='],
    );
    const client = await mailbox(raw);
    const dovecot = await Dovecot.start([Buffer.from(raw, 'latin1')]);
    try {
      for (const part of ['1', '2', '3', '4', '1', '2']) {
        for (const items of [`BINARY.PEEK[${part}]`, `BINARY.PEEK[${part}]<2.300>`, `BINARY.SIZE[${part}]`]) {
          const ours = (await client.data(`FETCH 1 ${items}`)).join('\r\n');
          const theirs = (await dovecot.command(`FETCH 1 ${items}`)).toString('latin1');
          expect(ours.replace('~', '')).toBe(theirs.replace('~', '').replace(/\r\n$/, ''));
        }
      }
    } finally {
      await dovecot.close();
    }
  });
});
