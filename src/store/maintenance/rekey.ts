/**
 * A new master key for a data directory. Data keys stay: only what seals them changes, so no message is written again.
 *
 * Each key file first opens with the new key as well as with the old one; then the new key takes the old one's place; then
 * the old one is taken out of each file. A crash at any instant leaves a directory that opens with the key that the
 * configuration names, and running it again finishes.
 */
import { rm } from 'node:fs/promises';
import { type MasterKey, newMasterKey, readKeyFile } from '../accounts/master-key.ts';
import { addMaster, keepMaster, masterKeyId } from '../crypto/key-file.ts';
import { keyFiles } from '../crypto/keyring.ts';
import { readFileOrNull, replaceFile, writeOnce } from '../files.ts';
import { step } from '../steps.ts';

export interface RekeyOptions {
  readonly dataDir: string;
  /** The master key in force. */
  readonly master: MasterKey;
  /** File with the key to change to; absent: a new one is made and put in the place of the one in force. */
  readonly newKeyFile?: string | undefined;
}

export interface Rekeyed {
  readonly oldKey: string;
  readonly newKey: string;
  /** Files whose keys were sealed anew. */
  readonly files: number;
  /** The file that holds the new key. */
  readonly keyFile: string;
  /** The configuration still names the old key's source. */
  readonly configure: boolean;
}

/** Rejects with an Error when the key comes from no file and none is given. The old key opens nothing afterwards. */
export async function rekey({ dataDir, master, newKeyFile }: RekeyOptions): Promise<Rekeyed> {
  const next = newKeyFile === undefined ? await besideOld(master) : await readKeyFile(newKeyFile);
  const files = await keyFiles(dataDir);
  for (const { path, label } of files) {
    await addMaster(path, label, [master.key], next.key);
    step('key added');
  }
  if (newKeyFile === undefined && master.file !== null) {
    await replaceFile(master.file, `${next.key.toString('base64')}\n`);
    step('key replaced');
  }
  for (const { path, label } of files) {
    await keepMaster(path, label, next.key);
    step('old key removed');
  }
  if (newKeyFile === undefined) await rm(next.source, { force: true });
  return {
    oldKey: masterKeyId(master.key),
    newKey: masterKeyId(next.key),
    files: files.length,
    keyFile: newKeyFile ?? master.file ?? next.source,
    configure: newKeyFile !== undefined && master.source !== newKeyFile,
  };
}

/** A new key beside the one in force, kept there until it has taken its place: a run that was interrupted goes on with it. */
async function besideOld(master: MasterKey): Promise<MasterKey> {
  if (master.file === null) {
    throw new Error(`the master key comes from ${master.source}: give the new one with --new-key-file`);
  }
  const path = `${master.file}.new`;
  if ((await readFileOrNull(path)) === null) await writeOnce(path, newMasterKey());
  return readKeyFile(path);
}
