import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runCli } from '../../src/cli/run.ts';
import { openStore } from '../../src/store/index.ts';
import { makeMail } from '../extract/support/mail.ts';
import { ADDRESS, ARCHIVE, put } from '../store/support.ts';
import { type TemporaryDirectory, temporaryDirectory } from '../support/temp.ts';

let directory: TemporaryDirectory;
let config: string;
let uid: number;

beforeAll(async () => {
  directory = await temporaryDirectory('doctor');
  const dataDir = join(directory.path, 'data');
  await mkdir(dataDir);
  config = join(directory.path, 'archivia.yaml');
  await writeFile(config, 'dataDir: data\nimap: { listen: [{ host: 127.0.0.1, port: 0, tls: none }] }\n');
  const store = await openStore(dataDir);
  try {
    const account = await store.account(ADDRESS, { create: true });
    const type = 'application/octet-stream';
    const broken = { name: 'rotto.pdf', type, bytes: Buffer.from('%PDF-1.7\n1 0 obj\n') };
    ({ uid } = await put(account, ARCHIVE, makeMail([broken])));
    await account.textSettled();
  } finally {
    await store.close();
  }
});
afterAll(() => directory.remove());

async function doctor(...more: string[]): Promise<{ code: number; out: string }> {
  const out: string[] = [];
  const code = await runCli(['doctor', '--config', config, ...more], {
    out: text => void out.push(text),
    err: () => {},
  });
  return { code, out: out.join('') };
}

test('what could not be read for searching is listed, and is no fault', async () => {
  const { code, out } = await doctor();
  expect(code).toBe(0);
  expect(out).toContain(
    `ok     account ${ADDRESS}: 1 messages archived, 0 failing conservation, 1 parts without searchable text\n`,
  );
  expect(out).toMatch(new RegExp(`^ +UID ${uid} "Atti", part 2: rotto\\.pdf: cannot be read: `, 'm'));
});

test('with --json as data', async () => {
  const { findings } = JSON.parse((await doctor('--json')).out) as { findings: object[] };
  expect(findings.at(-1)).toMatchObject({
    part: `account ${ADDRESS}`,
    ok: true,
    unreadable: [{ uid, subject: 'Atti', section: '2', reason: expect.stringMatching(/^rotto\.pdf: /) }],
  });
});
