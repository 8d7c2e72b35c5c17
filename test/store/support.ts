import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type AccountStore, type Filed, type Filing, openStore, type Store, type View } from '../../src/store/index.ts';

export const ADDRESS = 'mario.rossi@pec.example.it';
export const ARCHIVE: View = { tree: 'archive' };
export const INTAKE: View = { tree: 'intake' };
export const CONSERVATION: View = { tree: 'conservation' };

export interface Bench {
  readonly directory: string;
  store: Store;
  account: AccountStore;
  /** Closes the store and opens it again. */
  reopen(): Promise<void>;
  end(): Promise<void>;
}

/** A store of one account in a directory of its own. */
export async function bench(): Promise<Bench> {
  const directory = await mkdtemp(join(tmpdir(), 'archivia-store-'));
  const store = await openStore(directory);
  const self: Bench = {
    directory,
    store,
    account: await store.account(ADDRESS, { create: true }),
    async reopen() {
      await self.store.close();
      self.store = await openStore(directory);
      self.account = await self.store.account(ADDRESS);
    },
    async end() {
      await self.store.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
  return self;
}

export async function put(
  account: AccountStore,
  view: View,
  raw: Uint8Array | string,
  filing: Partial<Filing> = {},
): Promise<Filed> {
  const spool = await account.spool();
  await spool.write(typeof raw === 'string' ? Buffer.from(raw) : raw);
  return account.file(view, spool, {
    flags: [],
    origin: { direction: 'received', source: 'imap-append' },
    ...filing,
  });
}

/** A whole message, read in runs of a size that hits no boundary of ours. */
export async function readAll(account: AccountStore, message: string, size: number, run = 70_001): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for (let start = 0; start < size; start += run) parts.push(await account.read(message, start, run));
  return Buffer.concat(parts);
}

export interface Parts {
  readonly subject?: string;
  readonly from?: string;
  readonly to?: string;
  readonly date?: string;
  readonly extra?: string;
  readonly body?: string;
}

/** A plain UTF-8 message. */
export function message(id: string, parts: Parts = {}): string {
  return [
    `From: ${parts.from ?? 'Studio Verdi <studio@pec.example.it>'}`,
    `To: ${parts.to ?? ADDRESS}`,
    `Subject: ${parts.subject ?? `messaggio ${id}`}`,
    `Date: ${parts.date ?? 'Mon, 02 Nov 2026 10:00:00 +0100'}`,
    `Message-ID: <${id}@pec.example.it>`,
    ...(parts.extra ? [parts.extra] : []),
    'MIME-Version: 1.0',
    'Content-Type: text/plain; charset=utf-8',
    'Content-Transfer-Encoding: 8bit',
    '',
    parts.body ?? `testo del messaggio ${id}`,
    '',
  ].join('\r\n');
}

export function base64(content: Uint8Array, line = 76, eol = '\r\n'): string {
  const text = Buffer.from(content).toString('base64');
  const lines: string[] = [];
  for (let at = 0; at < text.length; at += line) lines.push(text.slice(at, at + line));
  return lines.join(eol);
}

export function withAttachment(id: string, encoded: string, eol = '\r\n'): string {
  return [
    'From: studio@pec.example.it',
    `Subject: allegato ${id}`,
    `Message-ID: <${id}@pec.example.it>`,
    'MIME-Version: 1.0',
    'Content-Type: multipart/mixed; boundary="limite"',
    '',
    '--limite',
    'Content-Type: text/plain',
    '',
    `testo ${id}`,
    '--limite',
    'Content-Type: application/pdf; name="atto.pdf"',
    'Content-Transfer-Encoding: base64',
    '',
    encoded,
    '--limite--',
    '',
  ].join(eol);
}

/** Octets that do not compress and are the same each time. */
export function noise(length: number, seed: number): Buffer {
  const octets = Buffer.alloc(length);
  let state = seed >>> 0 || 1;
  for (let at = 0; at < length; at++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    octets[at] = state >>> 24;
  }
  return octets;
}

/** Conserves what waits, as one package. */
export async function conserveAll(account: AccountStore, packageId: string): Promise<void> {
  const waiting = await account.queued(10_000);
  const evidence = await account.evidenceDirectory(packageId);
  await writeFile(join(evidence, 'PIndex.xml'), '<x/>');
  await account.conserved({
    packageId,
    sealedAt: Date.now(),
    messages: waiting.map(({ message: handle, sha256 }) => ({ message: handle, sha256 })),
  });
}
