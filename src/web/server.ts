import { createServer as createPlain, type RequestListener, type Server } from 'node:http';
import { createServer as createSecure } from 'node:https';
import type { WebListenerConfig } from '../config/schema.ts';
import { DOWNLOADS, type DownloadService, Downloads } from './downloads.ts';
import { answerMetrics, type MetricsService } from './metrics.ts';

export interface WebServerOptions {
  readonly listener: WebListenerConfig;
  readonly tls: { readonly cert: string; readonly key: string };
  /** Why the work cannot be done now, one short reason each; empty: it can. Never rejects. */
  faults(): Promise<readonly string[]>;
  /** Absent: there is nothing to fetch. */
  readonly downloads?: DownloadService;
  readonly metrics?: MetricsService;
}

export interface WebServer {
  /** Resolves with the port in use; rejects with the system's error (EADDRINUSE, EACCES). */
  listen(): Promise<number>;
  close(): Promise<void>;
}

/** The web side: `/healthz`, for load balancers and the image's health check, `/metrics`, and the links of exports. */
export function createWebServer({ listener, tls, faults, downloads, metrics }: WebServerOptions): WebServer {
  const exports = downloads === undefined ? null : new Downloads(downloads);
  const handle: RequestListener = (request, response) => {
    const path = (request.url ?? '/').split('?', 1)[0];
    const send = (status: number, body: object): void => {
      response.writeHead(status, {
        'content-type': 'application/json; charset=utf-8',
        'cache-control': 'no-store',
        'x-content-type-options': 'nosniff',
      });
      response.end(request.method === 'HEAD' ? undefined : `${JSON.stringify(body)}\n`);
    };
    // Nothing here reads a body: what is sent is thrown away, and the socket goes with the answer.
    request.resume();
    if (exports !== null && path?.startsWith(DOWNLOADS)) {
      void exports.answer(request, response, path.slice(DOWNLOADS.length));
      return;
    }
    if (metrics !== undefined && path === '/metrics') {
      void answerMetrics(metrics, request, response);
      return;
    }
    if (path !== '/healthz') return send(404, { error: 'not found' });
    if (request.method !== 'GET' && request.method !== 'HEAD') return send(405, { error: 'method not allowed' });
    void faults().then(reasons => {
      if (reasons.length === 0) send(200, { status: 'ok' });
      else send(503, { status: 'unavailable', reasons });
    });
  };
  const server: Server =
    listener.tls === 'none'
      ? createPlain(handle)
      : createSecure({ cert: tls.cert, key: tls.key, minVersion: 'TLSv1.2' }, handle);
  server.requestTimeout = 10_000;
  server.headersTimeout = 10_000;
  server.keepAliveTimeout = 5_000;
  server.maxConnections = 100;

  return {
    listen: () =>
      new Promise((resolve, reject) => {
        server.once('error', reject);
        server.listen(listener.port, listener.host, () => {
          server.off('error', reject);
          const address = server.address();
          resolve(typeof address === 'object' && address !== null ? address.port : listener.port);
        });
      }),
    close: () =>
      new Promise(resolve => {
        if (!server.listening) return resolve();
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
