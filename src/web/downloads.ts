/** `GET /esportazioni/<token>`: the one who has the link fetches the export, in one go or by ranges (RFC 9110 section 14). */
import { createReadStream } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';

export const DOWNLOADS = '/esportazioni/';

/** What a link leads to. */
interface Download {
  readonly path: string;
  readonly size: number;
  readonly sha256: string;
  /** File name for the one who saves it. */
  readonly name: string;
}

export interface DownloadService {
  /** Null: no such link, or none any more. */
  find(token: string): Promise<Download | null>;
  /** Every octet of it, or of the range that was asked for, has gone out. */
  fetched(download: Download): void;
}

/** Exports are large: few at a time, so that mail and health checks are not kept waiting. */
const MAX_AT_ONCE = 8;

const PAGE_HEADERS = {
  'content-type': 'text/html; charset=utf-8',
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'",
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
} as const;

export class Downloads {
  readonly #service: DownloadService;
  #running = 0;

  constructor(service: DownloadService) {
    this.#service = service;
  }

  /** Answers; never rejects. */
  async answer(request: IncomingMessage, response: ServerResponse, token: string): Promise<void> {
    try {
      await this.#answer(request, response, token);
    } catch {
      // The client went away, or the file did: there is nobody or nothing to tell more.
      if (!response.headersSent)
        sendPage(request, response, 500, 'Errore', 'Il file non si può leggere. Riprovare più tardi.');
      else response.destroy();
    }
  }

  async #answer(request: IncomingMessage, response: ServerResponse, token: string): Promise<void> {
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('allow', 'GET, HEAD');
      return sendPage(request, response, 405, 'Non permesso', 'Questo indirizzo serve solo a scaricare.');
    }
    const download = await this.#service.find(token);
    if (download === null) {
      const text = "Il collegamento non esiste o è scaduto: chiedere all'amministratore una nuova esportazione.";
      return sendPage(request, response, 404, 'Non trovato', text);
    }
    if (this.#running >= MAX_AT_ONCE) {
      response.setHeader('retry-after', '60');
      return sendPage(request, response, 503, 'Riprovare', 'Troppi scaricamenti insieme: riprovare tra un minuto.');
    }
    const etag = `"${download.sha256}"`;
    const { 'if-range': condition, range } = request.headers;
    const asked = condition === undefined || condition === etag ? rangeOf(range, download.size) : null;
    const headers = {
      'accept-ranges': 'bytes',
      'cache-control': 'no-store',
      'content-disposition': `attachment; filename="${download.name}"`,
      'content-type': 'application/zip',
      etag,
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
    };
    if (asked === 'unsatisfiable') {
      response.writeHead(416, { ...headers, 'content-range': `bytes */${download.size}` }).end();
      return;
    }
    const { start, end } = asked ?? { start: 0, end: download.size - 1 };
    response.writeHead(asked === null ? 200 : 206, {
      ...headers,
      'content-length': end - start + 1,
      ...(asked !== null && { 'content-range': `bytes ${start}-${end}/${download.size}` }),
    });
    if (request.method === 'HEAD') {
      response.end();
      return;
    }
    this.#running++;
    try {
      await pipeline(createReadStream(download.path, { start, end }), response);
      this.#service.fetched(download);
    } finally {
      this.#running--;
    }
  }
}

/** One range of octets, both ends included; null: the whole, as for what is no single range (RFC 9110 section 14.2). */
function rangeOf(
  header: string | undefined,
  size: number,
): { readonly start: number; readonly end: number } | 'unsatisfiable' | null {
  const [, first, last] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header ?? '') ?? [];
  if (first === undefined || last === undefined || (first === '' && last === '')) return null;
  const start = first === '' ? Math.max(0, size - Number(last)) : Number(first);
  const end = first === '' || last === '' ? size - 1 : Math.min(Number(last), size - 1);
  if (first !== '' && last !== '' && Number(last) < start) return null;
  return start > end ? 'unsatisfiable' : { start, end };
}

function sendPage(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  title: string,
  text: string,
): void {
  const page = `<!doctype html>
<html lang="it">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${title}</title>
<style>body{font:1rem/1.5 system-ui;max-width:40rem;margin:4rem auto;padding:0 1rem}</style>
<h1>${title}</h1>
<p>${text}</p>
</html>
`;
  response.writeHead(status, { ...PAGE_HEADERS, 'content-length': Buffer.byteLength(page) });
  response.end(request.method === 'HEAD' ? undefined : page);
}
