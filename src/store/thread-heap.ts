import { setFlagsFromString } from 'node:v8';

/**
 * MiB of JavaScript heap before V8 collects it as a whole for the first time. Left to itself it does so at 16, which
 * the threads of the store reach every tenth of a second while messages come in: a fifth of all processor time.
 */
const INITIAL_HEAP = 64;

/** Before threads are started; those that run are left as they are. */
export function roomyThreads(): void {
  setFlagsFromString(`--initial-old-space-size=${INITIAL_HEAP}`);
}
