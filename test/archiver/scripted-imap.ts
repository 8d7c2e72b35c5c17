import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';

/** What a message of the scripted INBOX looks like on the wire. */
interface ScriptedMessage {
  readonly uid: number;
  readonly raw: Buffer;
  /** RFC822.SIZE, true or not. */
  readonly announced?: number;
}

/** Behaviours that no good server shows, changed by the test while it runs. */
export interface Script {
  messages: ScriptedMessage[];
  /** Tagged answers to LOGIN and AUTHENTICATE, the last one for ever. */
  logins: string[];
  withoutUidNext: boolean;
  /** Breaks the connection in the middle of so many literals. */
  breaks: number;
  /** Leaves the source out of so many FETCH answers. */
  missing: number;
  /** Expunged when it is fetched; 0: none. */
  vanish: number;
}

export interface ScriptedImap {
  readonly port: number;
  readonly script: Script;
  readonly commands: string[];
  stop(): Promise<void>;
}

/** An IMAP server with one folder that follows a script. */
export async function startScriptedImap(script: Partial<Script> = {}): Promise<ScriptedImap> {
  const state: Script = {
    messages: [],
    logins: ['OK done'],
    withoutUidNext: false,
    breaks: 0,
    missing: 0,
    vanish: 0,
    ...script,
  };
  const commands: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer(socket => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    socket.write('* OK [CAPABILITY IMAP4rev1 LITERAL+] ready\r\n');
    let buffer = '';
    socket.on('data', chunk => {
      buffer += chunk.toString('latin1');
      for (let end = buffer.indexOf('\r\n'); end >= 0; end = buffer.indexOf('\r\n')) {
        const line = buffer.slice(0, end);
        buffer = buffer.slice(end + 2);
        const [tag = '', ...rest] = line.split(' ');
        commands.push(rest.join(' '));
        answer(socket, tag, rest.join(' '));
      }
    });
  });

  /** Sizes, or whole sources, of a set of messages. */
  function many(socket: Socket, command: string): void {
    const uids = (command.split(' ')[2] ?? '').split(',').flatMap(range => {
      const [first = 0, last = first] = range.split(':').map(Number);
      return Array.from({ length: last - first + 1 }, (_, index) => first + index);
    });
    for (const [index, { uid, raw, announced }] of state.messages.entries()) {
      if (!uids.includes(uid) || state.missing > 0 || uid === state.vanish) continue;
      if (/RFC822\.SIZE/i.test(command)) {
        const date = '"03-Nov-2026 10:20:30 +0100"';
        socket.write(
          `* ${index + 1} FETCH (UID ${uid} RFC822.SIZE ${announced ?? raw.length} INTERNALDATE ${date})\r\n`,
        );
      } else if (/BODY\.PEEK\[\]/i.test(command)) {
        socket.write(`* ${index + 1} FETCH (UID ${uid} BODY[] {${raw.length}}\r\n`);
        socket.write(raw);
        socket.write(')\r\n');
      }
    }
  }

  function answer(socket: Socket, tag: string, command: string): void {
    const end = (text = 'OK done') => socket.write(`${tag} ${text}\r\n`);
    const { messages } = state;
    const uidNext = (messages.at(-1)?.uid ?? 0) + 1;
    if (/^LOGIN/i.test(command)) return void end(state.logins.length > 1 ? state.logins.shift() : state.logins[0]);
    if (/^CAPABILITY/i.test(command)) socket.write('* CAPABILITY IMAP4rev1 LITERAL+\r\n');
    if (/^(LIST|LSUB)/i.test(command)) socket.write('* LIST () "/" INBOX\r\n');
    if (/^EXAMINE/i.test(command)) {
      socket.write(`* ${messages.length} EXISTS\r\n* OK [UIDVALIDITY 7] ok\r\n`);
      if (!state.withoutUidNext) socket.write(`* OK [UIDNEXT ${uidNext}] ok\r\n`);
      return void end('OK [READ-ONLY] done');
    }
    if (/^UID SEARCH/i.test(command)) {
      const [, from, open] = /UID (\d+)(:\*)?$/i.exec(command) ?? [];
      const found = messages.filter(({ uid }) => (open ? uid >= Number(from) : uid === Number(from)));
      const all = found.length > 0 || !open ? found : messages.slice(-1);
      socket.write(`* SEARCH ${all.map(({ uid }) => uid).join(' ')}\r\n`);
    }
    if (/^UID FETCH [\d,:]+ /i.test(command) && !/>/.test(command)) many(socket, command);
    const fetch = /^UID FETCH (\d+) .*BODY\.PEEK\[\]<(\d+)\.(\d+)>/i.exec(command);
    if (fetch !== null) {
      const [uid = 0, start = 0, length = 0] = fetch.slice(1).map(Number);
      if (uid === state.vanish) state.messages = messages.filter(message => message.uid !== uid);
      const index = state.messages.findIndex(message => message.uid === uid);
      const message = state.messages[index];
      if (message !== undefined && state.missing > 0) {
        state.missing -= 1;
        socket.write(`* ${index + 1} FETCH (UID ${uid})\r\n`);
      } else if (message !== undefined) {
        const slice = message.raw.subarray(start, start + length);
        const size = message.announced ?? message.raw.length;
        const date = '"03-Nov-2026 10:20:30 +0100"';
        socket.write(
          `* ${index + 1} FETCH (UID ${uid} RFC822.SIZE ${size} INTERNALDATE ${date} BODY[]<${start}> {${slice.length}}\r\n`,
        );
        if (state.breaks > 0) {
          state.breaks -= 1;
          socket.write(slice.subarray(0, slice.length / 2), () => socket.destroy());
          return;
        }
        socket.write(slice);
        socket.write(')\r\n');
      }
    }
    end();
  }

  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    port: address.port,
    script: state,
    commands,
    stop: async () => {
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
