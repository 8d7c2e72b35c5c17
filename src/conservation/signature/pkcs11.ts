/** A key in a PKCS#11 device, used through OpenSC's pkcs11-tool: the maker's library runs in a process of its own. */
import { spawn } from 'node:child_process';
import { createHash, verify, type X509Certificate } from 'node:crypto';
import { ConservationConfigError } from '../errors.ts';
import type { ConservationPool } from '../threads/pool.ts';
import type { Signer } from '../types.ts';
import type { KeyKind } from './cms.ts';
import { assertValidAt, chainOf, readCertificates, readSecret, type SignerConfig } from './key-file.ts';

export type Pkcs11Config = Extract<SignerConfig, { readonly pkcs11: object }>;

const KEY = 'conservation.signer.pkcs11';
const TOOL = 'pkcs11-tool';
const PIN_VARIABLE = 'ARCHIVIA_SIGNER_PIN';
/** A device that takes longer is broken or waits for a finger on it. */
const TIME_LIMIT = 30_000;
const MAX_OUTPUT = 1 << 16;
/** DigestInfo of SHA-256 (RFC 8017 section 9.2), before the digest: devices know the bare mechanism, if none else. */
const DIGEST_INFO = Buffer.from('3031300d060960864801650304020105000420', 'hex');

interface Device {
  readonly config: Pkcs11Config['pkcs11'];
  readonly pin: string | null;
}

/**
 * Opens the device and makes a signature on trial, once: a PIN that is missing or wrong, or a key that is not the
 * certificate's, is told now, by a ConservationConfigError that names the key of the configuration.
 */
export async function openPkcs11Signer(
  pool: ConservationPool,
  config: Pkcs11Config,
  now: () => number,
): Promise<Signer> {
  const pin =
    config.pkcs11.pinFile === undefined
      ? (process.env[PIN_VARIABLE] ?? null)
      : await readSecret(`${KEY}.pinFile`, config.pkcs11.pinFile);
  const device: Device = { config: config.pkcs11, pin };
  const certificates = await readCertificates('conservation.signer.certFile', config.certFile);
  const key = await findKey(device);
  const leaf = await matching(device, key, certificates);
  assertValidAt(leaf, 'conservation.signer.certFile', now());
  const chain = chainOf(leaf, certificates);
  return {
    certificates: chain,
    evaluation: false,
    async signAttached(content) {
      const at = now();
      assertValidAt(leaf, 'conservation.signer', at);
      const unsigned = await pool.run('prepareSignature', { certificates: chain, content, at });
      const signature = await sign(device, key, createHash('sha256').update(unsigned.toBeSigned).digest());
      return pool.run('assembleSignature', { certificates: chain, unsigned, signature, kind: key.kind });
    },
  };
}

interface DeviceKey {
  readonly label: string;
  /** Hex: old versions of the tool choose a key by nothing else. */
  readonly id: string;
  readonly kind: KeyKind | null;
}

/** The key that the configuration names, or the only one. */
async function findKey(device: Device): Promise<DeviceKey & { readonly kind: KeyKind }> {
  if (device.pin === null) {
    throw new ConservationConfigError(
      `${KEY}: the device wants a PIN; give conservation.signer.pkcs11.pinFile or ${PIN_VARIABLE}`,
    );
  }
  const { code, out, told } = await run(device, ['--list-objects', '--type', 'privkey'], Buffer.of());
  if (code !== 0) throw explained(told, device.config);
  const keys = readKeys(out.toString('utf8'));
  const wanted = keys.filter(({ label }) => device.config.key === undefined || label === device.config.key);
  const [key, second] = wanted;
  const there = keys.length === 0 ? 'none' : keys.map(({ label }) => `"${label}"`).join(', ');
  if (key === undefined) {
    throw new ConservationConfigError(`${KEY}.key: there is no such private key in the device (there: ${there})`);
  }
  if (second !== undefined) throw new ConservationConfigError(`${KEY}.key: name one of the device's keys: ${there}`);
  const { kind } = key;
  if (kind === null) throw new ConservationConfigError(`${KEY}.key: this kind of key cannot sign; use RSA or EC`);
  return { ...key, kind };
}

function readKeys(listing: string): DeviceKey[] {
  const keys: DeviceKey[] = [];
  for (const part of listing.split(/^Private Key Object;/m).slice(1)) {
    const field = (name: string) => new RegExp(`^ +${name}: +(.*)$`, 'm').exec(part)?.[1]?.trim() ?? '';
    const kind = /^ *EC/.test(part) ? 'ec' : /^ *RSA/.test(part) ? 'rsa' : null;
    keys.push({ label: field('label'), id: field('ID').split(' ')[0] ?? '', kind });
  }
  return keys;
}

/** The certificate of the key, found by a signature on trial. */
async function matching(
  device: Device,
  key: DeviceKey & { readonly kind: KeyKind },
  certificates: readonly X509Certificate[],
): Promise<X509Certificate> {
  const text = Buffer.from('Archivia');
  const signature = await sign(device, key, createHash('sha256').update(text).digest());
  const leaf = certificates.find(({ publicKey }) => {
    if (publicKey.asymmetricKeyType !== key.kind) return false;
    return verify('sha256', text, publicKey, signature);
  });
  if (leaf !== undefined) return leaf;
  throw new ConservationConfigError(`${KEY}.key: the key in the device does not match the certificate in certFile`);
}

async function sign(device: Device, key: DeviceKey & { readonly kind: KeyKind }, digest: Buffer): Promise<Buffer> {
  const how =
    key.kind === 'rsa' ? ['--mechanism', 'RSA-PKCS'] : ['--mechanism', 'ECDSA', '--signature-format', 'openssl'];
  const input = key.kind === 'rsa' ? Buffer.concat([DIGEST_INFO, digest]) : digest;
  const { code, out, told } = await run(device, ['--id', key.id, '--sign', ...how], input);
  if (code === 0 && out.length > 0) return out;
  throw explained(told, device.config);
}

function explained(told: string, { token }: Pkcs11Config['pkcs11']): ConservationConfigError {
  const lines = told
    .trim()
    .split('\n')
    .filter(line => line !== '' && line !== 'Aborting.');
  const fault = /PIN_INCORRECT|PIN_INVALID|PIN_LEN_RANGE/.test(told)
    ? ': the PIN is wrong'
    : /PIN_LOCKED/.test(told)
      ? ': the PIN is locked'
      : /No slot|no slot|slot with/.test(told)
        ? `.token: no token ${token === undefined ? 'is' : `"${token}" is`} there`
        : `: ${lines.at(-1) ?? 'the device does not answer'}`;
  return new ConservationConfigError(KEY + fault);
}

function run(
  { config, pin }: Device,
  parameters: readonly string[],
  input: Buffer,
): Promise<{ readonly code: number | null; readonly out: Buffer; readonly told: string }> {
  const all = [
    ...['--module', config.moduleFile],
    ...(config.token === undefined ? [] : ['--token-label', config.token]),
    ...['--login', '--pin', `env:${PIN_VARIABLE}`],
    ...parameters,
  ];
  return new Promise((resolve, reject) => {
    const child = spawn(TOOL, all, {
      env: { ...process.env, ...(pin !== null && { [PIN_VARIABLE]: pin }) },
      stdio: ['pipe', 'pipe', 'pipe'],
      // Away from the terminal, where it would ask for a PIN and wait.
      detached: true,
      timeout: TIME_LIMIT,
      killSignal: 'SIGKILL',
    });
    const out: Buffer[] = [];
    const told: Buffer[] = [];
    const collect = (into: Buffer[]) => {
      let size = 0;
      return (chunk: Buffer) => {
        size += chunk.length;
        if (size <= MAX_OUTPUT) into.push(chunk);
      };
    };
    child.stdout.on('data', collect(out));
    child.stderr.on('data', collect(told));
    child.on('error', error => {
      const missing = 'code' in error && error.code === 'ENOENT';
      reject(
        new ConservationConfigError(
          missing ? `${KEY}: ${TOOL} is not installed (Debian: opensc)` : `${KEY}: ${TOOL}: ${error.message}`,
        ),
      );
    });
    child.on('close', (code, signal) => {
      const words = Buffer.concat(told).toString('utf8');
      resolve({ code, out: Buffer.concat(out), told: signal === null ? words : `${words}\nno answer in time` });
    });
    // It may end before it has read everything.
    child.stdin.on('error', () => {});
    child.stdin.end(input);
  });
}
