import { readFile } from 'node:fs/promises';
import { type ConnectionOptions, createSecureContext, getCACertificates, type SecureContext } from 'node:tls';
import { isLoopback } from '../../config/checks.ts';
import type { RemoteConfig } from '../../config/schema.ts';

const MINIMUM = 'TLSv1.2';

/** By `caFile`: a context holds every authority parsed, a megabyte, so connections share it while the file is the same. */
const contexts = new Map<string, { readonly authority: string; readonly secureContext: SecureContext }>();

/**
 * TLS options for a connection to a provider: the usual authorities, and that of `caFile` besides. The file is read each
 * time, so that a renewed authority counts from the next connection on. Throws when the remote wants no TLS and is not
 * on this machine: a password would cross in clear.
 */
export async function upstreamTls(remote: RemoteConfig): Promise<ConnectionOptions> {
  if (remote.tls === 'none' && !isLoopback(remote.host)) {
    throw new Error(`${remote.host}: a connection without TLS is for loopback addresses only`);
  }
  if (remote.tls === 'none' || remote.caFile === undefined) return { minVersion: MINIMUM };
  const authority = await readFile(remote.caFile, 'utf8');
  let known = contexts.get(remote.caFile);
  if (known?.authority !== authority) {
    const ca = [...getCACertificates('default'), authority];
    known = { authority, secureContext: createSecureContext({ ca, minVersion: MINIMUM }) };
    contexts.set(remote.caFile, known);
  }
  return { minVersion: MINIMUM, secureContext: known.secureContext };
}
