import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { pino } from 'pino';
import { afterEach } from 'vitest';
import { type Config, configSchema } from '../../../src/config/schema.ts';
import { type ConservationOptions, createConservationService } from '../../../src/conservation/index.ts';
import type { ConservationService } from '../../../src/conservation/types.ts';

const execute = promisify(execFile);
const closing: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** Done after the test, last first. */
export function later(close: () => Promise<unknown>): void {
  closing.push(close);
}

export async function temporaryDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'archivia-conservation-'));
  later(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

/** Output of a judge; rejects when it is not satisfied. */
export async function run(command: string, arguments_: readonly string[], cwd?: string): Promise<string> {
  const { stdout, stderr } = await execute(command, [...arguments_], { cwd, maxBuffer: 1 << 26 });
  return stdout + stderr;
}

function conservationConfig(conservation: object = {}): Config['conservation'] {
  return configSchema.parse({ imap: { listen: [{ port: 0, tls: 'none' }] }, conservation }).conservation;
}

/** A service that is stopped after the test. */
export async function startService(
  dataDir: string,
  conservation: object = {},
  options: Partial<ConservationOptions> = {},
): Promise<ConservationService> {
  const service = await createConservationService({
    config: conservationConfig(conservation),
    dataDir,
    logger: pino({ level: 'silent' }),
    anchors: [],
    ...options,
  });
  later(() => service.stop());
  return service;
}

/** The judges of a package: each rejects when its part does not hold. */
export async function judgePackage(directory: string, options: { timestampCa?: string; signerCa?: string } = {}) {
  const { timestampCa = 'tsa.pem', signerCa = 'firmatario.pem' } = options;
  const chain = ['-CAfile', signerCa];
  for (const [signed, content] of [
    ['PIndex.xml.p7m', 'PIndex.xml'],
    ['RdV.xml.p7m', 'RdV.xml'],
  ] as const) {
    const out = `${signed}.out`;
    await run(
      'openssl',
      ['cms', '-verify', '-cades', '-inform', 'DER', '-in', signed, ...chain, '-out', out],
      directory,
    );
    await run('cmp', [out, content], directory);
    await rm(join(directory, out));
  }
  const token = ['-in', 'albero.tsr', '-token_in', '-CAfile', timestampCa];
  await run('openssl', ['ts', '-verify', '-data', 'albero.bin', ...token], directory);
  await validate('PIndex.xsd', join(directory, 'PIndex.xml'));
  await validate('RapportoDiVersamento.xsd', join(directory, 'RdV.xml'));
  // The official schema is no part of the project; whoever has it can name it.
  const official = process.env.ARCHIVIA_PINDEX_XSD;
  if (official !== undefined) await run('xmllint', ['--noout', '--schema', official, join(directory, 'PIndex.xml')]);
}

export async function validate(schema: string, ...files: string[]): Promise<void> {
  const path = fileURLToPath(new URL(`../../../src/conservation/xsd/${schema}`, import.meta.url));
  await run('xmllint', ['--noout', '--nonet', '--schema', path, ...files]);
}
