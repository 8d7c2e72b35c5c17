/** Extensions of SMTP that need the upstream's help. CHUNKING is not among them: smtp-server has no BDAT. */
const PASSED_ON = ['8BITMIME', 'SMTPUTF8', 'DSN'] as const;
export type PassedOn = (typeof PASSED_ON)[number];

/**
 * What the providers' servers can do, learnt from each connection. Clients say EHLO before they say who they are, so
 * only what every server met so far has is offered: whoever is refused an extension that was not offered has no claim,
 * and whoever was offered one gets it.
 */
export class KnownExtensions {
  readonly #byServer = new Map<string, ReadonlySet<PassedOn>>();

  /** @param server tells servers apart: host and port */
  learn(server: string, supports: (extension: string) => boolean): void {
    this.#byServer.set(server, new Set(PASSED_ON.filter(supports)));
  }

  /** 8BITMIME is nearly everywhere, and without it clients would have to encode anew: offered until one lacks it. */
  isOffered(extension: PassedOn): boolean {
    const known = [...this.#byServer.values()];
    if (known.length === 0) return extension === '8BITMIME';
    return known.every(extensions => extensions.has(extension));
  }
}
