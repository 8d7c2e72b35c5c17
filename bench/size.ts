/**
 * What is kept of what came, in octets: exchanges as their sender and their recipients see them, with files that do not
 * compress. Three buste in ten carry the file of a message that was sent.
 */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pino } from 'pino';
import { createGenerator, createTestAuthorities, type GeneratedMessage, PEOPLE } from '../src/pec/generator/index.ts';
import { openStore } from '../src/store/index.ts';
import { temporaryDirectory } from '../test/support/temp.ts';
import { fileAll, fileMessage } from './ingest.ts';
import type { Row, Scale } from './report.ts';

const MEAN_FILE = 105_000;

export async function benchSize(scale: Scale): Promise<Row[]> {
  const [mailbox] = PEOPLE;
  if (mailbox === undefined) throw new Error('nobody');
  const generator = createGenerator({ authorities: await createTestAuthorities(), seed: 5, mailbox });
  const messages: GeneratedMessage[] = [];
  let floor = 0;
  for (let made = 0; made < (scale.quick ? 100 : 600); made++) {
    const [sentFile, otherFile] = [noisePdf(generator.random), noisePdf(generator.random)];
    const attachments = generator.random.chance(0.6) ? [sentFile] : [];
    const { sent, accettazione, consegne } = generator.exchange({ attachments });
    const same = attachments.length > 0 && generator.random.chance(0.3);
    const theirs = same ? attachments : generator.random.chance(0.6) ? [otherFile] : [];
    messages.push(sent, ...(accettazione ? [accettazione] : []), ...consegne);
    messages.push(generator.incoming({ attachments: theirs }));
    for (const { base64 } of new Set([...attachments, ...theirs])) floor += Buffer.byteLength(base64, 'base64');
  }
  const raw = messages.reduce((sum, message) => sum + message.raw.length, 0);
  const directory = await temporaryDirectory('size');
  try {
    const store = await openStore(directory.path, { logger: pino({ level: 'silent' }), readAttachments: false });
    const account = await store.account(mailbox.address, { create: true });
    const place = account.directory;
    await fileAll(messages, message => fileMessage(account, message));
    await store.close();
    const segments = await octetsOf(join(place, 'segments'));
    const database = (await stat(join(place, 'account.db'))).size;
    const share = (octets: number) => (octets / raw).toFixed(3);
    const mean = Math.round(raw / messages.length / 1000);
    return [
      { what: 'messages', value: `${messages.length}`, note: `${Math.round(raw / 1e6)} MB, ${mean} KB on average` },
      { what: 'each file once, decoded', value: share(floor), note: 'of the raw octets; nothing can be less' },
      { what: 'segments', value: share(segments) },
      { what: 'database with index', value: share(database) },
      { what: 'everything', value: share(segments + database) },
    ];
  } finally {
    await directory.remove();
  }
}

async function octetsOf(path: string): Promise<number> {
  let octets = 0;
  for (const name of await readdir(path)) octets += (await stat(join(path, name))).size;
  return octets;
}

/** A file of its own, of octets that nothing makes smaller. */
function noisePdf(random: { next(): number }): { filename: string; contentType: string; base64: string } {
  const octets = Buffer.alloc(Math.round(MEAN_FILE * (0.2 + 1.6 * random.next())));
  for (let at = 0; at + 4 <= octets.length; at += 4) octets.writeUInt32LE(Math.floor(random.next() * 2 ** 32), at);
  const base64 = octets.toString('base64').replace(/.{76}/g, '$&\r\n');
  return { filename: 'atto.pdf', contentType: 'application/pdf', base64: `${base64.trimEnd()}\r\n` };
}
