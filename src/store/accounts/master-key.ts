import { randomBytes } from 'node:crypto';
import { link, mkdir, open, readFile, unlink } from 'node:fs/promises';
import { join } from 'node:path';

const KEY_LENGTH = 32;
const VARIABLE = 'ARCHIVIA_MASTER_KEY';

/** The master key, 32 octets, and where it came from, for error messages. */
export interface MasterKey {
  readonly key: Buffer;
  readonly source: string;
}

/**
 * From the configured file (raw, base64 or hex), else from the environment, else from `master.key` in the data
 * directory. null when there is none of them. Throws an Error that names the source when what it holds is no key.
 */
export async function findMasterKey(dataDir: string, keyFile: string | undefined): Promise<MasterKey | null> {
  if (keyFile !== undefined) return { key: decode(await readFile(keyFile), keyFile), source: keyFile };
  const variable = process.env[VARIABLE];
  if (variable !== undefined && variable !== '') {
    return { key: decode(Buffer.from(variable, 'utf8'), VARIABLE), source: VARIABLE };
  }
  const own = ownKeyFile(dataDir);
  const content = await readFileOrNull(own);
  return content === null ? null : { key: decode(content, own), source: own };
}

/** Makes `master.key`; when another process was faster, its key is the one that counts. */
export async function makeMasterKey(dataDir: string): Promise<MasterKey> {
  await mkdir(dataDir, { recursive: true });
  const own = ownKeyFile(dataDir);
  await writeOnce(own, `${randomBytes(KEY_LENGTH).toString('base64')}\n`);
  return { key: decode(await readFile(own), own), source: own };
}

/** Writes a file that only we may read, complete and flushed, unless there is one of that name. */
export async function writeOnce(path: string, content: string): Promise<void> {
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  const file = await open(temporary, 'wx', 0o600);
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
  try {
    // Unlike rename, link never replaces what is there.
    await link(temporary, path);
  } catch (error) {
    if (!isCode(error, 'EEXIST')) throw error;
  } finally {
    await unlink(temporary);
  }
  const directory = await open(join(path, '..'), 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

export async function readFileOrNull(path: string): Promise<Buffer | null> {
  try {
    return await readFile(path);
  } catch (error) {
    if (isCode(error, 'ENOENT')) return null;
    throw error;
  }
}

function ownKeyFile(dataDir: string): string {
  return join(dataDir, 'master.key');
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

function decode(content: Buffer, source: string): Buffer {
  if (content.length === KEY_LENGTH) return content;
  const text = content.toString('latin1').trim();
  const key = /^[0-9a-f]{64}$/i.test(text)
    ? Buffer.from(text, 'hex')
    : /^[A-Za-z0-9+/]{43}=?$/.test(text)
      ? Buffer.from(text, 'base64')
      : null;
  if (key === null || key.length !== KEY_LENGTH) {
    throw new Error(`${source} holds no master key: 32 octets, raw, in base64 or in hexadecimal`);
  }
  return key;
}
