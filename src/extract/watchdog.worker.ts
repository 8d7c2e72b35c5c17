/**
 * Ends its own process when a reader no longer answers or takes too much memory. A thread of that process, so that it
 * works whatever the reader does, and even when the server is gone. The signal tells the server why.
 */
import { workerData } from 'node:worker_threads';
import { processorTime } from './budget.ts';
import { PULSE, STUCK, type WatchdogData } from './protocol.ts';

const INTERVAL_MS = 50;

const { pulse, residentMiB, stuckMs, waitMs }: WatchdogData = workerData;
const counters = new Int32Array(pulse);
let tick = -1;
let since = { processor: 0, clock: 0 };

setInterval(() => {
  if (process.memoryUsage.rss() > residentMiB * 1024 * 1024) process.kill(process.pid, 'SIGKILL');
  const now = { processor: processorTime(), clock: performance.now() };
  const current = Atomics.load(counters, PULSE.tick);
  if (current !== tick || Atomics.load(counters, PULSE.busy) === 0) {
    tick = current;
    since = now;
  } else if (now.processor - since.processor > stuckMs || now.clock - since.clock > waitMs) {
    process.kill(process.pid, STUCK);
  }
}, INTERVAL_MS);
