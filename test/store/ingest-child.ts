/** Files messages into the intake without end, saying each acknowledgement on stdout; its parent kills it. */
import { writeSync } from 'node:fs';
import { openStore } from '../../src/store/index.ts';
import { ADDRESS, base64, INTAKE, noise, put, withAttachment } from './support.ts';

const directory = process.argv[2] ?? '';
const store = await openStore(directory);
const account = await store.account(ADDRESS, { create: true });
let next = 0;

async function lane(): Promise<void> {
  for (;;) {
    const id = next++;
    const raw = Buffer.from(withAttachment(String(id), base64(noise(1000 + ((id * 7919) % 60_000), id))));
    const { uid, message, sha256 } = await put(account, INTAKE, raw);
    writeSync(1, `${JSON.stringify({ uid, message, sha256, size: raw.length })}\n`);
  }
}
await Promise.all([lane(), lane(), lane(), lane(), lane(), lane()]);
