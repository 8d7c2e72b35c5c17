import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { passwordVariable, readSecret } from '../../src/config/secret.ts';

const VARIABLE = 'ARCHIVIA_TEST_SECRET';
let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'archivia-secret-'));
});
afterEach(async () => {
  delete process.env[VARIABLE];
  await rm(directory, { recursive: true });
});

test('a file wins over the environment and loses its final line break only', async () => {
  const file = join(directory, 'secret');
  await writeFile(file, ' pass word \r\n');
  process.env[VARIABLE] = 'other';
  expect(await readSecret({ file, env: VARIABLE })).toBe(' pass word ');
});

test('the environment stands in; nothing anywhere is null', async () => {
  expect(await readSecret({ env: VARIABLE })).toBeNull();
  process.env[VARIABLE] = 'given';
  expect(await readSecret({ env: VARIABLE })).toBe('given');
});

test('a named file that is missing is an error, not an empty secret', async () => {
  await expect(readSecret({ file: join(directory, 'none'), env: VARIABLE })).rejects.toThrow(/ENOENT/);
});

test('the variable of a mailbox', () => {
  expect(passwordVariable('mario.rossi@pec.example.it')).toBe('ARCHIVIA_PASSWORD_MARIO_ROSSI_PEC_EXAMPLE_IT');
});
