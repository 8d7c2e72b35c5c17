/** Small files, written so that a crash at any instant leaves the old content or the new one. */
import { randomBytes } from 'node:crypto';
import { link, open, readFile, rename, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { step } from './steps.ts';

/** null when there is no such file. */
export async function readFileOrNull(path: string): Promise<Buffer | null> {
  try {
    return await readFile(path);
  } catch (error) {
    if (isCode(error, 'ENOENT')) return null;
    throw error;
  }
}

/** Writes a file that only we may read, complete and flushed, unless there is one of that name. */
export async function writeOnce(path: string, content: string): Promise<void> {
  const temporary = await writeBeside(path, content);
  try {
    // Unlike rename, link never replaces what is there.
    await link(temporary, path);
    step(`link ${path}`);
  } catch (error) {
    if (!isCode(error, 'EEXIST')) throw error;
  } finally {
    await unlink(temporary);
  }
  await syncDirectory(dirname(path));
}

/** Puts new content in a file's place, flushed. */
export async function replaceFile(path: string, content: string): Promise<void> {
  const temporary = await writeBeside(path, content);
  try {
    await rename(temporary, path);
  } catch (error) {
    await unlink(temporary);
    throw error;
  }
  step(`rename ${path}`);
  await syncDirectory(dirname(path));
}

export async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function writeBeside(path: string, content: string): Promise<string> {
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  const file = await open(temporary, 'wx', 0o600);
  try {
    step(`create ${temporary}`);
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
  step(`write ${temporary}`);
  return temporary;
}

export function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
