/** What a test needs of an upstream, whichever server it is. */
import { chown, readdir } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { RawImap } from './raw-imap.ts';

export interface UpstreamServer {
  /** Plain IMAP on loopback. */
  readonly imapPort: number;
  /** What the server says so far. */
  log(): Promise<string>;
  /** Ends the server and removes its directory. */
  stop(): Promise<void>;
}

/** Debian's `mail`: there on every system, owns nothing that matters here. Root's servers run under it. */
export const MAIL_USER = 'mail';
const MAIL_ID = 8;

export async function giveToMailUser(path: string): Promise<void> {
  if (process.getuid?.() === 0) await chown(path, MAIL_ID, MAIL_ID);
}

/** Directories of shared libraries of a tree that is unpacked but not installed. */
export async function libraryDirectories(tree: string): Promise<string[]> {
  const found: string[] = [];
  for (const parent of ['lib', 'usr/lib']) {
    const names = await readdir(join(tree, parent)).catch(() => []);
    const triplets = names.filter(name => name.includes('-linux-gnu'));
    found.push(join(tree, parent), ...triplets.map(triplet => join(tree, parent, triplet)));
  }
  return found;
}

/** Whether somebody greets on the port. */
export function greets(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(port, '127.0.0.1');
    socket.setTimeout(5_000, () => socket.destroy());
    socket.once('data', () => {
      resolve(true);
      socket.end('x LOGOUT\r\n');
    });
    socket.once('error', () => resolve(false));
    socket.once('close', () => resolve(false));
  });
}

/** Delivery by APPEND, past Archivia. */
export async function deliverByImap(
  server: Pick<UpstreamServer, 'imapPort'>,
  login: { readonly user: string; readonly password: string },
  folder: string,
  raw: Uint8Array,
  options: { readonly flags?: string; readonly date?: string } = {},
): Promise<void> {
  const client = await RawImap.login(server.imapPort, login.user, login.password);
  const date = options.date === undefined ? '' : `"${options.date}"`;
  const reply = await client.append(`"${folder}"`, raw, [options.flags ?? '', date].join(' ').trim());
  if (reply.status !== 'OK') throw new Error(`delivery into ${folder}: ${reply.line}`);
  await client.ok('LOGOUT');
  client.close();
}
