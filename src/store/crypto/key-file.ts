/**
 * A file that holds one key, sealed under the master key. While the master key is being changed it is there twice, under
 * the old one and under the new one, so that either opens it.
 */
import { createHmac, randomBytes } from 'node:crypto';
import { seal, unseal } from '../accounts/seal.ts';
import { readFileOrNull, replaceFile, writeOnce } from '../files.ts';

const KEY_BYTES = 32;

interface Slot {
  /** Which master key opens it. */
  readonly master: string;
  readonly sealed: string;
}

interface KeyFile {
  readonly version: 1;
  readonly slots: readonly Slot[];
}

/** A name for a master key that tells nothing about it. */
export function masterKeyId(master: Uint8Array): string {
  return createHmac('sha256', master).update('archivia master key').digest('hex').slice(0, 16);
}

/** The key; null when there is no file. Throws an Error when `master` opens none of its slots. */
export async function readKey(path: string, label: string, master: Uint8Array): Promise<Uint8Array | null> {
  const file = await readKeyFile(path);
  if (file === null) return null;
  const key = openSlots(file, label, master);
  if (key === null) throw new Error(`${path} was sealed under another master key`);
  return key;
}

/** Makes a key where there is none; whoever was faster has made the one that counts. */
export async function makeKey(path: string, label: string, master: Uint8Array): Promise<Uint8Array> {
  const slots = [newSlot(label, master, randomBytes(KEY_BYTES))];
  await writeOnce(path, encode(slots));
  const key = await readKey(path, label, master);
  if (key === null) throw new Error(`${path} vanished`);
  return key;
}

/** Makes the file open with `next` as well as with whatever it opens with now. */
export async function addMaster(
  path: string,
  label: string,
  masters: readonly Uint8Array[],
  next: Uint8Array,
): Promise<void> {
  const file = await readKeyFile(path);
  if (file === null || openSlots(file, label, next) !== null) return;
  for (const master of masters) {
    const key = openSlots(file, label, master);
    if (key === null) continue;
    await replaceFile(path, encode([...file.slots, newSlot(label, next, key)]));
    return;
  }
  throw new Error(`${path} was sealed under another master key`);
}

/** Leaves the file open with `master` alone. Throws an Error when it does not open with it. */
export async function keepMaster(path: string, label: string, master: Uint8Array): Promise<void> {
  const file = await readKeyFile(path);
  if (file === null) return;
  if (openSlots(file, label, master) === null) throw new Error(`${path} does not open with the new master key`);
  const kept = file.slots.filter(slot => slot.master === masterKeyId(master));
  if (kept.length < file.slots.length) await replaceFile(path, encode(kept));
}

async function readKeyFile(path: string): Promise<KeyFile | null> {
  const content = await readFileOrNull(path);
  if (content === null) return null;
  try {
    const file = JSON.parse(content.toString('utf8')) as KeyFile;
    if (file.version === 1 && Array.isArray(file.slots)) return file;
  } catch {
    // Told below.
  }
  throw new Error(`${path} is no key file, or is damaged`);
}

function newSlot(label: string, master: Uint8Array, key: Uint8Array): Slot {
  return { master: masterKeyId(master), sealed: seal(Buffer.from(master), label, Buffer.from(key).toString('base64')) };
}

function openSlots(file: KeyFile, label: string, master: Uint8Array): Uint8Array | null {
  const id = masterKeyId(master);
  for (const slot of file.slots) {
    if (slot.master !== id) continue;
    const text = unseal(Buffer.from(master), label, slot.sealed);
    const key = text === null ? null : Buffer.from(text, 'base64');
    if (key?.length === KEY_BYTES) return Uint8Array.from(key);
  }
  return null;
}

function encode(slots: readonly Slot[]): string {
  return `${JSON.stringify({ version: 1, slots } satisfies KeyFile, null, 1)}\n`;
}
