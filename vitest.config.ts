import { join } from 'node:path';
import { defineConfig } from 'vitest/config';

// The servers, threads and commands that tests start run the sources as they are: each is compiled once, not every time.
process.env.NODE_COMPILE_CACHE ??= join(import.meta.dirname, 'node_modules/.cache/compiled');

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // Few workers: the end-to-end files start real servers and would starve each other.
    maxWorkers: 3,
  },
});
