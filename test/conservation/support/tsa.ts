import { readFile, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { issueCertificate } from '../../../src/pki/index.ts';
import { later, run, temporaryDirectory } from './environment.ts';

export interface Tsa {
  readonly url: string;
  /** PEM of the root alone. */
  readonly caFile: string;
  readonly requests: { readonly authorization: string | undefined; readonly body: Buffer }[];
  /** Replaces the answer; null goes back to the true one. */
  behave(behaviour: ((request: Buffer, response: ServerResponse) => void | Promise<void>) | null): void;
  /** What `openssl ts -reply` answers to a query. */
  reply(request: Buffer): Promise<Buffer>;
}

/** A time-stamping authority: `openssl ts -reply` behind HTTP. */
export async function startTsa(options: { readonly policy?: string; readonly days?: number } = {}): Promise<Tsa> {
  const directory = await temporaryDirectory();
  const period = {
    notBefore: new Date(Date.now() - 60_000),
    notAfter: new Date(Date.now() + (options.days ?? 1) * 86_400_000),
  };
  const root = await issueCertificate({
    subject: { commonName: 'Radice di prova' },
    algorithm: 'RSA-2048',
    authority: true,
    keyUsage: ['keyCertSign'],
    ...period,
  });
  const leaf = await issueCertificate({
    subject: { commonName: 'TSA di prova' },
    algorithm: 'RSA-2048',
    issuer: root,
    keyUsage: ['digitalSignature'],
    extendedKeyUsage: ['timeStamping'],
    ...period,
  });
  const caFile = join(directory, 'ca.pem');
  await writeFile(caFile, root.certificatePem);
  await writeFile(join(directory, 'tsa.pem'), leaf.certificatePem);
  await writeFile(join(directory, 'tsa.key'), leaf.privateKeyPem);
  await writeFile(join(directory, 'serial'), '01\n');
  await writeFile(
    join(directory, 'openssl.cnf'),
    [
      '[tsa]',
      'default_tsa = t',
      '[t]',
      `serial = ${join(directory, 'serial')}`,
      'signer_digest = sha256',
      `default_policy = ${options.policy ?? '1.2.3.4.1'}`,
      'digests = sha256, sha384, sha512',
      'ess_cert_id_chain = no',
      'ess_cert_id_alg = sha256',
      'accuracy = secs:1',
      '',
    ].join('\n'),
  );

  let count = 0;
  const reply = async (request: Buffer): Promise<Buffer> => {
    const name = `${count++}`;
    await writeFile(join(directory, `${name}.tsq`), request);
    const files = ['-config', 'openssl.cnf', '-queryfile', `${name}.tsq`, '-signer', 'tsa.pem', '-inkey', 'tsa.key'];
    await run('openssl', ['ts', '-reply', ...files, '-out', `${name}.tsr`], directory);
    return readFile(join(directory, `${name}.tsr`));
  };

  const requests: { authorization: string | undefined; body: Buffer }[] = [];
  let behaviour: ((request: Buffer, response: ServerResponse) => void | Promise<void>) | null = null;
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = Buffer.concat(await request.toArray());
    requests.push({ authorization: request.headers.authorization, body });
    if (behaviour !== null) await behaviour(body, response);
    else response.writeHead(200, { 'content-type': 'application/timestamp-reply' }).end(await reply(body));
  };
  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy());
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  later(async () => {
    server.closeAllConnections();
    await new Promise(resolve => server.close(resolve));
  });
  const tsa: Tsa = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/tsa`,
    caFile,
    requests,
    behave: next => {
      behaviour = next;
    },
    reply,
  };
  return tsa;
}
