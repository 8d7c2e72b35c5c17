/** FETCH of a whole Dovecot mailbox: through Archivia against the same FETCH direct. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { connect as connectPlain } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { createGenerator, createTestAuthorities, PEOPLE } from '../src/pec/generator/index.ts';
import { DOMAIN, startArchivia } from '../test/support/archivia.ts';
import { startDovecot } from '../test/support/dovecot.ts';
import type { Row, Scale } from './report.ts';
import { median } from './statistics.ts';

const USER = `mario.rossi@${DOMAIN}`;
const PASSWORD = 'segreta';
/** Octets at the end of a reply that hold its tagged line, a list of capabilities included. */
const TAIL = 4_000;

interface Fetched {
  readonly octets: number;
  readonly sha256: string;
  readonly milliseconds: number;
}

export async function benchRelay(scale: Scale): Promise<Row[]> {
  const size = scale.quick ? 20_000_000 : 200_000_000;
  const dovecot = await startDovecot({ tls: true, users: { [USER]: PASSWORD } });
  try {
    const messages = await fill(size, raw => dovecot.deliver(USER, 'INBOX', raw));
    const rows: Row[] = [{ what: 'mailbox', value: `${Math.round(size / 1e6)} MB`, note: `${messages} messages` }];
    const dovecotCa = await readFile(dovecot.caFile ?? '', 'utf8');
    const archive = { auto: { incoming: false, sent: false } };
    for (const tls of [false, true]) {
      const upstream = tls ? dovecot : { ...dovecot, imapsPort: null, caFile: null };
      const archivia = await startArchivia({ dovecot: upstream, archive });
      try {
        const direct = () => fetchAll(tls ? (dovecot.imapsPort ?? 0) : dovecot.imapPort, tls ? dovecotCa : null);
        const proxied = () => fetchAll(tls ? archivia.imapsPort : archivia.imapPort, tls ? archivia.ca : null);
        const reference = await direct();
        const times = { direct: [] as number[], proxied: [] as number[] };
        for (let run = 0; run < scale.runs; run++) {
          for (const [name, fetch] of [
            ['direct', direct],
            ['proxied', proxied],
          ] as const) {
            const fetched = await fetch();
            if (fetched.sha256 !== reference.sha256) throw new Error(`${name}: other bytes than the first time`);
            times[name].push(fetched.milliseconds);
          }
        }
        const rate = (sample: readonly number[]) => reference.octets / 1e6 / (median(sample) / 1000);
        const kind = tls ? 'TLS on every hop' : 'plain';
        rows.push(
          { what: `FETCH BODY.PEEK[] direct, ${kind}`, value: `${rate(times.direct).toFixed(0)} MB/s` },
          { what: `FETCH BODY.PEEK[] through the proxy, ${kind}`, value: `${rate(times.proxied).toFixed(0)} MB/s` },
          {
            what: `proxy to direct, ${kind}`,
            value: (rate(times.proxied) / rate(times.direct)).toFixed(2),
            note: `bytes equal (${reference.octets} octets)`,
          },
        );
      } finally {
        await archivia.stop();
      }
    }
    return rows;
  } finally {
    await dovecot.stop();
  }
}

/** Delivers signed PEC traffic of 75 KB a message until there is enough. @returns how many */
async function fill(size: number, deliver: (raw: Uint8Array) => Promise<void>): Promise<number> {
  const [mailbox] = PEOPLE;
  if (mailbox === undefined) throw new Error('nobody');
  const generator = createGenerator({ authorities: await createTestAuthorities(), seed: 1, mailbox });
  let octets = 0;
  let messages = 0;
  for (const { raw } of generator.corpus(Math.ceil(size / 20_000), { meanSize: 75_000 })) {
    await deliver(raw);
    messages += 1;
    octets += raw.length;
    if (octets >= size) break;
  }
  return messages;
}

/** The clock runs from the FETCH to its tagged answer; the digest covers all before that. */
async function fetchAll(port: number, ca: string | null): Promise<Fetched> {
  const socket =
    ca === null
      ? connectPlain(port, '127.0.0.1')
      : connectTls({ port, host: '127.0.0.1', ca, servername: 'localhost' });
  await once(socket, ca === null ? 'connect' : 'secureConnect');
  const command = async (tag: string, text: string, onData?: (chunk: Buffer) => void) => {
    const end = new RegExp(`(?:^|\\r\\n)${tag} ([A-Z]+)[^\\r\\n]*\\r\\n$`);
    let tail = '';
    const answered = new Promise<string>((resolve, reject) => {
      const take = (chunk: Buffer) => {
        onData?.(chunk);
        tail = (tail + chunk.subarray(-TAIL).toString('latin1')).slice(-TAIL);
        const match = end.exec(tail);
        if (match === null) return;
        socket.off('data', take);
        resolve(match[1] ?? '');
      };
      socket.on('data', take);
      socket.once('error', reject);
    });
    socket.write(`${tag} ${text}\r\n`);
    const status = await answered;
    if (status !== 'OK') throw new Error(`${text}: ${tail}`);
    return tail;
  };
  await command('a', `LOGIN ${USER} ${PASSWORD}`);
  await command('b', 'EXAMINE INBOX');
  const hash = createHash('sha256');
  let octets = 0;
  let held: Buffer = Buffer.alloc(0);
  const start = performance.now();
  const tail = await command('c', 'FETCH 1:* BODY.PEEK[]', chunk => {
    octets += chunk.length;
    // The tagged line tells Dovecot's own time and stays out: hash with a lag.
    const whole = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
    const cut = Math.max(0, whole.length - TAIL);
    hash.update(whole.subarray(0, cut));
    held = Buffer.from(whole.subarray(cut));
  });
  const milliseconds = performance.now() - start;
  const tagged = /c OK[^\r\n]*\r\n$/.exec(tail)?.[0].length ?? 0;
  hash.update(held.subarray(0, held.length - tagged));
  socket.destroy();
  return { octets: octets - tagged, sha256: hash.digest('hex'), milliseconds };
}
