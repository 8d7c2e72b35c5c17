/** The provider's submission server: AUTH, then it keeps what it is given. */
import { readFile } from 'node:fs/promises';
import { SMTPServer } from 'smtp-server';
import { makeServerCertificates } from './certificates.ts';
import { temporaryDirectory } from './temp.ts';

export interface ReceivedMessage {
  readonly user: string;
  readonly from: string;
  readonly to: readonly string[];
  readonly raw: Buffer;
}

export interface SmtpUpstream {
  readonly port: number;
  /** Absent when the server speaks plain SMTP. */
  readonly caFile: string | null;
  readonly received: readonly ReceivedMessage[];
  /** AUTH commands answered, good and bad. */
  readonly authentications: number;
  /** Answer to the end of DATA other than 250, e.g. `{ code: 552, text: 'too big' }`. */
  refuse: { readonly code: number; readonly text: string } | null;
  /** Messages that came to their end, answered or not. */
  readonly whole: number;
  /** Awaited before a message is taken, and the end of DATA answered. */
  hold: Promise<void> | null;
  stop(): Promise<void>;
}

export async function startSmtpUpstream(options: {
  readonly users: Readonly<Record<string, string>>;
  /** Implicit TLS, as the providers' port 465. */
  readonly tls?: boolean;
  /** Told of each message before it is accepted: what a provider does with it. */
  readonly onReceived?: (message: ReceivedMessage) => Promise<void>;
}): Promise<SmtpUpstream> {
  const temporary = await temporaryDirectory('smtp');
  const certificates = options.tls === true ? await makeServerCertificates(temporary.path) : null;
  const received: ReceivedMessage[] = [];
  let authentications = 0;
  let refuse: SmtpUpstream['refuse'] = null;
  let hold: SmtpUpstream['hold'] = null;
  let whole = 0;

  const server = new SMTPServer({
    name: 'smtp.gestore-uno.example',
    secure: certificates !== null,
    ...(certificates === null
      ? { disabledCommands: ['STARTTLS'] }
      : { cert: await readFile(certificates.certFile), key: await readFile(certificates.keyFile) }),
    authOptional: false,
    allowInsecureAuth: true,
    authMethods: ['PLAIN', 'LOGIN'],
    logger: false,
    onAuth(auth, _session, callback) {
      authentications += 1;
      const good = auth.username !== undefined && options.users[auth.username] === auth.password;
      if (good) callback(null, { user: auth.username });
      else callback(Object.assign(new Error('5.7.8 Authentication failed'), { responseCode: 535 }));
    },
    onData(stream, session, callback) {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        whole += 1;
        if (refuse !== null) {
          callback(Object.assign(new Error(refuse.text), { responseCode: refuse.code }));
          return;
        }
        const { mailFrom, rcptTo } = session.envelope;
        const message = {
          user: String(session.user),
          from: mailFrom === false ? '' : mailFrom.address,
          to: rcptTo.map(recipient => recipient.address),
          raw: Buffer.concat(chunks),
        };
        received.push(message);
        const handled = Promise.resolve(hold).then(() => options.onReceived?.(message));
        handled.then(
          () => callback(null, 'Accettato'),
          (error: Error) => callback(error),
        );
      });
    },
  });
  server.on('error', () => {});
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const address = server.server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');

  return {
    port: address.port,
    caFile: certificates?.caFile ?? null,
    received,
    get authentications() {
      return authentications;
    },
    get whole() {
      return whole;
    },
    get hold() {
      return hold;
    },
    set hold(promise) {
      hold = promise;
    },
    get refuse() {
      return refuse;
    },
    set refuse(next) {
      refuse = next;
    },
    stop: async () => {
      await new Promise<void>(resolve => server.close(() => resolve()));
      await temporary.remove();
    },
  };
}
