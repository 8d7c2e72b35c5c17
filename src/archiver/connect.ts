import { ImapFlow } from 'imapflow';
import type { Account } from '../store/accounts/types.ts';
import { upstreamTls } from '../store/accounts/upstream-tls.ts';

/** RFC 5530 codes of a refused login that say nothing about the password. */
const NOT_THE_PASSWORD = new Set(['UNAVAILABLE', 'INUSE', 'LIMIT', 'SERVERBUG', 'PRIVACYREQUIRED']);

/** An imapflow client that is not yet connected. Its own log is off: it would repeat what users write and receive. */
export async function upstreamClient(account: Account, password: string): Promise<ImapFlow> {
  if (account.upstream.kind !== 'remote') throw new Error(`${account.address} has no remote upstream`);
  const { imap } = account.upstream;
  return new ImapFlow({
    host: imap.host,
    port: imap.port,
    secure: imap.tls === 'implicit',
    ...(imap.tls === 'implicit' ? {} : { doSTARTTLS: imap.tls === 'starttls' }),
    tls: await upstreamTls(imap),
    auth: { user: account.login, pass: password },
    logger: false,
    clientInfo: { name: 'Archivia' },
    disableAutoIdle: true,
    connectionTimeout: 30_000,
    // Bounds for a broken or hostile server; a message comes in chunks far below them.
    maxLineLength: 16 * 1024 * 1024,
    maxLiteralSize: 16 * 1024 * 1024,
    maxResponseSize: 64 * 1024 * 1024,
  });
}

/** Whether the server said that name or password are wrong; every other failure may pass by itself. */
export function isRefusedLogin(error: unknown): boolean {
  if (!(error instanceof Error) || !('authenticationFailed' in error) || error.authenticationFailed !== true) {
    return false;
  }
  const status = 'responseStatus' in error ? error.responseStatus : undefined;
  const code = 'serverResponseCode' in error ? String(error.serverResponseCode).toUpperCase() : '';
  return status === 'NO' && !NOT_THE_PASSWORD.has(code);
}
