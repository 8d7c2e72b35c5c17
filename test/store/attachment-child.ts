/** Files a message whose attachment is not read before this process kills itself. */
import { readFileSync, writeSync } from 'node:fs';
import { openStore } from '../../src/store/index.ts';
import { ADDRESS, ARCHIVE, put } from './support.ts';

const [directory = '', file = ''] = process.argv.slice(2);
const store = await openStore(directory, { readAttachments: false });
const account = await store.account(ADDRESS, { create: true });
const { uid } = await put(account, ARCHIVE, readFileSync(file));
writeSync(1, `${JSON.stringify({ uid, pending: await account.textPending() })}\n`);
process.kill(process.pid, 'SIGKILL');
