/** Authorities' certificates, fetched where a certificate says that its issuer's is, for one thread. */
import { type LookupAddress, lookup } from 'node:dns';
import { request } from 'node:http';
import { BlockList, isIP, type LookupFunction } from 'node:net';
import { readIssuers } from '../../pec/signature/issuers.ts';
import { FetchCache } from './fetch-cache.ts';

/** A certificate has two kilobytes, a collection of an authority's a few dozen. */
const MAX_BYTES = 128 << 10;
const TIMEOUT = 5_000;
/** Anybody can make a certificate that names addresses: after so many that gave nothing, no more are tried for a while. */
const MAX_FAILURES = 12;
const PAUSE = 600_000;

/** Addresses of the machine itself and of the networks that it stands in (RFC 6890). */
const INTERNAL = new BlockList();
for (const [net, bits] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  ['224.0.0.0', 3],
] as const) {
  INTERNAL.addSubnet(net, bits, 'ipv4');
}
for (const [net, bits] of [
  ['::', 127],
  ['fc00::', 7],
  ['fe80::', 10],
  ['ff00::', 8],
] as const) {
  INTERNAL.addSubnet(net, bits, 'ipv6');
}

export class IssuerCertificates {
  readonly #cache = new FetchCache();
  readonly #internal: boolean;
  #failures: number[] = [];

  /** @param internal whether addresses of the machine and its own networks are asked: nobody's mail may make that happen */
  constructor({ internal = false }: { readonly internal?: boolean } = {}) {
    this.#internal = internal;
  }

  /** DER of the certificates that are to be had; what is not is left out, and told by no error. */
  async fetch(urls: readonly string[]): Promise<Uint8Array[]> {
    const found = await Promise.all(urls.map(url => this.#cache.get(url, () => this.#load(url))));
    return found.flatMap(octets => (octets === null ? [] : readIssuers(octets)));
  }

  async #load(url: string): Promise<Uint8Array | null> {
    const now = performance.now();
    this.#failures = this.#failures.filter(at => now - at < PAUSE);
    if (this.#failures.length >= MAX_FAILURES) return null;
    try {
      const octets = await download(url, this.#internal);
      readIssuers(octets);
      return octets;
    } catch {
      this.#failures.push(now);
      return null;
    }
  }
}

/** One answer, followed nowhere. Rejects for what is not there, too large, too slow, or within. */
function download(url: string, internal: boolean): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const { hostname, protocol } = new URL(url);
    const host = hostname.replace(/^\[|\]$/g, '');
    if (protocol !== 'http:' || (!internal && isIP(host) !== 0 && isInternal(host))) throw new Error('not asked');
    const signal = AbortSignal.timeout(TIMEOUT);
    const asked = request(url, { signal, agent: false, ...(!internal && { lookup: outside }) }, response => {
      if (response.statusCode !== 200) {
        response.destroy();
        reject(new Error(`status ${response.statusCode}`));
        return;
      }
      const pieces: Buffer[] = [];
      let size = 0;
      response.on('data', (piece: Buffer) => {
        size += piece.length;
        if (size > MAX_BYTES) response.destroy(new Error('too large'));
        else pieces.push(piece);
      });
      response.on('error', reject);
      response.on('end', () => resolve(Buffer.concat(pieces)));
    });
    asked.on('error', reject);
    asked.end();
  });
}

/** Names that lead within lead nowhere: the addresses are looked at that the connection is made to. */
const outside: LookupFunction = (hostname, options, callback) => {
  lookup(hostname, { ...options, all: true }, (error, found: LookupAddress[]) => {
    const [first] = found ?? [];
    if (error !== null || first === undefined) callback(error ?? new Error('no address'), '');
    else if (found.some(({ address }) => isInternal(address))) callback(new Error('an internal address'), '');
    else if (options.all) callback(null, found);
    else callback(null, first.address, first.family);
  });
};

function isInternal(address: string): boolean {
  const mapped = /^::ffff:(?:0:)?(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return INTERNAL.check(mapped, 'ipv4');
  // What else carries an address of the old kind inside (mapped in hex, 6to4, NAT64) is nobody's certificate store.
  if (/^(::ffff:|2002:|64:ff9b:)/i.test(address)) return true;
  return INTERNAL.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
}
