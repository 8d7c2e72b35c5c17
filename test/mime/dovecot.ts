import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, chown, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ImapReader, type ImapValue } from './imap-reader.ts';

/** Dovecot will not serve mail as root; nobody's ids on Debian. */
const NOBODY = 65534;

/**
 * A real Dovecot IMAP process on a pipe, already authenticated, over a Maildir of its own: no ports, no daemon. Started
 * by `doveadm exec imap`, which needs no more than the Debian package dovecot-imapd.
 */
export class Dovecot {
  readonly #directory: string;
  readonly #process: ChildProcess;
  #received = Buffer.alloc(0);
  #wake: () => void = () => {};
  #ended = false;
  #tag = 0;
  #errors = '';

  private constructor(directory: string, child: ChildProcess) {
    this.#directory = directory;
    this.#process = child;
    child.stdout?.on('data', (chunk: Buffer) => {
      this.#received = Buffer.concat([this.#received, chunk]);
      this.#wake();
    });
    child.stderr?.on('data', (chunk: Buffer) => {
      this.#errors += chunk.toString();
    });
    // Writing to a process that has ended; what went wrong is in its own output.
    child.stdin?.on('error', () => {});
    child.once('close', () => {
      this.#ended = true;
      this.#wake();
    });
  }

  /** Starts it with these messages in the INBOX, in order. */
  static async start(messages: readonly Uint8Array[]): Promise<Dovecot> {
    const directory = await mkdtemp(join(tmpdir(), 'archivia-dovecot-'));
    const isRoot = process.getuid?.() === 0;
    const [uid, gid] = isRoot ? [NOBODY, NOBODY] : [process.getuid?.() ?? 0, process.getgid?.() ?? 0];
    const maildir = join(directory, 'Maildir');
    await chmod(directory, 0o755);
    const folders = [maildir, ...['cur', 'new', 'tmp'].map(name => join(maildir, name))];
    for (const folder of folders) await mkdir(folder);
    for (const [index, message] of messages.entries()) {
      const file = join(maildir, 'cur', `${String(1_000_000 + index)}.M1P1.host:2,`);
      await writeFile(file, message);
      if (isRoot) await chown(file, uid, gid);
    }
    if (isRoot) for (const folder of folders) await chown(folder, uid, gid);
    const config = join(directory, 'dovecot.conf');
    await writeFile(
      config,
      [
        `base_dir = ${directory}/run`,
        `state_dir = ${directory}/state`,
        'log_path = /dev/stderr',
        'protocols = imap',
        `mail_location = maildir:${maildir}`,
        `mail_uid = ${uid}`,
        `mail_gid = ${gid}`,
        'first_valid_uid = 1',
        'first_valid_gid = 1',
        'ssl = no',
        '',
      ].join('\n'),
    );
    // Node's pipes are sockets, and on a socket imap refuses to start by itself: hence the real pipes of a shell.
    const child = spawn('sh', ['-c', 'cat | doveadm -c "$0" exec imap | cat', config], {
      env: { PATH: process.env.PATH, HOME: directory, USER: 'test' },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    const dovecot = new Dovecot(directory, child);
    try {
      await dovecot.command('SELECT INBOX');
    } catch (error) {
      await dovecot.close();
      throw error;
    }
    return dovecot;
  }

  /** Sends a command; resolves with everything up to its tagged answer. */
  async command(command: string | Buffer): Promise<Buffer> {
    const tag = `t${++this.#tag}`;
    this.#received = Buffer.alloc(0);
    const text = command.toString('latin1');
    this.#process.stdin?.write(Buffer.concat([Buffer.from(`${tag} `), Buffer.from(command), Buffer.from('\r\n')]));
    const mark = Buffer.from(`\r\n${tag} `);
    for (;;) {
      const at = this.#received.indexOf(mark);
      if (at >= 0 && this.#received.indexOf('\n', at + 2) >= 0) {
        const status = this.#received.toString('latin1', at + mark.length);
        if (!status.startsWith('OK')) throw new Error(`Dovecot: ${text.slice(0, 200)}: ${status}`);
        return this.#received.subarray(0, at + 2);
      }
      if (this.#ended) throw new Error(`Dovecot ended: ${this.#errors}`);
      await new Promise<void>(resolve => {
        this.#wake = resolve;
      });
    }
  }

  /** The items of one message, by name as Dovecot writes it (`BODY[1.2]`, `ENVELOPE`). */
  async fetch(sequence: number, items: string): Promise<Map<string, ImapValue>> {
    const answer = await this.command(`FETCH ${sequence} (${items})`);
    const start = answer.indexOf(`* ${sequence} FETCH (`);
    const list = new ImapReader(answer.subarray(answer.indexOf('(', start))).value();
    const values = new Map<string, ImapValue>();
    if (!Array.isArray(list)) throw new Error('no FETCH response');
    for (let i = 0; i + 1 < list.length; i += 2) values.set(String(list[i]), list[i + 1] ?? null);
    return values;
  }

  async close(): Promise<void> {
    if (!this.#ended) {
      const closed = once(this.#process, 'close');
      this.#process.stdin?.end();
      await closed;
    }
    await rm(this.#directory, { recursive: true, force: true });
  }
}
