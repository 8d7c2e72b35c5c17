import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { readFileOrNull, writeOnce } from '../files.ts';

const KEY_LENGTH = 32;
const VARIABLE = 'ARCHIVIA_MASTER_KEY';
/** A command may ask a person or a token for the key. */
const COMMAND_LIMIT = 120_000;

/** Where the configuration says that the master key is: a file, or a command that prints it. */
export interface KeySource {
  readonly keyFile?: string | undefined;
  /** Run by the shell. */
  readonly keyCommand?: string | undefined;
}

/** The master key, 32 octets, and where it came from, for error messages. */
export interface MasterKey {
  readonly key: Buffer;
  readonly source: string;
  /** The file that holds it; null when it comes from elsewhere. */
  readonly file: string | null;
}

/**
 * From the configured file (raw, base64 or hex) or command, else from the environment, else from `master.key` in the
 * data directory. null when there is none of them. Throws an Error that names the source when what it holds is no key.
 */
export async function findMasterKey(dataDir: string, source: KeySource = {}): Promise<MasterKey | null> {
  if (source.keyFile !== undefined) return readKeyFile(source.keyFile);
  if (source.keyCommand !== undefined) return fromCommand(source.keyCommand);
  const variable = process.env[VARIABLE];
  if (variable !== undefined && variable !== '') {
    return { key: decode(Buffer.from(variable, 'utf8'), VARIABLE), source: VARIABLE, file: null };
  }
  const own = ownKeyFile(dataDir);
  const content = await readFileOrNull(own);
  return content === null ? null : { key: decode(content, own), source: own, file: own };
}

/** The key in a file. Rejects with an Error that names it when it is not there or holds none. */
export async function readKeyFile(path: string): Promise<MasterKey> {
  const content = await readFileOrNull(path);
  if (content === null) throw new Error(`${path}, which should hold the master key, does not exist`);
  return { key: decode(content, path), source: path, file: path };
}

/** A new key in the form in which it is kept in files. */
export function newMasterKey(): string {
  return `${randomBytes(KEY_LENGTH).toString('base64')}\n`;
}

/** Makes `master.key`; when another process was faster, its key is the one that counts. */
export async function makeMasterKey(dataDir: string): Promise<MasterKey> {
  await mkdir(dataDir, { recursive: true });
  const own = ownKeyFile(dataDir);
  await writeOnce(own, newMasterKey());
  return { key: decode(await readFile(own), own), source: own, file: own };
}

async function fromCommand(command: string): Promise<MasterKey> {
  const source = `the output of vault.keyCommand (${command})`;
  try {
    const { stdout } = await promisify(execFile)('/bin/sh', ['-c', command], {
      encoding: 'buffer',
      timeout: COMMAND_LIMIT,
      maxBuffer: 4096,
    });
    return { key: decode(stdout, source), source, file: null };
  } catch (error) {
    // The error of a failed command would repeat what it printed.
    if (!(error instanceof Error && 'cmd' in error)) throw error;
    const code = 'code' in error ? String(error.code) : 'signal';
    throw new Error(`vault.keyCommand (${command}) failed (${code})`);
  }
}

function ownKeyFile(dataDir: string): string {
  return join(dataDir, 'master.key');
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
