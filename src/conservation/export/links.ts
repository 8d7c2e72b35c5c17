/**
 * Exports that can be fetched by a link: `exports/` in the data directory, each a ZIP and a note beside it, named by the
 * SHA-256 of the link's token. Who reads the directory learns no token.
 */
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { syncDirectory, writeWhole } from '../evidence/files.ts';

const TOKEN_OCTETS = 32;
const TOKEN = /^[A-Za-z0-9_-]{43}$/;

const noteSchema = z.object({
  account: z.string(),
  /** Milliseconds since the epoch. */
  expires: z.number(),
  size: z.number(),
  sha256: z.string(),
  /** For the one who saves it. */
  name: z.string(),
});
export type ExportNote = z.infer<typeof noteSchema>;

function exportsDirectory(dataDir: string): string {
  return join(dataDir, 'exports');
}

/** Where an account's export is made before it has a link. */
export async function exportWorkplace(
  dataDir: string,
  address: string,
): Promise<{ path: string; workDirectory: string }> {
  const directory = exportsDirectory(dataDir);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const name = createHash('sha256').update(address).digest('hex').slice(0, 16);
  return { path: join(directory, `.${name}.zip`), workDirectory: join(directory, `.${name}`) };
}

/** Gives the ZIP at `path` a link; the token is told once and kept nowhere. */
export async function publishExport(dataDir: string, path: string, note: ExportNote): Promise<string> {
  const directory = exportsDirectory(dataDir);
  const token = randomBytes(TOKEN_OCTETS).toString('base64url');
  const name = hashed(token);
  await rename(path, join(directory, `${name}.zip`));
  await writeWhole(directory, `${name}.json`, Buffer.from(`${JSON.stringify(note)}\n`));
  return token;
}

/** The export of a token; null when there is none, or none any more. */
export async function findExport(
  dataDir: string,
  token: string,
  now: number,
): Promise<(ExportNote & { readonly path: string; readonly id: string }) | null> {
  if (!TOKEN.test(token)) return null;
  const id = hashed(token);
  const note = await readNote(exportsDirectory(dataDir), id);
  if (note === null || note.expires <= now) return null;
  return { ...note, id, path: join(exportsDirectory(dataDir), `${id}.zip`) };
}

/** Removes what has expired, and ZIPs that a crash left without a note. How many. */
export async function removeExpiredExports(dataDir: string, now: number): Promise<number> {
  const directory = exportsDirectory(dataDir);
  let removed = 0;
  for (const name of await readdir(directory).catch(() => [])) {
    const [, id] = /^([0-9a-f]{64})\.zip$/.exec(name) ?? [];
    if (id === undefined) continue;
    const note = await readNote(directory, id);
    if (note !== null && note.expires > now) continue;
    await rm(join(directory, name), { force: true });
    await rm(join(directory, `${id}.json`), { force: true });
    removed++;
  }
  if (removed > 0) await syncDirectory(directory);
  return removed;
}

async function readNote(directory: string, id: string): Promise<ExportNote | null> {
  try {
    return noteSchema.parse(JSON.parse(await readFile(join(directory, `${id}.json`), 'utf8')));
  } catch {
    return null;
  }
}

function hashed(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}
