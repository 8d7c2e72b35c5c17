import type { AddressInfo } from 'node:net';
import type { SecureContextOptions } from 'node:tls';
import { SMTPServer, type SMTPServerOptions, type SMTPServerSession } from 'smtp-server';
import { isLoopback } from '../config/checks.ts';
import type { Config, ListenerConfig } from '../config/schema.ts';
import { deliver } from './delivery.ts';
import type { KnownExtensions } from './extensions.ts';
import { mailParameters, recipientParameters } from './parameters.ts';
import { type Reply, SmtpRefusal } from './reply.ts';
import { type SubmissionServices, SubmissionSession } from './session.ts';
import { BAD_CREDENTIALS, INTERNAL, TOO_MANY_CONNECTIONS } from './texts.ts';

/** Connections of one listener, logged in or not. */
const MAX_CLIENTS = 500;
const MAX_CLIENTS_PER_ACCOUNT = 30;
/** A client that says nothing for so long is let go (RFC 5321 section 4.5.3.2.7). */
const IDLE_TIMEOUT = 5 * 60_000;
/** What messages under way get when the server stops, milliseconds. */
const CLOSE_TIMEOUT = 3_000;

export interface SubmissionListener {
  /** Connections that are open. */
  readonly sessions: number;
  /** Starts to accept. @returns the port; rejects with the system's error when the address cannot be had */
  listen(): Promise<number>;
  /** Lets messages under way come to their end for some seconds, says goodbye and stops. */
  close(): Promise<void>;
}

export interface SubmissionListenerOptions extends SubmissionServices {
  readonly listener: ListenerConfig;
  /** PEM certificate and key that clients see. */
  readonly tls: SecureContextOptions;
}

/** A submission port (RFC 6409) in front of the providers' own: whoever logs in speaks to his provider through it. */
export function createSubmissionListener(options: SubmissionListenerOptions): SubmissionListener {
  const { listener, tls, ...services } = options;
  if (listener.tls === 'none' && !isLoopback(listener.host)) {
    throw new Error(`${listener.host}: a listener without TLS is for loopback addresses only`);
  }
  const { logger, config } = services;
  const sessions = new Map<string, SubmissionSession>();
  const underWay = new Map<string, Promise<unknown>>();

  const sessionOf = ({ id }: SMTPServerSession): SubmissionSession => {
    let session = sessions.get(id);
    if (session === undefined) {
      session = new SubmissionSession(id, services);
      sessions.set(id, session);
    }
    return session;
  };
  /** smtp-server works with callbacks; what is no refusal of ours is a fault, and is not told to the client. */
  const answer = <T>(work: Promise<T>, callback: (error?: Error | null, result?: T) => void): void => {
    work.then(
      result => callback(null, result),
      (error: unknown) => {
        if (error instanceof SmtpRefusal) return callback(error);
        logger.error({ err: error }, 'submission failed');
        callback(new SmtpRefusal(INTERNAL));
      },
    );
  };
  const connectionsOf = (address: string): number =>
    [...sessions.values()].filter(session => session.account?.address === address).length;

  const server = new SMTPServer({
    ...transport(listener, tls),
    banner: 'Archivia',
    logger: false,
    authMethods: ['PLAIN', 'LOGIN'],
    size: advertisedSize(config),
    // Our texts and the upstream's bring their own codes.
    hideENHANCEDSTATUSCODES: true,
    ...hidden(services.extensions),
    disableReverseLookup: true,
    maxClients: MAX_CLIENTS,
    socketTimeout: IDLE_TIMEOUT,
    closeTimeout: CLOSE_TIMEOUT,
    authRequiredMessage: '5.7.0 Accedere con nome utente e password della casella PEC.',
    onAuth: ({ username = '', password, authzid = '' }, session, callback) => {
      // Nobody acts for somebody else (RFC 4616): his provider would have to know about it.
      if (authzid !== '' && authzid !== username) return callback(new SmtpRefusal(BAD_CREDENTIALS));
      answer(
        sessionOf(session)
          .logIn(username, password ?? '')
          .then(account => {
            Object.assign(server.options, hidden(services.extensions));
            if (connectionsOf(account.address) > MAX_CLIENTS_PER_ACCOUNT) {
              throw new SmtpRefusal(TOO_MANY_CONNECTIONS);
            }
            return { user: account.address };
          }),
        callback,
      );
    },
    onMailFrom: ({ address, args }, session, callback) => {
      // Not from session.envelope: there smtp-server keeps what a refused MAIL declared.
      answer(sessionOf(session).mail(address, mailParameters(args)), callback);
    },
    onRcptTo: ({ address, args }, session, callback) =>
      answer(sessionOf(session).recipient(address, recipientParameters(args)), callback),
    onData: (stream, session, callback) => {
      const recipients = session.envelope.rcptTo.map(({ address }) => address);
      const work = deliver(sessionOf(session), stream, recipients);
      underWay.set(session.id, work);
      answer(
        work.then((reply: Reply) => reply.text).finally(() => underWay.delete(session.id)),
        callback,
      );
    },
    onClose: session => {
      sessions.get(session.id)?.end();
      sessions.delete(session.id);
    },
  });
  // Broken sockets and failed handshakes of clients.
  server.on('error', error => logger.debug({ err: error }, 'submission connection'));

  return {
    get sessions() {
      return server.connections.size;
    },
    listen: () =>
      new Promise((resolve, reject) => {
        server.server.once('error', reject);
        server.listen(listener.port, listener.host, () => {
          server.server.off('error', reject);
          resolve((server.server.address() as AddressInfo).port);
        });
      }),
    close: async () => {
      const closed = new Promise<void>(resolve => server.close(resolve));
      for (const connection of server.connections) {
        if (underWay.has(connection.session.id)) continue;
        connection.send(421, '4.3.2 Archivia si sta fermando: riprovare tra poco.');
      }
      await closed;
      for (const session of sessions.values()) session.end();
      await Promise.allSettled(underWay.values());
    },
  };
}

/** Extensions that are not offered at EHLO. CHUNKING never is: smtp-server has no BDAT. */
function hidden(extensions: KnownExtensions): Pick<SMTPServerOptions, 'hide8BITMIME' | 'hideSMTPUTF8' | 'hideDSN'> {
  return {
    hide8BITMIME: !extensions.isOffered('8BITMIME'),
    hideSMTPUTF8: !extensions.isOffered('SMTPUTF8'),
    hideDSN: !extensions.isOffered('DSN'),
  };
}

/** AUTH is offered only under TLS, but for a listener without it, which is reached from this machine alone. */
function transport({ tls: mode }: ListenerConfig, tls: SecureContextOptions): SMTPServerOptions {
  if (mode === 'none') return { secure: false, disabledCommands: ['STARTTLS'], allowInsecureAuth: true };
  const { cert, key } = tls;
  return { secure: mode === 'implicit', cert, key, minVersion: 'TLSv1.2' };
}

/** Each mailbox has its own limit, told at MAIL FROM; before login clients see the one that holds for all. */
function advertisedSize(config: Config): number {
  return config.limits.messageBytes;
}
