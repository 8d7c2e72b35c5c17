/** Conserves a package of messages and kills itself as soon as the k-th of them has changed trees. */
import { openStore } from '../../src/store/index.ts';
import { ADDRESS, conserveAll, INTAKE, message, put } from './support.ts';

const [directory = '', count = '', stop = ''] = process.argv.slice(2);
const store = await openStore(directory);
const account = await store.account(ADDRESS, { create: true });
for (let index = 0; index < Number(count); index++) await put(account, INTAKE, message(`c${index}`));
let moved = 0;
account.on('change', event => {
  if (event.tree === 'conservation' && ++moved === Number(stop)) process.kill(process.pid, 'SIGKILL');
});
await conserveAll(account, 'PdA-1');
