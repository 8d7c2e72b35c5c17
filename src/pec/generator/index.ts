/** Signed PEC traffic for the demo, the tests and the benchmarks. */
export {
  createTestAuthorities,
  loadTestAuthorities,
  saveTestAuthorities,
  type TestAuthorities,
} from './authorities.ts';
export type { DigestName } from './cms-write.ts';
export { createGenerator, type GeneratedMessage } from './generator.ts';
export { PEOPLE } from './texts.ts';
