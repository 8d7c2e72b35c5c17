/**
 * WildDuck's imap-core over a memory store, as a program of its own: messages and their ENVELOPE and BODYSTRUCTURE are
 * held ready, as WildDuck's database holds them. Arguments: the folder that @zone-eu/wildduck is installed in, and a
 * folder of .eml files. Says `port N` when it accepts.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

interface Message {
  readonly uid: number;
  readonly flags: string[];
  readonly modseq: number;
  readonly idate: Date;
  readonly mimeTree: unknown;
  readonly envelope: unknown;
  readonly bodystructure: unknown;
}

interface Session {
  readonly writeStream: { write(stream: unknown, done: () => void): void };
  formatResponse(command: string, uid: number, data: { query: unknown; values: unknown }): unknown;
  getQueryResponse(query: unknown, message: Message): unknown;
}

type Answer = (error: Error | null, value?: unknown) => void;

interface ImapCoreServer {
  onAuth?: (login: { username: string }, session: Session, answer: Answer) => void;
  onOpen?: (mailbox: string, session: Session, answer: Answer) => void;
  onFetch?: (
    mailbox: string,
    options: { query: unknown; messages: readonly number[] },
    session: Session,
    answer: Answer,
  ) => void;
  notifier: unknown;
  listen(port: number, host: string): void;
  readonly server: { once(event: 'listening', listener: () => void): void; address(): { port: number } };
}

interface Indexer {
  parseMimeTree(raw: Buffer): unknown;
  getEnvelope(tree: unknown): unknown;
  getBodyStructure(tree: unknown): unknown;
}

const [installed = '', folder = ''] = process.argv.slice(2);
const core = createRequire(join(installed, 'node_modules/@zone-eu/wildduck/imap-core/index.js'));
const { IMAPServer } = core('./index.js') as { IMAPServer: new (options: object) => ImapCoreServer };
const IndexerClass = core('./lib/indexer/indexer.js') as new () => Indexer;
const { compileStream } = core('./lib/handler/imap-handler') as { compileStream(response: unknown): unknown };

const indexer = new IndexerClass();
const messages: Message[] = readdirSync(folder)
  .sort()
  .map((name, index) => {
    const mimeTree = indexer.parseMimeTree(readFileSync(join(folder, name)));
    return {
      uid: index + 1,
      flags: ['\\Seen'],
      modseq: index + 1,
      idate: new Date(),
      mimeTree,
      envelope: indexer.getEnvelope(mimeTree),
      bodystructure: indexer.getBodyStructure(mimeTree),
    };
  });
const byUid = new Map(messages.map(message => [message.uid, message]));

const quiet = () => {};
const logger = { info: quiet, debug: quiet, error: quiet, warn: quiet, trace: quiet, fatal: quiet };
const server = new IMAPServer({ logger, disableSTARTTLS: true, ignoreSTARTTLS: true, secure: false });
server.notifier = {
  addListener: quiet,
  removeListener: quiet,
  getUpdates: (...args: unknown[]) => last(args)(null, []),
};
server.onAuth = (login, _session, answer) => answer(null, { user: { id: login.username, username: login.username } });
server.onOpen = (_mailbox, _session, answer) =>
  answer(null, {
    _id: 'INBOX',
    uidValidity: 1,
    uidNext: messages.length + 1,
    modifyIndex: messages.length,
    uidList: messages.map(message => message.uid),
  });
server.onFetch = (_mailbox, options, session, answer) => {
  const uids = options.messages;
  let next = 0;
  const send = () => {
    const message = byUid.get(uids[next++] ?? 0);
    if (message === undefined) return answer(null, true);
    const values = session.getQueryResponse(options.query, message);
    const response = session.formatResponse('FETCH', message.uid, { query: options.query, values });
    session.writeStream.write(compileStream(response), () => setImmediate(send));
  };
  send();
};
server.listen(0, '127.0.0.1');
server.server.once('listening', () => console.log(`port ${server.server.address().port}`));

function last(values: readonly unknown[]): Answer {
  return values.at(-1) as Answer;
}
