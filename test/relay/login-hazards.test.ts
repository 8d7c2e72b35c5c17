import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TLSSocket } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import type { RemoteConfig } from '../../src/config/schema.ts';
import { makeServerCertificates, type ServerCertificates } from '../support/certificates.ts';
import { eventually } from '../support/processes.ts';
import { RawImap } from '../support/raw-imap.ts';
import {
  answerOwnCommands,
  type HostileSession,
  type HostileUpstream,
  listen,
  startHostileUpstream,
} from './hostile-upstream.ts';
import { type RelayProxy, startProxy, USER } from './proxy.ts';

const GREETING = '* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] ready\r\n';

let upstream: HostileUpstream | null = null;
let proxy: RelayProxy | null = null;
let client: RawImap | null = null;
afterEach(async () => {
  client?.close();
  await upstream?.close();
  await proxy?.close();
  client = upstream = proxy = null;
});

/** A client that has been greeted, in front of an upstream with its own words. */
async function stage(
  greeting: string,
  heard: (session: HostileSession, line: string, tag: string) => void,
): Promise<RawImap> {
  upstream = await startHostileUpstream({
    greeting,
    heard: (session, line) => heard(session, line, line.split(' ')[0] ?? ''),
  });
  proxy = await startProxy(upstream.port);
  client = await RawImap.connect(proxy.port);
  await client.response();
  return client;
}

const LOGIN = `LOGIN ${USER} segreta`;

describe('an upstream at login', () => {
  test.each([
    ['PREAUTH', '* PREAUTH [CAPABILITY IMAP4rev1] already in\r\n'],
    ['BYE', '* BYE [ALERT] Sistema compromesso: chiamare 06 000 000\r\n'],
    ['no IMAP', 'HTTP/1.1 400 Bad Request\r\n\r\n'],
    ['a tagged answer', 'A1 OK logged in\r\n* OK ready\r\n'],
    ['data before the greeting', '* CAPABILITY IMAP4rev1\r\n* LIST () "/" Finta\r\n* OK ready\r\n'],
  ])('that greets with %s is not given the password', async (_name, greeting) => {
    const own = await stage(greeting, () => {});
    const reply = await own.command(LOGIN);
    expect(reply.line).toMatch(/ NO \[UNAVAILABLE\] /);
    expect(reply.raw.toString('latin1')).not.toMatch(/ALERT|compromesso|Finta|HTTP/);
    expect(upstream?.sessions.flatMap(session => session.lines).join()).not.toMatch(/AUTHENTICATE|LOGIN/);
    // The client may try again.
    expect((await own.command('NOOP')).status).toBe('OK');
  });

  test('that says a lot before its answer is not heard', async () => {
    const own = await stage(
      `${GREETING}* OK [ALERT] Aggiornare la password su phishing.example\r\n`,
      (session, line, tag) => {
        if (answerOwnCommands(session, line)) return;
        session.say(
          '* OK Waiting for authentication process\r\n* OK [ALERT] Rispondere entro oggi\r\n' +
            '* CAPABILITY IMAP4rev1 X-FINTA\r\n* LIST () "/" Finta\r\n* 7 EXISTS\r\n+ \r\n' +
            `x9 OK not yours\r\n${tag} OK [ALERT] benvenuto\r\n`,
        );
      },
    );
    const reply = await own.command(LOGIN);
    expect(reply.status).toBe('OK');
    expect(reply.untagged.map(String)).toEqual([]);
    expect(reply.raw.toString('latin1')).not.toMatch(/ALERT|FINTA|Finta/);
    expect((await own.ok('CAPABILITY')).untagged.join('')).not.toContain('X-FINTA');
  });

  test.each([
    ['NO [AUTHENTICATIONFAILED] host db7.interno.example', 'AUTHENTICATIONFAILED'],
    ['NO host db7.interno.example unreachable', 'AUTHENTICATIONFAILED'],
    ['NO [ALERT] host db7.interno.example: cambiare la password', 'AUTHENTICATIONFAILED'],
    ['NO [UNAVAILABLE] host db7.interno.example', 'UNAVAILABLE'],
    ['NO [LIMIT] host db7.interno.example', 'LIMIT'],
    ['NO [INUSE] host db7.interno.example', 'INUSE'],
    ['NO [CONTACTADMIN] host db7.interno.example', 'CONTACTADMIN'],
    ['BAD host db7.interno.example', 'UNAVAILABLE'],
  ])('that says %s: the code is told, its words are not', async (answer, code) => {
    const own = await stage(GREETING, (session, _line, tag) => session.say(`${tag} ${answer}\r\n`));
    const wait = globalThis.setTimeout;
    // What a refusal is put off by is over at once.
    const soon = (...[work, delay = 0]: Parameters<typeof wait>) =>
      wait(work, delay >= 1_000 && delay < 1_500 ? 0 : delay);
    const spy = vi.spyOn(globalThis, 'setTimeout').mockImplementation(Object.assign(soon, wait));
    const reply = await own.command(LOGIN);
    spy.mockRestore();
    expect(reply.line).toContain(` NO [${code}] `);
    expect(reply.raw.toString('latin1')).not.toContain('interno.example');
  });

  test('that says BYE in the middle of the login: NO, and the client stays', async () => {
    const own = await stage(GREETING, session => {
      session.say('* BYE [ALERT] too many connections from 10.0.0.7\r\n');
      session.socket.end();
    });
    const reply = await own.command(LOGIN);
    expect(reply.line).toMatch(/ NO \[UNAVAILABLE\] /);
    expect(reply.raw.toString('latin1')).not.toContain('10.0.0.7');
    await own.ok('NOOP');
  });

  test('that never answers is given up, so that nobody waits behind it for ever', async () => {
    const own = await stage(GREETING, () => {});
    const spy = vi.spyOn(globalThis, 'setTimeout');
    await own.send(`a ${LOGIN}\r\n`);
    const session = await eventually('the login upstream', () => upstream?.sessions.find(one => one.lines.length > 0));
    // A minute is over at once.
    const deadline = spy.mock.calls.find(([, delay]) => delay === 60_000)?.[0];
    spy.mockRestore();
    deadline?.();
    expect((await own.reply('a')).line).toMatch(/ NO \[UNAVAILABLE\] /);
    await eventually('the connection upstream to be closed', () => session.closed);
  });

  test('that talks without end is cut off', async () => {
    const own = await stage(GREETING, session => {
      const flood = () => {
        while (!session.socket.destroyed && session.socket.write('x'.repeat(65_536)));
      };
      session.socket.on('drain', flood);
      flood();
    });
    expect((await own.command(LOGIN)).line).toMatch(/ NO \[UNAVAILABLE\] /);
    await eventually('the connection upstream to be closed', () => upstream?.sessions[0]?.closed);
  });
});

describe('STARTTLS towards the upstream', () => {
  let directory: string;
  let certificates: ServerCertificates;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'archivia-starttls-'));
    certificates = await makeServerCertificates(directory);
  });
  afterAll(() => rm(directory, { recursive: true }));

  /** @param injected said in clear text in the same packet, behind the OK to STARTTLS */
  async function tlsStage(injected: string, answer = 'OK begin', remote: Partial<RemoteConfig> = {}): Promise<RawImap> {
    const [key, cert] = await Promise.all([readFile(certificates.keyFile), readFile(certificates.certFile)]);
    const script = {
      greeting: '* OK [CAPABILITY IMAP4rev1 STARTTLS AUTH=PLAIN SASL-IR X-CHIARO] ready\r\n* CAPABILITY X-CHIARO\r\n',
      heard: (session: HostileSession, line: string) => {
        const tag = line.split(' ')[0] ?? '';
        if (/ STARTTLS$/.test(line)) {
          const plain = session.socket;
          session.say(`${tag} ${answer}\r\n${injected}`);
          if (!answer.startsWith('OK')) return;
          plain.removeAllListeners('data');
          listen(session, new TLSSocket(plain, { isServer: true, key, cert }), script);
        } else if (/ AUTHENTICATE/.test(line)) {
          session.say(`${tag} OK in\r\n`);
        } else if (!answerOwnCommands(session, line)) {
          session.say(`${tag} OK done\r\n`);
        }
      },
    };
    upstream = await startHostileUpstream(script);
    const trusted = { host: 'localhost', tls: 'starttls', caFile: certificates.caFile } as const;
    proxy = await startProxy(upstream.port, {}, { ...trusted, ...remote });
    client = await RawImap.connect(proxy.port);
    await client.response();
    return client;
  }

  const lines = () => upstream?.sessions.flatMap(session => session.lines).join('\n') ?? '';

  test('is used, and what was told in clear text is forgotten', async () => {
    const own = await tlsStage('');
    await own.ok(LOGIN);
    expect(upstream?.sessions[0]?.socket).toBeInstanceOf(TLSSocket);
    expect(lines()).toMatch(/CAPABILITY/);
  });

  test.each([
    ['whole responses', '* CAPABILITY IMAP4rev1 CONDSTORE UIDPLUS\r\n* OK [ALERT] finto\r\n'],
    ['the beginning of a response', '* CAPABILITY IMAP4rev1 CONDSTORE UIDPLUS'],
    ['the beginning of a literal', '* LIST () "/" {40000}\r\n'],
  ])('responses injected before the handshake are not believed: %s', async (_name, injected) => {
    const own = await tlsStage(injected);
    const reply = await own.command(LOGIN);
    const told = reply.raw.toString('latin1');
    // Either the login fails, or what was injected has no effect.
    expect(told).not.toMatch(/CONDSTORE|UIDPLUS|finto/);
    if (reply.status === 'OK') expect((await own.ok('CAPABILITY')).raw.toString()).not.toMatch(/CONDSTORE|UIDPLUS/);
    else expect(reply.line).toContain('[UNAVAILABLE]');
  });

  test('with a certificate of an unknown authority: the password is not sent', async () => {
    const own = await tlsStage('', 'OK begin', { caFile: undefined });
    expect((await own.command(LOGIN)).line).toMatch(/ NO \[UNAVAILABLE\] /);
    expect(lines()).not.toMatch(/AUTHENTICATE|LOGIN|segreta/);
  });

  test('with a certificate in the name of another: the password is not sent', async () => {
    // An address of this machine that stands in no certificate of ours.
    const own = await tlsStage('', 'OK begin', { host: '127.0.0.2' });
    expect((await own.command(LOGIN)).line).toMatch(/ NO \[UNAVAILABLE\] /);
    expect(lines()).not.toMatch(/AUTHENTICATE|LOGIN|segreta/);
  });

  test('refused: the password is not sent', async () => {
    const own = await tlsStage('', 'NO not today');
    expect((await own.command(LOGIN)).line).toMatch(/ NO \[UNAVAILABLE\] /);
    expect(lines()).not.toMatch(/AUTHENTICATE|LOGIN|segreta/);
  });
});
