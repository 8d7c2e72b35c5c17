import { createHmac } from 'node:crypto';
import type { Config } from '../config/schema.ts';
import { readSecret } from '../config/secret.ts';
import type { QueuedNotice } from './notice.ts';

const TIMEOUT = 15_000;

/**
 * POSTs one notice as JSON: `{id, account, queuedAt, kind, ...}`. With a secret the request is signed:
 * `X-Archivia-Signature: t=SECONDS,v1=HEX`, the HMAC-SHA256 of `SECONDS.BODY`. Rejects unless the answer is 2xx.
 */
export async function postNotice(
  { url, secretFile }: NonNullable<Config['alerts']['webhook']>,
  account: string,
  { id, queuedAt, notice }: QueuedNotice,
  signal: AbortSignal,
): Promise<void> {
  const body = JSON.stringify({ id, account, queuedAt: new Date(queuedAt).toISOString(), ...notice });
  const secret = await readSecret({ file: secretFile, env: 'ARCHIVIA_WEBHOOK_SECRET' });
  const seconds = Math.floor(Date.now() / 1000);
  const signature = (key: string) => createHmac('sha256', key).update(`${seconds}.${body}`).digest('hex');
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json; charset=utf-8',
      'user-agent': 'Archivia',
      ...(secret === null ? {} : { 'x-archivia-signature': `t=${seconds},v1=${signature(secret)}` }),
    },
    body,
    // Where it leads to was not configured.
    redirect: 'error',
    signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT)]),
  });
  await response.body?.cancel();
  if (!response.ok) throw new Error(`the webhook answered ${response.status}`);
}
