/** Files messages that are made to exhaust a parser, in a process whose heap is small. Says each one's SHA-256 as read back. */
import { createHash } from 'node:crypto';
import { openStore } from '../../src/store/index.ts';
import { HOSTILE } from './hostile-messages.ts';
import { ADDRESS, ARCHIVE, put } from './support.ts';

const STEP = 1 << 20;

const store = await openStore(process.argv[2] ?? '');
const account = await store.account(ADDRESS, { create: true });
for (const [name, make] of Object.entries(HOSTILE)) {
  const raw = make();
  const { message } = await put(account, ARCHIVE, raw);
  const digest = createHash('sha256');
  for (let at = 0; at < raw.length; at += STEP) digest.update(await account.read(message, at, STEP));
  console.log(`${name} ${digest.digest('hex')}`);
}
await store.close();
