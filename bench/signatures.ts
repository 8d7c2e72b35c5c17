/** Gestori's signatures checked on two worker threads, against `openssl cms -verify` started for each message. */
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Worker } from 'node:worker_threads';
import { createGenerator, createTestAuthorities, type GeneratedMessage, PEOPLE } from '../src/pec/generator/index.ts';
import { temporaryDirectory } from '../test/support/temp.ts';
import type { Row, Scale } from './report.ts';
import type { SignatureTask } from './signatures.worker.ts';
import { median, timed } from './statistics.ts';

const THREADS = 2;
const run = promisify(execFile);

export async function benchSignatures(scale: Scale): Promise<Row[]> {
  const rows: Row[] = [];
  for (const algorithm of ['RSA-2048', 'P-256'] as const) rows.push(...(await compare(algorithm, scale)));
  return rows;
}

async function compare(algorithm: 'RSA-2048' | 'P-256', scale: Scale): Promise<Row[]> {
  const [mailbox] = PEOPLE;
  if (mailbox === undefined) throw new Error('nobody');
  const authorities = await createTestAuthorities({ algorithm });
  const generator = createGenerator({ authorities, seed: 6, mailbox });
  let messages: GeneratedMessage[] = [];
  const count = scale.quick ? 600 : 4_000;
  const making = await timed(async () => {
    messages = [...generator.corpus(count, { meanSize: 20_000 })];
  });
  const signed = messages.filter(({ kind }) => kind !== 'ordinaria');
  const anchors = [...authorities.anchors];
  const workers = Array.from({ length: THREADS }, (_, index): [Worker, Uint8Array[]] => [
    new Worker(new URL('./signatures.worker.ts', import.meta.url)),
    signed.filter((_message, at) => at % THREADS === index).map(({ raw }) => raw),
  ]);
  const directory = await temporaryDirectory('signatures');
  try {
    const check = () =>
      Promise.all(
        workers.map(async ([worker, raws]) => {
          worker.postMessage({ raws, anchors } satisfies SignatureTask);
          const valid = await new Promise<number>((resolve, reject) => {
            worker.once('message', resolve);
            worker.once('error', reject);
          });
          if (valid !== raws.length) throw new Error(`${valid} of ${raws.length} valid`);
        }),
      );
    await check();
    const times: number[] = [];
    for (let turn = 0; turn < scale.runs; turn++) times.push(await timed(check));
    const ours = (signed.length / median(times)) * 1000;
    const ca = join(directory.path, 'root.pem');
    await writeFile(ca, authorities.root.certificatePem);
    const some = signed.slice(-(scale.quick ? 20 : 100));
    const files = await Promise.all(
      some.map(async ({ raw }, index) => {
        const file = join(directory.path, `${index}.eml`);
        await writeFile(file, raw);
        return file;
      }),
    );
    const spawned = await timed(() =>
      Promise.all(
        Array.from({ length: THREADS }, async (_, lane) => {
          for (let at = lane; at < files.length; at += THREADS) {
            const file = files[at] ?? '';
            await run('openssl', ['cms', '-verify', '-in', file, '-CAfile', ca, '-no_check_time', '-out', '/dev/null']);
          }
        }),
      ),
    );
    const theirs = (some.length / spawned) * 1000;
    return [
      {
        what: `${algorithm}, generated and signed`,
        value: `${((count / making) * 1000).toFixed(0)} msg/s`,
        note: 'one thread',
      },
      {
        what: `${algorithm}, checked`,
        value: `${ours.toFixed(0)} msg/s`,
        note: `${signed.length} messages, 2 threads`,
      },
      {
        what: `${algorithm}, openssl cms -verify`,
        value: `${theirs.toFixed(0)} msg/s`,
        note: `Archivia's rate is ${(ours / theirs).toFixed(0)} times that`,
      },
    ];
  } finally {
    await Promise.all(workers.map(([worker]) => worker.terminate()));
    await directory.remove();
  }
}
