import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { DOMParser } from '@xmldom/xmldom';
import type { ImapFlow } from 'imapflow';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createGestore, type Gestore, plainMessage } from '../support/messages.ts';
import { eventually, must } from '../support/processes.ts';
import type { RawImap } from '../support/raw-imap.ts';
import { type Stage, sources, startStage, USER } from './stage.ts';

const INTAKE = '--ARCHIVIA--';
const CONSERVED_ENVELOPES = 'Conservazione/2026/03/Ricevuti';
const CONSERVED_RECEIPTS = 'Conservazione/2026/03/Ricevute';
const certified = new Date('2026-03-10T09:15:00Z');
const arrived = new Date('2026-03-10T09:16:00Z');

/** The steps depend on each other: one mailbox, one story. */
describe('the main job', () => {
  let stage: Stage;
  let gestore: Gestore;
  let client: ImapFlow;
  let busta: Buffer;
  let receipt: Buffer;
  const uids = { busta: 0, receipt: 0 };

  beforeAll(async () => {
    [stage, gestore] = await Promise.all([startStage(), createGestore()]);
    busta = await gestore.busta({
      subject: 'Diffida e messa in mora',
      body: 'Il testo nomina un ornitorinco una volta sola.',
      attachment: { name: 'zibaldone-attico.pdf', content: Buffer.alloc(5000, 'contenuto ') },
      date: certified,
    });
    receipt = await gestore.accettazione({ subject: 'Ricorso', date: certified });
    const { dovecot } = stage;
    await dovecot.deliver(USER, 'INBOX', busta, { flags: ['\\Flagged'], internalDate: arrived });
    await dovecot.deliver(USER, 'INBOX', receipt, { internalDate: arrived });
    const odd = 'a1 OK fine\r\n* 3 EXPUNGE\r\n)\r\nt9 BAD no\r\n+ go on\r\n';
    await dovecot.deliver(USER, 'INBOX', plainMessage({ subject: 'righe strane', body: odd }));
    await dovecot.deliver(USER, 'INBOX', plainMessage({ subject: 'accenti', body: 'perché città più €' }));
  });

  afterAll(async () => {
    client?.close();
    await stage?.stop();
    await gestore?.close();
  });

  it('logs in with the upstream password and lists both sides as one tree', async () => {
    client = await stage.client();
    const listed = await client.list();
    const paths = listed.map(folder => folder.path);
    expect(paths).toEqual(expect.arrayContaining(['INBOX', 'Posta inviata', 'Bozze', 'Cestino']));
    expect(paths).toEqual(
      expect.arrayContaining([
        ...[INTAKE, 'Archivio', 'Conservazione'],
        ...['Conservazione/Rapporti di versamento', 'Conservazione/Pacchetti di distribuzione'],
      ]),
    );
    expect(new Set(paths).size).toBe(paths.length);
    expect(listed.find(folder => folder.specialUse === '\\Sent')?.path).toBe('Posta inviata');
    expect(new Set(listed.map(folder => folder.delimiter))).toEqual(new Set(['/']));
  });

  it('reads the INBOX as a direct connection does, byte for byte', async () => {
    const direct = await stage.directClient();
    const throughProxy = await sources(client, 'INBOX');
    expect(throughProxy).toEqual(await sources(direct, 'INBOX'));
    expect([...throughProxy.values()]).toContainEqual(busta);
    for (const [uid, source] of throughProxy) {
      if (source.equals(busta)) uids.busta = uid;
      if (source.equals(receipt)) uids.receipt = uid;
    }
    const query = { envelope: true, bodyStructure: true, flags: true, internalDate: true, size: true } as const;
    const seen: unknown[][] = [];
    for (const each of [client, direct]) {
      const lock = await each.getMailboxLock('INBOX', { readOnly: true });
      const messages = await each.fetchAll('1:*', query);
      seen.push(
        messages.map(({ uid, size, internalDate, envelope, bodyStructure, flags = new Set() }) => {
          // \Recent belongs to whoever looks first.
          const kept = [...flags].filter(flag => flag !== '\\Recent').sort();
          return { uid, size, internalDate, envelope, bodyStructure, flags: kept };
        }),
      );
      lock.release();
    }
    expect(seen[1]).toHaveLength(4);
    expect(seen[0]).toEqual(seen[1]);
    await direct.logout();
  });

  it('moves a busta and a receipt into --ARCHIVIA--, and a watching client sees them come and go', async () => {
    const watcher: RawImap = await stage.raw();
    await watcher.ok(`SELECT ${INTAKE}`);
    stage.tsa.mode = 'slow';
    await watcher.send('w IDLE\r\n');
    expect(String(await watcher.response())).toMatch(/^\+ /);

    const lock = await client.getMailboxLock('INBOX');
    const moved = await client.messageMove([uids.busta, uids.receipt], INTAKE, { uid: true });
    lock.release();
    if (moved === false) throw new Error('MOVE was refused');
    expect([...(moved.uidMap?.keys() ?? [])].sort()).toEqual([uids.busta, uids.receipt].sort());
    const upstream = await stage.dovecot.stored(USER, 'INBOX');
    expect(upstream).toHaveLength(2);
    expect(upstream).not.toContainEqual(busta);

    const untilSeen = async (pattern: RegExp) => {
      for (;;) {
        const response = await watcher.response(30_000);
        if (response === null) throw new Error('connection lost in IDLE');
        if (pattern.test(response.toString('latin1'))) return;
      }
    };
    await untilSeen(/^\* 2 EXISTS/);
    stage.tsa.mode = 'good';
    await untilSeen(/^\* \d EXPUNGE/);
    await untilSeen(/^\* 1 EXPUNGE/);
    await watcher.send('DONE\r\n');
    expect((await watcher.reply('w')).status).toBe('OK');
    expect((await watcher.ok(`STATUS ${INTAKE} (MESSAGES)`)).raw.toString()).toContain('(MESSAGES 0)');
    watcher.close();
  });

  it('shows them in Conservazione by certified month and kind, and marked in Archivio', async () => {
    expect([...(await sources(client, CONSERVED_ENVELOPES)).values()]).toEqual([busta]);
    expect([...(await sources(client, CONSERVED_RECEIPTS)).values()]).toEqual([receipt]);
    for (const category of ['Ricevuti', 'Ricevute']) {
      const lock = await client.getMailboxLock(`Archivio/2026/03/${category}`);
      const message = await client.fetchOne('*', { flags: true, internalDate: true });
      lock.release();
      if (!message) throw new Error(`nothing in ${category}`);
      expect(message.flags).toContain('$Conservato');
      expect(message.internalDate).toEqual(arrived);
    }
    const listed = (await client.list()).map(folder => folder.path);
    expect(listed).toEqual(expect.arrayContaining([CONSERVED_ENVELOPES, CONSERVED_RECEIPTS]));
  });

  it.each([
    ['the name of an attachment of the nested message', { text: 'zibaldone-attico' }],
    ['a word of the nested body', { body: 'ornitorinco' }],
    ['a part of a word, in another case', { body: 'ITORIN' }],
    ['its nested subject', { text: 'messa in mora' }],
  ])('finds the busta there by %s', async (_what, query) => {
    for (const folder of ['Conservazione', CONSERVED_ENVELOPES]) {
      const lock = await client.getMailboxLock(folder);
      const found = await client.search(query, { uid: true });
      const nothing = await client.search({ body: 'ippopotamo' }, { uid: true });
      if (!found) throw new Error('SEARCH was refused');
      // The whole tree has the RdV too, which tells the subject of what it reports on.
      if (folder === CONSERVED_ENVELOPES) expect(found).toHaveLength(1);
      const messages = await client.fetchAll(found, { source: true }, { uid: true });
      lock.release();
      expect(messages.map(message => message.source)).toContainEqual(busta);
      expect(messages.map(message => message.source)).not.toContainEqual(receipt);
      expect(nothing).toEqual([]);
    }
  });

  it.each([
    `UID STORE 1:* +FLAGS (\\Deleted)`,
    `UID STORE 1:* +FLAGS.SILENT (\\Seen \\Deleted)`,
    'UID MOVE 1:* Cestino',
    'UID MOVE 1:* Archivio',
    'MOVE 1 INBOX',
  ])('refuses to take it out of Conservazione: %s', async command => {
    const watcher = await stage.raw();
    await watcher.ok(`SELECT "${CONSERVED_ENVELOPES}"`);
    const refused = await watcher.command(command);
    expect(refused.line).toMatch(/^t\d+ NO \[CANNOT\] \S/);
    expect(refused.untagged.join('')).not.toContain('EXPUNGE');
    await watcher.command('EXPUNGE');
    await watcher.command('UID EXPUNGE 1:*');
    await watcher.ok('CLOSE');
    watcher.close();
    expect([...(await sources(client, CONSERVED_ENVELOPES)).values()]).toEqual([busta]);
  });

  it('keeps the copy in Archivio of what is conserved', async () => {
    const lock = await client.getMailboxLock('Archivio/2026/03/Ricevuti');
    await client.messageDelete('1:*');
    lock.release();
    expect([...(await sources(client, 'Archivio/2026/03/Ricevuti')).values()]).toEqual([busta]);
  });

  it('accepts other flags there and keeps them', async () => {
    const lock = await client.getMailboxLock(CONSERVED_ENVELOPES);
    expect(await client.messageFlagsAdd('1', ['\\Flagged', 'Urgente'])).toBe(true);
    lock.release();
    const other = await stage.client();
    const again = await other.getMailboxLock(CONSERVED_ENVELOPES);
    const message = await other.fetchOne('1', { flags: true });
    again.release();
    await other.logout();
    expect(message && [...(message.flags ?? [])]).toEqual(expect.arrayContaining(['\\Flagged', 'Urgente']));
  });

  describe('the package they went into', () => {
    let directory: string;
    const file = (name: string) => join(directory, name);
    const read = (name: string) => readFile(file(name));
    const verified = () => join(stage.archivia.directory, 'verified.xml');

    beforeAll(async () => {
      const names = await readdir(stage.archivia.dataDir, { recursive: true });
      const signed = names.filter(name => name.endsWith('PIndex.xml.p7m'));
      // One batch or two: the worker may have taken up the first message before the second had come.
      expect([1, 2]).toContain(signed.length);
      const found = signed.map(name => dirname(join(stage.archivia.dataDir, name)));
      const holds = async (path: string) => (await hashes(join(path, 'PIndex.xml'))).has(digest(busta));
      for (const path of found) if (await holds(path)) directory = path;
    });

    it('has a CAdES signature that openssl verifies, over the index as it lies there', async () => {
      await must('openssl', [
        ...['cms', '-verify', '-inform', 'DER', '-binary', '-purpose', 'any', '-in', file('PIndex.xml.p7m')],
        ...['-CAfile', file('firmatario.pem'), '-partial_chain', '-out', verified()],
      ]);
      expect(await readFile(verified())).toEqual(await read('PIndex.xml'));
      const printed = await must('openssl', [
        'cms',
        '-cmsout',
        '-print',
        '-inform',
        'DER',
        '-in',
        file('PIndex.xml.p7m'),
      ]);
      expect(printed.stdout).toContain('id-smime-aa-signingCertificateV2');
    });

    it("has a time stamp of the authority's that openssl verifies, over the tree of messages and signed index", async () => {
      const verified = await must('openssl', [
        ...['ts', '-verify', '-token_in', '-in', file('albero.tsr'), '-data', file('albero.bin')],
        ...['-CAfile', stage.tsa.caFile, '-untrusted', stage.tsa.tsaCertFile],
      ]);
      expect(verified.stdout + verified.stderr).toContain('Verification: OK');
      const leaves = (await read('foglie.txt')).toString('utf8');
      expect(leaves).toContain(`${digest(await read('PIndex.xml.p7m'))}  PIndex.xml.p7m\n`);
      expect(leaves).toContain(digest(busta));
    });

    it('is valid against the schemas', async () => {
      const schemas = resolve(import.meta.dirname, '../../src/conservation/xsd');
      // UNI's own schema may not be distributed: it is used where the person who runs the tests has it.
      const index = process.env.ARCHIVIA_PINDEX_XSD ?? join(schemas, 'PIndex.xsd');
      await must('xmllint', ['--nonet', '--noout', '--schema', index, file('PIndex.xml')]);
      const report = join(schemas, 'RapportoDiVersamento.xsd');
      await must('xmllint', ['--nonet', '--noout', '--schema', report, file('RdV.xml')]);
    });

    it('names both messages by the SHA-256 of their bytes', async () => {
      const all = new Set<string>();
      const names = await readdir(stage.archivia.dataDir, { recursive: true });
      for (const name of names.filter(each => each.endsWith('PIndex.xml'))) {
        for (const hash of await hashes(join(stage.archivia.dataDir, name))) all.add(hash);
      }
      expect(all).toContain(digest(busta));
      expect(all).toContain(digest(receipt));
    });

    it('comes with a signed RdV, which is a message in Rapporti di versamento too', async () => {
      await must('openssl', [
        ...['cms', '-verify', '-inform', 'DER', '-binary', '-purpose', 'any', '-in', file('RdV.xml.p7m')],
        ...['-CAfile', file('firmatario.pem'), '-partial_chain', '-out', verified()],
      ]);
      expect(await readFile(verified())).toEqual(await read('RdV.xml'));
      const reports = await eventually('the report to appear', async () => {
        const found = await sources(client, 'Conservazione/Rapporti di versamento');
        return found.size > 0 ? found : null;
      });
      const encoded = (await read('RdV.xml.p7m')).toString('base64').slice(0, 60);
      expect([...reports.values()].some(report => report.includes(encoded))).toBe(true);
    });
  });

  it('copies one back to the INBOX, byte for byte, with flags and date', async () => {
    const lock = await client.getMailboxLock(CONSERVED_ENVELOPES);
    const copied = await client.messageCopy('1', 'INBOX');
    lock.release();
    if (!copied) throw new Error('COPY was refused');
    expect(copied.uidMap?.size).toBe(1);
    const direct = await stage.directClient();
    const found = [...(await sources(direct, 'INBOX'))].filter(([, source]) => source.equals(busta));
    expect(found).toHaveLength(1);
    const uid = found[0]?.[0];
    expect([...(copied.uidMap?.values() ?? [])]).toEqual([uid]);
    const inbox = await direct.getMailboxLock('INBOX');
    const message = await direct.fetchOne(`${uid}`, { flags: true, internalDate: true }, { uid: true });
    inbox.release();
    if (!message) throw new Error('not there');
    expect(message.internalDate).toEqual(arrived);
    expect(message.flags).toContain('\\Flagged');
    await direct.logout();
    expect([...(await sources(client, CONSERVED_ENVELOPES)).values()]).toEqual([busta]);
  });

  it('conserves once what is moved in again', async () => {
    const lock = await client.getMailboxLock('INBOX');
    const found = await client.search({ header: { subject: 'Diffida' } }, { uid: true });
    if (!found) throw new Error('SEARCH was refused');
    expect(found).toHaveLength(1);
    expect(await client.messageMove(found, INTAKE, { uid: true })).not.toBe(false);
    lock.release();
    await eventually('--ARCHIVIA-- to be empty', async () => {
      const status = await client.status(INTAKE, { messages: true });
      return status !== false && status.messages === 0;
    });
    expect((await sources(client, 'Conservazione/2026')).size).toBe(2);
    expect((await sources(client, 'Archivio/2026/03')).size).toBe(2);
  });

  it('stops in good order', async () => {
    await client.logout();
    expect(await stage.archivia.shutDown()).toBe(0);
  });
});

const digest = (raw: Buffer) => createHash('sha256').update(raw).digest('hex');

/** Every value of a Hash element, hexadecimal. */
async function hashes(file: string): Promise<Set<string>> {
  const document = new DOMParser().parseFromString(await readFile(file, 'utf8'), 'text/xml');
  const elements = [...document.getElementsByTagNameNS('*', 'Hash')];
  return new Set(
    elements.map(element => {
      const text = (element.textContent ?? '').trim();
      return /^[0-9a-f]{64}$/i.test(text) ? text.toLowerCase() : Buffer.from(text, 'base64').toString('hex');
    }),
  );
}
