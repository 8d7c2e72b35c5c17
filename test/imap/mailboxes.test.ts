import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Engine, message } from './support/engine.ts';

let engine: Engine;
beforeAll(async () => {
  engine = await Engine.start();
});
afterEach(() => expect(engine.errors).toEqual([]));
afterAll(() => engine.stop());

/** A year, a month and a category have come into being, and there are local mailboxes. */
async function furnished() {
  const account = await engine.account();
  const client = await account.login();
  await account.deliver('INBOX', message('uno'), [], Date.UTC(2026, 5, 15));
  await client.ok('SELECT INBOX');
  await client.ok('COPY 1 Archivio');
  await client.ok('UNSELECT');
  await client.ok('CREATE "Clienti/Rossi &- figli"');
  return { account, client };
}

const names = (lines: readonly string[]) => lines.map(line => /"([^"]*)"( \(CHILDINFO.*)?$/.exec(line)?.[1]);

const WATCHED = ['In attesa di consegna', 'Non consegnati', 'Da conservare'].map(name => `Archivio/${name}`);

describe('LIST', () => {
  it('the empty pattern asks for the delimiter', async () => {
    const client = await (await engine.account()).login();
    expect(await client.data('LIST "" ""')).toEqual(['* LIST (\\Noselect) "/" ""']);
  });

  it('tells names and attributes', async () => {
    const { client } = await furnished();
    const lines = await client.data('LIST "" "*"');
    expect(lines).toContain('* LIST (\\HasChildren \\Archive) "/" "Archivio"');
    expect(lines).toContain('* LIST (\\HasChildren) "/" "Archivio/2026/06"');
    expect(lines).toContain('* LIST (\\HasNoChildren \\NoInferiors) "/" "Archivio/2026/06/Ordinaria"');
    expect(lines).toContain('* LIST (\\HasNoChildren \\NoInferiors) "/" "--ARCHIVIA--"');
    expect(lines).toContain('* LIST (\\HasNoChildren \\NoInferiors) "/" "Conservazione/Rapporti di versamento"');
    expect(lines.some(line => line.endsWith('"Clienti/Rossi &- figli"'))).toBe(true);
    expect(lines.some(line => line.endsWith('"INBOX"'))).toBe(true);
    expect(new Set(lines).size).toBe(lines.length);
  });

  it('patterns: % stays in its level, reference and pattern join, INBOX in any case', async () => {
    const { client } = await furnished();
    expect(names(await client.data('LIST "" %'))).toEqual(
      expect.arrayContaining(['INBOX', 'Archivio', 'Conservazione', '--ARCHIVIA--', 'Clienti']),
    );
    expect(names(await client.data('LIST "" %')).some(name => name?.includes('/'))).toBe(false);
    expect(names(await client.data('LIST Archivio/ %'))).toEqual(['Archivio/2026', ...WATCHED]);
    expect(names(await client.data('LIST "" "Archivio/%/06"'))).toEqual(['Archivio/2026/06']);
    expect(names(await client.data('LIST "" inbox'))).toEqual(['INBOX']);
    expect(names(await client.data('LIST Archi vio'))).toEqual(['Archivio']);
    expect(await client.data('LIST "" "bad&utf"')).toEqual([]);
    expect(await client.data(`LIST "" "${'%*'.repeat(900)}q"`)).toEqual([]);
    expect(await client.answer(`LIST "" "${'*a'.repeat(1_100)}"`)).toMatch(/^NO \[LIMIT\]/);
  });

  it('LIST-EXTENDED', async () => {
    const { client } = await furnished();
    expect(names(await client.data('LIST "" (INBOX "--ARCHIVIA--")')).sort()).toEqual(['--ARCHIVIA--', 'INBOX']);
    const subscribed = await client.data('LIST (SUBSCRIBED) "" "*" RETURN (SPECIAL-USE)');
    expect(names(subscribed)).toContain('Archivio/2026/06/Ordinaria');
    expect(names(subscribed)).not.toContain('Archivio/2026/06');
    expect(subscribed.every(line => line.includes('\\Subscribed'))).toBe(true);
    expect(names(await client.data('LIST (SPECIAL-USE) "" "*"'))).toEqual(['Archivio']);
    expect(await client.data('LIST "" Archivio RETURN (SUBSCRIBED CHILDREN)')).toEqual([
      '* LIST (\\HasChildren \\Archive) "/" "Archivio"',
    ]);
    expect(await client.data('LIST (SUBSCRIBED RECURSIVEMATCH) "" "Archivio"')).toEqual([
      '* LIST (\\HasChildren \\Archive) "/" "Archivio" (CHILDINFO ("SUBSCRIBED"))',
    ]);
    // What is named itself is not hinted at, too.
    expect(await client.data('LIST (SUBSCRIBED RECURSIVEMATCH) "" "*"')).toEqual(
      await client.data('LIST (SUBSCRIBED) "" "*"'),
    );
    for (const wrong of [
      'LIST (NOPE) "" *',
      'LIST (RECURSIVEMATCH) "" *',
      'LIST "" * RETURN (NOPE)',
      'LIST "" ()',
      'LIST ""',
    ]) {
      expect(await client.answer(wrong)).toMatch(/^BAD /);
    }
  });

  it('LIST-STATUS: each STATUS follows its LIST', async () => {
    const { client } = await furnished();
    expect(await client.data('LIST "" Archivio/2026 RETURN (SPECIAL-USE STATUS (MESSAGES UNSEEN))')).toEqual([
      '* LIST (\\HasChildren) "/" "Archivio/2026"',
      '* STATUS "Archivio/2026" (MESSAGES 1 UNSEEN 0)',
    ]);
    const lines = await client.data('LIST "" * RETURN (STATUS (UIDNEXT))');
    for (const [index, line] of lines.entries()) {
      if (line.startsWith('* STATUS')) expect(lines[index - 1]).toContain(line.split(' ').slice(2, -2).join(' '));
    }
  });

  it('LSUB and SUBSCRIBE', async () => {
    const { client } = await furnished();
    await client.ok('UNSUBSCRIBE Archivio/2026/06/Ordinaria');
    for (const name of WATCHED) await client.ok(`UNSUBSCRIBE "${name}"`);
    expect(names(await client.data('LSUB "" "Archivio*"'))).toEqual([]);
    await client.ok('SUBSCRIBE Archivio');
    expect(await client.data('LSUB "" "Archivio*"')).toEqual(['* LSUB () "/" "Archivio"']);
    await client.ok('UNSUBSCRIBE Archivio');
    await client.ok('SUBSCRIBE Archivio/2026/06/Ordinaria');
    expect(await client.data('LSUB "" "Arch%"')).toEqual(['* LSUB (\\Noselect) "/" "Archivio"']);
    expect(await client.data('LSUB Archivio/ %')).toEqual(['* LSUB (\\Noselect) "/" "Archivio/2026"']);
    expect(await client.answer('SUBSCRIBE Archivio/2026/99')).toMatch(/^NO /);
  });

  it('XLIST for old Outlook', async () => {
    const { client } = await furnished();
    expect(await client.data('XLIST "" INBOX')).toEqual([
      expect.stringMatching(/^\* XLIST \(.*\\Inbox\) "\/" "INBOX"$/),
    ]);
  });
});

describe('STATUS', () => {
  it('tells every item in the order asked', async () => {
    const { account, client } = await furnished();
    await account.deliver('INBOX', message('due'), ['\\Seen', '\\Deleted']);
    const [line] = await client.data(
      'STATUS inbox (UIDNEXT MESSAGES UNSEEN RECENT DELETED SIZE UIDVALIDITY HIGHESTMODSEQ)',
    );
    const size = message('uno').length + message('due').length;
    expect(line).toMatch(
      new RegExp(
        `^\\* STATUS "INBOX" \\(UIDNEXT 3 MESSAGES 2 UNSEEN 1 RECENT 0 DELETED 1 SIZE ${size} UIDVALIDITY \\d+ HIGHESTMODSEQ \\d+\\)$`,
      ),
    );
  });

  it('refuses what is not there', async () => {
    const client = await (await engine.account()).login();
    expect(await client.answer('STATUS Altrove (MESSAGES)')).toMatch(/^NO \[NONEXISTENT\]/);
    for (const wrong of ['STATUS INBOX', 'STATUS INBOX ()', 'STATUS INBOX (NOPE)', 'STATUS INBOX (toString)']) {
      expect(await client.answer(wrong)).toMatch(/^BAD /);
    }
  });
});

describe('CREATE, DELETE, RENAME', () => {
  it('local mailboxes come, change and go', async () => {
    const { account, client } = await furnished();
    expect(await client.answer('CREATE "Clienti/Rossi &- figli/"')).toMatch(/^NO \[ALREADYEXISTS\]/);
    expect(await client.answer('CREATE inbox')).toMatch(/^NO \[ALREADYEXISTS\]/);
    await client.ok('CREATE Pratiche/2026/Bianchi');
    await client.ok('RENAME Pratiche Atti');
    expect(names(await client.data('LIST "" Atti*'))).toEqual(['Atti', 'Atti/2026', 'Atti/2026/Bianchi']);
    await account.deliver('Atti/2026/Bianchi', message('atto'));
    await client.ok('SELECT Atti/2026/Bianchi');
    await client.ok('RENAME Atti Atti2');
    await account.deliver('Atti2/2026/Bianchi', message('atto due'));
    expect(await client.data('NOOP')).toEqual(['* 2 EXISTS', '* 0 RECENT']);
    expect(await client.data('DELETE Atti2/2026/Bianchi')).toEqual(['* OK [CLOSED] Mailbox deleted.']);
    expect(await client.answer('NOOP')).toMatch(/^OK/);
    expect(await client.answer('DELETE Atti2/2026/Bianchi')).toMatch(/^NO \[NONEXISTENT\]/);
    await client.ok('CREATE Posta (USE (\\Sent))');
    expect(await client.data('LIST (SPECIAL-USE) "" Posta')).toEqual([expect.stringContaining('\\Sent')]);
    expect(await client.answer('CREATE Altra (USE (\\Nope))')).toMatch(/^NO \[USEATTR\]/);
  });

  it('a session whose mailbox is deleted by another is told goodbye', async () => {
    const { account, client } = await furnished();
    await client.ok('SELECT "Clienti/Rossi &- figli"');
    const other = await account.login();
    await other.ok('DELETE "Clienti/Rossi &- figli"');
    await client.send('a NOOP\r\n');
    expect(await client.next()).toMatch(/^\* BYE /);
    await client.closed();
  });

  it('RENAME of INBOX takes its messages along and leaves it empty', async () => {
    const { client } = await furnished();
    await client.ok('RENAME INBOX "Vecchia posta"');
    expect(await client.data('STATUS "Vecchia posta" (MESSAGES)')).toEqual(['* STATUS "Vecchia posta" (MESSAGES 1)']);
    expect(await client.data('STATUS INBOX (MESSAGES)')).toEqual(['* STATUS "INBOX" (MESSAGES 0)']);
  });

  it('views are not touched', async () => {
    const { client } = await furnished();
    const before = await client.data('LIST "" *');
    expect(await client.answer('CREATE Archivio/2026')).toMatch(/^NO \[ALREADYEXISTS\]/);
    for (const command of [
      'CREATE Archivio/Miei',
      'CREATE Archivio/2031',
      'CREATE "--ARCHIVIA--/x"',
      'DELETE Archivio',
      'DELETE Archivio/2026',
      'DELETE --ARCHIVIA--',
      'RENAME Archivio Altro',
      'RENAME Archivio/2026/06 Altro',
      'RENAME Clienti Conservazione/Clienti',
      'RENAME Clienti Clienti/sotto',
      'DELETE INBOX',
    ]) {
      expect(await client.answer(command), command).toMatch(/^NO \[CANNOT\] /);
    }
    expect(await client.data('LIST "" *')).toEqual(before);
  });

  it('refuses unfit names', async () => {
    const { client } = await furnished();
    for (const name of [
      '""',
      '"/x"',
      '"a//b"',
      '"a%b"',
      '"a*b"',
      '"../x"',
      '"bad&utf"',
      '"&AGE-"',
      `"${'x'.repeat(1_100)}"`,
    ]) {
      expect(await client.answer(`CREATE ${name}`), name).toMatch(/^NO \[CANNOT\]/);
    }
  });
});

describe('NAMESPACE', () => {
  it('is one personal namespace', async () => {
    const client = await (await engine.account()).login();
    expect(await client.data('NAMESPACE')).toEqual(['* NAMESPACE (("" "/")) NIL NIL']);
  });
});
