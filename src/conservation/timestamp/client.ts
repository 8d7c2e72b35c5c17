import { TimestampError } from '../errors.ts';
import { encodeTimestampQuery, type TimestampQuery, timestampQuery } from './request.ts';
import { checkTimestampResponse, type TimestampToken, type TimestampTrust } from './response.ts';

export interface TimestampClientSettings {
  readonly url: string;
  readonly username: string | null;
  readonly password: string | null;
  /** OID asked for and checked; null takes any. */
  readonly policy?: string | null;
  /** DER; see TimestampTrust. */
  readonly anchors: readonly Uint8Array[];
  /** Milliseconds for the whole exchange. */
  readonly timeout?: number;
}

export type ResponseCheck = (
  bytes: Uint8Array,
  query: TimestampQuery,
  trust: TimestampTrust,
) => TimestampToken | Promise<TimestampToken>;

/** A response holds one token and a few certificates. */
const MAX_RESPONSE = 1 << 20;
const TIMEOUT = 30_000;

/**
 * Asks a TSA for a stamp over HTTP or HTTPS (RFC 3161 section 3.4), once: to retry is the caller's business. Every
 * failure is a TimestampError. `check` may move the verification to another thread.
 */
export async function requestTimestamp(
  settings: TimestampClientSettings,
  digest: Uint8Array,
  options: { readonly check?: ResponseCheck; readonly signal?: AbortSignal; readonly now?: () => number } = {},
): Promise<TimestampToken> {
  const { check = checkTimestampResponse, now = Date.now } = options;
  const query = timestampQuery(digest, settings.policy ?? null);
  const limit = AbortSignal.timeout(settings.timeout ?? TIMEOUT);
  const signal = options.signal === undefined ? limit : AbortSignal.any([limit, options.signal]);
  let answer: Uint8Array;
  try {
    answer = await post(settings, encodeTimestampQuery(query), signal);
  } catch (error) {
    if (error instanceof TimestampError) throw error;
    throw new TimestampError(`${settings.url}: ${limit.aborted ? 'no answer in time' : reason(error)}`, {
      cause: error,
    });
  }
  try {
    return await check(answer, query, { anchors: settings.anchors, now: now() });
  } catch (error) {
    throw new TimestampError(`${settings.url}: ${reason(error)}`, { cause: error });
  }
}

async function post(settings: TimestampClientSettings, body: Uint8Array, signal: AbortSignal): Promise<Uint8Array> {
  const headers: Record<string, string> = {
    'content-type': 'application/timestamp-query',
    accept: 'application/timestamp-reply',
  };
  if (settings.username !== null) {
    const credentials = Buffer.from(`${settings.username}:${settings.password ?? ''}`).toString('base64');
    headers.authorization = `Basic ${credentials}`;
  }
  // A redirect would carry the credentials elsewhere.
  const response = await fetch(settings.url, {
    method: 'POST',
    headers,
    body: new Uint8Array(body),
    signal,
    redirect: 'error',
  });
  if (response.status !== 200) {
    await response.body?.cancel();
    throw new TimestampError(`${settings.url}: HTTP status ${response.status}`);
  }
  const type = response.headers.get('content-type')?.split(';')[0]?.trim().toLowerCase();
  if (type !== 'application/timestamp-reply') {
    await response.body?.cancel();
    throw new TimestampError(`${settings.url}: answers with ${type ?? 'no content type'}, not a time stamp`);
  }
  return limited(settings.url, response);
}

async function limited(url: string, response: Response): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  if (response.body === null) return new Uint8Array();
  for await (const chunk of response.body) {
    size += chunk.length;
    if (size > MAX_RESPONSE) throw new TimestampError(`${url}: the answer is larger than ${MAX_RESPONSE} octets`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** `fetch failed` says nothing; its cause does. */
function reason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  if (!(cause instanceof Error)) return error.message;
  return cause.message !== '' ? cause.message : 'code' in cause ? String(cause.code) : error.message;
}
