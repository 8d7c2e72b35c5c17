import { ImapFlow } from 'imapflow';
import { isCrowded, refusesPassword } from '../store/accounts/login-answer.ts';
import type { Account } from '../store/accounts/types.ts';
import { upstreamTls } from '../store/accounts/upstream-tls.ts';

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

/** Why a login failed; `unavailable` is all that may pass by itself. */
export function loginFailure(error: unknown): 'refused' | 'crowded' | 'unavailable' {
  if (!(error instanceof Error)) return 'unavailable';
  const text = 'responseText' in error ? String(error.responseText) : error.message;
  const code = 'serverResponseCode' in error ? String(error.serverResponseCode).toUpperCase() : null;
  if (isCrowded(code, text)) return 'crowded';
  const failed = 'authenticationFailed' in error && error.authenticationFailed === true;
  const status = 'responseStatus' in error ? error.responseStatus : undefined;
  return failed && status === 'NO' && refusesPassword(code, text) ? 'refused' : 'unavailable';
}
