/** An RFC 3161 responder over HTTP (section 3.4): node:http in front of the real `openssl ts -reply`. */
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { must } from './processes.ts';
import { temporaryDirectory } from './temp.ts';

/**
 * `down`: 503. `slow`: the answer waits until the mode changes. `wrong-nonce`: a good answer to somebody else's
 * request. `wrong-digest`: a good answer over another digest. `rejection`: status 2, no token.
 */
type TimestampMode = 'good' | 'down' | 'slow' | 'wrong-nonce' | 'wrong-digest' | 'rejection';

export interface TimestampAuthorityServer {
  readonly url: string;
  /** PEM: root, and the responder's own certificate. */
  readonly caFile: string;
  readonly tsaCertFile: string;
  /** Requests answered with a token. */
  readonly issued: number;
  mode: TimestampMode;
  stop(): Promise<void>;
}

const CONFIGURATION = `
[ tsa ]
default_tsa = responder
[ responder ]
serial = serial
signer_digest = sha256
default_policy = 1.3.6.1.4.1.13762.3
digests = sha256, sha384, sha512
accuracy = secs:1
ess_cert_id_chain = no
ess_cert_id_alg = sha256
[ tsa_certificate ]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = critical, timeStamping
`;

/** OCTET STRING of 32 octets: the message imprint of a SHA-256 request. */
const SHA256_IMPRINT = Buffer.from([0x04, 0x20]);

export async function startTimestampAuthority(): Promise<TimestampAuthorityServer> {
  const temporary = await temporaryDirectory('tsa');
  const file = (name: string) => join(temporary.path, name);
  const openssl = (...args: string[]) => must('openssl', args, { cwd: temporary.path });
  await writeFile(file('tsa.cnf'), CONFIGURATION);
  await writeFile(file('serial'), '01\n');
  await openssl(
    ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '30', '-subj', '/O=Prova/CN=Prova Root TSA'],
    ...['-keyout', 'ca.key', '-out', 'ca.pem'],
  );
  await openssl(
    ...['req', '-new', '-newkey', 'rsa:2048', '-nodes', '-subj', '/O=Prova/CN=Prova TSA'],
    ...['-keyout', 'tsa.key', '-out', 'tsa.csr'],
  );
  await openssl(
    ...['x509', '-req', '-in', 'tsa.csr', '-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '30'],
    ...['-extfile', 'tsa.cnf', '-extensions', 'tsa_certificate', '-out', 'tsa.pem'],
  );

  let issued = 0;
  let mode: TimestampMode = 'good';
  let wakeSleepers = () => {};
  let awake = Promise.resolve();
  // openssl reads and writes one serial file: one answer at a time.
  let turn: Promise<unknown> = Promise.resolve();

  async function answer(query: Buffer): Promise<Buffer> {
    await writeFile(file('query.tsq'), query);
    if (mode === 'wrong-nonce' || mode === 'wrong-digest') {
      const start = query.indexOf(SHA256_IMPRINT) + SHA256_IMPRINT.length;
      const digest = Buffer.from(query.subarray(start, start + 32));
      if (mode === 'wrong-digest') {
        digest.reverse().copy(query, start);
        await writeFile(file('query.tsq'), query);
      } else {
        await openssl('ts', '-query', '-digest', digest.toString('hex'), '-sha256', '-cert', '-out', 'query.tsq');
      }
    }
    await openssl(
      ...['ts', '-reply', '-config', 'tsa.cnf', '-section', 'responder', '-queryfile', 'query.tsq'],
      ...['-signer', 'tsa.pem', '-inkey', 'tsa.key', '-chain', 'ca.pem', '-out', 'reply.tsr'],
    );
    issued += 1;
    return readFile(file('reply.tsr'));
  }

  // TimeStampResp { PKIStatusInfo { status rejection(2) } }
  const rejection = Buffer.from([0x30, 0x05, 0x30, 0x03, 0x02, 0x01, 0x02]);

  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    if (mode === 'slow') await awake;
    if (mode === 'down' || request.headers['content-type'] !== 'application/timestamp-query') {
      response.writeHead(mode === 'down' ? 503 : 415).end();
      return;
    }
    const reply = mode === 'rejection' ? Promise.resolve(rejection) : turn.then(() => answer(Buffer.concat(chunks)));
    turn = reply.catch(() => {});
    try {
      const body = await reply;
      response.writeHead(200, { 'content-type': 'application/timestamp-reply', 'content-length': body.length });
      response.end(body);
    } catch (error) {
      response.writeHead(500).end(String(error));
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');

  return {
    url: `http://127.0.0.1:${address.port}/`,
    caFile: file('ca.pem'),
    tsaCertFile: file('tsa.pem'),
    get issued() {
      return issued;
    },
    get mode() {
      return mode;
    },
    set mode(next) {
      mode = next;
      wakeSleepers();
      if (next === 'slow') {
        awake = new Promise(resolve => {
          wakeSleepers = resolve;
        });
      }
    },
    stop: async () => {
      wakeSleepers();
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
      await temporary.remove();
    },
  };
}
