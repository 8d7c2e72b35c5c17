import { afterEach, beforeEach, expect, it } from 'vitest';
import { type Scene, startScene } from './scene.ts';

let scene: Scene;
beforeEach(async () => {
  scene = await startScene();
});
afterEach(() => scene.stop());

it('what a client copies into the archive is known by its UID upstream from then on', async () => {
  const { client, proxy, session, on } = scene;
  on(/^SELECT/, tag => session().say(`* 1 EXISTS\r\n* OK [UIDVALIDITY 77] ok\r\n${tag} OK [READ-WRITE] done\r\n`));
  const raw = 'Subject: copiato\r\n\r\ntesto\r\n';
  on(/^UID FETCH/, tag =>
    session().say(
      `* 1 FETCH (UID 11 FLAGS () INTERNALDATE "03-Nov-2026 10:20:30 +0100" BODY[] {${raw.length}}\r\n${raw})\r\n${tag} OK done\r\n`,
    ),
  );
  await client.ok('SELECT INBOX');
  await client.ok('UID COPY 11 Archivio');
  const [known, ...others] = await proxy.store.upstreamMessages({ folder: 'INBOX', uidValidity: 77 }, [10, 11]);
  expect(others).toEqual([]);
  expect(known?.uid).toBe(11);
  const octets = await proxy.store.read(known?.message ?? '', 0, 1000);
  expect(Buffer.from(octets).toString('latin1')).toBe(raw);
});
