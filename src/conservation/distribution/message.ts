/** A package of distribution as a message in its folder. */
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import type { DistributionRequest, MessageRecord } from '../../store/types.ts';
import { NO_LEGAL_VALUE } from '../agents.ts';
import { italianTime, subjectOf } from '../metadata/words.ts';
import {
  base64Lines,
  encodedHeader,
  type Notice,
  type NoticeAttachment,
  noticeFrame,
  oneLine,
} from '../report/notice.ts';
import { INSTRUCTIONS_FILE, PAGE_FILE } from './instructions.ts';

/** Messages that the text lists. */
const MAX_LINES = 100;
/** A multiple of a base64 line. */
const PIECE = 57 * 4096;

export interface PackageNotice {
  readonly notice: Notice;
  readonly attachment: NoticeAttachment;
}

/** Identifier of a request's answer: the same request gives the same one. */
function distributionId(request: DistributionRequest, sha256s: readonly string[]): string {
  const time = `${new Date(request.requestedAt).toISOString().slice(0, 19).replace(/[-:]/g, '')}Z`;
  const over = createHash('sha256').update(`${request.id}\n${request.requestedAt}\n${sha256s.join('\n')}\n`);
  return `PDD-${time}-${over.digest('hex').slice(0, 16)}`;
}

export function packageNotice(
  account: string,
  request: DistributionRequest,
  records: readonly MessageRecord[],
  evaluation: boolean,
): PackageNotice {
  const id = distributionId(
    request,
    records.map(({ sha256 }) => sha256),
  );
  const name = `${id}.zip`;
  return {
    notice: {
      account,
      id,
      subject: subjectLine('Pacchetto di distribuzione', records, evaluation),
      date: request.requestedAt,
      text: packageText(account, id, name, records, evaluation),
    },
    attachment: { name, contentType: 'application/zip' },
  };
}

/** The answer when there can be no package. `reason`: Italian, one or more sentences. */
export function failureNotice(
  account: string,
  request: DistributionRequest,
  records: readonly MessageRecord[],
  reason: string,
): Notice {
  const id = distributionId(
    request,
    records.map(({ sha256 }) => sha256),
  );
  return {
    account,
    id,
    subject: subjectLine('Pacchetto di distribuzione NON creato', records, false),
    date: request.requestedAt,
    text: ['Il pacchetto di distribuzione richiesto non è stato creato.', '', reason, '', ...listed(records), ''].join(
      '\r\n',
    ),
  };
}

/** Writes the message with the ZIP attached. Work for a worker thread. */
export async function writePackageMessage(task: {
  readonly notice: Notice;
  readonly attachment: NoticeAttachment;
  readonly zip: string;
  readonly path: string;
}): Promise<void> {
  const { start, end } = noticeFrame(task.notice, task.attachment);
  const source = createReadStream(task.zip, { highWaterMark: PIECE });
  const encode = async function* (chunks: AsyncIterable<Buffer>): AsyncGenerator<string> {
    yield start;
    let rest: Buffer = Buffer.alloc(0);
    for await (const chunk of chunks) {
      const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      const whole = bytes.length - (bytes.length % 57);
      if (whole > 0) yield `${base64Lines(bytes.subarray(0, whole))}\r\n`;
      rest = bytes.subarray(whole);
    }
    if (rest.length > 0) yield `${base64Lines(rest)}\r\n`;
    yield end;
  };
  await pipeline(source, encode, createWriteStream(task.path, { mode: 0o600, flags: 'wx' }));
}

function subjectLine(what: string, records: readonly MessageRecord[], evaluation: boolean): string {
  const [first] = records;
  const about =
    records.length === 1 && first !== undefined
      ? oneLine(subjectOf(first)) || '(senza oggetto)'
      : `${records.length} messaggi`;
  return encodedHeader(`${evaluation ? `[${NO_LEGAL_VALUE}] ` : ''}${what}: ${about}`);
}

function packageText(
  account: string,
  id: string,
  name: string,
  records: readonly MessageRecord[],
  evaluation: boolean,
): string {
  return [
    ...(evaluation ? [NO_LEGAL_VALUE.toUpperCase(), ''] : []),
    records.length === 1
      ? `È allegato il pacchetto di distribuzione di un messaggio conservato della casella ${account}.`
      : `È allegato il pacchetto di distribuzione di ${records.length} messaggi conservati della casella ${account}.`,
    '',
    `Pacchetto:  ${id}`,
    `File:       ${name}`,
    '',
    'Il pacchetto prova da solo, senza Archivia, che i messaggi sono quelli conservati. Contiene ogni messaggio identico',
    "all'originale, i suoi allegati come file, l'indice firmato con la marca temporale, il rapporto di versamento, i",
    'certificati e le prove.',
    '',
    `1. Estrarre il file ${name} in una cartella.`,
    `2. Aprire ${PAGE_FILE} con un browser: mostra i messaggi, gli allegati e l'esito delle verifiche.`,
    `3. Per ripetere le verifiche (anche il consulente o il giudice può farlo): ${INSTRUCTIONS_FILE}.`,
    '',
    ...listed(records),
    '',
  ].join('\r\n');
}

function listed(records: readonly MessageRecord[]): string[] {
  const rest = records.length - MAX_LINES;
  return [
    records.length === 1 ? 'Messaggio:' : 'Messaggi:',
    ...records.slice(0, MAX_LINES).map(record => {
      const { date, time } = italianTime(record.filedAt);
      return `- ${date.split('-').reverse().join('/')} ${time}  ${oneLine(subjectOf(record)) || '(senza oggetto)'}`;
    }),
    ...(rest > 0 ? [`e altri ${rest}.`] : []),
  ];
}
