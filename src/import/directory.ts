/** Directories of messages: `.eml` files, Maildirs at any depth, mbox and ZIP files among them. */
import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Flag } from '../store/types.ts';
import type { Incoming } from './types.ts';

export interface Found {
  readonly path: string;
  readonly size: number;
  readonly modified: number;
  readonly maildir: boolean;
}

/** Letters after `:2,` in a Maildir's file names (maildir(5)); `T`, trashed, is no flag of an archive. */
const FLAGS: Readonly<Record<string, Flag>> = { S: '\\Seen', R: '\\Answered', F: '\\Flagged', D: '\\Draft' };
const MAX_DEPTH = 30;

/** Regular files below a directory, sorted; symbolic links are not followed. Hidden directories are: Maildir++ has them. */
export async function filesBelow(directory: string, depth = 0): Promise<Found[]> {
  if (depth > MAX_DEPTH) return [];
  const found: Found[] = [];
  const entries = (await readdir(directory, { withFileTypes: true })).sort((a, b) => (a.name < b.name ? -1 : 1));
  const inMaildir = /^(cur|new)$/.test(basename(directory)) && (await isMaildir(dirname(directory)));
  for (const entry of entries) {
    const path = join(directory, entry.name);
    if (entry.isDirectory() && entry.name !== 'tmp') found.push(...(await filesBelow(path, depth + 1)));
    if (!entry.isFile() || (inMaildir && entry.name.startsWith('.'))) continue;
    const { size, mtimeMs } = await stat(path);
    found.push({ path, size, modified: mtimeMs, maildir: inMaildir });
  }
  return found;
}

async function isMaildir(directory: string): Promise<boolean> {
  const names: readonly string[] = await readdir(directory).catch(() => []);
  return ['cur', 'new', 'tmp'].every(name => names.includes(name));
}

export function readFileMessage({ path, modified, maildir }: Found): Incoming {
  const letters = maildir ? (/[:;!-]2,([A-Za-z]*)$/.exec(basename(path))?.[1] ?? '') : '';
  const flags = [...letters].flatMap(letter => FLAGS[letter] ?? []);
  return { place: path, flags, date: modified, content: createReadStream(path) as AsyncIterable<Buffer> };
}
