import { readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { ImapFlow } from 'imapflow';
import { afterEach, expect, test } from 'vitest';
import type { DemoAccess } from '../../src/demo/instructions.ts';
import { end, eventually, freePort, start } from '../support/processes.ts';
import { type TemporaryDirectory, temporaryDirectory } from '../support/temp.ts';

const MAIN = resolve(import.meta.dirname, '../../src/cli/main.ts');
const running: ReturnType<typeof start>[] = [];
const directories: TemporaryDirectory[] = [];

afterEach(async () => {
  for (const child of running.splice(0)) await end(child);
  for (const directory of directories.splice(0)) await directory.remove();
});

async function startDemo(...options: string[]) {
  const child = start(process.execPath, [MAIN, 'demo', '--json', ...options]);
  running.push(child);
  let out = '';
  let err = '';
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk.toString('utf8');
  });
  child.stderr.on('data', (chunk: Buffer) => {
    err += chunk.toString('utf8');
  });
  await eventually('the demo', () => {
    if (child.exitCode !== null) throw new Error(`ended with ${child.exitCode}: ${err}`);
    return out.endsWith('}\n');
  });
  return { child, access: JSON.parse(out) as DemoAccess, errors: () => err };
}

async function connect({ host, port, address, password }: DemoAccess): Promise<ImapFlow> {
  const client = new ImapFlow({ host, port, secure: false, auth: { user: address, pass: password }, logger: false });
  await client.connect();
  return client;
}

async function count(client: ImapFlow, folder: string): Promise<number> {
  const status = await client.status(folder, { messages: true });
  return status === false ? 0 : (status.messages ?? 0);
}

test('shows the mailbox and the three trees, conserves what is put into --ARCHIVIA--, and leaves nothing behind', async () => {
  const port = await freePort();
  const { child, access, errors } = await startDemo('--port', String(port));
  expect(access).toMatchObject({ host: '127.0.0.1', port, temporary: true });

  const client = await connect(access);
  const folders = (await client.list()).map(folder => folder.path);
  expect(folders).toEqual(expect.arrayContaining(['INBOX', 'Inviata', 'Bozze', 'Cestino', '--ARCHIVIA--', 'Archivio']));
  const inbox = await count(client, 'INBOX');
  const sent = await count(client, 'Inviata');
  expect(inbox + sent).toBe(access.messages);
  expect(await count(client, 'Archivio')).toBe(access.messages);
  const before = await eventually('the first package', () => count(client, 'Conservazione'));

  const lock = await client.getMailboxLock('INBOX');
  const copied = await client.messageCopy('*', '--ARCHIVIA--', { uid: true });
  expect(copied).not.toBe(false);
  lock.release();
  await eventually('the message in Conservazione', async () => {
    const [conserved, waiting] = [await count(client, 'Conservazione'), await count(client, '--ARCHIVIA--')];
    return conserved > before && waiting === 0;
  });
  await client.logout();

  await end(child, 'SIGINT');
  expect(child.exitCode).toBe(0);
  expect(errors()).not.toMatch(/"level":(50|60)/);
  expect(await readdir(tmpdir())).not.toContain(access.directory.split('/').at(-1));
});

test('takes a free port where the wanted one is in use, and keeps a directory that was named', async () => {
  const directory = await temporaryDirectory('demo');
  directories.push(directory);
  const place = join(directory.path, 'demo');
  const first = await startDemo('--port', '0', '--dir', place);
  const second = await startDemo('--port', String(first.access.port));
  expect(second.access.port).not.toBe(first.access.port);
  expect(second.access.port).toBeGreaterThan(0);
  await end(second.child);

  await end(first.child);
  expect(await readdir(place)).toEqual(expect.arrayContaining(['archivia', 'casella']));
  const again = await startDemo('--port', '0', '--dir', place);
  expect(again.access).toMatchObject({ temporary: false, directory: place });
  const client = await connect(again.access);
  expect(await count(client, 'Archivio')).toBe(first.access.messages);
  await client.logout();
});
