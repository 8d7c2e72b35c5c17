import { argumentsOf } from '../arguments.ts';
import { capabilityCode } from '../capabilities.ts';
import { FatalFailure, Refusal, SyntaxFailure } from '../errors.ts';
import { logIn } from '../login.ts';
import type { Session } from '../session.ts';
import type { StreamingCommand } from './types.ts';

/** RFC 3501 section 6.2.2 with the initial response of RFC 4959: PLAIN (RFC 4616), and LOGIN for old Outlook. */
export const authenticate: StreamingCommand = {
  name: 'AUTHENTICATE',
  state: 'not-authenticated',
  mayExpunge: false,
  async stream(session, command) {
    const parser = argumentsOf(await session.reader.complete(command, session.invite));
    parser.space();
    const mechanism = parser.keyword();
    const initial = parser.take(' ') ? parser.run(/[A-Za-z0-9+/=]/, 'initial response') : null;
    parser.end();
    if (!session.secure) throw new Refusal('PRIVACYREQUIRED', 'Serve una connessione protetta (TLS).');
    if (mechanism === 'PLAIN') await plain(session, initial);
    else if (mechanism === 'LOGIN') await loginMechanism(session, initial);
    else throw new Refusal('CANNOT', 'Metodo di autenticazione non disponibile.');
    return { code: capabilityCode(session).slice(1, -1), text: 'Logged in.' };
  },
};

async function plain(session: Session, initial: string | null): Promise<void> {
  const response = initial === null ? await challenge(session, '') : decode(initial === '=' ? '' : initial);
  const [authorization, user, password, ...rest] = response.split('\0');
  if (user === undefined || password === undefined || rest.length > 0) throw new SyntaxFailure('Invalid SASL response');
  if (authorization !== '' && authorization !== user) {
    throw new Refusal('AUTHORIZATIONFAILED', 'Accesso per conto di altri non disponibile.');
  }
  await logIn(session, user, password);
}

async function loginMechanism(session: Session, initial: string | null): Promise<void> {
  const user = initial === null ? await challenge(session, 'Username:') : decode(initial);
  await logIn(session, user, await challenge(session, 'Password:'));
}

async function challenge(session: Session, text: string): Promise<string> {
  session.writer.line(`+ ${Buffer.from(text).toString('base64')}`);
  await session.writer.flush();
  const line = await session.reader.line();
  if (line === null) throw new FatalFailure(null, 'Connessione interrotta.');
  const response = line.toString('latin1');
  if (response === '*') throw new SyntaxFailure('Authentication aborted by client');
  return decode(response);
}

function decode(base64: string): string {
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(base64) || base64.length % 4 !== 0) throw new SyntaxFailure('Invalid base64');
  return Buffer.from(base64, 'base64').toString('utf8');
}
