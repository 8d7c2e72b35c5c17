import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

const OPENSSL = 'openssl';

/** Signs with the real openssl, as a person called Anna Esempio. */
export class Signer {
  readonly #directory: string;

  /** `directory`: a temporary one, for keys and files. */
  constructor(directory: string) {
    this.#directory = directory;
    this.#openssl(
      ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '30', '-utf8']
        .concat(['-subj', '/C=IT/O=Ordine di Esempio/CN=Anna Esempio/serialNumber=TINIT-SMPNNA80A41H501X'])
        .concat(['-keyout', 'key.pem', '-out', 'cert.pem']),
    );
  }

  /** CMS SignedData with the content inside, unless `more` says otherwise. */
  sign(content: Uint8Array, form: 'DER' | 'PEM', more: readonly string[] = ['-nodetach']): Buffer {
    writeFileSync(join(this.#directory, 'in'), content);
    return this.#openssl([
      'cms',
      '-sign',
      '-binary',
      '-in',
      'in',
      '-signer',
      'cert.pem',
      '-inkey',
      'key.pem',
      '-outform',
      form,
      ...more,
    ]);
  }

  encrypt(content: Uint8Array): Buffer {
    writeFileSync(join(this.#directory, 'in'), content);
    return this.#openssl([
      'cms',
      '-encrypt',
      '-binary',
      '-in',
      'in',
      '-outform',
      'DER',
      '-aes256',
      '-pwri_password',
      'x',
    ]);
  }

  #openssl(args: readonly string[]): Buffer {
    return execFileSync(OPENSSL, args, {
      cwd: this.#directory,
      stdio: ['ignore', 'pipe', 'pipe'],
      maxBuffer: 1 << 28,
    });
  }
}
