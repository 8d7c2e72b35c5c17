/** Archivia in front of one kind of upstream, with a wire tap between them. */
import { type Archivia, DOMAIN, startArchivia } from '../support/archivia.ts';
import { eventually } from '../support/processes.ts';
import { literalOf, RawImap } from '../support/raw-imap.ts';
import { deliverByImap, type UpstreamServer } from '../support/upstream-server.ts';
import { startWireTap, type WireTap } from '../support/wire-tap.ts';

/** What an upstream may lack, and clients use where it is told. */
export const EXTENSIONS = ['UIDPLUS', 'MOVE', 'UNSELECT', 'LITERAL+', 'SPECIAL-USE', 'IDLE', 'NAMESPACE'] as const;
export type Extension = (typeof EXTENSIONS)[number];

export interface UpstreamKind {
  readonly name: string;
  readonly delimiter: string;
  readonly prefix: string;
  readonly lacks: readonly Extension[];
  /** Where sent mail is, below the prefix. */
  readonly sent: string;
  /** That folder does not come by itself. */
  readonly makeSent?: boolean;
  start(users: Readonly<Record<string, string>>): Promise<UpstreamServer>;
}

/** One account for each purpose. Without dots: to Cyrus with `.` as separator they are levels, even in a name. */
const USERS = [
  ...['accesso', 'cartelle', 'omonimo', 'nomi', 'lettura', 'copia', 'sposta', 'passaggi', 'ritorno', 'aggiunte'],
  ...['attesa', 'archivista', 'conserva', 'stato', 'passi', 'pacchetto'],
] as const;
export type User = (typeof USERS)[number];

export const PASSWORD = 'Segreta-1';

export interface UpstreamStage {
  readonly archivia: Archivia;
  readonly server: UpstreamServer;
  readonly tap: WireTap;
  address(user: User): string;
  /** Through Archivia, logged in. */
  raw(user: User): Promise<RawImap>;
  /** Past Archivia. */
  direct(user: User): Promise<RawImap>;
  deliver(user: User, raw: Uint8Array, options?: { flags?: string; date?: string; folder?: string }): Promise<void>;
  stop(): Promise<void>;
}

export async function startUpstreamStage(kind: UpstreamKind): Promise<UpstreamStage> {
  const address = (user: User) => `${user}@${DOMAIN}`;
  const server = await kind.start(Object.fromEntries(USERS.map(user => [address(user), PASSWORD])));
  const tap = await startWireTap(server.imapPort);
  const stopBoth = async () => {
    await tap.stop();
    await server.stop();
  };
  try {
    if (kind.makeSent === true) {
      for (const user of USERS) {
        const client = await RawImap.login(server.imapPort, address(user), PASSWORD);
        await client.ok(`CREATE "${kind.prefix}${kind.sent}"`);
        await client.ok(`SUBSCRIBE "${kind.prefix}${kind.sent}"`);
        client.close();
      }
    }
    const archivia = await startArchivia({
      dovecot: { imapPort: tap.port, imapsPort: null, caFile: null },
      conservation: { policy: { incoming: 'none' } },
    });
    return {
      archivia,
      server,
      tap,
      address,
      raw: user => RawImap.login(archivia.imapPort, address(user), PASSWORD),
      direct: user => RawImap.login(server.imapPort, address(user), PASSWORD),
      deliver: (user, raw, { folder = 'INBOX', ...options } = {}) =>
        deliverByImap(server, { user: address(user), password: PASSWORD }, folder, raw, options),
      stop: async () => {
        await archivia.stop();
        await stopBoth();
      },
    };
  } catch (error) {
    await stopBoth();
    throw error;
  }
}

export const quoted = (name: string) => `"${name}"`;

/** Selects a folder; how many messages it holds. */
export async function select(client: RawImap, folder: string, command = 'SELECT'): Promise<number> {
  const text = (await client.ok(`${command} ${quoted(folder)}`)).raw.toString('latin1');
  return Number(/^\* (\d+) EXISTS/m.exec(text)?.[1]);
}

/** Selects a folder and reads the bytes of all its messages, in their order. */
export async function contents(client: RawImap, folder: string): Promise<Buffer[]> {
  if ((await select(client, folder, 'EXAMINE')) === 0) return [];
  const reply = await client.ok('UID FETCH 1:* BODY.PEEK[]');
  return reply.untagged.filter(line => /^\* \d+ FETCH/.test(line.toString('latin1'))).map(literalOf);
}

/** Reads a folder again until it holds these bytes. */
export async function eventuallyHolds(
  client: RawImap,
  folder: string,
  raw: Uint8Array,
  timeout?: number,
): Promise<Buffer[]> {
  return eventually(
    `the message to appear in ${folder}`,
    async () => {
      const found = await contents(client, folder);
      return found.some(each => each.equals(raw)) && found;
    },
    timeout,
  );
}

/** UID of the message with these bytes; the folder is selected. */
export async function uidOf(client: RawImap, folder: string, raw: Uint8Array): Promise<number> {
  const count = await select(client, folder);
  /** Other news may come with it. */
  const fetched = async (sequence: number, item: string) =>
    (await client.ok(`FETCH ${sequence} ${item}`)).untagged.find(line =>
      / FETCH /.test(line.toString('latin1', 0, 20)),
    );
  for (let sequence = 1; sequence <= count; sequence++) {
    const body = await fetched(sequence, 'BODY.PEEK[]');
    if (body === undefined || !literalOf(body).equals(raw)) continue;
    return Number(/UID (\d+)/.exec(String(await fetched(sequence, 'UID')))?.[1]);
  }
  throw new Error(`no such message in ${folder}`);
}

export interface Listed {
  readonly name: string;
  readonly delimiter: string;
  readonly attributes: readonly string[];
}

/** LIST or LSUB responses. */
function listed(untagged: readonly Buffer[]): Listed[] {
  return untagged.map(line => {
    const text = line.toString('latin1').trimEnd();
    const match = /^\* (?:LIST|LSUB) \(([^)]*)\) "(.)" (?:"(.*)"|([^" ]+))$/.exec(text);
    if (match === null) throw new Error(`not a LIST response: ${text}`);
    const attributes = (match[1] ?? '').split(' ').map(attribute => attribute.toLowerCase());
    return { name: match[3] ?? match[4] ?? '', delimiter: match[2] ?? '', attributes };
  });
}

export async function list(client: RawImap, command: string): Promise<Listed[]> {
  return listed((await client.ok(command)).untagged);
}
