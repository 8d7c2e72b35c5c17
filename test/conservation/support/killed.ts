/**
 * A process of its own that conserves what is queued, and is killed at a step: node killed.ts DATA-DIRECTORY STEP. It
 * ends with 0 when the work was done before that step came.
 */
import { pino } from 'pino';
import { configSchema } from '../../../src/config/schema.ts';
import { createConservationService } from '../../../src/conservation/index.ts';
import { openStore } from '../../../src/store/index.ts';

const [dataDir = '', last = ''] = process.argv.slice(2);
let steps = 0;
const store = await openStore(dataDir);
const account = await store.account('studio@pec.example.it');
const service = await createConservationService({
  config: configSchema.parse({ imap: { listen: [{ port: 0, tls: 'none' }] } }).conservation,
  dataDir,
  logger: pino({ level: 'silent' }),
  anchors: [],
  step: () => {
    if (++steps >= Number(last)) process.kill(process.pid, 'SIGKILL');
  },
});
await service.watch(account);
await service.drain(account.address);
await service.stop();
await store.close();
