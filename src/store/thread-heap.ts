import { setFlagsFromString } from 'node:v8';

/**
 * MiB of JavaScript heap before V8 collects it as a whole for the first time. Left to itself it does so at 16, which
 * the threads of the store reach every tenth of a second while messages come in: a fifth of all processor time.
 */
const INITIAL_HEAP = 64;

/**
 * MiB of each half of the young heap. What a message takes lies mostly outside the heap and goes when its small handle
 * does: the sooner the young are looked through, the less often V8 finds that too much lies outside and goes through all.
 */
const YOUNG_HEAP = 4;

/** Before threads are started; those that run are left as they are. */
export function roomyThreads(): void {
  setFlagsFromString(`--initial-old-space-size=${INITIAL_HEAP}`);
  setFlagsFromString(`--max-semi-space-size=${YOUNG_HEAP}`);
}
