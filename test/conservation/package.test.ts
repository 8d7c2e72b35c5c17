import { createHash } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DOMParser, type Element } from '@xmldom/xmldom';
import { expect, test } from 'vitest';
import { scanMessage } from '../../src/mime/index.ts';
import { createGenerator, createTestAuthorities, PEOPLE } from '../../src/pec/generator/index.ts';
import type { Exchange } from '../../src/store/types.ts';
import { MemoryAccount, sha256 } from './support/account.ts';
import { judgePackage, run, startService, temporaryDirectory, validate } from './support/environment.ts';
import { ordinaryMessage } from './support/messages.ts';

const HOLDER = { type: 'legal', name: 'Studio Esempio & C.', id: 'VATIT-01234567890' };
const RESPONSIBLE = { type: 'natural', name: 'Anna Maria Esempio', id: 'TINIT-SMPNMR80A41H501X', document: 'Nomina' };

async function conserve(fill: (account: MemoryAccount) => void, conservation: object = {}, anchors: Uint8Array[] = []) {
  const directory = await temporaryDirectory();
  const account = new MemoryAccount(directory);
  fill(account);
  const service = await startService(directory, conservation, { anchors });
  await service.watch(account.store);
  await service.drain(account.address);
  const packages = await account.packages();
  const evidence = await account.evidenceDirectory(packages[0]?.packageId ?? 'none');
  return { account, packages, evidence, service };
}

function elements(root: Element | null, name: string): Element[] {
  return [...(root?.getElementsByTagName(name) ?? [])];
}

async function parse(path: string): Promise<Element> {
  const { documentElement } = new DOMParser().parseFromString(await readFile(path, 'utf8'), 'text/xml');
  if (documentElement === null) throw new Error('empty document');
  return documentElement;
}

/** The metadata of a package, unpacked. */
async function metadataOf(evidence: string): Promise<string> {
  const directory = await temporaryDirectory();
  const program = 'import sys,zipfile; zipfile.ZipFile(sys.argv[1]).extractall(sys.argv[2])';
  await run('python3', ['-c', program, join(evidence, 'metadati.zip'), directory]);
  return directory;
}

async function documentMetadata(evidence: string, raw: Uint8Array): Promise<Element> {
  return parse(join(await metadataOf(evidence), 'metadati', `${sha256(raw)}.documento.xml`));
}

async function generator(seed: number) {
  const authorities = await createTestAuthorities();
  const [mailbox] = PEOPLE;
  if (mailbox === undefined) throw new Error('nobody');
  return { authorities, pec: createGenerator({ authorities, seed, mailbox }) };
}

test('every kind of message becomes one package that openssl and xmllint accept', async () => {
  const { authorities, pec } = await generator(1);
  const messages = pec.every();
  const { account, packages, evidence } = await conserve(
    account => {
      for (const { raw } of messages) account.add(raw);
    },
    { holder: HOLDER, responsible: RESPONSIBLE },
    [...authorities.anchors],
  );

  expect(packages).toHaveLength(1);
  expect(packages[0]?.messages.map(({ sha256 }) => sha256)).toEqual(messages.map(({ raw }) => sha256(raw)));
  expect((await readdir(evidence)).toSorted()).toEqual(
    [
      'PIndex.xml',
      'PIndex.xml.p7m',
      'albero.bin',
      'albero.tsr',
      'foglie.txt',
      'giornale.json',
      'metadati.zip',
      'RdV.xml',
      'RdV.xml.p7m',
      'firmatario.pem',
      'pacchetto.json',
      'tsa.pem',
      'verifiche.json',
    ].toSorted(),
  );
  await judgePackage(evidence);

  const index = await parse(join(evidence, 'PIndex.xml'));
  const groups = elements(index, 'sincro:FileGroup');
  expect(groups).toHaveLength(messages.length + 1);
  const unpacked = await metadataOf(evidence);
  for (const [number, { raw, identificativo }] of messages.entries()) {
    const group = groups[number] ?? null;
    expect(elements(group, 'sincro:Hash')[0]?.textContent).toBe(sha256(raw));
    const keys = elements(group, 'sincro:Relation').map(({ textContent }) => textContent);
    const identified = keys.some(key => key?.startsWith('identificativo'));
    if (identificativo !== null && identified) expect(keys).toContain(`identificativo${identificativo}`);
    // The index names the metadata by their hashes.
    const external = elements(group, 'sincro:ExternalMetadata').map(reference => ({
      path: elements(reference, 'sincro:Path')[0]?.textContent ?? '',
      hash: elements(reference, 'sincro:Hash')[0]?.textContent,
    }));
    expect(external.map(({ path }) => path)).toEqual([
      `metadati/${sha256(raw)}.messaggio.xml`,
      `metadati/${sha256(raw)}.documento.xml`,
    ]);
    for (const { path, hash } of external) expect(sha256(await readFile(join(unpacked, path)))).toBe(hash);
    const document = await parse(join(unpacked, external[1]?.path ?? ''));
    expect(elements(document, 'Impronta')[0]?.textContent).toBe(createHash('sha256').update(raw).digest('base64'));
  }
  const written = (name: string) => messages.map(({ raw }) => join(unpacked, 'metadati', `${sha256(raw)}.${name}.xml`));
  await validate('DocumentoInformatico.xsd', ...written('documento'));
  await validate('MessaggioPec.xsd', ...written('messaggio'));
  // Whoever is shown one message gets index and report with it, and must learn nothing of the others.
  const [{ raw: secret } = { raw: Buffer.of() }] = messages;
  const subject = /^Subject: (.{20})/m.exec(secret.toString('latin1'))?.[1] ?? '';
  expect(subject).not.toBe('');
  for (const name of ['PIndex.xml', 'RdV.xml']) {
    expect(await readFile(join(evidence, name), 'utf8')).not.toContain(subject);
  }
  expect(account.reports).toHaveLength(1);
  // What the submission left behind is under the signature of the index.
  const rest = groups.at(-1) ?? null;
  const files = elements(rest, 'sincro:Path').map(({ textContent }) => textContent ?? '');
  expect(files).toEqual(['verifiche.json', 'RdV.xml.p7m', 'metadati.zip', 'giornale.json']);
  for (const [number, file] of files.entries()) {
    const digest = sha256(await readFile(join(evidence, file)));
    expect(elements(rest, 'sincro:Hash')[number]?.textContent).toBe(digest);
  }
});

test('a busta carries the data of its exchange, the agents, and the digests of the files inside postacert.eml', async () => {
  const { authorities, pec } = await generator(2);
  const [, other] = PEOPLE;
  const file = Buffer.from('%PDF-1.4 atto di prova \u00e8', 'latin1');
  const attachment = { filename: 'atto.pdf', contentType: 'application/pdf', bytes: file };
  const exchange = pec.exchange({
    subject: 'Invio atto',
    attachments: [attachmentFor(attachment)],
    receiptType: 'completa',
  });
  const [consegna] = exchange.consegne;
  if (consegna === undefined || other === undefined) throw new Error('no receipt');
  const { evidence } = await conserve(
    account => {
      const sent = account.add(exchange.sent.raw, { sent: true, queued: false });
      const receipt = account.add(consegna.raw);
      account.exchanges.set(receipt, { sent, msgid: 'invio@pec.example.it', identificativo: null } as Exchange);
    },
    { holder: HOLDER, responsible: RESPONSIBLE, retentionYears: 30, confidential: true },
    [...authorities.anchors],
  );
  const index = await parse(join(evidence, 'PIndex.xml'));
  const metadata = await documentMetadata(evidence, consegna.raw);
  const text = (name: string) => elements(metadata, name)[0]?.textContent;
  expect(text('TipologiaDocumentale')).toBe('Messaggio PEC inviato (ricevuta di avvenuta consegna completa)');
  expect(text('Oggetto')).toBe('Invio atto');
  expect(text('NumeroDocumento')).toBe(consegna.identificativo);
  expect(text('TipologiaDiFlusso')).toBe('E');
  expect(text('FirmatoDigitalmente')).toBe('true');
  expect(text('NumeroAllegati')).toBe('1');
  expect(text('Descrizione')).toBe('atto.pdf');
  const [listed = null] = elements(metadata, 'IndiceAllegati');
  expect(elements(listed, 'Impronta')[0]?.textContent).toBe(createHash('sha256').update(file).digest('base64'));

  expect(text('IdAggregazione')).toBe('invio@pec.example.it');
  const [primary = null] = elements(metadata, 'IdIdentificativoDocumentoPrimario');
  const digest = createHash('sha256').update(exchange.sent.raw).digest('base64');
  expect(elements(primary, 'Impronta')[0]?.textContent).toBe(digest);
  expect([text('TempoDiConservazione'), text('Riservato')]).toEqual(['30', 'true']);

  const relations = elements(index, 'sincro:Relation').map(({ textContent }) => textContent ?? '');
  expect(relations.some(relation => relation.startsWith('msgid<'))).toBe(true);
  expect(relations.some(relation => relation.startsWith('consegna'))).toBe(true);
  expect(elements(index, 'sincro:FormalName').map(({ textContent }) => textContent)).toEqual([
    HOLDER.name,
    HOLDER.name,
  ]);
  const [signer = null] = elements(index, 'sincro:AuthorizedSigner');
  expect(elements(signer, 'sincro:FirstName')[0]?.textContent).toBe('Anna Maria');
  expect(elements(signer, 'sincro:LastName')[0]?.textContent).toBe('Esempio');
  expect(elements(signer, 'sincro:RelevantDocument')[0]?.textContent).toBe('Nomina');
});

test('a message that was sent goes out from the holder', async () => {
  const { pec } = await generator(4);
  const { sent } = pec.exchange({ subject: 'Invio' });
  const { evidence } = await conserve(account => account.add(sent.raw, { sent: true }), { holder: HOLDER });
  const metadata = await documentMetadata(evidence, sent.raw);
  const text = (name: string) => elements(metadata, name)[0]?.textContent;
  expect(text('TipologiaDiFlusso')).toBe('U');
  expect(text('TipologiaDocumentale')).toBe('Messaggio inviato');
  expect(text('ModalitaDiFormazione')).toMatch(/^creazione/);
  const [sender = null] = elements(metadata, 'Mittente');
  expect(elements(sender, 'DenominazioneOrganizzazione')[0]?.textContent).toBe(HOLDER.name);
  expect(elements(sender, 'CodiceFiscale_PartitaIva')[0]?.textContent).toBe('01234567890');
});

function attachmentFor(file: { filename: string; contentType: string; bytes: Buffer }) {
  return { ...file, base64: file.bytes.toString('base64').replace(/.{76}/g, '$&\r\n') };
}

test('what a signature is worth is recorded, and no reason to refuse', async () => {
  const { authorities, pec } = await generator(3);
  const { busta } = pec.exchange({ text: 'Testo originale' });
  if (busta === null) throw new Error('no busta');
  const broken = Buffer.from(busta.raw);
  // One letter inside what is signed.
  const signed = scanMessage(broken).children[0];
  const at = (signed?.bodyEnd ?? 0) - 200;
  broken[at] = (broken[at] ?? 0) === 0x61 ? 0x62 : 0x61;
  const { account, evidence } = await conserve(
    account => {
      account.add(busta.raw);
      account.add(broken);
      account.add(ordinaryMessage(1));
    },
    {},
    [...authorities.anchors],
  );
  const checks = JSON.parse(await readFile(join(evidence, 'verifiche.json'), 'utf8'));
  expect(checks.messages.map((check: { signature: { status: string } }) => check.signature.status)).toEqual([
    'valid',
    'broken',
    'none',
  ]);
  const [leaf] = checks.messages[0].certificates;
  expect(checks.certificates[leaf]).toContain('BEGIN CERTIFICATE');
  const claims: (string | null | undefined)[] = [];
  for (const message of account.held.keys()) {
    const metadata = await documentMetadata(evidence, account.raw(message));
    claims.push(elements(metadata, 'FirmatoDigitalmente')[0]?.textContent);
  }
  expect(claims).toEqual(['true', 'false', 'false']);
  const report = await parse(join(evidence, 'RdV.xml'));
  expect(elements(report, 'ControlloFirma').map(element => element.getAttribute('stato'))).toEqual([
    'valid',
    'broken',
    'none',
  ]);
  expect([...account.held.values()].every(({ conserved }) => conserved !== null)).toBe(true);
});

test('the impronta of the PdV is what the shell makes of the messages', async () => {
  const { account, evidence } = await conserve(account => {
    for (let i = 1; i <= 7; i++) account.add(ordinaryMessage(i));
  });
  for (const message of account.held.keys()) await writeFile(join(evidence, `${message}.eml`), account.raw(message));
  const digest = await run(
    'sh',
    ['-c', 'sha256sum *.eml | cut -c1-64 | LC_ALL=C sort | sha256sum | cut -c1-64'],
    evidence,
  );
  const report = await parse(join(evidence, 'RdV.xml'));
  const [pdv = null] = elements(report, 'PacchettoDiVersamento');
  expect(elements(pdv, 'Impronta')[0]?.textContent).toBe(digest.trim());
  expect(await readFile(join(evidence, 'PIndex.xml'), 'utf8')).toContain(digest.trim());
});

test('hostile subjects and addresses leave the index valid', async () => {
  const hostile = [
    'From: "a <b> & ]]> \u0001\uFFFE" <x&y@example.org>',
    'To: =?utf-8?B?AQIDPHNjcmlwdD4m?= <z@example.org>',
    'Subject: =?utf-8?B?77+/8J+SqSA8IT5dXT4mAA==?= \u{1F4A9}',
    'Content-Type: application/octet-stream; name="../../a\u0007<b>.bin"',
    '',
    'x',
  ].join('\r\n');
  const { evidence } = await conserve(account => account.add(hostile));
  await judgePackage(evidence);
});

test('a large message is read in pieces of one MiB and arrives whole', async () => {
  const body = Array.from({ length: 90_000 }, (_, line) => `riga ${line} ${'x'.repeat(50)}`).join('\r\n');
  const { account, evidence } = await conserve(account => account.add(ordinaryMessage(1, body)));
  expect(account.raw('m1').length).toBeGreaterThan(5 << 20);
  expect(account.largestRead).toBeLessThanOrEqual(1 << 20);
  expect(await readFile(join(evidence, 'PIndex.xml'), 'utf8')).toContain(sha256(account.raw('m1')));
});

test('without a configured signer everything says that it has no legal value', async () => {
  const { account, evidence, service } = await conserve(account => account.add(ordinaryMessage(1)));
  expect(service.evaluation).toBe(true);
  expect(await readFile(join(evidence, 'PIndex.xml'), 'utf8')).toMatch(/senza valore legale/i);
  expect(await readFile(join(evidence, 'RdV.xml'), 'utf8')).toContain('<Avvertenza>Valutazione, senza valore legale');
  const [report] = account.reports;
  expect(String(report)).toMatch(/^Subject: \[Valutazione, senza valore legale\] Rapporto di versamento RDV-/m);
  const subject = await run('openssl', ['x509', '-in', join(evidence, 'firmatario.pem'), '-noout', '-subject']);
  expect(subject).toContain('chiave di valutazione, senza valore legale');
});

test('the report is a message with the signed RdV attached', async () => {
  const { account, evidence } = await conserve(account => {
    account.add(ordinaryMessage(1));
    account.add(ordinaryMessage(2));
  });
  const [report] = account.reports;
  if (report === undefined) throw new Error('no report');
  const root = scanMessage(report);
  const [text, attached] = root.children;
  if (text === undefined || attached === undefined) throw new Error('parts missing');
  const decode = (node: typeof text) => Buffer.from(report.toString('latin1', node.bodyStart, node.bodyEnd), 'base64');
  expect(decode(attached).equals(await readFile(join(evidence, 'RdV.xml.p7m')))).toBe(true);
  expect(decode(text).toString('utf8')).toContain(
    '2. Messaggio 2\r\n   ACCETTATO E CONSERVATO. Messaggio senza firma del gestore.',
  );
  expect(decode(text).toString('utf8')).toContain('sono stati conservati 2 messaggi');
});

test('a package does not verify once a byte of it is changed', async () => {
  const { evidence } = await conserve(account => account.add(ordinaryMessage(1)));
  await judgePackage(evidence);
  const path = join(evidence, 'PIndex.xml.p7m');
  const signed = await readFile(path);
  const at = signed.indexOf('Messaggio di posta');
  signed[at] = 0x6d;
  await writeFile(path, signed);
  await expect(judgePackage(evidence)).rejects.toThrow();
  expect(await readFile(join(evidence, 'foglie.txt'), 'utf8')).not.toContain(sha256(signed));
});

test('the signature of the index is CAdES baseline T: its time stamp is over the signature value', async () => {
  const { evidence } = await conserve(account => account.add(ordinaryMessage(1)));
  const printed = await run(
    'openssl',
    ['cms', '-cmsout', '-print', '-inform', 'DER', '-in', 'PIndex.xml.p7m'],
    evidence,
  );
  expect(printed).toContain('id-smime-aa-timeStampToken');
  expect(printed).toContain('id-smime-aa-signingCertificateV2');
  // openssl shows where the parts lie; it also takes them out.
  const parsed = await run('openssl', ['asn1parse', '-inform', 'DER', '-in', 'PIndex.xml.p7m'], evidence);
  const lines = parsed.split('\n');
  const stamp = lines.findIndex(line => line.endsWith(':id-smime-aa-timeStampToken'));
  const offset = (line: string | undefined) => Number(/^ *(\d+):/.exec(line ?? '')?.[1]);
  const value = lines.slice(0, stamp).findLast(line => /d=5 .*prim: OCTET STRING/.test(line));
  const token = lines.slice(stamp).find(line => /cons: SEQUENCE/.test(line));
  const take = (from: number, out: string) =>
    run(
      'openssl',
      ['asn1parse', '-inform', 'DER', '-in', 'PIndex.xml.p7m', '-strparse', `${from}`, '-noout', '-out', out],
      evidence,
    );
  await take(offset(value), 'firma.bin');
  const length = /hl=(\d+) l= *(\d+)/.exec(token ?? '');
  const signed = await readFile(join(evidence, 'PIndex.xml.p7m'));
  const start = offset(token);
  await writeFile(
    join(evidence, 'firma.tsr'),
    signed.subarray(start, start + Number(length?.[1]) + Number(length?.[2])),
  );
  await run(
    'openssl',
    ['ts', '-verify', '-data', 'firma.bin', '-in', 'firma.tsr', '-token_in', '-CAfile', 'tsa.pem'],
    evidence,
  );
});

test('with level B the stamp over the batch is the only one, and covers the signed index', async () => {
  const { evidence } = await conserve(account => account.add(ordinaryMessage(1)), { signatureLevel: 'B' });
  await judgePackage(evidence);
  const printed = await run(
    'openssl',
    ['cms', '-cmsout', '-print', '-inform', 'DER', '-in', 'PIndex.xml.p7m'],
    evidence,
  );
  expect(printed).not.toContain('id-smime-aa-timeStampToken');
  await run('sh', ['-c', 'grep PIndex.xml.p7m foglie.txt | sha256sum -c -'], evidence);
});
