/** In front of every upstream: what is selected, what is heard of, and what happens by itself. */
import { expect, it } from 'vitest';
import { eventually } from '../support/processes.ts';
import { create, INTAKE, message, type UpstreamScene } from './upstream-scene.ts';
import { contents, eventuallyHolds, select, uidOf } from './upstream-stage.ts';

export function testSides(scene: UpstreamScene): void {
  const { kind, has, named, view, raw, direct } = scene;

  it.concurrent('changes between folder and view, and neither hears of the other', async () => {
    const client = await raw('passaggi');
    expect(await select(client, 'INBOX')).toBe(0);
    expect(await select(client, named('Conservazione'))).toBe(0);
    await scene.stage.deliver('passaggi', message('intanto'), { flags: '(\\Deleted)' });
    expect((await client.ok('NOOP')).untagged).toEqual([]);
    expect((await client.ok('CHECK')).untagged).toEqual([]);
    // Leaving it for the view has expunged nothing.
    expect(await select(client, 'INBOX')).toBe(1);
    expect(await select(client, named('Conservazione'))).toBe(0);
    expect(await select(client, 'INBOX')).toBe(1);

    await create(client, view('Quieta'));
    expect(await select(client, named('Quieta'))).toBe(0);
    const other = await raw('passaggi');
    expect((await other.append(view('Archivio'), message('nella vista'))).status).toBe('OK');
    expect((await client.ok('NOOP')).untagged).toEqual([]);
    expect((await client.command('SELECT INBOX-che-manca')).status).toBe('NO');
    expect((await client.command('FETCH 1 FLAGS')).status).not.toBe('OK');
  });

  it.concurrent('changes sides in one packet, each answer in its place', async () => {
    await scene.stage.deliver('pacchetto', message('nel pacchetto'));
    const client = await raw('pacchetto');
    const inbox = await select(client, 'INBOX');
    const commands = ['SELECT INBOX', 'NOOP', `SELECT ${view('Conservazione')}`, 'NOOP', 'SELECT INBOX', 'FETCH 1 UID'];
    await client.send(commands.map((command, index) => `p${index} ${command}\r\n`).join(''));
    const heard: string[] = [];
    for (const index of commands.keys()) {
      const reply = await client.reply(`p${index}`);
      expect(reply.status).toBe('OK');
      heard.push(reply.raw.toString('latin1'));
    }
    expect(heard[2]).toContain('* 0 EXISTS');
    expect(heard[3]).toMatch(/^p3 OK/);
    expect(heard[4]).toContain(`* ${inbox} EXISTS`);
    expect(heard[5]).toMatch(/^\* 1 FETCH \(UID \d+\)\r\n/m);
  });

  const idle = async () => {
    const client = await raw('attesa');
    expect(await select(client, 'INBOX')).toBe(0);
    await client.send('a IDLE\r\n');
    expect(String(await client.response())).toMatch(/^\+ /);
    await scene.stage.deliver('attesa', message('in attesa'));
    const heard: string[] = [];
    while (!heard.includes('* 1 EXISTS\r\n')) heard.push(String(await client.response()));
    await client.send('DONE\r\n');
    expect((await client.reply('a')).status).toBe('OK');
    await select(client, named('Conservazione'));
    await client.send('b IDLE\r\n');
    expect(String(await client.response())).toMatch(/^\+ /);
    await scene.stage.deliver('attesa', message('in attesa'));
    await expect(client.response(1_500)).rejects.toThrow('no response');
    await client.send('DONE\r\n');
    expect((await client.reply('b')).untagged).toEqual([]);
  };
  if (has('IDLE')) it.concurrent('tells of new mail in IDLE, and of none in a view', idle);

  it.concurrent('conserves what is copied into --ARCHIVIA--, to the end', async () => {
    const conserved = message('da conservare');
    await scene.stage.deliver('conserva', conserved);
    const client = await raw('conserva');
    await select(client, 'INBOX');
    await client.ok(`COPY 1 ${view(INTAKE)}`);
    await eventuallyHolds(client, named('Conservazione'), conserved);
    await eventually('--ARCHIVIA-- to be empty', async () => (await select(client, named(INTAKE))) === 0);
    const uid = await uidOf(client, named('Conservazione'), conserved);
    expect((await client.command(`UID STORE ${uid} +FLAGS (\\Deleted)`)).line).toMatch(/ NO \[CANNOT\] /);
    await client.ok(`UID COPY ${uid} INBOX`);
    expect(await contents(await direct('conserva'), 'INBOX')).toEqual([conserved, conserved]);
    const reports = named('Conservazione', 'Rapporti di versamento');
    await eventually('the report to appear', async () => (await select(client, reports)) > 0);
  });

  // Alone: it may start the server anew.
  it('archives what arrives and what is sent, and leaves it as it was', async () => {
    const client = await raw('archivista');
    // From the first login on: the archiver has to have looked at the folder before.
    await eventually('the archiver to look at the INBOX', () =>
      scene.stage.archivia.log.some(
        line => line.includes('"msg":"connected"') && line.includes(scene.stage.address('archivista')),
      ),
    );
    await new Promise(resolve => setTimeout(resolve, 1_000));
    const sent = message('spedito da me');
    expect((await client.append(view(kind.sent), sent, '(\\Seen)')).status).toBe('OK');
    const arrived = message('arrivato');
    await scene.stage.deliver('archivista', arrived);
    if (!has('IDLE')) {
      // It would look again in a minute; at its start it does at once.
      await scene.stage.archivia.kill();
      await scene.stage.archivia.start();
    }
    const reader = await raw('archivista');
    await eventuallyHolds(reader, named('Archivio'), arrived);
    await eventuallyHolds(reader, named('Archivio'), sent);
    const there = await direct('archivista');
    await select(there, 'INBOX', 'EXAMINE');
    expect((await there.ok('SEARCH SEEN')).raw.toString()).toMatch(/^\* SEARCH ?\r\n/m);
  });
}
