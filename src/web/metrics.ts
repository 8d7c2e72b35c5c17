/** `GET /metrics`: figures for who watches the server, never for the world. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { expose, type Metric } from './exposition.ts';

export interface MetricsService {
  /** What has to stand behind `Bearer`; null: only this machine is answered, without one. */
  readonly token: string | null;
  collect(): Promise<readonly Metric[]>;
}

/** Answers; never rejects. */
export async function answerMetrics(
  service: MetricsService,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const send = (status: number, text: string, headers: Record<string, string> = {}): void => {
    response.writeHead(status, {
      'content-type': 'text/plain; version=0.0.4; charset=utf-8',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      ...headers,
    });
    response.end(request.method === 'HEAD' ? undefined : text);
  };
  if (request.method !== 'GET' && request.method !== 'HEAD') return send(405, 'method not allowed\n');
  if (service.token === null && !isFromHere(request)) return send(403, 'web.metrics.tokenFile is not configured\n');
  if (service.token !== null && !bears(request, service.token)) {
    return send(401, 'a token is needed\n', { 'www-authenticate': 'Bearer realm="metrics"' });
  }
  try {
    send(200, expose(await service.collect()));
  } catch {
    send(500, 'the figures cannot be collected\n');
  }
}

/** A proxy on this machine brings others' requests: those are not from here. */
function isFromHere({ socket, headers }: IncomingMessage): boolean {
  const address = socket.remoteAddress ?? '';
  const local = /^(::ffff:)?127\./.test(address) || address === '::1';
  return local && headers.forwarded === undefined && headers['x-forwarded-for'] === undefined;
}

function bears({ headers }: IncomingMessage, token: string): boolean {
  const [, given] = /^Bearer +(\S+) *$/i.exec(headers.authorization ?? '') ?? [];
  return given !== undefined && timingSafeEqual(digest(given), digest(token));
}

/** Of one length, whatever was given. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
