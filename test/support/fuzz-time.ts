/** How long a fuzzer or a property test may go on, milliseconds: short in CI, as long as asked by hand. */
export function fuzzMilliseconds(standard: number): number {
  const asked = Number(process.env.ARCHIVIA_FUZZ_SECONDS);
  return Number.isFinite(asked) && asked > 0 ? asked * 1000 : standard;
}
