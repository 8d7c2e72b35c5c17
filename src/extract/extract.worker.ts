/**
 * A reading process. A process and not a thread: when the heap of a thread overflows, V8 may end the whole process, and
 * with it every connection. It has no rights but to read files, and no secrets in its environment.
 */
import { readFile } from 'node:fs/promises';
import { Worker } from 'node:worker_threads';
import { scanMessage } from '../mime/index.ts';
import { Budget, type Progress } from './budget.ts';
import { readDocument } from './document.ts';
import type { ProcessLimits } from './limits.ts';
import { type Leaf, leaves, readLeaf } from './message.ts';
import { type Answer, PULSE, type Task, type WatchdogData } from './protocol.ts';
import { Reading } from './reading.ts';

const { residentMiB, stuckMs, waitMs }: ProcessLimits = JSON.parse(process.argv[2] ?? '{}');
const pulse = new SharedArrayBuffer(PULSE.length * Int32Array.BYTES_PER_ELEMENT);
const counters = new Int32Array(pulse);
const watchdog: WatchdogData = { pulse, residentMiB, stuckMs, waitMs };
new Worker(new URL('./watchdog.worker.ts', import.meta.url), { workerData: watchdog }).unref();

function beat(): void {
  Atomics.add(counters, PULSE.tick, 1);
}

/** Resolves when the answer has left this process. */
function say(answer: Answer): Promise<void> {
  return new Promise(resolve => {
    process.send?.(answer, () => resolve());
  });
}

/** Tells the server and the watchdog which document is being read, before it is. */
function progress(avoid: Task['avoid']): Progress {
  const refused = new Map(avoid);
  const tell = (ordinal: number | null): void => {
    beat();
    void say({ kind: 'document', ordinal });
  };
  return {
    enter(ordinal) {
      const reason = refused.get(ordinal);
      if (reason === undefined) tell(ordinal);
      return reason ?? null;
    },
    back: tell,
  };
}

async function readMessage({ source, root, from, avoid, limits, left }: Task): Promise<void> {
  const raw = 'path' in source ? await readFile(source.path) : source.bytes;
  let index = 0;
  let rest = left;
  for (const leaf of leaves(raw, root ?? scanMessage(raw))) {
    beat();
    if (index >= from) rest = await read(leaf, index, new Budget(limits, rest, progress(index === from ? avoid : [])));
    index++;
  }
}

async function read(leaf: Leaf, index: number, budget: Budget): Promise<Task['left']> {
  await say({ kind: 'leaf', index, section: leaf.section });
  const reading = Reading.outermost(budget, leaf.hint.name ?? '', readDocument);
  let taken = leaf.read === 'no';
  await reading.run(async inner => {
    if (await readLeaf(leaf, inner)) taken = true;
  });
  const { left } = budget;
  await say({ kind: 'text', ...reading.result, taken, left });
  return left;
}

async function work(task: Task): Promise<void> {
  beat();
  Atomics.store(counters, PULSE.busy, 1);
  try {
    await readMessage(task);
    await say({ kind: 'done' });
  } catch (error) {
    await say({ kind: 'failed', message: error instanceof Error ? error.message : String(error) });
  } finally {
    Atomics.store(counters, PULSE.busy, 0);
  }
}

// Sent to the whole group when the server is stopped, which ends this process in its own way: by closing the channel.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
process.on('disconnect', () => process.exit());
process.on('message', (task: Task) => void work(task));
void say({ kind: 'ready' });
