import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from './environment.ts';

export async function unzip(zip: string, into: string): Promise<void> {
  await mkdir(into, { recursive: true });
  const program = 'import sys,zipfile; zipfile.ZipFile(sys.argv[1]).extractall(sys.argv[2])';
  await run('python3', ['-c', program, zip, into]);
}

/** The commands of VERIFICA.txt, as they stand. */
async function commandsOf(extracted: string): Promise<string[]> {
  const text = await readFile(join(extracted, 'VERIFICA.txt'), 'utf8');
  return text.split('\n').filter(line => line.startsWith('    '));
}

/** Runs them one after the other; rejects at the first that fails. Gives how many there are. */
export async function runInstructions(extracted: string): Promise<number> {
  const commands = await commandsOf(extracted);
  for (const command of commands) await run('sh', ['-c', command], extracted);
  return commands.length;
}

/** Those that fail. */
export async function failedInstructions(extracted: string): Promise<string[]> {
  const failed: string[] = [];
  for (const command of await commandsOf(extracted)) {
    await run('sh', ['-c', command], extracted).catch(() => failed.push(command));
  }
  return failed;
}
