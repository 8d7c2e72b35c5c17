/** A second signal within this time is the same key press: a terminal tells npm and us, and npm tells us again. */
const SAME_PRESS = 1_000;

/** Resolves at the first SIGINT or SIGTERM. A later one ends the process at once. */
export function untilSignal(): Promise<NodeJS.Signals> {
  return new Promise(resolve => {
    let first: number | null = null;
    const handle = (signal: NodeJS.Signals): void => {
      if (first === null) {
        first = performance.now();
        resolve(signal);
      } else if (performance.now() - first > SAME_PRESS) {
        process.exit(signal === 'SIGINT' ? 130 : 143);
      }
    };
    process.on('SIGINT', handle);
    process.on('SIGTERM', handle);
  });
}
