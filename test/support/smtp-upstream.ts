/** The provider's submission server: AUTH, then it keeps what it is given. */
import { readFile } from 'node:fs/promises';
import { SMTPServer } from 'smtp-server';
import { makeServerCertificates } from './certificates.ts';
import { temporaryDirectory } from './temp.ts';

interface ReceivedMessage {
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
  stop(): Promise<void>;
}

export async function startSmtpUpstream(options: {
  readonly users: Readonly<Record<string, string>>;
  /** Implicit TLS, as the providers' port 465. */
  readonly tls?: boolean;
}): Promise<SmtpUpstream> {
  const temporary = await temporaryDirectory('smtp');
  const certificates = options.tls === true ? await makeServerCertificates(temporary.path) : null;
  const received: ReceivedMessage[] = [];
  let authentications = 0;
  let refuse: SmtpUpstream['refuse'] = null;

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
        if (refuse !== null) {
          callback(Object.assign(new Error(refuse.text), { responseCode: refuse.code }));
          return;
        }
        const { mailFrom, rcptTo } = session.envelope;
        received.push({
          user: String(session.user),
          from: mailFrom === false ? '' : mailFrom.address,
          to: rcptTo.map(recipient => recipient.address),
          raw: Buffer.concat(chunks),
        });
        callback(null, 'Accettato');
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
