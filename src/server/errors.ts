/** The server cannot start, for a reason that the person who runs it can do something about. */
export class StartError extends Error {
  readonly exitCode: number;
  constructor(message: string, exitCode = 1) {
    super(message);
    this.name = 'StartError';
    this.exitCode = exitCode;
  }
}

/** What the system said when a listener asked for its address, in words. */
export function listenFailure(kind: string, host: string, port: number, error: unknown): StartError {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const address = `${kind}: ${host}:${port}`;
  switch (code) {
    case 'EADDRINUSE':
      return new StartError(`${address} is in use by another program`);
    case 'EACCES':
      return new StartError(
        `${address} needs more rights (ports below 1024); use another port or grant CAP_NET_BIND_SERVICE`,
      );
    case 'EADDRNOTAVAIL':
      return new StartError(`${address}: this machine has no such address`);
    default:
      return new StartError(`${address}: ${error instanceof Error ? error.message : String(error)}`);
  }
}
