/** In front of every upstream: login, capabilities, and folders of both sides in one hierarchy. */
import { expect, it } from 'vitest';
import { RawImap } from '../support/raw-imap.ts';
import { create, INTAKE, message, ROOTS, type UpstreamScene } from './upstream-scene.ts';
import { contents, EXTENSIONS, list, PASSWORD, quoted, uidOf } from './upstream-stage.ts';

/** What holds on our own hop, whatever the upstream can do. */
const HOP = ['IMAP4REV1', 'SASL-IR', 'LITERAL+', 'LITERAL-', 'ID', 'XLIST', 'COMPRESS=DEFLATE'];

/** Folder names in modified UTF-7 (RFC 3501 section 5.1.3): Però, A&B, 文件. */
const ENCODED_NAMES = ['Per&API-', 'A&-B', '&ZYdO9g-'];

export function testFolders(scene: UpstreamScene): void {
  const { kind, has, named, view, raw, direct } = scene;
  const { prefix, delimiter } = kind;

  it.concurrent('refuses a wrong password with the code for it, and takes the right one', async () => {
    const client = await RawImap.connect(scene.stage.archivia.imapPort);
    await client.response();
    const refused = await client.command(`LOGIN ${scene.stage.address('accesso')} sbagliata`);
    expect(refused.line).toMatch(/^t1 NO \[AUTHENTICATIONFAILED\] /);
    expect((await client.command(`LOGIN ${scene.stage.address('accesso')} ${PASSWORD}`)).line).toMatch(/^t2 OK /);
    await client.ok('SELECT INBOX');
    client.close();
  });

  it.concurrent('tells after login what both can, and its own hop', async () => {
    const capabilities = async (client: RawImap) => {
      const text = (await client.ok('CAPABILITY')).raw.toString('latin1');
      return (/^\* CAPABILITY (.*)\r$/m.exec(text)?.[1] ?? '').trim().toUpperCase().split(' ');
    };
    const theirs = await capabilities(await direct('accesso'));
    const ours = await capabilities(await raw('accesso'));
    for (const extension of EXTENSIONS) expect(theirs.includes(extension), `their ${extension}`).toBe(has(extension));
    const added = ours.filter(token => !theirs.includes(token) && !HOP.includes(token));
    // A number of ours stands for the smaller of both.
    const limit = (tokens: string[]) => tokens.find(token => token.startsWith('APPENDLIMIT='))?.slice(12);
    expect(Number(limit(ours) ?? 0)).toBeLessThanOrEqual(Number(limit(theirs) ?? 0));
    expect(added.filter(token => !/^(QUOTA|APPENDLIMIT)(=|$)/.test(token))).toEqual([]);
    // Our trees have quotas; so a client asks for those of its folders, too.
    if (added.includes('QUOTA')) await (await raw('accesso')).ok('GETQUOTAROOT INBOX');
    for (const extension of EXTENSIONS) {
      const expected = extension === 'LITERAL+' || (has(extension) && (extension !== 'MOVE' || has('UIDPLUS')));
      expect(ours.includes(extension), `our ${extension}`).toBe(expected);
    }
  });

  it.concurrent('lists its trees among the folders, with their delimiter and prefix', async () => {
    const before = await direct('cartelle');
    await before.ok(`CREATE ${view('Pratiche')}`);
    await before.ok(`CREATE ${view('Pratiche', 'Rossi')}`);
    await before.ok(`SUBSCRIBE ${view('Pratiche', 'Rossi')}`);
    const client = await raw('cartelle');

    const all = await list(client, 'LIST "" "*"');
    expect(new Set(all.map(folder => folder.delimiter))).toEqual(new Set([delimiter]));
    const names = all.map(folder => folder.name);
    expect(new Set(names).size).toBe(names.length);
    expect(names).toEqual(expect.arrayContaining((await list(before, 'LIST "" "*"')).map(folder => folder.name)));
    expect(names).toEqual(expect.arrayContaining(ROOTS.map(root => named(root))));
    expect(names).toContain(named('Conservazione', 'Rapporti di versamento'));

    const firstLevel = (await list(client, `LIST "" "${prefix}%"`)).map(folder => folder.name);
    expect(firstLevel).toEqual(expect.arrayContaining([...ROOTS.map(root => named(root)), named('Pratiche')]));
    expect(firstLevel).not.toContain(named('Pratiche', 'Rossi'));
    const inbox = all.find(folder => folder.name.toUpperCase() === 'INBOX');
    if (prefix === '') expect(inbox?.attributes).not.toContain('\\haschildren');
    else expect(inbox?.attributes).not.toContain('\\hasnochildren');
    expect(await list(client, 'LIST "" ""')).toEqual(await list(before, 'LIST "" ""'));

    const xlist = (await client.ok('XLIST "" "*"')).untagged.map(String);
    expect(xlist.filter(line => /^\* XLIST \([^)]*\\Inbox\b[^)]*\) "." "?INBOX"?\r\n$/.test(line))).toHaveLength(1);
    expect(xlist).toHaveLength(all.length);

    const subscribed = (await list(client, 'LSUB "" "*"')).map(folder => folder.name);
    expect(subscribed).toContain(named('Pratiche', 'Rossi'));
    expect(subscribed).toContain(named(INTAKE));
    expect(new Set(subscribed).size).toBe(subscribed.length);
  });

  it.concurrent("gives way to the user's own Archivio, at every login the same way", async () => {
    const own = message('nella cartella sua');
    const before = await direct('omonimo');
    await before.ok(`CREATE ${view('Archivio')}`);
    await scene.stage.deliver('omonimo', own, { folder: named('Archivio') });

    const client = await raw('omonimo');
    const names = (await list(client, 'LIST "" "*"')).map(folder => folder.name);
    expect(names).toContain(named('Archivio'));
    expect(names.filter(name => name === named('Archivio'))).toHaveLength(1);
    const suffixed = names.find(name => /^Archivio .*Archivia/.test(name.slice(prefix.length)));
    expect(suffixed).toBeDefined();
    expect(await contents(client, named('Archivio'))).toEqual([own]);
    await client.ok(`COPY 1 ${quoted(suffixed ?? '')}`);
    expect(await contents(client, suffixed ?? '')).toEqual([own]);

    await before.ok(`DELETE ${view('Archivio')}`);
    const again = await raw('omonimo');
    const later = (await list(again, 'LIST "" "*"')).map(folder => folder.name);
    expect(later).toContain(suffixed);
    expect(later).not.toContain(named('Archivio'));
  });

  it.concurrent.each(ENCODED_NAMES)(
    'passes the folder name %s: create, append, copy, select, rename, delete',
    async encoded => {
      const client = await raw('nomi');
      const folder = view(encoded);
      const appended = message(encoded);
      await create(client, folder);
      expect((await client.append(folder, appended)).status).toBe('OK');
      expect(await contents(client, named(encoded))).toEqual([appended]);
      const other = message(encoded);
      await scene.stage.deliver('nomi', other);
      const uid = await uidOf(client, 'INBOX', other);
      await client.ok(`UID COPY ${uid} ${folder}`);
      expect(await contents(client, named(encoded))).toEqual([appended, other]);
      // From there into a view, and back from it.
      await client.ok(`COPY 1 ${view('Archivio')}`);
      const archived = await uidOf(client, named('Archivio'), appended);
      await client.ok(`UID COPY ${archived} ${folder}`);
      expect(await contents(await direct('nomi'), named(encoded))).toEqual([appended, other, appended]);
      const names = (await list(client, `LIST "" "${prefix}%"`)).map(each => each.name);
      expect(names).toContain(named(encoded));
      await client.ok('SELECT INBOX');
      await client.ok(`RENAME ${folder} ${view(`${encoded}2`)}`);
      await client.ok(`DELETE ${view(`${encoded}2`)}`);
    },
  );

  it.concurrent('answers STATUS of both sides, and passes the management of folders', async () => {
    await scene.stage.deliver('stato', message('stato'));
    const client = await raw('stato');
    const there = await direct('stato');
    const items = '(MESSAGES UIDNEXT UIDVALIDITY UNSEEN)';
    const status = async (from: RawImap) => (await from.ok(`STATUS INBOX ${items}`)).untagged.map(String);
    expect(await status(client)).toEqual(await status(there));
    for (const root of ROOTS) {
      const [line = ''] = (await client.ok(`STATUS ${view(root)} ${items}`)).untagged;
      expect(String(line)).toMatch(/^\* STATUS .* \((?:(?:MESSAGES|UIDNEXT|UIDVALIDITY|UNSEEN) \d+ ?){4}\)\r\n$/);
      expect(String(line)).toContain(named(root));
    }
    const names = async (command: string) => (await list(there, command)).map(folder => folder.name);
    await create(client, view('Pratiche'));
    await create(client, view('Pratiche', 'Rossi'));
    expect(await names('LIST "" "*"')).toContain(named('Pratiche', 'Rossi'));
    await client.ok(`RENAME ${view('Pratiche', 'Rossi')} ${view('Pratiche', 'Bianchi')}`);
    await client.ok(`SUBSCRIBE ${view('Pratiche', 'Bianchi')}`);
    expect(await names('LSUB "" "*"')).toContain(named('Pratiche', 'Bianchi'));
    await client.ok(`UNSUBSCRIBE ${view('Pratiche', 'Bianchi')}`);
    expect(await names('LSUB "" "*"')).not.toContain(named('Pratiche', 'Bianchi'));
    await client.ok(`DELETE ${view('Pratiche', 'Bianchi')}`);
    await client.ok(`DELETE ${view('Pratiche')}`);
    expect(await names('LIST "" "*"')).not.toContain(named('Pratiche'));
    for (const command of [
      `CREATE ${view('Archivio', 'Mio')}`,
      `DELETE ${view('Archivio')}`,
      `RENAME ${view('Conservazione')} ${view('Altra')}`,
      `RENAME ${view(kind.sent)} ${view('Archivio', 'Mia')}`,
    ]) {
      expect((await client.command(command)).status, command).toBe('NO');
    }
    expect(await names('LIST "" "*"')).toContain(named(kind.sent));
    expect(await names('LIST "" "*"')).not.toContain(named('Altra'));
  });
}
