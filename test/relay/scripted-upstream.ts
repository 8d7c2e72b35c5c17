/** An upstream that says exactly what a test wants, octet by octet: what no real server can be brought to say. */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';

export interface ScriptedSession {
  readonly socket: Socket;
  /** Every line that the proxy sent after login, tags included, literals as they came. */
  readonly received: string[];
  say(text: string): void;
}

export interface ScriptedUpstream {
  readonly port: number;
  readonly sessions: ScriptedSession[];
  /** Answers a line; the default handler completes what it knows. */
  answer: (session: ScriptedSession, tag: string, command: string) => boolean;
  close(): Promise<void>;
}

export async function startScriptedUpstream(
  options: { capabilities?: string; delimiter?: string; folders?: readonly string[] } = {},
): Promise<ScriptedUpstream> {
  const capabilities = options.capabilities ?? 'IMAP4rev1 SASL-IR LITERAL+ IDLE UIDPLUS MOVE UNSELECT NAMESPACE X-OWN';
  const delimiter = options.delimiter ?? '/';
  const sessions: ScriptedSession[] = [];
  const upstream: ScriptedUpstream = { port: 0, sessions, answer: () => false, close: async () => {} };
  const server = createServer(socket => {
    const session: ScriptedSession = { socket, received: [], say: text => socket.write(text, 'latin1') };
    sessions.push(session);
    socket.on('error', () => {});
    session.say(`* OK [CAPABILITY ${capabilities} AUTH=PLAIN] scripted\r\n`);
    let text = '';
    let selected = false;
    socket.on('data', chunk => {
      text += chunk.toString('latin1');
      for (;;) {
        const end = text.indexOf('\r\n');
        if (end === -1) return;
        const line = text.slice(0, end);
        text = text.slice(end + 2);
        const [, tag = '', command = ''] = /^(\S+) ?(.*)$/.exec(line) ?? [];
        if (/^AUTHENTICATE/i.test(command)) {
          session.say(`${tag} OK [CAPABILITY ${capabilities}] in\r\n`);
          continue;
        }
        if (/^NAMESPACE/i.test(command)) {
          session.say(`* NAMESPACE (("" "${delimiter}")) NIL NIL\r\n${tag} OK\r\n`);
          continue;
        }
        session.received.push(line);
        if (upstream.answer(session, tag, command)) continue;
        if (/^LIST/i.test(command)) {
          for (const folder of options.folders ?? ['INBOX']) {
            const use = folder === 'Archive' ? ' \\Archive' : '';
            session.say(`* LIST (\\HasNoChildren${use}) "${delimiter}" "${folder}"\r\n`);
          }
        }
        if (/^(SELECT|EXAMINE) "?INBOX/i.test(command)) {
          selected = true;
          session.say('* 3 EXISTS\r\n* OK [UIDVALIDITY 1] ok\r\n');
          session.say(`${tag} OK [READ-WRITE] selected\r\n`);
        } else if (/^(LIST|NOOP|UNSELECT|CLOSE|LOGOUT|STATUS|FETCH|STORE)/i.test(command)) {
          if (/^(UNSELECT|CLOSE)/i.test(command)) selected = false;
          if (selected && /^NOOP/i.test(command)) session.say('* 4 EXISTS\r\n');
          session.say(`${tag} OK done\r\n`);
        } else {
          session.say(`${tag} BAD not scripted\r\n`);
        }
      }
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return Object.assign(upstream, {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      for (const session of sessions) session.socket.destroy();
      server.close();
      await once(server, 'close');
    },
  });
}
