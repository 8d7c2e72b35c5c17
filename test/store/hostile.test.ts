import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { HOSTILE } from './hostile-messages.ts';

const PROGRAM = fileURLToPath(new URL('./hostile-child.ts', import.meta.url));

it('no message takes the process down: with a heap of 96 MiB all are stored octet for octet', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'archivia-hostile-'));
  try {
    const heap = '--max-old-space-size=96';
    const { stdout } = await promisify(execFile)(process.execPath, [heap, PROGRAM, directory]);
    const expected = Object.entries(HOSTILE).map(([name, make]) => {
      return `${name} ${createHash('sha256').update(make()).digest('hex')}`;
    });
    expect(stdout.trim().split('\n')).toEqual(expected);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}, 120_000);
