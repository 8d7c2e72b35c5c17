/** An upstream of which a test says every word, from the greeting on. */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';

export interface HostileSession {
  socket: Socket;
  /** Every line heard, as it came. */
  readonly lines: string[];
  closed: boolean;
  say(text: string): void;
}

export interface HostileUpstream {
  readonly port: number;
  readonly sessions: HostileSession[];
  close(): Promise<void>;
}

interface Script {
  readonly greeting: string;
  /** Told of each line, without its line break. */
  readonly heard: (session: HostileSession, line: string) => void;
}

export async function startHostileUpstream(script: Script): Promise<HostileUpstream> {
  const sessions: HostileSession[] = [];
  const server = createServer(socket => {
    const session: HostileSession = {
      socket,
      lines: [],
      closed: false,
      say: text => session.socket.write(text, 'latin1'),
    };
    sessions.push(session);
    socket.on('close', () => {
      session.closed = true;
    });
    listen(session, socket, script);
    session.say(script.greeting);
  });
  server.listen(0, '0.0.0.0');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    sessions,
    close: async () => {
      for (const session of sessions) session.socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** Goes on with another socket, after STARTTLS. */
export function listen(session: HostileSession, socket: Socket, script: Script): void {
  session.socket = socket;
  let text = '';
  socket.on('error', () => {});
  socket.on('data', chunk => {
    text += chunk.toString('latin1');
    for (let end = text.indexOf('\r\n'); end !== -1 && session.socket === socket; end = text.indexOf('\r\n')) {
      const line = text.slice(0, end);
      text = text.slice(end + 2);
      session.lines.push(line);
      script.heard(session, line);
    }
  });
}

/** Answers what Archivia itself asks at the start of a session; false for anything else. */
export function answerOwnCommands(session: HostileSession, line: string): boolean {
  const [, tag = '', command = ''] = /^(\S+) ?(.*)$/.exec(line) ?? [];
  if (/^NAMESPACE/i.test(command)) session.say(`* NAMESPACE (("" "/")) NIL NIL\r\n${tag} OK\r\n`);
  else if (/^LIST/i.test(command)) session.say(`* LIST () "/" INBOX\r\n${tag} OK\r\n`);
  else if (/^CAPABILITY/i.test(command)) session.say(`* CAPABILITY IMAP4rev1\r\n${tag} OK\r\n`);
  else return false;
  return true;
}
