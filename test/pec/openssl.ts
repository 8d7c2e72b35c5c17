/** openssl as the judge of our signatures, on files in a directory of its own. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { KeyPairWithCertificate } from '../../src/pki/types.ts';

const run = promisify(execFile);

export class OpenSsl {
  readonly directory: string;
  #count = 0;

  private constructor(directory: string) {
    this.directory = directory;
  }

  static async create(): Promise<OpenSsl> {
    return new OpenSsl(await mkdtemp(join(tmpdir(), 'archivia-pec-')));
  }

  remove(): Promise<void> {
    return rm(this.directory, { recursive: true, force: true });
  }

  async write(content: Uint8Array | string, suffix = 'eml'): Promise<string> {
    const file = join(this.directory, `${++this.#count}.${suffix}`);
    await writeFile(file, content);
    return file;
  }

  async run(...args: string[]): Promise<string> {
    const { stdout } = await run('openssl', args, { cwd: this.directory });
    return stdout;
  }

  /** Whether `openssl cms -verify` accepts an S/MIME message at a moment. */
  async accepts(message: Uint8Array, roots: readonly string[], at: Date): Promise<boolean> {
    const file = await this.write(message);
    const trusted = await this.write(roots.join(''), 'pem');
    const time = String(Math.floor(at.getTime() / 1000));
    try {
      await this.run('cms', '-verify', '-in', file, '-CAfile', trusted, '-attime', time, '-out', `${file}.out`);
      return true;
    } catch {
      return false;
    }
  }

  /** Signs with `openssl cms -sign` and returns the S/MIME message, its lines ended in CRLF. */
  async sign(content: string, signer: KeyPairWithCertificate, from: string, ...options: string[]): Promise<Buffer> {
    const source = await this.write(content, 'txt');
    const certificate = await this.write(signer.certificatePem, 'pem');
    const key = await this.write(signer.privateKeyPem, 'key');
    const target = `${source}.signed.eml`;
    const files = ['-in', source, '-signer', certificate, '-inkey', key, '-out', target];
    await this.run('cms', '-sign', ...files, '-crlfeol', '-from', from, ...options);
    return readFile(target);
  }
}
