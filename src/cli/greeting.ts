import { createConnection, isIP, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';

export interface GreetingTarget {
  readonly host: string;
  readonly port: number;
  /** Options of implicit TLS; null for a connection that begins in clear (STARTTLS or none). */
  readonly tls: ConnectionOptions | null;
}

export interface Greeting {
  /** First line, without its end. */
  readonly greeting: string | null;
  readonly error: string | null;
}

const TIME_LIMIT = 5_000;
const LINE_LIMIT = 4_096;

/** Connects, reads the first line of an IMAP or SMTP server and leaves. Tells nothing. Never rejects. */
export async function readGreeting({ host, port, tls }: GreetingTarget): Promise<Greeting> {
  const socket =
    tls === null
      ? createConnection({ host, port })
      : connectTls({ servername: isIP(host) === 0 ? host : '', ...tls, host, port });
  try {
    const greeting = await firstLine(socket);
    const friendly = /^(\* (OK|PREAUTH)|220)[ -]/i.test(greeting);
    return { greeting, error: friendly ? null : `unfriendly greeting: ${greeting}` };
  } catch (error) {
    return { greeting: null, error: error instanceof Error ? error.message : String(error) };
  } finally {
    socket.on('error', () => {});
    socket.destroy();
  }
}

function firstLine(socket: Socket): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    socket.setTimeout(TIME_LIMIT, () => reject(new Error('no answer')));
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('connection closed')));
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
      const end = text.indexOf('\n');
      if (end >= 0) resolve(text.slice(0, end).trimEnd());
      else if (text.length > LINE_LIMIT) reject(new Error('endless greeting'));
    });
  });
}
