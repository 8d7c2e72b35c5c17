import { readFile } from 'node:fs/promises';
import { type ConnectionOptions, getCACertificates } from 'node:tls';
import { isLoopback } from '../../config/checks.ts';
import type { RemoteConfig } from '../../config/schema.ts';

/**
 * TLS options for a connection to a provider: the usual authorities, and that of `caFile` besides. The file is read each
 * time, so that a renewed authority counts from the next connection on. Throws when the remote wants no TLS and is not
 * on this machine: a password would cross in clear.
 */
export async function upstreamTls(remote: RemoteConfig): Promise<ConnectionOptions> {
  if (remote.tls === 'none' && !isLoopback(remote.host)) {
    throw new Error(`${remote.host}: a connection without TLS is for loopback addresses only`);
  }
  const options: ConnectionOptions = { minVersion: 'TLSv1.2' };
  if (remote.tls === 'none' || remote.caFile === undefined) return options;
  return { ...options, ca: [...getCACertificates('default'), await readFile(remote.caFile, 'utf8')] };
}
