import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { formatInternalDate } from '../../src/imap/internal-date.ts';
import { Dovecot } from '../mime/dovecot.ts';
import { createGestore, type Gestore } from '../support/messages.ts';
import { Engine, message } from './support/engine.ts';
import { literals } from './support/literals.ts';

let engine: Engine;
let gestore: Gestore;
beforeAll(async () => {
  engine = await Engine.start();
  gestore = await createGestore();
});
afterEach(() => expect(engine.errors).toEqual([]));
afterAll(async () => {
  await gestore.close();
  await engine.stop();
});

function id(lines: readonly string[], name = 'MAILBOXID'): string {
  const found = new RegExp(`${name} \\(([A-Za-z0-9_-]{1,255})\\)`).exec(lines.join('\n'))?.[1];
  if (found === undefined) throw new Error(`no ${name} in ${lines.join('\n')}`);
  return found;
}

describe('OBJECTID', () => {
  it('MAILBOXID: the same wherever it is told, kept by RENAME, never given again', async () => {
    const client = await (await engine.account()).login();
    const made = id(await client.run('CREATE Progetti'));
    expect(id(await client.data('STATUS Progetti (MAILBOXID)'))).toBe(made);
    expect(id(await client.data('SELECT Progetti'))).toBe(made);
    expect(id(await client.data('LIST "" Progetti RETURN (STATUS (MAILBOXID))'))).toBe(made);
    await client.ok('RENAME Progetti Altro');
    expect(id(await client.data('STATUS Altro (MAILBOXID)'))).toBe(made);
    await client.ok('UNSELECT');
    await client.ok('DELETE Altro');
    expect(id(await client.run('CREATE Altro'))).not.toBe(made);
    expect(id(await client.data('STATUS INBOX (MAILBOXID)'))).not.toBe(made);
  });

  it('MAILBOXID: one for each view', async () => {
    const account = await engine.account();
    const client = await account.login();
    await account.deliver('INBOX', message('uno'), [], Date.UTC(2026, 5, 15));
    await client.ok('SELECT INBOX');
    await client.ok('COPY 1 --ARCHIVIA--');
    const names = [
      'Archivio',
      'Archivio/2026',
      'Archivio/2026/06',
      'Archivio/2026/06/Ordinaria',
      'Conservazione',
      'Conservazione/Rapporti di versamento',
      'Conservazione/Pacchetti di distribuzione',
      '--ARCHIVIA--',
      'INBOX',
    ];
    const ids: string[] = [];
    for (const name of names) ids.push(id(await client.data(`STATUS "${name}" (MAILBOXID)`)));
    expect(new Set(ids).size).toBe(names.length);
    expect(id(await client.data('EXAMINE Archivio/2026/06'))).toBe(ids[2]);
  });

  it('EMAILID is the message, THREADID the conversation, and both can be searched', async () => {
    const account = await engine.account();
    const client = await account.login();
    await account.deliver('INBOX', message('uno'));
    await account.deliver('INBOX', message('due'));
    await account.deliver(
      'INBOX',
      message('uno').replace('Subject:', 'References: <due@pec.esempio.example>\r\nSubject:'),
    );
    await client.ok('SELECT INBOX');
    await client.ok('COPY 1 Archivio');
    const of = async (number: number, name: string) => id(await client.data(`FETCH ${number} ${name}`), name);
    const [email, thread] = [await of(1, 'EMAILID'), await of(2, 'THREADID')];
    expect(await of(2, 'EMAILID')).not.toBe(email);
    expect(await of(3, 'THREADID')).toBe(thread);
    expect(await of(1, 'THREADID')).not.toBe(thread);
    expect(await client.data(`SEARCH EMAILID ${email}`)).toEqual(['* SEARCH 1']);
    expect(await client.data(`SEARCH THREADID ${thread}`)).toEqual(['* SEARCH 2 3']);
    expect(await client.data('SEARCH EMAILID nessuno')).toEqual(['* SEARCH']);
    expect(await client.answer('SEARCH EMAILID "x y"')).toMatch(/^BAD /);
    await client.ok('SELECT Archivio');
    expect(await of(1, 'EMAILID')).toBe(email);
  });
});

describe('SAVEDATE', () => {
  it('tells when a message came into the mailbox, and searches by it', async () => {
    const account = await engine.account();
    const client = await account.login();
    const before = Math.floor(Date.now() / 1000) * 1000;
    await account.deliver('INBOX', message('uno'), [], Date.UTC(2001, 1, 1));
    await client.ok('SELECT INBOX');
    const [line = ''] = await client.data('FETCH 1 SAVEDATE');
    const told = /^\* 1 FETCH \(SAVEDATE "(.*)"\)$/.exec(line)?.[1] ?? '';
    const possible = Array.from({ length: 30 }, (_, second) => formatInternalDate(before + second * 1000));
    expect(possible).toContain(told);
    const day = told.trim().split(' ')[0];
    expect(await client.data(`SEARCH SAVEDON ${day}`)).toEqual(['* SEARCH 1']);
    expect(await client.data(`SEARCH SAVEDSINCE ${day}`)).toEqual(['* SEARCH 1']);
    expect(await client.data(`SEARCH SAVEDBEFORE ${day}`)).toEqual(['* SEARCH']);
    expect(await client.data('SEARCH SAVEDATESUPPORTED')).toEqual(['* SEARCH 1']);
  });
});

describe('PREVIEW', () => {
  async function preview(raw: string | Uint8Array, items = 'PREVIEW'): Promise<string> {
    const account = await engine.account();
    const client = await account.login();
    await account.deliver('INBOX', raw);
    await client.ok('SELECT INBOX');
    const lines = await client.data(`FETCH 1 (${items})`);
    return literals(lines)[0]?.toString('utf8') ?? lines[0] ?? '';
  }

  it('is the beginning of the text', async () => {
    expect(await preview(message('uno', 'Buongiorno "a"\r\n  tutti\r\n'))).toBe(
      '* 1 FETCH (PREVIEW "Buongiorno \\"a\\" tutti")',
    );
    expect(await preview(message('uno', ''))).toBe('* 1 FETCH (PREVIEW "")');
    expect(await preview(message('uno', 'parola '.repeat(100)), 'PREVIEW (LAZY) UID')).toBe(
      `* 1 FETCH (UID 1 PREVIEW "${'parola '.repeat(100).slice(0, 200)}")`,
    );
    expect(await preview(message('uno', '> di prima\r\nRispondo.\r\n'))).toBe('* 1 FETCH (PREVIEW "Rispondo.")');
    expect(await preview(message('uno', '> solo citato'))).toBe('* 1 FETCH (PREVIEW "> solo citato")');
    expect(await preview(message('uno', 'x'), 'PREVIEW (FUZZY)')).toBe('* 1 FETCH (PREVIEW (FUZZY "x"))');
    expect(await preview(message('uno', 'x'), 'SNIPPET (LAZY=FUZZY FUZZY)')).toBe('* 1 FETCH (SNIPPET (FUZZY "x"))');
  });

  it('undoes encodings and markup, in UTF-8', async () => {
    const html = [
      'Subject: x',
      'Content-Type: multipart/mixed; boundary=b',
      '',
      '--b',
      'Content-Type: text/plain',
      'Content-Disposition: attachment',
      '',
      'allegato',
      '--b',
      'Content-Type: text/html; charset=iso-8859-1',
      'Content-Transfer-Encoding: quoted-printable',
      '',
      '<title>no</title><p>Perch=E9 <b>no</b>?</p>',
      '--b--',
      '',
    ].join('\r\n');
    expect(await preview(html)).toBe('Perché no?');
  });

  it('of a busta is that of the message inside', async () => {
    const raw = await gestore.busta({ subject: 'Contratto', body: 'Le scrivo per il contratto.' });
    expect(await preview(raw)).toBe('* 1 FETCH (PREVIEW "Le scrivo per il contratto.")');
    const receipt = await gestore.accettazione({ subject: 'Contratto', body: 'Il messaggio e stato accettato.' });
    expect(await preview(receipt)).toMatch(/accetta/i);
  });

  it('agrees with Dovecot on plain texts', async () => {
    const raw = message('uno', 'Gentile cliente,\r\n\r\n  le inviamo   la fattura.\r\n> citazione\r\nSaluti\r\n');
    const dovecot = await Dovecot.start([Buffer.from(raw)]);
    try {
      for (const items of ['PREVIEW', 'PREVIEW (LAZY)', 'PREVIEW (FUZZY)', 'SNIPPET (FUZZY)']) {
        expect(await preview(raw, items)).toBe(String(await dovecot.command(`FETCH 1 (${items})`)).trim());
      }
    } finally {
      await dovecot.close();
    }
  });

  it('refuses what it does not know', async () => {
    const account = await engine.account();
    const client = await account.login();
    await client.ok('SELECT INBOX');
    for (const items of ['SNIPPET', 'PREVIEW (SLOW)', 'PREVIEW ()', 'SNIPPET (LAZY)']) {
      expect(await client.answer(`FETCH 1 (${items})`)).toMatch(/^BAD /);
    }
  });
});
