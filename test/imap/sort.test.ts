import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { startTwins, type TwinMessage } from './support/dovecot-twin.ts';
import { type Client, Engine } from './support/engine.ts';

let engine: Engine;
beforeAll(async () => {
  engine = await Engine.start();
});
afterEach(() => expect(engine.errors).toEqual([]));
afterAll(() => engine.stop());

interface Parts {
  readonly subject?: string;
  readonly from?: string;
  readonly to?: string;
  readonly cc?: string;
  readonly date?: string;
  readonly body?: string;
}

function mail(parts: Parts): string {
  const field = (name: string, value: string | undefined) => (value === undefined ? [] : [`${name}: ${value}`]);
  return [
    ...field('From', parts.from),
    ...field('To', parts.to),
    ...field('Cc', parts.cc),
    ...field('Subject', parts.subject),
    ...field('Date', parts.date),
    '',
    parts.body ?? '',
    '',
  ].join('\r\n');
}

async function mailbox(messages: readonly { parts: Parts; arrived?: number }[]): Promise<Client> {
  const account = await engine.account();
  const client = await account.login();
  for (const { parts, arrived } of messages) await account.deliver('INBOX', mail(parts), [], arrived);
  await client.ok('SELECT INBOX');
  return client;
}

describe('SORT', () => {
  it('orders by each key and its reverse', async () => {
    const day = 86_400_000;
    const client = await mailbox([
      {
        parts: { subject: 'Re: beta', from: 'zeno@x.example', to: 'a@x.example', cc: 'q@x.example' },
        arrived: 3 * day,
      },
      { parts: { subject: 'alfa', from: 'Anna <carla@x.example>', to: 'c@x.example', body: 'lungo' }, arrived: day },
      { parts: { subject: 'Fwd: Beta', from: 'Bruno <bruno@x.example>', to: 'b@x.example' }, arrived: 2 * day },
    ]);
    const sorted = async (keys: string) => (await client.data(`SORT (${keys}) UTF-8 ALL`))[0];
    expect(await sorted('ARRIVAL')).toBe('* SORT 2 3 1');
    expect(await sorted('REVERSE ARRIVAL')).toBe('* SORT 1 3 2');
    // Without a Date field, INTERNALDATE counts.
    expect(await sorted('DATE')).toBe('* SORT 2 3 1');
    expect(await sorted('SUBJECT')).toBe('* SORT 2 1 3');
    expect(await sorted('REVERSE SUBJECT')).toBe('* SORT 1 3 2');
    expect(await sorted('SUBJECT REVERSE ARRIVAL')).toBe('* SORT 2 1 3');
    expect(await sorted('SUBJECT ARRIVAL')).toBe('* SORT 2 3 1');
    expect(await sorted('FROM')).toBe('* SORT 3 2 1');
    expect(await sorted('DISPLAYFROM')).toBe('* SORT 2 3 1');
    expect(await sorted('TO')).toBe('* SORT 1 3 2');
    expect(await sorted('CC')).toBe('* SORT 2 3 1');
    expect(await sorted('REVERSE SIZE')).toMatch(/^\* SORT \d \d \d$/);
  });

  it('takes every search key, and UIDs', async () => {
    const client = await mailbox(['uno', 'due', 'tre', 'quattro'].map(subject => ({ parts: { subject } })));
    await client.ok('STORE 2 +FLAGS.SILENT (\\Deleted)');
    await client.ok('EXPUNGE');
    expect(await client.data('UID SORT (SUBJECT) UTF-8 NOT SUBJECT uno')).toEqual(['* SORT 4 3']);
    expect(await client.data('SORT (SUBJECT) US-ASCII 2:3')).toEqual(['* SORT 3 2']);
    expect(await client.data('SORT (SUBJECT) UTF-8 SUBJECT nulla')).toEqual(['* SORT']);
    expect((await client.data('SORT (SUBJECT) UTF-8 MODSEQ 1')).at(-1)).toMatch(/^\* SORT 3 2 1 \(MODSEQ \d+\)$/);
  });

  it('RETURN: first, last, some, all in order, and saved', async () => {
    const client = await mailbox(['d', 'c', 'b', 'a'].map(subject => ({ parts: { subject } })));
    const result = async (options: string) =>
      (await client.run(`SORT RETURN (${options}) (SUBJECT) UTF-8 ALL`)).map(line => line.replace(/"[^"]*"/, '"x"'));
    expect((await result(''))[0]).toBe('* ESEARCH (TAG "x") ALL 4,3,2,1');
    expect((await result('MIN MAX COUNT'))[0]).toBe('* ESEARCH (TAG "x") MIN 4 MAX 1 COUNT 4');
    expect((await result('PARTIAL 2:3'))[0]).toBe('* ESEARCH (TAG "x") PARTIAL (2:3 3,2)');
    expect((await result('PARTIAL 9:12'))[0]).toBe('* ESEARCH (TAG "x") PARTIAL (9:12 NIL)');
    expect(await result('SAVE')).toEqual(['OK Sort completed.']);
    expect(await client.data('SEARCH $')).toEqual(['* SEARCH 1 2 3 4']);
    await result('SAVE MIN');
    expect(await client.data('SEARCH $')).toEqual(['* SEARCH 4']);
    await result('SAVE PARTIAL 1:2');
    expect(await client.data('SEARCH $')).toEqual(['* SEARCH 3 4']);
    expect((await result('UPDATE COUNT')).slice(0, 2)).toEqual([
      '* ESEARCH (TAG "x") COUNT 4',
      '* OK [NOUPDATE "x"] No updates of sorted results.',
    ]);
  });

  it('refuses what it does not know', async () => {
    const client = await mailbox([{ parts: { subject: 'uno' } }]);
    expect(await client.answer('SORT () UTF-8 ALL')).toMatch(/^BAD /);
    expect(await client.answer('SORT (COLOUR) UTF-8 ALL')).toMatch(/^BAD /);
    expect(await client.answer('SORT (REVERSE) UTF-8 ALL')).toMatch(/^BAD /);
    expect(await client.answer('SORT (DATE) ALL')).toMatch(/^BAD /);
    expect(await client.answer('SORT RETURN (ALL PARTIAL 1:2) (DATE) UTF-8 ALL')).toMatch(/^BAD /);
    expect(await client.answer('SORT (DATE) KOI8-R ALL')).toMatch(/^NO \[BADCHARSET/);
  });

  it('works in the trees', async () => {
    const date = 'Mon, 1 Jun 2026 10:00:00 +0200';
    const arrived = Date.parse('2026-06-01T10:00:00+02:00');
    const client = await mailbox(['b', 'a'].map(subject => ({ parts: { subject, date }, arrived })));
    await client.ok('COPY 1:2 Archivio');
    for (const name of ['Archivio', 'Archivio/2026/06', 'Archivio/2026/06/Ordinaria']) {
      await client.ok(`SELECT "${name}"`);
      expect(await client.data('SORT (SUBJECT) UTF-8 ALL')).toEqual(['* SORT 2 1']);
      expect(await client.data('THREAD REFERENCES UTF-8 ALL')).toEqual(['* THREAD (1)(2)']);
    }
  });
});

const subject = fc
  .array(
    fc.constantFrom(
      'Re: ',
      'RE:',
      're [x]: ',
      'Fwd: ',
      'FW:',
      'R: ',
      '[lista] ',
      '[Fwd: ',
      ']',
      ' (fwd)',
      '(FWD)',
      '  ',
      '\t',
      'fattura',
      'Fattura',
      'perch=',
      'È',
      'ß',
      'ﬁne',
      'Ωμέγα',
      'ᾳ',
      '한',
      '=?utf-8?q?Citt=C3=A0?=',
      '=?utf-8?b?UmU6IG9yZGluZQ==?=',
      '=?iso-8859-1?q?perch=E9?=',
      '\r\n folded',
      '٣',
      '𝒳',
      'I',
      'ı',
      'İ',
    ),
    { maxLength: 6 },
  )
  .map(pieces => pieces.join(''));
const address = fc.constantFrom(
  undefined,
  '',
  'anna@x.example',
  'Anna <anna@x.example>',
  '"Bianchi, Bruno" <bruno@x.example>',
  '=?utf-8?q?=C3=89lite?= <zeta@x.example>',
  'elite <ALFA@x.example>',
  'undisclosed-recipients:;',
  'Gruppo: carlo@x.example, dora@x.example;',
  'solo-nome',
  '<@via.example:giro@x.example>',
  'ettore@x.example (Ettore)',
  '"" <vuoto@x.example>',
  'Anna\r\n\t<zoe@x.example>',
);
const date = fc.constantFrom(
  undefined,
  'Mon, 1 Jun 2026 10:00:00 +0200',
  'Mon, 1 Jun 2026 09:30:00 +0000',
  '1 Jun 2026 09:59:59 +0200',
  'Sun, 31 May 2026 23:00:00 -0800',
  'domani',
  'Tue, 2 Jun 2026 08:00 GMT',
);

describe('SORT and Dovecot', () => {
  it('agree on odd messages', async () => {
    const parts = fc.record({
      subject,
      from: address,
      to: address,
      cc: address,
      date,
      body: fc.string({ maxLength: 9 }),
    });
    const messages = fc.sample(parts, { numRuns: 250, seed: 20_261_121 }).map(
      (sample, index): TwinMessage => ({
        raw: Buffer.from(mail(sample)).toString('latin1'),
        internalDate: 1_780_000_000_000 + ((index * 7919) % 40) * 1000,
      }),
    );
    const twins = await startTwins(engine, messages);
    try {
      for (const keys of [
        'ARRIVAL',
        'REVERSE ARRIVAL',
        'DATE',
        'SIZE',
        'FROM',
        'TO',
        'CC',
        'SUBJECT',
        'REVERSE SUBJECT',
        'DISPLAYFROM',
        'DISPLAYTO',
        'SUBJECT REVERSE DATE',
        'REVERSE TO DISPLAYFROM SIZE',
      ]) {
        const { ours, dovecots } = await twins.both(`UID SORT (${keys}) UTF-8 ALL`);
        expect(ours, keys).toEqual(dovecots);
      }
      for (const options of ['', 'ALL COUNT', 'MIN', 'MAX', 'PARTIAL 10:20', 'PARTIAL 300:400', 'COUNT MIN MAX']) {
        const { ours, dovecots } = await twins.both(`SORT RETURN (${options}) (SUBJECT) UTF-8 UNDELETED`);
        expect(words(ours), options).toEqual(words(dovecots));
      }
      const { ours, dovecots } = await twins.both('THREAD ORDEREDSUBJECT UTF-8 ALL');
      expect(ours).toEqual(dovecots);
    } finally {
      await twins.close();
    }
  });
});

/** Return data in any order. */
function words(lines: readonly string[]): string[][] {
  return lines.map(line => line.split(' ').sort());
}
