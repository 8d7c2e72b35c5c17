/** In front of every upstream: messages from one side to the other, byte for byte. */
import { expect, it } from 'vitest';
import { plainMessage } from '../support/messages.ts';
import { literalOf } from '../support/raw-imap.ts';
import { copyUid, message, neutral, type UpstreamScene } from './upstream-scene.ts';
import { contents, select, uidOf } from './upstream-stage.ts';

export function testMessages(scene: UpstreamScene): void {
  const { has, named, view, raw, direct } = scene;

  it.concurrent('reads the INBOX as a direct connection does, byte for byte', async () => {
    for (const flags of ['', '(\\Seen)', '(\\Answered \\Flagged)']) {
      await scene.stage.deliver('lettura', message('lettura'), { flags, date: '10-Mar-2026 09:30:00 +0100' });
    }
    await scene.stage.deliver(
      'lettura',
      plainMessage({ subject: 'grande', body: 'z'.repeat(70).concat('\r\n').repeat(9000) }),
    );
    const commands = [
      'EXAMINE INBOX',
      'FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODYSTRUCTURE)',
      'FETCH 1:* BODY.PEEK[]',
      'UID FETCH 1:* (BODY.PEEK[HEADER.FIELDS (SUBJECT)] BODY.PEEK[TEXT]<4.20>)',
      'UID SEARCH SUBJECT lettura',
      'FETCH 9 FLAGS',
      'SEARCH CHARSET KOI-7 TEXT x',
      'NOOP',
    ];
    const theirs = await direct('lettura');
    const ours = await raw('lettura');
    for (const command of commands) {
      const expected = neutral((await theirs.command(command)).raw.toString('latin1'));
      expect(neutral((await ours.command(command)).raw.toString('latin1')), command).toBe(expected);
    }
  });

  it.concurrent('copies from the INBOX into the archive, by sequence number and by UID', async () => {
    const sent = [message('copia'), message('copia'), message('copia')];
    for (const each of sent) await scene.stage.deliver('copia', each);
    const [first = Buffer.alloc(0), second = Buffer.alloc(0), third = Buffer.alloc(0)] = sent;
    const client = await raw('copia');
    expect(await select(client, 'INBOX')).toBe(3);
    const bySequence = copyUid(await client.ok(`COPY 1:2 ${view('Archivio')}`));
    const uid = await uidOf(client, 'INBOX', third);
    const byUid = copyUid(await client.ok(`UID COPY ${uid} ${view('Archivio')}`));
    expect([...byUid.keys()]).toEqual([uid]);
    // Nothing has been taken from where it was, and the folder is still open.
    const uids = /^\* SEARCH (\d+) (\d+) (\d+)\r\n/m.exec((await client.ok('UID SEARCH ALL')).raw.toString());
    expect(uids?.slice(1, 3).map(Number)).toEqual([...bySequence.keys()]);
    // Each is where COPYUID says.
    await select(client, named('Archivio'));
    const told = [...bySequence.values(), ...byUid.values()];
    for (const [index, original] of [first, second, third].entries()) {
      const [body = Buffer.alloc(0)] = (await client.ok(`UID FETCH ${told[index]} BODY.PEEK[]`)).untagged;
      expect(literalOf(body)).toEqual(original);
    }
    expect(await contents(client, 'INBOX')).toEqual(sent);
  });

  it.concurrent('moves into the archive what a client moves', async () => {
    const [stays, moved] = [message('resta'), message('spostato')];
    await scene.stage.deliver('sposta', stays, { flags: '(\\Deleted)' });
    await scene.stage.deliver('sposta', moved);
    const client = await raw('sposta');
    expect(await select(client, 'INBOX')).toBe(2);
    const reply = await client.command(`MOVE 2 ${view('Archivio')}`);
    const inbox = await contents(await direct('sposta'), 'INBOX');
    // Safe wherever what is deleted can be named; offered where the upstream's folders have it, too.
    if (has('UIDPLUS')) {
      expect(reply.status).toBe('OK');
      expect(reply.untagged.join('')).toMatch(/^\* OK \[COPYUID \d+ \d+ \d+\][\s\S]*^\* 2 EXPUNGE\r\n/m);
      // Nothing but what was moved, not even what is marked as deleted.
      expect(inbox).toEqual([stays]);
      expect(await contents(client, named('Archivio'))).toEqual([moved]);
    } else {
      expect(reply.line).toMatch(/ NO \[CANNOT\] /);
      expect(inbox).toEqual([stays, moved]);
    }
  });

  it.concurrent('lets a client without MOVE do it in three steps', async () => {
    const moved = message('in tre passi');
    const kept = message('resta qui');
    await scene.stage.deliver('passi', moved);
    await scene.stage.deliver('passi', kept);
    const client = await raw('passi');
    const uid = await uidOf(client, 'INBOX', moved);
    await client.ok(`UID COPY ${uid} ${view('Archivio')}`);
    await client.ok(`UID STORE ${uid} +FLAGS.SILENT (\\Deleted)`);
    await client.ok(has('UIDPLUS') ? `UID EXPUNGE ${uid}` : 'EXPUNGE');
    const inbox = await contents(await direct('passi'), 'INBOX');
    expect(inbox).not.toContainEqual(moved);
    expect(inbox).toContainEqual(kept);
    expect(await contents(client, named('Archivio'))).toContainEqual(moved);
  });

  it.concurrent('gives back to the INBOX what is in the archive: bytes, flags and date', async () => {
    const original = message('ritorno');
    await scene.stage.deliver('ritorno', original, { flags: '(\\Seen)', date: '10-Mar-2026 09:30:00 +0100' });
    const client = await raw('ritorno');
    await select(client, 'INBOX');
    await client.ok(`COPY 1 ${view('Archivio')}`);
    await select(client, named('Archivio'));
    await client.ok('STORE 1 +FLAGS (\\Flagged Urgente)');
    const restored = await client.ok('UID COPY 1:* INBOX');
    if (has('UIDPLUS')) expect(restored.line).toMatch(/ OK \[COPYUID \d+ \d+ \d+\] /);

    const there = await direct('ritorno');
    expect(await select(there, 'INBOX')).toBe(2);
    const [body = Buffer.alloc(0)] = (await there.ok('FETCH 2 BODY.PEEK[]')).untagged;
    expect(literalOf(body)).toEqual(original);
    const [line = ''] = (await there.ok('FETCH 2 (FLAGS INTERNALDATE)')).untagged;
    const flags = /FLAGS \(([^)]*)\)/.exec(String(line))?.[1]?.split(' ') ?? [];
    expect(flags).toEqual(expect.arrayContaining(['\\Seen', '\\Flagged', 'Urgente']));
    const date = /INTERNALDATE "([^"]*)"/.exec(String(line))?.[1] ?? '';
    expect(new Date(date).getTime()).toBe(Date.parse('2026-03-10T08:30:00Z'));
  });

  it.concurrent.each([
    ['the upstream', 'synchronising', ''],
    ['the upstream', 'non-synchronising', '+'],
    ['a view', 'synchronising', ''],
    ['a view', 'non-synchronising', '+'],
  ])('takes APPEND to %s with a %s literal', async (side, _kind, plus) => {
    const client = await raw('aggiunte');
    const folder = side === 'a view' ? named('Archivio') : 'INBOX';
    const appended = message('aggiunta');
    await client.send(`a APPEND "${folder}" (\\Seen) "10-Mar-2026 09:30:00 +0100" {${appended.length}${plus}}\r\n`);
    if (plus === '') expect(String(await client.response())).toMatch(/^\+/);
    await client.send(Buffer.concat([appended, Buffer.from('\r\n')]));
    const reply = await client.reply('a');
    expect(reply.status).toBe('OK');
    if (has('UIDPLUS') || side === 'a view') expect(reply.line).toMatch(/ OK \[APPENDUID \d+ \d+\]/);
    expect((await contents(client, folder)).filter(each => each.equals(appended))).toHaveLength(1);
    if (side !== 'a view') expect(await contents(await direct('aggiunte'), folder)).toContainEqual(appended);
    // A folder that is not there: refused, and the connection goes on.
    await client.send(`b APPEND ${view('Manca')} {${appended.length}+}\r\n`);
    await client.send(Buffer.concat([appended, Buffer.from('\r\n')]));
    expect((await client.reply('b')).status).toBe('NO');
    await client.ok('NOOP');
  });
}
