import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makePdf } from '../extract/support/pdf.ts';
import { createGestore, plainMessage } from '../support/messages.ts';
import { eventually } from '../support/processes.ts';
import type { RawImap } from '../support/raw-imap.ts';
import { type Stage, startStage, USER } from './stage.ts';

describe('SEARCH in a folder of the upstream', () => {
  let stage: Stage;
  let client: RawImap;
  let direct: RawImap;

  beforeAll(async () => {
    const [started, gestore] = await Promise.all([startStage(), createGestore()]);
    stage = started;
    const busta = await gestore.busta({
      subject: 'Deposito atto',
      attachment: { name: 'atto.pdf', content: makePdf({ pages: ['istanza di dissequestro'], deflated: 1 }) },
    });
    await gestore.close();
    // There before Archivia was.
    await stage.dovecot.deliver(USER, 'INBOX', plainMessage({ subject: 'Vecchia', body: 'Parcella e perizia.\r\n' }), {
      internalDate: new Date('2026-01-05T10:00:00Z'),
    });
    client = await stage.raw();
    // New mail and not old: the archiver has to have looked at the folder before.
    await eventually('the archiver to look at the INBOX', () =>
      stage.archivia.log.some(line => line.includes('"msg":"connected"')),
    );
    await new Promise(resolve => setTimeout(resolve, 1_000));
    for (const body of ['La perizia è qui.', 'Nulla di notevole.', 'Perizia e "parcella".']) {
      await stage.dovecot.deliver(USER, 'INBOX', plainMessage({ subject: 'Pratica', body: `${body}\r\n` }));
    }
    await stage.dovecot.deliver(USER, 'INBOX', busta);
    await stage.dovecot.deliver(USER, 'Pratiche', busta);
    direct = await stage.directRaw();
    await client.ok('SELECT Archivio');
    await eventually('the messages and the PDF to be read', async () => {
      await client.ok('NOOP');
      return (await run(client, 'UID SEARCH TEXT dissequestro')).includes('4');
    });
    await client.ok('SELECT INBOX');
    await direct.ok('SELECT INBOX');
  });
  afterAll(async () => {
    client?.close();
    direct?.close();
    await stage?.stop();
  });

  const run = async (on: RawImap, command: string) => {
    const { untagged } = await on.ok(command);
    return untagged.map(line => line.toString('latin1').replace(/TAG "[^"]*"/, 'TAG')).join('');
  };

  it('finds what only the archive can read', async () => {
    expect(await run(direct, 'UID SEARCH TEXT dissequestro')).toBe('* SEARCH\r\n');
    // The archiver tells of what it copied a moment after it has.
    await eventually('the index to help', async () => {
      return (await run(client, 'UID SEARCH TEXT dissequestro')) === '* SEARCH 5\r\n';
    });
    expect(await run(client, 'SEARCH RETURN (COUNT MIN) BODY "istanza di diss"')).toMatch(/MIN 5 COUNT 1/);
    expect(await run(client, 'UID SEARCH NOT (OR TEXT {12+}\r\ndissequestro SUBJECT "TEXT x")')).toBe(
      '* SEARCH 1 2 3 4\r\n',
    );
    expect(await run(client, 'UID SORT (SUBJECT) UTF-8 OR BODY dissequestro BODY parcella')).toBe('* SORT 5 4 1\r\n');
  });

  it.each([
    'SEARCH TEXT perizia',
    'UID SEARCH BODY "Perizia" SUBJECT pratica',
    'UID SEARCH CHARSET UTF-8 TEXT {3+}\r\n\u00c3\u00a8 ',
    'UID SEARCH TEXT "\\"parcella\\""',
    'SEARCH OR BODY notevole (TEXT parcella UNSEEN) NOT DELETED',
    'SEARCH RETURN (ALL COUNT) NOT BODY perizia 1:3',
    'UID SEARCH BODY it',
    'UID SEARCH SUBJECT TEXT',
    'UID THREAD REFERENCES UTF-8 TEXT perizia',
  ])('answers as the upstream does: %s', async command => {
    expect(await run(client, command)).toBe(await run(direct, command));
  });

  it('refuses what the upstream refuses', async () => {
    for (const command of ['UID SEARCH TEXT', 'UID SEARCH TEXT a b c', 'SEARCH CHARSET X-NONE TEXT abc']) {
      expect((await client.command(command)).status).toBe((await direct.command(command)).status);
    }
  });

  it('asks the upstream for what came since, and in folders that the archive does not have', async () => {
    await client.ok('SELECT Pratiche');
    expect(await run(client, 'UID SEARCH TEXT dissequestro')).toBe('* SEARCH\r\n');
    expect(await run(client, 'UID SEARCH TEXT "Deposito atto"')).toBe('* SEARCH 1\r\n');
    await client.ok('SELECT INBOX');
    await client.ok('UID COPY 3 INBOX');
    // Archived already or not yet.
    expect((await run(client, 'UID SEARCH TEXT notevole')).replace(/^\* \d+ .*\r\n/gm, '')).toBe('* SEARCH 3 6\r\n');
  });
});
