import fc from 'fast-check';

/** Runs between two looks at the clock. */
const TURN = 5;

/** How long a fuzzer or a property test may go on, milliseconds: short in CI, as long as asked by hand. */
export function fuzzMilliseconds(standard: number): number {
  const asked = Number(process.env.ARCHIVIA_FUZZ_SECONDS);
  return Number.isFinite(asked) && asked > 0 ? asked * 1000 : standard;
}

/**
 * Runs a property again and again for some time, and at least a few times. A run that has begun comes to its end, so
 * that none goes on behind the next test's back, as fast-check's own time limit would have it.
 */
export async function assertFor<T>(milliseconds: number, property: fc.IAsyncProperty<T>): Promise<void> {
  const end = performance.now() + milliseconds;
  do {
    await fc.assert(property, { numRuns: TURN });
  } while (performance.now() < end);
}
