import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeMessage, extractSearchText } from '../../src/mime/index.ts';
import { romeDay } from '../../src/store/catalog/rome.ts';
import type { SearchCriteria } from '../../src/store/criteria.ts';
import { fold, foldColumns, headerMatches, matches, type TextColumns } from '../../src/store/search/fold.ts';
import { withDatabase } from './premises.ts';
import { ADDRESS, ARCHIVE, type Bench, bench, INTAKE, message, put } from './support.ts';

/** Words of many scripts, with what folding and tokenizing stumble over. */
const WORDS = [
  'perché',
  'PERCHÉ',
  'perche\u0301',
  'Città',
  'straße',
  'STRASSE',
  'İstanbul',
  'ﬁne',
  'Σίσυφος',
  'ΣΊΣΥΦΟΣ',
  'ёлка',
  'Елка',
  '東京都',
  'か\u3099',
  'が',
  '가각',
  'हिन्दी',
  'שלום',
  'مرحبا',
  '😀😀😀',
  'a😀b',
  "O'Neill",
  '"virgolette"',
  'a*b',
  'x(y)',
  'AND',
  'NEAR',
  'n°12/2026',
  'mario.rossi@pec.example.it',
  'e',
  'il',
  'ab',
  'aba',
  'ababab',
  '100%',
  '_',
  '\\',
  'ß',
  'ŉ',
  'ǅ',
  'Ⅷ',
  '\u00ad',
  '\u200b',
];
const word = fc.constantFrom(...WORDS);
const text = fc
  .array(fc.oneof(word, fc.string({ maxLength: 6, unit: 'grapheme' })), { maxLength: 8 })
  .map(words => words.join(' '));
const oneLine = text.map(value => value.replace(/[\r\n\0]/g, ' '));

interface Stored {
  readonly uid: number;
  readonly raw: string;
  readonly flags: readonly string[];
  readonly internalDate: number;
  readonly modseq: number;
}

let b: Bench;
const corpus: Stored[] = [];

beforeAll(async () => {
  b = await bench();
  const samples = fc.sample(fc.record({ subject: oneLine, body: text, from: oneLine, extra: oneLine }), {
    numRuns: 60,
    seed: 4,
  });
  const FLAGS = ['\\Seen', '\\Flagged', '\\Answered', '$Lavoro', 'Urgente'];
  for (const [index, { subject, body, from, extra }] of samples.entries()) {
    const raw = message(`s${index}`, {
      subject,
      body,
      from: `"${from.replace(/["\\]/g, '')}" <mittente${index}@pec.example.it>`,
      extra: `X-Extra: ${extra}`,
      date: `${String((index % 28) + 1)} Nov 2026 23:59:00 -0800`,
    });
    const flags = FLAGS.filter((_, bit) => (index >> bit) & 1);
    const internalDate = Date.UTC(2026, 9, 1) + index * 7 * 3_600_000;
    const { uid } = await put(b.account, ARCHIVE, raw, { flags, internalDate });
    corpus.push({ uid, raw, flags, internalDate, modseq: 0 });
  }
  const rows = await b.account.fetch(
    ARCHIVE,
    corpus.map(({ uid }) => uid),
    { columns: ['flags'], sections: [], markSeen: false },
  );
  rows.forEach((row, index) => {
    corpus[index] = { ...(corpus[index] as Stored), modseq: row.modseq };
  });
});
afterAll(() => b.end());

/** Each message's own text, by its octets. */
const decoded = new Map<string, TextColumns>();

/** The plain scan that SEARCH must equal: each message decoded and looked at on its own. */
function naive({ uid, raw, flags, internalDate, modseq }: Stored, criteria: SearchCriteria): boolean {
  const again = (operand: SearchCriteria): boolean => naive({ uid, raw, flags, internalDate, modseq }, operand);
  const octets = Buffer.from(raw);
  const columns = (): TextColumns => {
    const known = decoded.get(raw) ?? foldColumns(extractSearchText(octets, describeMessage(octets)));
    decoded.set(raw, known);
    return known;
  };
  switch (criteria.op) {
    case 'and':
      return criteria.operands.every(again);
    case 'or':
      return criteria.operands.some(again);
    case 'not':
      return !again(criteria.operand);
    case 'uid':
      return criteria.set.some(([first, last]) => uid >= Math.min(first, last) && uid <= Math.max(first, last));
    case 'flag':
      return flags.some(flag => flag.toLowerCase() === criteria.flag.toLowerCase());
    case 'larger':
      return octets.length > criteria.size;
    case 'smaller':
      return octets.length < criteria.size;
    case 'modseq':
      return modseq >= criteria.value;
    case 'before':
    case 'on':
    case 'since': {
      if (criteria.field === 'sent') {
        const day = `2026-11-${/^Date: (\d+)/m.exec(raw)?.[1]?.padStart(2, '0')}`;
        if (criteria.op === 'before') return day < criteria.day;
        return criteria.op === 'on' ? day === criteria.day : day >= criteria.day;
      }
      const at = criteria.field === 'internal' ? internalDate : Date.now();
      const { start, end } = romeDay(criteria.day) ?? { start: 0, end: 0 };
      if (criteria.op === 'before') return at < start;
      return criteria.op === 'since' ? at >= start : at >= start && at < end;
    }
    case 'younger':
      return internalDate >= Date.now() - criteria.seconds * 1000;
    case 'older':
      return internalDate <= Date.now() - criteria.seconds * 1000;
    case 'text':
      return matches(columns().header, criteria.needle) || matches(columns().body, criteria.needle);
    case 'header':
      return criteria.field !== '' && headerMatches(columns().header, criteria.field, criteria.needle);
    case 'message':
    case 'thread':
      throw new Error('not generated');
    case 'from':
      return matches(columns().sender, criteria.needle);
    case 'to':
      return matches(columns().recipient, criteria.needle);
    default:
      return matches(columns()[criteria.op], criteria.needle);
  }
}

/** A piece of a message's own text, so that most needles are found somewhere; or anything. */
const needle = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.tuple(fc.nat(59), fc.nat(400), fc.integer({ min: 1, max: 20 })).map(([index, start, length]) => {
      const characters = [...(corpus[index]?.raw ?? 'vuoto')];
      const from = start % characters.length;
      return characters
        .slice(from, from + length)
        .join('')
        .replace(/[\r\n]/g, '');
    }),
  },
  {
    weight: 3,
    arbitrary: fc.tuple(fc.nat(59), fc.nat(400), fc.constantFrom(1, 2)).map(([index, start, length]) => {
      const characters = [...(corpus[index]?.raw ?? 'vuoto')];
      return characters.slice(start % characters.length, (start % characters.length) + length).join('');
    }),
  },
  { weight: 2, arbitrary: word },
  { weight: 1, arbitrary: fc.string({ minLength: 1, maxLength: 3, unit: 'grapheme' }) },
  { weight: 1, arbitrary: fc.constantFrom('', 'a'.repeat(150), 'ab'.repeat(80), '\0', '\ud800') },
);
const day = fc
  .integer({ min: 1, max: 30 })
  .map(number => `2026-${number % 2 ? '10' : '11'}-${String(number).padStart(2, '0')}`);
const uid = fc.integer({ min: 1, max: 70 });

const { criteria } = fc.letrec<{ criteria: SearchCriteria }>(tie => ({
  criteria: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.record({ op: fc.constantFrom('text', 'body', 'subject', 'from', 'to', 'cc', 'bcc'), needle }),
    fc.record({
      op: fc.constant('header'),
      field: fc.constantFrom('Subject', 'X-Extra', 'from', 'MESSAGE-ID', 'x', '', 'X-Manca', 'X-É'),
      needle,
    }),
    fc.record({
      op: fc.constant('flag'),
      flag: fc.constantFrom('\\Seen', '\\flagged', '\\Recent', '$lavoro', 'URGENTE', 'manca'),
    }),
    fc.record({
      op: fc.constantFrom('before', 'on', 'since'),
      field: fc.constantFrom('internal', 'sent', 'saved'),
      day,
    }),
    fc.record({ op: fc.constantFrom('larger', 'smaller'), size: fc.integer({ min: 300, max: 600 }) }),
    fc.record({
      op: fc.constantFrom('younger', 'older'),
      seconds: fc.integer({ min: 0, max: 10_000_000 }).map(n => n * 3 + 0.5),
    }),
    fc.record({ op: fc.constant('modseq'), value: uid }),
    fc.record({ op: fc.constant('uid'), set: fc.array(fc.tuple(uid, uid), { maxLength: 14 }) }),
    fc.record({ op: fc.constantFrom('and', 'or'), operands: fc.array(tie('criteria'), { maxLength: 3 }) }),
    fc.record({ op: fc.constant('not'), operand: tie('criteria') }),
  ) as fc.Arbitrary<SearchCriteria>,
}));

describe('SEARCH', () => {
  it('equals a plain scan of the decoded text', async () => {
    await fc.assert(
      fc.asyncProperty(criteria, async program => {
        const expected = corpus.filter(stored => naive(stored, program)).map(stored => stored.uid);
        expect([...(await b.account.search(ARCHIVE, program))]).toEqual(expected);
      }),
      { numRuns: 400 },
    );
  });

  it('finds every text by every piece of itself', async () => {
    await fc.assert(
      fc.asyncProperty(needle, async piece => {
        const expected = corpus
          .filter(stored => naive(stored, { op: 'text', needle: piece }))
          .map(stored => stored.uid);
        expect([...(await b.account.search(ARCHIVE, { op: 'text', needle: piece }))]).toEqual(expected);
      }),
      { numRuns: 200 },
    );
  });

  it('takes many texts at once', async () => {
    const needles = WORDS.filter(piece => fold(piece) !== '');
    const operands = needles.map(piece => ({ op: 'body', needle: piece }) as const);
    const expected = corpus.filter(stored => operands.some(one => naive(stored, one))).map(stored => stored.uid);
    expect([...(await b.account.search(ARCHIVE, { op: 'or', operands }))]).toEqual(expected);
  });

  it('takes sets of many ranges', async () => {
    const odd = corpus.map(stored => stored.uid).filter(number => number % 2 === 1);
    const set = odd.map(number => [number, number] as const).reverse();
    expect([...(await b.account.search(ARCHIVE, { op: 'uid', set }))]).toEqual(odd);
    const rest = await b.account.search(ARCHIVE, { op: 'not', operand: { op: 'uid', set } });
    expect(rest.length).toBe(corpus.length - odd.length);
  });

  it('keeps to its view', async () => {
    const filed = await put(
      b.account,
      INTAKE,
      message('solo-qui', { body: 'parolaunica', date: 'Fri, 1 Jan 2027 10:00:00 +0100' }),
      {
        internalDate: Date.UTC(2027, 0, 1, 9),
      },
    );
    const found = { op: 'body', needle: 'parolaunica' } as const;
    expect([...(await b.account.search(INTAKE, found))]).toEqual([filed.uid]);
    expect([...(await b.account.search({ tree: 'archive', year: 2027 }, found))]).toEqual([61]);
    expect([...(await b.account.search({ tree: 'archive', year: 2026 }, found))]).toEqual([]);
    await b.account.remove(INTAKE, [filed.uid]);
    await b.account.remove(ARCHIVE, [61]);
    expect([...(await b.account.search(ARCHIVE, found))]).toEqual([]);
  });

  it('reads texts that are too long for the index', async () => {
    const long = message('lungo', { body: `${'riempitivo '.repeat(60_000)}ago nel pagliaio`, extra: 'X-Lungo: sì' });
    const { uid } = await put(b.account, ARCHIVE, long);
    expect([...(await b.account.search(ARCHIVE, { op: 'text', needle: 'AGO NEL pagl' }))]).toEqual([uid]);
    expect([...(await b.account.search(ARCHIVE, { op: 'header', field: 'x-lungo', needle: 'SI' }))]).toEqual([uid]);
    expect([...(await b.account.search(ARCHIVE, { op: 'body', needle: `${'riempitivo '.repeat(20)}ago` }))]).toEqual([
      uid,
    ]);
    await b.account.remove(ARCHIVE, [uid]);
  });

  it('finds the same when the index has been made quicker', async () => {
    const runs = async (): Promise<number> => {
      await b.store.close();
      const sql = "SELECT count(*) FROM word_run WHERE state = 'whole'";
      const count = await withDatabase(b.directory, db => db.prepare<[], number>(sql).pluck().get());
      await b.reopen();
      return count ?? 0;
    };
    const before = await runs();
    await b.account.compact();
    for (const piece of ['perche', 'virgolette', '東', 'zz', 'mittente7@pec.example.it']) {
      const program = { op: 'text', needle: piece } as const;
      const expected = corpus.filter(stored => naive(stored, program)).map(stored => stored.uid);
      expect([...(await b.account.search(ARCHIVE, program))]).toEqual(expected);
    }
    expect(await runs()).toBeLessThan(before);
  });

  it('finds words of a nested message and names of its attachments', async () => {
    const inner = message('interno', { body: 'dentro la busta' }).replace(
      'Content-Type: text/plain',
      'Content-Type: text/plain; name="allegatissimo.txt"',
    );
    const raw = [
      `From: posta-certificata@gestore-uno.example`,
      `To: ${ADDRESS}`,
      'Subject: POSTA CERTIFICATA: prova',
      'MIME-Version: 1.0',
      'Content-Type: multipart/mixed; boundary=q',
      '',
      '--q',
      'Content-Type: message/rfc822; name="postacert.eml"',
      'Content-Disposition: inline; filename="postacert.eml"',
      '',
      inner,
      '--q--',
      '',
    ].join('\r\n');
    const { uid } = await put(b.account, ARCHIVE, raw);
    for (const piece of ['ntro la bus', 'allegatissimo', 'postacert.eml']) {
      expect([...(await b.account.search(ARCHIVE, { op: 'body', needle: piece }))]).toEqual([uid]);
    }
  });

  it('refuses a program without end', async () => {
    const operands = Array.from({ length: 600 }, () => ({ op: 'flag', flag: '\\Seen' }) as const);
    await expect(b.account.search(ARCHIVE, { op: 'or', operands })).rejects.toMatchObject({ code: 'LIMIT' });
    let deep: SearchCriteria = { op: 'flag', flag: '\\Seen' };
    for (let level = 0; level < 450; level++) deep = { op: 'not', operand: deep };
    expect((await b.account.search(ARCHIVE, deep)).length).toBeGreaterThan(0);
  });
});

describe('fold', () => {
  it('is its own fold', () => {
    fc.assert(
      fc.property(text, value => {
        expect(fold(fold(value))).toBe(fold(value));
      }),
    );
  });

  it('disregards case and accents', () => {
    for (const [one, other] of [
      ['PERCHÉ', 'perche'],
      ['Straße', 'STRASSE'],
      ['ΣΊΣΥΦΟΣ', 'σισυφος'],
      ['ﬁne', 'FINE'],
      ['İ', 'i'],
    ] as const) {
      expect(fold(one)).toBe(fold(other));
    }
    // A sigma is final or not by what follows: a piece of a word must not differ from the word.
    expect(fold('ΟΣΑ')).toContain(fold('ΟΣ'));
    expect(fold('が')).not.toBe(fold('か'));
    expect(fold('각')).not.toContain(fold('가'));
  });
});
