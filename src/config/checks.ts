/** What the schema cannot see: references between keys, files on disk, addresses that would clash. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { access, constants, readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { certificateFiles } from './certificate-files.ts';
import { formatKey } from './error.ts';
import type { Config, Preset, Upstream } from './schema.ts';
import { passwordVariable } from './secret.ts';
import { didYouMean } from './suggest.ts';

type Key = readonly (string | number)[];
type Report = (key: Key, message: string) => void;

/** Reports every fault found; the order is that of the file's usual layout. */
export async function checkConfig(
  config: Config,
  upstreams: ReadonlyMap<string, Upstream>,
  presets: ReadonlyMap<string, Preset>,
  report: Report,
): Promise<void> {
  checkListeners(config, report);
  await checkTls(config, report);
  await checkUpstreams(config, upstreams, report);
  checkReferences(config, presets, report);
  await checkAccounts(config, upstreams, report);
  checkFolders(config, report);
  if (config.vault.keyFile !== undefined && config.vault.keyCommand !== undefined) {
    report(['vault', 'keyCommand'], 'cannot stand beside keyFile: the master key has one source');
  }
  await checkFiles(config.web, ['web'], report);
  await checkConservation(config, report);
  await checkAlerts(config, report);
}

/** Whether nothing but this machine is reached by the address. */
export function isLoopback(host: string): boolean {
  if (host.toLowerCase() === 'localhost') return true;
  const version = isIP(host);
  return version === 4 ? host.startsWith('127.') : version === 6 && /^(0*:)*0*1$/.test(host);
}

function checkListeners(config: Config, report: Report): void {
  const listeners = [
    ...config.imap.listen.map((listener, index) => ({ key: ['imap', 'listen', index] as Key, ...listener })),
    ...(config.smtp?.listen ?? []).map((listener, index) => ({ key: ['smtp', 'listen', index] as Key, ...listener })),
    ...(config.web ? [{ key: ['web', 'listen'] as Key, ...config.web.listen }] : []),
  ];
  for (const [index, listener] of listeners.entries()) {
    checkClearText(listener.key, listener, report);
    if (listener.port === 0) continue;
    const other = listeners
      .slice(0, index)
      .find(earlier => earlier.port === listener.port && overlap(earlier, listener));
    if (other !== undefined) {
      report([...listener.key, 'port'], `port ${listener.port} is taken already by ${formatKey(other.key)}`);
    }
  }
}

function overlap(a: { readonly host: string }, b: { readonly host: string }): boolean {
  const any = (host: string): boolean => host === '0.0.0.0' || host === '::' || host === '';
  return any(a.host) || any(b.host) || a.host.toLowerCase() === b.host.toLowerCase();
}

function checkClearText(
  key: Key,
  { host, tls }: { readonly host: string; readonly tls: string },
  report: Report,
): void {
  if (tls === 'none' && !isLoopback(host)) {
    report(
      [...key, 'tls'],
      `"none" is for loopback addresses only, and ${host} is none: passwords would cross in clear`,
    );
  }
}

async function checkTls(config: Config, report: Report): Promise<void> {
  if (config.tls === undefined) return;
  const certificate = await readPem(config.tls.certFile, ['tls', 'certFile'], pem => new X509Certificate(pem), report);
  const key = await readPem(config.tls.keyFile, ['tls', 'keyFile'], pem => createPrivateKey(pem), report);
  if (certificate !== null && key !== null && !certificate.checkPrivateKey(key)) {
    report(['tls', 'keyFile'], `${config.tls.keyFile} is not the key of the certificate in ${config.tls.certFile}`);
  }
}

async function checkUpstreams(config: Config, upstreams: ReadonlyMap<string, Upstream>, report: Report): Promise<void> {
  for (const [name, upstream] of upstreams) {
    if (upstream.kind === 'local') continue;
    for (const service of ['imap', 'smtp'] as const) {
      const remote = upstream[service];
      if (remote === null) continue;
      const key = ['upstreams', name, service];
      checkClearText(key, remote, report);
      if (remote.port === 0) report([...key, 'port'], 'a port to connect to cannot be 0');
      if (remote.caFile === undefined) continue;
      await readPem(remote.caFile, [...key, 'caFile'], pem => new X509Certificate(pem), report);
    }
  }
  for (const [domain, name] of Object.entries(config.domains)) {
    if (upstreams.get(name)?.kind !== 'local') continue;
    report(['domains', domain], `"${name}" is local: its mailboxes have to be listed in accounts`);
  }
}

function checkReferences(config: Config, presets: ReadonlyMap<string, Preset>, report: Report): void {
  const names = Object.keys(config.upstreams);
  const checkUpstream = (key: Key, name: string): void => {
    if (names.includes(name)) return;
    const hint = presets.has(name) ? `; add "upstreams: { ${name}: { preset: ${name} } }"` : didYouMean(name, names);
    report(key, `no upstream is called "${name}"${hint}`);
  };
  for (const [domain, name] of Object.entries(config.domains)) checkUpstream(['domains', domain], name);
  for (const [index, account] of config.accounts.entries()) {
    checkUpstream(['accounts', index, 'upstream'], account.upstream);
    if (account.plan === undefined || account.plan in config.plans) continue;
    const hint = didYouMean(account.plan, Object.keys(config.plans));
    report(['accounts', index, 'plan'], `no plan is called "${account.plan}"${hint}`);
  }
  if (config.defaultPlan !== undefined && !(config.defaultPlan in config.plans)) {
    const hint = didYouMean(config.defaultPlan, Object.keys(config.plans));
    report(['defaultPlan'], `no plan is called "${config.defaultPlan}"${hint}`);
  }
}

async function checkAccounts(config: Config, upstreams: ReadonlyMap<string, Upstream>, report: Report): Promise<void> {
  const owners = new Map<string, number>();
  for (const [index, account] of config.accounts.entries()) {
    const login = account.login?.toLowerCase();
    for (const name of new Set([account.address, ...(login === undefined ? [] : [login])])) {
      const other = owners.get(name);
      const key = ['accounts', index, name === account.address ? 'address' : 'login'];
      if (other === undefined) owners.set(name, index);
      else report(key, `"${name}" names accounts[${other}] already`);
    }
    const local = upstreams.get(account.upstream)?.kind === 'local';
    if (account.passwordFile !== undefined && !local) {
      report(['accounts', index, 'passwordFile'], 'only an account of a local upstream has a password of its own');
    } else if (account.passwordFile !== undefined) {
      await checkReadable(account.passwordFile, ['accounts', index, 'passwordFile'], report);
    } else if (local && !process.env[passwordVariable(account.address)]) {
      const variable = passwordVariable(account.address);
      report(['accounts', index], `a local mailbox needs passwordFile, or the environment variable ${variable}`);
    }
  }
}

function checkFolders(config: Config, report: Report): void {
  const taken = new Map<string, string>();
  for (const [which, name] of Object.entries(config.archive.folders)) {
    const key = ['archive', 'folders', which];
    const fault = folderFault(name);
    if (fault !== null) report(key, `"${name}" ${fault}`);
    const folded = name.normalize('NFC').toLowerCase();
    const other = taken.get(folded);
    if (other !== undefined) report(key, `"${name}" is the name of archive.folders.${other} already`);
    taken.set(folded, which);
    if (/^\d{4}$/.test(name)) report(key, `"${name}" is a year, which the archive has folders for`);
  }
}

/** One level of a mailbox name, whatever the upstream's delimiter is; wildcards of LIST would match too much. */
function folderFault(name: string): string | null {
  if (name.trim() !== name) return 'begins or ends with a blank';
  if (/[\u0000-\u001f\u007f]/.test(name)) return 'holds a control character';
  const forbidden = /[/.\\%*#"]/.exec(name)?.[0];
  if (forbidden !== undefined) return `holds "${forbidden}", which a single folder name cannot have`;
  if (name.toUpperCase() === 'INBOX') return 'is the inbox';
  return name.length > 60 ? 'is longer than 60 characters' : null;
}

async function checkConservation(config: Config, report: Report): Promise<void> {
  const { signer, timestamp, gestoriCaFile } = config.conservation;
  if (gestoriCaFile !== undefined) {
    await checkCertificates(gestoriCaFile, ['conservation', 'gestoriCaFile'], report);
  }
  await checkFiles(signer, ['conservation', 'signer'], report);
  await checkFiles(timestamp, ['conservation', 'timestamp'], report);
  await checkFiles(config.vault, ['vault'], report);
}

async function checkAlerts({ alerts, accounts, domains }: Config, report: Report): Promise<void> {
  if (alerts.smtp !== undefined) checkClearText(['alerts', 'smtp'], alerts.smtp, report);
  await checkFiles(alerts, ['alerts'], report);
  for (const [mailbox, { to, webhook }] of Object.entries(alerts.accounts)) {
    const key = ['alerts', 'accounts', mailbox];
    if (to.length > 0 && alerts.smtp === undefined) report([...key, 'to'], 'needs a mail server in alerts.smtp');
    if (webhook && alerts.webhook === undefined) report([...key, 'webhook'], 'needs an address in alerts.webhook');
    for (const [index, address] of to.entries()) {
      // A notice about a notice would never end.
      const managed = accounts.some(account => account.address === address);
      const domain = address.slice(address.lastIndexOf('@') + 1);
      if (managed || domain in domains)
        report([...key, 'to', index], `"${address}" is a mailbox that Archivia looks after`);
    }
  }
}

/** Every key that ends in `File`, at any depth. */
async function checkFiles(section: unknown, above: Key, report: Report): Promise<void> {
  if (typeof section !== 'object' || section === null) return;
  for (const [name, value] of Object.entries(section)) {
    const key = [...above, Array.isArray(section) ? Number(name) : name];
    if (typeof value !== 'string') await checkFiles(value, key, report);
    else if (name.endsWith('File')) await checkReadable(value, key, report);
  }
}

async function checkReadable(file: string, key: Key, report: Report): Promise<boolean> {
  try {
    await access(file, constants.R_OK);
    return true;
  } catch {
    report(key, `${file} cannot be read`);
    return false;
  }
}

async function checkCertificates(path: string, key: Key, report: Report): Promise<void> {
  if (!(await checkReadable(path, key, report))) return;
  try {
    for (const file of await certificateFiles(path)) {
      try {
        new X509Certificate(await readFile(file));
      } catch {
        report(key, `${file} holds no valid certificate`);
      }
    }
  } catch (error) {
    report(key, error instanceof Error ? error.message : String(error));
  }
}

async function readPem<T>(file: string, key: Key, parse: (pem: string) => T, report: Report): Promise<T | null> {
  if (!(await checkReadable(file, key, report))) return null;
  try {
    return parse(await readFile(file, 'utf8'));
  } catch {
    report(key, `${file} holds no valid PEM`);
    return null;
  }
}
