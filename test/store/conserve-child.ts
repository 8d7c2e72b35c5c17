/** Conserves a package of messages and kills itself as soon as the k-th group of them has changed trees. */
import { openStore } from '../../src/store/index.ts';
import { ADDRESS, conserveAll, INTAKE, message, put } from './support.ts';

const [directory = '', count = '', stop = ''] = process.argv.slice(2);
const store = await openStore(directory);
const account = await store.account(ADDRESS, { create: true });
await Promise.all(Array.from({ length: Number(count) }, (_, index) => put(account, INTAKE, message(`c${index}`))));
let groups = 0;
account.on('change', event => {
  if (event.tree === 'conservation' && ++groups === Number(stop)) process.kill(process.pid, 'SIGKILL');
});
await conserveAll(account, 'PdA-1');
