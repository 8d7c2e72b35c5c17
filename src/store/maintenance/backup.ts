/**
 * A copy of a data directory, made beside a running server. No database is copied and no lock is taken: the segments are
 * append-only and hold everything, and each transaction of the ledger marks a consistent state. What is copied ends with
 * the last complete one; the next run goes on from there.
 */
import { mkdir, open, readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { deriveAccountKeys } from '../crypto/account-keys.ts';
import type { Keyring } from '../crypto/keyring.ts';
import { RecordCipher } from '../crypto/record-cipher.ts';
import { accountKeyFile, accountsOnDisk } from '../directory.ts';
import { isCode, readFileOrNull, replaceFile, syncDirectory } from '../files.ts';
import { decodeLedger } from '../ledger/record.ts';
import { segmentNumbers, segmentPath } from '../segment/files.ts';
import { KIND_LEDGER, sha256 } from '../segment/format.ts';
import type { Position } from '../segment/segments.ts';
import { SegmentFile, type WalkStep } from '../segment/walk.ts';
import { step } from '../steps.ts';
import type { Damage } from './damage.ts';
import { segmentName } from './verify-pieces.ts';

export interface BackupOptions {
  readonly dataDir: string;
  readonly target: string;
  readonly keyring: Keyring;
  readonly progress?: (address: string, octets: number) => void;
}

export interface AccountBackup {
  readonly address: string;
  /** The last transaction that the copy holds. */
  readonly seq: number;
  /** Of this run. */
  readonly copiedBytes: number;
  readonly totalBytes: number;
  readonly damaged: readonly Damage[];
}

/** Where an account's copy ends. */
export interface BackupState {
  readonly seq: number;
  /** Hex SHA-256 of the last record of the ledger. */
  readonly sha256: string;
  readonly segment: number;
  readonly offset: number;
  readonly end: Position;
}

/** What is in a data directory and not in its copy: other processes' locks, the key that opens it all, what is made anew. */
const LEFT_OUT = /^(accounts|lock(-.*)?|master\.key.*|tls|restore\.partial|.*\.tmp)$/;
const COPY_RUN = 4 * 1024 * 1024;
const LOOKS = 4;
const LOOK_AGAIN = 50;

export async function backup({ dataDir, target, keyring, progress }: BackupOptions): Promise<AccountBackup[]> {
  await mkdir(target, { recursive: true, mode: 0o700 });
  const outcomes: AccountBackup[] = [];
  for (const { address, directory } of await accountsOnDisk(dataDir)) {
    const destination = join(target, relative(dataDir, directory));
    await mkdir(destination, { recursive: true, mode: 0o700 });
    const cipher = new RecordCipher(deriveAccountKeys(await keyring.accountKey(directory, address)).segments);
    const key = await readFileOrNull(accountKeyFile(directory));
    if (key) await replaceFile(accountKeyFile(destination), key.toString('utf8'));
    const copy = new AccountCopy(address, directory, destination, cipher);
    outcomes.push(await copy.run(octets => progress?.(address, octets)));
    // After the segments: the evidence of each package that they name was complete before.
    await copyTree(join(directory, 'evidence'), join(destination, 'evidence'));
  }
  for (const entry of await readdir(dataDir, { withFileTypes: true })) {
    if (LEFT_OUT.test(entry.name)) continue;
    const [from, to] = [join(dataDir, entry.name), join(target, entry.name)];
    if (entry.isDirectory()) await copyTree(from, to);
    else if (entry.isFile()) await copyFile(from, to);
  }
  await replaceFile(
    join(target, 'backup.json'),
    `${JSON.stringify({ version: 1, at: new Date().toISOString(), accounts: outcomes }, null, 2)}\n`,
  );
  return outcomes;
}

export function backupStateFile(destination: string): string {
  return join(destination, 'backup.state');
}

export async function readBackupState(destination: string): Promise<BackupState | null> {
  const content = await readFileOrNull(backupStateFile(destination));
  try {
    return content === null ? null : (JSON.parse(content.toString('utf8')) as BackupState);
  } catch {
    return null;
  }
}

/** Whether a copy, or what it was made from, holds the record that the copy ends with. */
export function holdsState(directory: string, cipher: RecordCipher, state: BackupState): boolean {
  let file: SegmentFile;
  try {
    file = new SegmentFile(directory, state.segment);
  } catch (error) {
    if (isCode(error, 'ENOENT')) return false;
    throw error;
  }
  try {
    const [found] = file.walk(state.offset);
    if (found?.kind !== 'record') return false;
    const content = file.content(cipher, found.at, found.header);
    return content !== null && Buffer.from(sha256(content)).toString('hex') === state.sha256;
  } finally {
    file.close();
  }
}

class AccountCopy {
  readonly #address: string;
  readonly #source: string;
  readonly #destination: string;
  readonly #cipher: RecordCipher;
  readonly #damaged: Damage[] = [];
  #state: BackupState | null = null;
  #copied = 0;

  constructor(address: string, directory: string, destination: string, cipher: RecordCipher) {
    this.#address = address;
    this.#source = join(directory, 'segments');
    this.#destination = destination;
    this.#cipher = cipher;
  }

  async run(progress: (octets: number) => void): Promise<AccountBackup> {
    const known = await readBackupState(this.#destination);
    const current = join(this.#destination, 'segments');
    const goesOn =
      known !== null &&
      holdsState(this.#source, this.#cipher, known) &&
      (await isDirectory(current)) &&
      holdsState(current, this.#cipher, known);
    // A copy of something else stays until the new one is complete.
    const into = goesOn ? current : `${current}.new`;
    if (!goesOn) await rm(into, { recursive: true, force: true });
    await mkdir(into, { recursive: true, mode: 0o700 });
    this.#state = goesOn ? known : null;
    const from = this.#state?.end ?? { number: 0, length: 0 };
    for (const number of segmentNumbers(this.#source)) {
      if (number < from.number) continue;
      await this.#copySegment(into, number, number === from.number ? from.length : 0, progress);
    }
    const end = this.#state?.end ?? { number: 0, length: 0 };
    await cutAfter(into, end);
    step('backup cut');
    if (!goesOn) await exchange(into, current);
    if (this.#state) await replaceFile(backupStateFile(this.#destination), `${JSON.stringify(this.#state)}\n`);
    return {
      address: this.#address,
      seq: this.#state?.seq ?? 0,
      copiedBytes: this.#copied,
      totalBytes: await totalBytes(current),
      damaged: this.#damaged,
    };
  }

  async #copySegment(into: string, number: number, start: number, progress: (octets: number) => void): Promise<void> {
    const last = segmentNumbers(this.#source).at(-1) === number;
    const source = new SegmentFile(this.#source, number);
    const target = await open(segmentPath(into, number), start === 0 ? 'w' : 'r+', 0o600);
    let written = start;
    let run: Uint8Array[] = [];
    let runBytes = 0;
    const flush = async (): Promise<void> => {
      const octets = Buffer.concat(run);
      for (let done = 0; done < octets.length; ) {
        done += (await target.write(octets, done, octets.length - done, written + done)).bytesWritten;
      }
      written += octets.length;
      this.#copied += octets.length;
      run = [];
      runBytes = 0;
      step('backup written');
      progress(this.#copied);
    };
    let pending: Damage[] = [];
    try {
      for (const found of source.walk(start)) {
        // Somebody may be writing there; what it becomes, the next run will see.
        if (found.kind === 'gap' && found.tail && last) break;
        const state = await this.#look(source, found, pending);
        for (let at = found.at.offset; at < found.end; at += COPY_RUN) {
          const octets = source.octets(at, Math.min(COPY_RUN, found.end - at));
          run.push(octets);
          runBytes += octets.length;
          if (runBytes >= COPY_RUN) await flush();
        }
        if (state === null) continue;
        this.#state = state;
        this.#damaged.push(...pending);
        pending = [];
      }
      await flush();
      await target.sync();
      step('backup flushed');
      if (!last) this.#damaged.push(...pending);
    } finally {
      source.close();
      await target.close();
    }
  }

  /** The state that a record completes; null for every other thing. Damage goes into `pending`. */
  async #look(source: SegmentFile, found: WalkStep, pending: Damage[]): Promise<BackupState | null> {
    const where = `${segmentName(found.at.segment)} at ${found.at.offset}`;
    if (found.kind === 'gap') {
      pending.push({ kind: 'flipped', where, reason: 'no record lies there' });
      return null;
    }
    const { at, header, end } = found;
    let content = source.content(this.#cipher, at, header);
    for (let look = 1; content === null && look < LOOKS; look++) {
      await delay(LOOK_AGAIN);
      content = source.content(this.#cipher, at, header);
    }
    if (content === null) {
      pending.push({ kind: 'flipped', where, reason: 'the octets are not the ones that were sealed there' });
      return null;
    }
    const record = header.kind === KIND_LEDGER ? decodeLedger(content) : null;
    if (!record?.last) return null;
    return {
      seq: record.seq,
      sha256: Buffer.from(sha256(content)).toString('hex'),
      segment: at.segment,
      offset: at.offset,
      end: { number: at.segment, length: end },
    };
  }
}

/** Takes away what was copied beyond the last complete transaction. */
async function cutAfter(directory: string, end: Position): Promise<void> {
  for (const number of segmentNumbers(directory)) {
    const path = segmentPath(directory, number);
    if (number > end.number) await rm(path);
    else if (number === end.number && (await stat(path)).size > end.length) {
      const file = await open(path, 'r+');
      try {
        await file.truncate(end.length);
        await file.sync();
      } finally {
        await file.close();
      }
    }
  }
  await syncDirectory(directory);
}

async function exchange(fresh: string, current: string): Promise<void> {
  const old = `${current}.old`;
  await rm(old, { recursive: true, force: true });
  if (await isDirectory(current)) await rename(current, old);
  step('old copy put aside');
  await rename(fresh, current);
  step('new copy in place');
  await syncDirectory(dirname(current));
  await rm(old, { recursive: true, force: true });
}

async function totalBytes(directory: string): Promise<number> {
  let total = 0;
  for (const number of segmentNumbers(directory)) total += (await stat(segmentPath(directory, number))).size;
  return total;
}

async function isDirectory(path: string): Promise<boolean> {
  return stat(path).then(
    found => found.isDirectory(),
    () => false,
  );
}

/** Files that are new, or have another size or time. */
export async function copyTree(from: string, to: string): Promise<void> {
  let entries: Awaited<ReturnType<typeof readEntries>>;
  try {
    entries = await readEntries(from);
  } catch (error) {
    if (isCode(error, 'ENOENT')) return;
    throw error;
  }
  await mkdir(to, { recursive: true, mode: 0o700 });
  for (const entry of entries) {
    if (entry.isDirectory()) await copyTree(join(from, entry.name), join(to, entry.name));
    else if (entry.isFile() && !entry.name.endsWith('.tmp'))
      await copyFile(join(from, entry.name), join(to, entry.name));
  }
  await syncDirectory(to);
}

function readEntries(path: string) {
  return readdir(path, { withFileTypes: true });
}

async function copyFile(from: string, to: string): Promise<void> {
  const [source, present] = [await stat(from), await stat(to).catch(() => null)];
  if (present?.size === source.size && Math.trunc(present.mtimeMs) === Math.trunc(source.mtimeMs)) return;
  const temporary = `${to}.tmp`;
  const [input, output] = [await open(from, 'r'), await open(temporary, 'w', source.mode & 0o700)];
  try {
    const octets = Buffer.allocUnsafe(COPY_RUN);
    for (let at = 0; ; ) {
      const { bytesRead } = await input.read(octets, 0, octets.length, at);
      if (bytesRead === 0) break;
      for (let done = 0; done < bytesRead; ) {
        done += (await output.write(octets, done, bytesRead - done, at + done)).bytesWritten;
      }
      at += bytesRead;
    }
    await output.sync();
  } finally {
    await input.close();
    await output.close();
  }
  await utimes(temporary, source.atime, source.mtime);
  await rename(temporary, to);
  step('file copied');
}
