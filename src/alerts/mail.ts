import { createTransport } from 'nodemailer';
import type { Config } from '../config/schema.ts';
import { readSecret } from '../config/secret.ts';
import { upstreamTls } from '../store/accounts/upstream-tls.ts';
import { type Letter, writeLetter } from './letter.ts';

const TIMEOUT = 30_000;

/** Sends one letter through the ordinary mail server. Rejects when not every recipient was taken. */
export async function sendLetter({ smtp, from }: Config['alerts'], letter: Letter): Promise<void> {
  if (smtp === undefined) throw new Error('no mail server for notices');
  const password = await readSecret({ file: smtp.passwordFile, env: 'ARCHIVIA_ALERTS_PASSWORD' });
  const transport = createTransport({
    host: smtp.host,
    port: smtp.port,
    secure: smtp.tls === 'implicit',
    requireTLS: smtp.tls === 'starttls',
    ignoreTLS: smtp.tls === 'none',
    tls: await upstreamTls(smtp),
    ...(smtp.username === undefined ? {} : { auth: { user: smtp.username, pass: password ?? '' } }),
    connectionTimeout: TIMEOUT,
    greetingTimeout: TIMEOUT,
    socketTimeout: TIMEOUT,
    logger: false,
  });
  try {
    const raw = await writeLetter(from, letter);
    const { rejected } = await transport.sendMail({ envelope: { from, to: [...letter.to] }, raw });
    if (rejected.length > 0) throw new Error(`the mail server refused ${rejected.length} recipients`);
  } finally {
    transport.close();
  }
}
