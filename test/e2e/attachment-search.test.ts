import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makePdf } from '../extract/support/pdf.ts';
import { createGestore, type Gestore } from '../support/messages.ts';
import { eventually } from '../support/processes.ts';
import type { RawImap } from '../support/raw-imap.ts';
import { type Stage, startStage, USER } from './stage.ts';

describe('SEARCH in a view', () => {
  let stage: Stage;
  let gestore: Gestore;
  let client: RawImap;

  beforeAll(async () => {
    [stage, gestore] = await Promise.all([
      startStage({ archive: { auto: { incoming: false, sent: false } } }),
      createGestore(),
    ]);
    for (const page of ['istanza di dissequestro', 'nulla di notevole']) {
      const attachment = { name: 'atto.pdf', content: makePdf({ pages: [page], deflated: 1 }) };
      await stage.dovecot.deliver(USER, 'INBOX', await gestore.busta({ subject: 'Deposito atto', attachment }));
    }
    client = await stage.raw();
    await client.ok('SELECT INBOX');
    await client.ok('UID COPY 1:* Archivio');
    await client.ok('SELECT Archivio');
  });
  afterAll(async () => {
    client?.close();
    await stage?.stop();
    await gestore?.close();
  });

  const search = async (program: string) =>
    (await client.ok(`UID SEARCH ${program}`)).untagged
      .join('')
      .match(/^\* SEARCH(.*)\r$/m)?.[1]
      ?.trim();

  it('finds a PEC message by a word of the PDF attached to it', async () => {
    await eventually('the PDF to be read', async () => (await search('TEXT dissequestro')) === '1');
    expect(await search('BODY "ISTANZA DI DISS"')).toBe('1');
    expect(await search('SUBJECT dissequestro')).toBe('');
    expect(await search('TEXT atto.pdf')).toBe('1 2');
  });
});
