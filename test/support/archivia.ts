/** The real server as a process of its own: `archivia serve --config FILE`, killed and started again at will. */
import type { ChildProcess } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { stringify } from 'yaml';
import { makeServerCertificates } from './certificates.ts';
import type { Dovecot } from './dovecot.ts';
import { end, eventually, start } from './processes.ts';
import type { SmtpUpstream } from './smtp-upstream.ts';
import { temporaryDirectory } from './temp.ts';

const MAIN = resolve(import.meta.dirname, '../../src/cli/main.ts');

/** The domain whose mailboxes live on the test's Dovecot. */
export const DOMAIN = 'pec.example.it';

export interface ArchiviaOptions {
  readonly dovecot: Pick<Dovecot, 'imapPort' | 'imapsPort' | 'caFile'>;
  readonly smtp?: Pick<SmtpUpstream, 'port' | 'caFile'>;
  /** URL of the time-stamping authority and its PEM chain; evaluation stamps when absent. */
  readonly timestamp?: { readonly url: string; readonly caFile: string };
  readonly archive?: Record<string, unknown>;
  readonly conservation?: Record<string, unknown>;
  readonly limits?: Record<string, unknown>;
  /** Further keys of the configuration. */
  readonly more?: Record<string, unknown>;
  /** Told before the first start: fills the data directory. */
  readonly prepare?: (dataDir: string) => Promise<void>;
}

export interface Archivia {
  readonly directory: string;
  readonly dataDir: string;
  /** PEM of the authority behind its certificate. */
  readonly ca: string;
  readonly caFile: string;
  /** Resident memory of the process, octets. */
  memory(): Promise<number>;
  /** Plain IMAP on loopback. */
  readonly imapPort: number;
  readonly imapsPort: number;
  readonly startTlsPort: number;
  /** Plain submission on loopback; 0 without `smtp`. */
  readonly smtpPort: number;
  /** Each line of the log so far. */
  readonly log: readonly string[];
  /** As a power cut. */
  kill(): Promise<void>;
  /** SIGTERM: resolves with the exit code. */
  shutDown(): Promise<number | null>;
  /** On the same data, on new ports. */
  start(): Promise<void>;
  /** Ends the server and removes its directory. */
  stop(): Promise<void>;
}

/** A server in front of the given upstream, with a listener of each kind on free ports. */
export async function startArchivia(options: ArchiviaOptions): Promise<Archivia> {
  const temporary = await temporaryDirectory('archivia');
  const directory = temporary.path;
  const dataDir = join(directory, 'data');
  await mkdir(dataDir);
  const configFile = join(directory, 'archivia.yaml');
  const { caFile } = await makeServerCertificates(directory);
  const ca = await readFile(caFile, 'utf8');
  await writeFile(configFile, stringify(configuration(dataDir, options)));

  let child: ChildProcess | null = null;
  let log: string[] = [];
  let ports: ReadyPorts = { imap: [0, 0, 0], smtp: [] };

  async function startServer(): Promise<void> {
    const server = serve(configFile, directory);
    child = server.child;
    log = server.log;
    ports = await server.ready;
  }

  async function halt(signal: 'SIGKILL' | 'SIGTERM'): Promise<number | null> {
    if (child === null) return null;
    const ending = child;
    child = null;
    await end(ending, signal);
    return ending.exitCode;
  }

  try {
    await options.prepare?.(dataDir);
    await startServer();
  } catch (error) {
    await halt('SIGKILL');
    await temporary.remove();
    throw error;
  }

  return {
    directory,
    dataDir,
    ca,
    caFile,
    memory: async () => {
      const status = await readFile(`/proc/${child?.pid}/status`, 'utf8');
      return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
    },
    get imapPort() {
      return ports.imap[0];
    },
    get imapsPort() {
      return ports.imap[1];
    },
    get startTlsPort() {
      return ports.imap[2];
    },
    get smtpPort() {
      return ports.smtp[0] ?? 0;
    },
    get log() {
      return log;
    },
    kill: async () => {
      await halt('SIGKILL');
    },
    shutDown: () => halt('SIGTERM'),
    start: startServer,
    stop: async () => {
      await halt('SIGTERM');
      await temporary.remove();
    },
  };
}

interface ReadyPorts {
  readonly imap: readonly [plain: number, implicit: number, starttls: number];
  readonly smtp: readonly number[];
}

/** The process, every line that it logs, and its ports once it is ready. Rejects when it ends before that. */
export function serve(
  configFile: string,
  cwd: string,
): { readonly child: ChildProcess; readonly log: string[]; readonly ready: Promise<ReadyPorts> } {
  const child = start(process.execPath, [MAIN, 'serve', '--config', configFile], { cwd });
  const log: string[] = [];
  let closed = false;
  child.once('close', () => {
    closed = true;
  });
  for (const stream of [child.stdout, child.stderr]) {
    let rest = '';
    stream.on('data', (chunk: Buffer) => {
      const lines = (rest + chunk.toString('utf8')).split('\n');
      rest = lines.pop() ?? '';
      log.push(...lines);
    });
    stream.on('end', () => rest !== '' && log.push(rest));
  }
  const ready = eventually(
    'the server to be ready',
    () => {
      const line = log.find(entry => entry.includes('"msg":"ready"'));
      if (line !== undefined) return readyPorts(line);
      if (!closed) return null;
      throw new Error(`the server ended with ${child.exitCode ?? child.signalCode}:\n${log.join('\n')}`);
    },
    60_000,
  );
  return { child, log, ready };
}

function readyPorts(line: string): ReadyPorts {
  const { ports } = JSON.parse(line) as { ports: { imap: number[]; smtp?: number[] } };
  const [plain = 0, implicit = 0, starttls = 0] = ports.imap;
  return { imap: [plain, implicit, starttls], smtp: ports.smtp ?? [] };
}

/** What `serve` reads, as an object: tests of bad configurations bend it. */
export function configuration(dataDir: string, options: ArchiviaOptions): Record<string, unknown> {
  const { dovecot, smtp, timestamp } = options;
  const tlsOf = (caFile: string | null) => (caFile === null ? { tls: 'none' } : { tls: 'implicit', caFile });
  const host = '127.0.0.1';
  return {
    dataDir,
    imap: {
      listen: [
        { host, port: 0, tls: 'none' },
        { host, port: 0, tls: 'implicit' },
        { host, port: 0, tls: 'starttls' },
      ],
    },
    ...(smtp === undefined ? {} : { smtp: { listen: [{ host, port: 0, tls: 'none' }] } }),
    tls: { certFile: 'server.pem', keyFile: 'server.key' },
    upstreams: {
      prova: {
        imap: { host, port: dovecot.imapsPort ?? dovecot.imapPort, ...tlsOf(dovecot.caFile) },
        ...(smtp === undefined ? {} : { smtp: { host, port: smtp.port, ...tlsOf(smtp.caFile) } }),
      },
    },
    domains: { [DOMAIN]: 'prova' },
    ...(options.archive === undefined ? {} : { archive: options.archive }),
    conservation: {
      holder: { type: 'legal', name: 'Studio Prova', id: 'VATIT-01234567890' },
      ...(timestamp === undefined ? {} : { timestamp }),
      ...options.conservation,
    },
    ...(options.limits === undefined ? {} : { limits: options.limits }),
    ...options.more,
    log: { level: 'debug' },
  };
}
