/** Sends one message and kills itself after the given step, as a power cut would. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pino } from 'pino';
import { Sendings } from '../../src/smtp/sendings.ts';
import { openStore } from '../../src/store/index.ts';
import { ARCHIVE, MARIO, sentMessage } from './sending-stage.ts';

const [directory = '', step = ''] = process.argv.slice(2);
const reached = (here: string): void => {
  if (here === step) process.kill(process.pid, 'SIGKILL');
};

const store = await openStore(directory);
const account = await store.account(MARIO, { create: true });
const sendings = new Sendings(pino({ level: 'silent' }), async () => reached('filed'));
const spool = await account.spool();
await spool.write(sentMessage);
const held = await account.hold(ARCHIVE, spool, {
  flags: ['\\Seen'],
  internalDate: Date.now(),
  origin: { direction: 'sent', source: 'submission' },
});
reached('held');
const id = await sendings.begin(account, held);
reached('begun');
writeFileSync(join(directory, 'accepted'), '', { flush: true });
reached('accepted');
await sendings.accepted(account, id);
reached('done');
