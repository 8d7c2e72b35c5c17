import { type AddressInfo, createServer as createPlainServer, type Server, type Socket } from 'node:net';
import { createSecureContext, createServer as createTlsServer, type SecureContextOptions } from 'node:tls';
import type { ListenerConfig } from '../config/schema.ts';
import { CLIENT_TIMEOUTS, type ClientTimeouts } from './autologout.ts';
import { Connection } from './connection.ts';
import type { ImapServices } from './session.ts';

/** Connections of one listener that are not logged in or are, together; beyond it new ones are turned away. */
const MAXIMUM_CONNECTIONS = 5_000;

export interface ImapListener {
  /** Connections that are open. */
  readonly sessions: number;
  /** Starts to accept. @returns the port; rejects with the system's error when the address cannot be had */
  listen(): Promise<number>;
  /** Says goodbye to every client and stops. */
  close(): Promise<void>;
}

/** An IMAP port: implicit TLS, STARTTLS, or clear text on loopback (the configuration's checks see to that). */
export function createImapListener(
  options: ImapServices & { listener: ListenerConfig; tls: SecureContextOptions; timeouts?: ClientTimeouts },
): ImapListener {
  const { listener, tls, timeouts = CLIENT_TIMEOUTS, ...services } = options;
  const connections = new Set<Connection>();
  let counter = 0;
  const secureContext = listener.tls === 'starttls' ? createSecureContext({ minVersion: 'TLSv1.2', ...tls }) : null;

  const accept = (socket: Socket): void => {
    if (connections.size >= MAXIMUM_CONNECTIONS) {
      socket.on('error', () => {});
      socket.write('* BYE [LIMIT] Troppe connessioni: riprovare tra poco.\r\n');
      socket.destroySoon();
      return;
    }
    const connection = new Connection(socket, {
      id: `${listener.port}-${(++counter).toString(36)}`,
      services,
      tls: secureContext,
      secure: listener.tls === 'implicit' || isLoopback(socket),
      timeouts,
    });
    connections.add(connection);
    void connection.serve().finally(() => connections.delete(connection));
  };

  // A client may end its side behind its last command, and still listen to the answers.
  const allowHalfOpen = true;
  const server: Server =
    listener.tls === 'implicit'
      ? createTlsServer({ minVersion: 'TLSv1.2', ...tls, handshakeTimeout: timeouts.login, allowHalfOpen }, accept)
      : createPlainServer({ allowHalfOpen }, accept);
  server.on('tlsClientError', (_error, socket: Socket) => socket.destroy());

  return {
    get sessions() {
      return connections.size;
    },
    listen: () =>
      new Promise((resolve, reject) => {
        server.once('error', reject);
        server.listen({ host: listener.host, port: listener.port }, () => {
          server.off('error', reject);
          server.on('error', error => services.logger.error({ err: error }, 'listener failed'));
          resolve((server.address() as AddressInfo).port);
        });
      }),
    close: async () => {
      const closed = new Promise<void>(resolve => {
        server.close(() => resolve());
      });
      for (const connection of connections) connection.close();
      await closed;
    },
  };
}

function isLoopback(socket: Socket): boolean {
  const address = socket.remoteAddress ?? '';
  return /^(::ffff:)?127\./.test(address) || address === '::1';
}
