import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text as readText } from 'node:stream/consumers';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createExtractor } from '../../src/extract/index.ts';
import { describeMessage, extractSearchText } from '../../src/mime/index.ts';
import { pendingTexts, textFailed } from '../../src/store/attachments/pending.ts';
import type { SearchCriteria } from '../../src/store/criteria.ts';
import { deriveAccountKeys } from '../../src/store/crypto/account-keys.ts';
import { openKeyring } from '../../src/store/crypto/keyring.ts';
import { openStore } from '../../src/store/index.ts';
import { EXTRACTION_TRIES } from '../../src/store/limits.ts';
import { fold, foldColumns, matches } from '../../src/store/search/fold.ts';
import { openAccount } from '../../src/store/shard/account.ts';
import { type Attached, makeMail } from '../extract/support/mail.ts';
import { makePdf } from '../extract/support/pdf.ts';
import { Signer } from '../extract/support/signed.ts';
import { makeDocx, makeXlsx, makeZip } from '../extract/support/zip.ts';
import { createGestore } from '../support/messages.ts';
import { rebuild } from './premises.ts';
import { ADDRESS, ARCHIVE, type Bench, bench, INTAKE, noise, put } from './support.ts';

const CHILD = new URL('./attachment-child.ts', import.meta.url).pathname;
const OCTETS = 'application/octet-stream';

let b: Bench;
let files: string;
beforeEach(async () => {
  b = await bench();
  files = await mkdtemp(join(tmpdir(), 'archivia-attachments-'));
});
afterEach(async () => {
  await b.end();
  await rm(files, { recursive: true, force: true });
});

async function search(criteria: SearchCriteria): Promise<number[]> {
  return [...(await b.account.search(ARCHIVE, criteria))];
}

function found(needle: string): Promise<number[]> {
  return search({ op: 'body', needle });
}

function pdf(name: string, page: string): Attached {
  return { name, type: 'application/pdf', bytes: makePdf({ pages: [page] }) };
}

describe('text of attachments', () => {
  it('is found at any depth: a PDF and a DOCX in a ZIP in a .p7m in a busta', async () => {
    const zip = await makeZip({
      'atti/ricorso.pdf': makePdf({ pages: ['Tribunale di Ornavasso'] }),
      'relazione.docx': await makeDocx('Perizia però giurata §Ж'),
    });
    const gestore = await createGestore();
    try {
      const content = new Signer(files).sign(zip, 'DER');
      const raw = await gestore.busta({ subject: 'Deposito', attachment: { name: 'atti.zip.p7m', content } });
      const { uid } = await put(b.account, ARCHIVE, raw);
      await b.account.textSettled();
      for (const needle of [
        'ornavasso',
        'rnavass',
        'PERIZIA PERO giurata',
        'relazione.docx',
        'Anna Esempio',
        'or',
        'ж',
        '§Ж',
      ]) {
        expect(await search({ op: 'text', needle })).toEqual([uid]);
        expect(await search({ op: 'body', needle })).toEqual([uid]);
      }
      expect(await search({ op: 'subject', needle: 'ornavasso' })).toEqual([]);
      expect(await search({ op: 'header', field: 'subject', needle: 'ornavasso' })).toEqual([]);
      expect(await search({ op: 'text', needle: 'deposito' })).toEqual([uid]);
      expect(await b.account.unreadable(10)).toEqual([]);
      expect(await b.account.textPending()).toBe(0);
      await b.reopen();
      expect(await found('ornavasso')).toEqual([uid]);
    } finally {
      await gestore.close();
    }
  });

  it('comes from a message too large to be handed over as octets', async () => {
    const raw = makeMail([{ name: 'rumore.bin', type: OCTETS, bytes: noise(3_000_000, 9) }, pdf('a.pdf', 'in fondo')]);
    const { uid } = await put(b.account, ARCHIVE, raw);
    await b.account.textSettled();
    expect(await found('in fondo')).toEqual([uid]);
    expect(await b.account.unreadable(10)).toMatchObject([
      { uid, section: '2', reason: 'rumore.bin: no text is read from .bin' },
    ]);
    expect(await readdir(join(b.account.directory, 'spool'))).toEqual([]);
  });

  it('too long for the index is searched all the same', async () => {
    const long = `${'riempitivo '.repeat(60_000)}ago nel pagliaio`;
    const attached = { name: 'lungo.txt', type: OCTETS, bytes: Buffer.from(long) };
    const { uid } = await put(b.account, ARCHIVE, makeMail([attached], 'breve'));
    expect(await found('breve')).toEqual([uid]);
    await b.account.textSettled();
    for (const needle of ['AGO NEL pagl', 'breve', 'gl']) expect(await found(needle)).toEqual([uid]);
    expect(await search({ op: 'subject', needle: 'atti' })).toEqual([uid]);
  });

  it('is there for a message that came again, and in every tree', async () => {
    const raw = makeMail([pdf('a.pdf', 'parola rara')]);
    const first = await put(b.account, INTAKE, raw);
    await b.account.textSettled();
    const again = await put(b.account, ARCHIVE, raw);
    await b.account.textSettled();
    expect(again).toMatchObject({ uid: 1, duplicate: true, message: first.message });
    const rare = { op: 'text', needle: 'parola rara' } as const;
    expect(await search(rare)).toEqual([1]);
    expect([...(await b.account.search(INTAKE, rare))]).toEqual([first.uid]);
  });

  it('is there again after a rebuild', async () => {
    const { uid } = await put(b.account, ARCHIVE, makeMail([pdf('a.pdf', 'rifatto da capo')]));
    await b.account.textSettled();
    await b.store.close();
    await rebuild(b.directory);
    await b.reopen();
    await b.account.textSettled();
    expect(await found('rifatto da capo')).toEqual([uid]);
    expect(await b.account.unreadable(10)).toEqual([]);
  });

  it('of a FatturaPA in XML: the file that it carries, and nothing of its base64', async () => {
    const carried = makePdf({ pages: ['dettaglio prestazioni'] }).toString('base64');
    const xml = `<?xml version="1.0"?><p:FatturaElettronica xmlns:p="p"><Numero>FPR 12/26</Numero><Allegati>
      <NomeAttachment>copia.pdf</NomeAttachment><Attachment>${carried}</Attachment></Allegati><Firma>
      <ds:SignatureValue>c2lnbmF0dXJlIG9mIG5vIHVzZQ==</ds:SignatureValue></Firma></p:FatturaElettronica>`;
    const raw = makeMail([{ name: 'IT01234567890_1.xml', type: 'application/xml', bytes: Buffer.from(xml) }]);
    const { uid } = await put(b.account, ARCHIVE, raw);
    await b.account.textSettled();
    for (const needle of ['FPR 12/26', 'copia.pdf', 'dettaglio prestazioni'])
      expect(await found(needle)).toEqual([uid]);
    for (const needle of [carried.slice(0, 40), 'c2lnbmF0dXJl']) expect(await found(needle)).toEqual([]);
    expect(await b.account.unreadable(10)).toEqual([]);
  });

  it('of what only claims to be text', async () => {
    const type = 'text/plain';
    const attached = [
      { name: 'a.txt', type, bytes: makePdf({ pages: ['mentito spoglie'] }) },
      { name: 'b.txt', type, bytes: Buffer.from('\ufeffsedici bit', 'utf16le') },
    ];
    const { uid } = await put(b.account, ARCHIVE, makeMail(attached));
    await b.account.textSettled();
    for (const needle of ['mentito spoglie', 'sedici bit']) expect(await found(needle)).toEqual([uid]);
    expect(await b.account.unreadable(10)).toEqual([]);
  });
});

describe('what cannot be read', () => {
  it('is listed with its reason, and the message is found by the rest', async () => {
    const bomb = await makeZip({
      'prima.txt': 'davanti alla bomba',
      'bomba.txt': Buffer.alloc(101 * 1024 * 1024, 0x20),
    });
    const whole = makePdf({ pages: ['mai letto'], deflated: 1 });
    const raw = makeMail(
      [
        { name: 'bomba.zip', type: 'application/zip', bytes: bomb },
        { name: 'rotto.pdf', type: 'application/pdf', bytes: whole.subarray(0, 60) },
        pdf('sano.pdf', 'pagina sana'),
      ],
      'vedi allegati',
    );
    const { uid, message } = await put(b.account, ARCHIVE, raw);
    await b.account.textSettled();
    for (const needle of ['vedi allegati', 'davanti alla bomba', 'pagina sana', 'rotto.pdf']) {
      expect(await found(needle)).toEqual([uid]);
    }
    const listed = await b.account.unreadable(10);
    expect(listed).toMatchObject([
      { uid, message, subject: 'Atti', section: '2', reason: expect.stringMatching(/^bomba\.zip\/bomba\.txt: /) },
      { uid, message, subject: 'Atti', section: '3', reason: expect.stringMatching(/^rotto\.pdf: /) },
    ]);
    expect(await b.account.unreadable(1)).toEqual(listed.slice(0, 1));
    expect(await b.account.unreadable(10, listed[0]?.id)).toEqual(listed.slice(1));
    await b.account.remove(ARCHIVE, [uid]);
    expect(await b.account.unreadable(10)).toEqual([]);
  });

  it('says nothing of what still waits', async () => {
    await b.store.close();
    b.store = await openStore(b.directory, { readAttachments: false });
    b.account = await b.store.account(ADDRESS);
    await put(b.account, ARCHIVE, makeMail([{ name: 'x.bin', type: OCTETS, bytes: noise(100, 1) }]));
    await b.account.textSettled();
    expect([await b.account.textPending(), await b.account.unreadable(10)]).toEqual([1, []]);
    await b.reopen();
    await b.account.textSettled();
    expect([await b.account.textPending(), (await b.account.unreadable(10)).length]).toEqual([0, 1]);
  });
});

describe('messages that wait', () => {
  it('are read after a kill -9 between their acknowledgement and their turn', async () => {
    const file = join(files, 'm.eml');
    const directory = join(files, 'data');
    await writeFile(file, makeMail([pdf('a.pdf', 'sopravvissuto')]));
    const child = spawn(process.execPath, [CHILD, directory, file], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [said] = await Promise.all([readText(child.stdout), once(child, 'exit')]);
    expect(child.signalCode).toBe('SIGKILL');
    const { uid, pending } = JSON.parse(said) as { uid: number; pending: number };
    expect(pending).toBe(1);
    const store = await openStore(directory);
    try {
      const account = await store.account(ADDRESS);
      await account.textSettled();
      expect([...(await account.search(ARCHIVE, { op: 'text', needle: 'sopravvissuto' }))]).toEqual([uid]);
      expect(await account.unreadable(10)).toEqual([]);
    } finally {
      await store.close();
    }
  });

  it('wait for the next start when the store is closed', async () => {
    const uids: number[] = [];
    for (let index = 0; index < 12; index++) {
      uids.push((await put(b.account, ARCHIVE, makeMail([pdf('a.pdf', `pagina ${index}`)]))).uid);
    }
    const late = b.account.textSettled();
    await Promise.all([expect(late).rejects.toMatchObject({ code: 'UNAVAILABLE' }), b.store.close()]);
    await b.reopen();
    await b.account.textSettled();
    expect(await found('pagina')).toEqual(uids);
    expect(await b.account.unreadable(10)).toEqual([]);
  });
});

describe('messages whose attachments cannot be looked at', () => {
  it('let the others go first, and are given up and listed in the end', async () => {
    await b.store.close();
    const keyring = await openKeyring(b.directory);
    b.store = await openStore(b.directory, { keyring, readAttachments: false });
    b.account = await b.store.account(ADDRESS);
    const { message } = await put(b.account, ARCHIVE, makeMail([pdf('a.pdf', 'uno')]));
    const other = await put(b.account, ARCHIVE, makeMail([pdf('b.pdf', 'due')]));
    await b.store.close();
    const { directory } = b.account;
    const { context } = openAccount(
      ADDRESS,
      directory,
      deriveAccountKeys(await keyring.accountKey(directory, ADDRESS)),
    );
    try {
      const first = () => pendingTexts(context, 1)[0]?.message;
      expect(first()).toBe(other.message);
      textFailed(context, other.message, 'EMFILE');
      expect(first()).toBe(message);
      for (let attempt = 2; attempt <= EXTRACTION_TRIES; attempt++) {
        expect(pendingTexts(context, 10)).toHaveLength(2);
        textFailed(context, other.message, 'EMFILE');
      }
      expect(pendingTexts(context, 10)).toEqual([expect.objectContaining({ message })]);
    } finally {
      context.close();
    }
    await b.reopen();
    await b.account.textSettled();
    expect((await b.account.unreadable(10)).map(({ uid, section, reason }) => [uid, section, reason])).toEqual([
      [other.uid, '2', 'no text is read from application/pdf'],
      [other.uid, '', 'attachments were not read: EMFILE'],
    ]);
  });
});

describe('SEARCH', () => {
  const WORDS = [
    'perché',
    'PERCHÉ',
    'Città',
    'straße',
    'ﬁne',
    'ababab',
    '東京都',
    'がく',
    '😀😀',
    '100%',
    'n°12',
    'il',
    'e',
  ];
  const words = fc.array(fc.constantFrom(...WORDS), { minLength: 1, maxLength: 6 }).map(list => list.join(' '));
  const kind = fc.constantFrom('docx', 'zip', 'txt', 'xlsx', 'none');
  const corpus: { uid: number; raw: Buffer; attached: string }[] = [];
  let own: Bench;

  beforeAll(async () => {
    own = await bench();
    const extractor = createExtractor();
    try {
      for (const [index, sample] of fc
        .sample(fc.record({ body: words, inner: words, kind }), { numRuns: 40, seed: 11 })
        .entries()) {
        const { body, inner } = sample;
        const attached: Attached[] = [];
        if (sample.kind === 'docx')
          attached.push({ name: `a${index}.docx`, type: OCTETS, bytes: await makeDocx(inner) });
        if (sample.kind === 'xlsx') attached.push({ name: `a${index}.xlsx`, type: OCTETS, bytes: await makeXlsx() });
        if (sample.kind === 'txt') attached.push({ name: null, type: OCTETS, bytes: Buffer.from(inner) });
        if (sample.kind === 'zip') {
          attached.push({ name: 'z.zip', type: 'application/zip', bytes: await makeZip({ 'x/y.txt': inner }) });
        }
        const raw = makeMail(attached, `${body} ${index}`);
        const { uid } = await put(own.account, ARCHIVE, raw);
        corpus.push({ uid, raw, attached: (await extractor.extract(raw)).text });
      }
      await own.account.textSettled();
    } finally {
      await extractor.close();
    }
  });
  afterAll(() => own.end());

  it('equals a plain scan of the decoded text, attachments included', async () => {
    const texts = corpus.map(({ raw, attached }) => {
      const { header, body } = foldColumns(extractSearchText(raw, describeMessage(raw)));
      return { header, body: attached === '' ? body : `${body}\n${fold(attached)}` };
    });
    expect(corpus.filter(({ attached }) => attached !== '').length).toBeGreaterThan(10);
    const piece = fc
      .tuple(fc.nat(corpus.length - 1), fc.nat(1000), fc.integer({ min: 1, max: 12 }))
      .map(([index, start, length]) => {
        const characters = [...(corpus[index]?.attached ?? '')];
        const from = characters.length === 0 ? 0 : start % characters.length;
        return characters.slice(from, from + length).join('');
      });
    const needle = fc.oneof({ weight: 4, arbitrary: piece }, { weight: 1, arbitrary: fc.constantFrom(...WORDS) });
    await fc.assert(
      fc.asyncProperty(needle, fc.constantFrom('body', 'text'), async (sought, op) => {
        const expected = corpus
          .filter((_, index) => {
            const text = texts[index] ?? { header: '', body: '' };
            return matches(text.body, sought) || (op === 'text' && matches(text.header, sought));
          })
          .map(({ uid }) => uid);
        expect([...(await own.account.search(ARCHIVE, { op, needle: sought }))]).toEqual(expected);
      }),
      { numRuns: 200 },
    );
  });
});
