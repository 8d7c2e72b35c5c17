import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createTransport } from 'nodemailer';
import { afterEach, describe, expect, it } from 'vitest';
import { StoreError } from '../../src/store/types.ts';
import { asAccount } from '../accounts/memory-store.ts';
import { makeServerCertificates } from '../support/certificates.ts';
import { runPython } from '../support/clients.ts';
import { eventually, must, run } from '../support/processes.ts';
import { temporaryDirectory } from '../support/temp.ts';
import { ANNA, type Harness, type HarnessOptions, MARIO, message, RawClient, startHarness } from './harness.ts';
import { LOGIN, PASSWORD, type Provider, type ProviderOptions, startProvider } from './provider.ts';

const SMTPLIB = `
import base64, smtplib, ssl, sys
port, ca, user, password, sender, to = sys.argv[1:]
with smtplib.SMTP_SSL('127.0.0.1', int(port), context=ssl.create_default_context(cafile=ca)) as client:
    client.ehlo()
    client.docmd('AUTH', 'LOGIN')
    client.docmd(base64.b64encode(user.encode()).decode())
    code, text = client.docmd(base64.b64encode(password.encode('utf-8')).decode())
    assert code == 235, text
    client.sendmail(sender, [to], f'From: {sender}\\r\\nTo: {to}\\r\\n\\r\\n.Buongiorno.\\r\\n')
`;

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function start(
  options: HarnessOptions & { readonly provider?: ProviderOptions } = {},
): Promise<Harness & { provider: Provider }> {
  const provider = await startProvider(options.provider);
  closers.push(provider.stop);
  const harness = await startHarness(provider, options);
  closers.push(harness.stop);
  return Object.assign(harness, { provider });
}

async function makeTls() {
  const temporary = await temporaryDirectory('smtp');
  closers.push(temporary.remove);
  const certificates = await makeServerCertificates(temporary.path);
  const [cert, key] = await Promise.all([
    readFile(certificates.certFile, 'utf8'),
    readFile(certificates.keyFile, 'utf8'),
  ]);
  return { certificates, tls: { cert, key } };
}

async function client(port: number): Promise<RawClient> {
  const raw = await RawClient.loggedIn(port);
  closers.push(() => raw.close());
  return raw;
}

const plain = (...parts: string[]) => Buffer.from(parts.join('\0')).toString('base64');

describe('sending', () => {
  it('passes a message on, answers with the upstream’s own words, and archives the same octets', async () => {
    const { port, provider, archive, vault } = await start();
    const raw = message({}, '..one\r\n.two\r\n\r\nperch\xc3\xa9\r\n.\r\n..\r\n');
    const mario = await client(port);
    await mario.begin([ANNA], ' BODY=8BITMIME SIZE=100');
    // Dots are doubled by the client; one octet at a time splits every sequence.
    for (const octet of Buffer.from(`${raw.replaceAll('\r\n.', '\r\n..')}.\r\n`, 'latin1'))
      mario.send(Buffer.of(octet));
    expect(await mario.reply()).toBe('250 2.0.0 Ok: preso in carico come 4XyZ');
    expect(provider.received).toEqual([{ from: MARIO, to: [ANNA], raw: Buffer.from(raw, 'latin1'), eightBit: true }]);
    expect(archive.messages).toHaveLength(1);
    expect(archive.messages[0]?.raw.equals(Buffer.from(raw, 'latin1'))).toBe(true);
    expect(archive.messages[0]?.filing).toEqual({
      flags: ['\\Seen'],
      internalDate: expect.any(Number),
      origin: { direction: 'sent', source: 'submission' },
    });
    expect(await vault.recall(MARIO)).toBe(PASSWORD);
  });

  it('sends several messages over one upstream connection, also after RSET', async () => {
    const { port, provider } = await start();
    const mario = await client(port);
    await mario.say(`MAIL FROM:<${MARIO}>`);
    await mario.say(`RCPT TO:<other@pec.example.it>`);
    expect(await mario.say('RSET')).toMatch(/^250/);
    expect(await mario.deliver(message())).toMatch(/^250/);
    expect(await mario.deliver(message({ Subject: 'Due' }))).toMatch(/^250/);
    expect(provider.received.map(({ to }) => to)).toEqual([[ANNA], [ANNA]]);
    expect(provider.logins).toEqual([`${LOGIN}:${PASSWORD}`]);
  });

  it('works with nodemailer over STARTTLS on both hops, and with Python over implicit TLS', async () => {
    const { certificates, tls } = await makeTls();
    const ca = await readFile(certificates.caFile, 'utf8');

    const first = await start({ listener: 'starttls', tls, provider: { tls: 'starttls', certificates } });
    const transport = createTransport({
      host: '127.0.0.1',
      port: first.port,
      requireTLS: true,
      auth: { user: MARIO, pass: PASSWORD },
      tls: { ca },
    });
    const attachment = Buffer.alloc(200_000, 7);
    await transport.sendMail({
      from: MARIO,
      to: ANNA,
      cc: 'Carlo <carlo@pec.example.it>',
      subject: 'Perché',
      text: 'Sì',
      attachments: [{ filename: 'a.bin', content: attachment }],
    });
    transport.close();
    expect(first.provider.received[0]?.to).toEqual([ANNA, 'carlo@pec.example.it']);
    expect(first.archive.messages[0]?.raw.equals(first.provider.received[0]?.raw ?? Buffer.alloc(0))).toBe(true);

    const second = await start({
      listener: 'implicit',
      tls,
      provider: { tls: 'implicit', certificates, authMethods: ['LOGIN'] },
    });
    const python = await runPython(SMTPLIB, [String(second.port), certificates.caFile, LOGIN, PASSWORD, MARIO, ANNA]);
    expect(python.stderr).toBe('');
    expect(second.provider.received).toHaveLength(1);
    expect(second.provider.logins).toEqual([`${LOGIN}:${PASSWORD}`]);
    expect(second.archive.messages).toHaveLength(1);
  });

  it('works with swaks without TLS on loopback', async () => {
    const { port, provider, archive } = await start();
    await must('swaks', [
      ...['--server', '127.0.0.1', '--port', String(port), '--auth', 'PLAIN'],
      ...['--auth-user', MARIO, '--auth-password', PASSWORD, '--from', MARIO, '--to', ANNA],
    ]);
    expect(provider.logins).toEqual([`${LOGIN}:${PASSWORD}`]);
    expect(archive.messages[0]?.raw.equals(provider.received[0]?.raw ?? Buffer.alloc(0))).toBe(true);
  });

  it('offers no AUTH before TLS, and refuses it', async () => {
    const { tls } = await makeTls();
    const { port, provider } = await start({ listener: 'starttls', tls });
    const raw = await RawClient.open(port);
    closers.push(() => raw.close());
    expect(await raw.logIn(LOGIN, PASSWORD)).toMatch(/^538/);
    expect(provider.logins).toEqual([]);
  });

  it('refuses an upstream whose certificate nobody vouches for', async () => {
    const { certificates } = await makeTls();
    const provider = await startProvider({ tls: 'implicit', certificates });
    closers.push(provider.stop);
    const { caFile: _, ...remote } = provider.remote;
    const harness = await startHarness({ ...provider, remote });
    closers.push(harness.stop);
    const raw = await RawClient.open(harness.port);
    closers.push(() => raw.close());
    expect(await raw.logIn(LOGIN, PASSWORD)).toMatch(/^454 4\.7\.0 /);
    expect(provider.logins).toEqual([]);
  });

  it('streams a large message at the pace of the upstream, in bounded memory', async () => {
    const gate = Promise.withResolvers<void>();
    const { port, provider, archive } = await start({ maxSize: 100_000_000, messageBytes: 100_000_000 });
    provider.mood = { stall: gate.promise };
    const mario = await client(port);
    await mario.begin();
    const head = message({}, '');
    const block = Buffer.from(`${'x'.repeat(998)}\r\n`.repeat(64));
    mario.send(head);
    const hash = createHash('sha256').update(head);
    const spooled = () => archive.spooled;
    for (let index = 0; index < 400; index += 1) {
      mario.send(block);
      hash.update(block);
    }
    mario.send('.\r\n');
    // Buffers of the sockets fill up; then nothing moves, neither upstream nor into the spool.
    let before = -1;
    await eventually('the stream to stand still', () => {
      const still = spooled() > 0 && spooled() === before;
      before = spooled();
      return still;
    });
    expect(spooled()).toBeLessThan(24_000_000);
    gate.resolve();
    expect(await mario.reply()).toMatch(/^250/);
    expect(
      createHash('sha256')
        .update(provider.received[0]?.raw ?? '')
        .digest('hex'),
    ).toBe(hash.digest('hex'));
    expect(archive.messages[0]?.raw.length).toBe(head.length + 400 * block.length);
  });

  it('keeps no copy where the configuration wants none', async () => {
    const { port, archive } = await start({ archive: { auto: { incoming: true, sent: false } } });
    expect(await (await client(port)).deliver(message())).toMatch(/^250/);
    expect(archive.messages).toEqual([]);
  });

  it('tells of what it archived', async () => {
    const told: string[] = [];
    const { port } = await start({
      onArchived: async (account, filed) => void told.push(`${account.address} ${filed.uid}`),
    });
    await (await client(port)).deliver(message());
    expect(told).toEqual([`${MARIO} 1`]);
  });
});

describe('what PEC forbids', () => {
  const refusals: [string, Record<string, string>, readonly string[], RegExp][] = [
    ['a Bcc field', { Bcc: 'carlo@pec.example.it' }, [ANNA], /^550 5\.7\.1 .*Ccn/],
    [
      'a recipient in no field',
      {},
      [ANNA, 'carlo@pec.example.it'],
      /^550 5\.7\.1 .*carlo@pec\.example\.it non compare/,
    ],
    ['another sender', { From: 'carlo@pec.example.it' }, [ANNA], /^550 5\.7\.1 .*mario\.rossi@pec\.example\.it/],
    ['two senders', { From: `${MARIO}, carlo@pec.example.it` }, [ANNA], /^550 5\.7\.1 Il mittente/],
    ['an endless header', { 'X-Long': 'x'.repeat(1_100_000) }, [ANNA], /^552 5\.3\.4 .*intestazione/],
  ];
  it.each(refusals)('%s is refused before the upstream gets DATA', async (_name, fields, recipients, expected) => {
    const { port, provider, archive } = await start();
    const mario = await client(port);
    expect(await mario.deliver(message(fields), recipients)).toMatch(expected);
    expect([provider.begun, archive.messages.length, archive.openSpools]).toEqual([0, 0, 0]);
    expect(await mario.deliver(message())).toMatch(/^250/);
    expect(provider.received).toHaveLength(1);
  });

  it('finds recipients in groups, comments and folded fields, whatever the case', async () => {
    const { port } = await start();
    const to = `Studio: "Rossi, Anna" <ANNA@PEC.example.it>;,\r\n\t(nota) carlo@pec.example.it`;
    const mario = await client(port);
    expect(await mario.deliver(message({ To: to, Bcc: '' }), [ANNA, 'Carlo@pec.example.it'])).toMatch(/^250/);
  });

  it('more recipients than the provider admits, even if the client goes on with the first', async () => {
    const { port, provider } = await start();
    const mario = await client(port);
    const all = ['a', 'b', 'c', 'd'].map(name => `${name}@pec.example.it`);
    await mario.say(`MAIL FROM:<${MARIO}>`);
    for (const to of all.slice(0, 3)) expect(await mario.say(`RCPT TO:<${to}>`)).toMatch(/^250/);
    expect(await mario.say(`RCPT TO:<${all[0]?.toUpperCase()}>`)).toMatch(/^250/);
    expect(await mario.say(`RCPT TO:<${all[3]}>`)).toMatch(/^550 5\.5\.3 .*3/);
    await mario.say('DATA');
    mario.send(`${message({ To: all.join(', ') })}.\r\n`);
    expect(await mario.reply()).toMatch(/^550 5\.5\.3 /);
    expect(provider.begun).toBe(0);
  });

  it('another sender in the envelope, and addresses outside ASCII', async () => {
    const { port } = await start();
    const mario = await client(port);
    expect(await mario.say('MAIL FROM:<carlo@pec.example.it>')).toMatch(/^550 5\.7\.1 /);
    expect(await mario.say('MAIL FROM:<>')).toMatch(/^550 5\.7\.1 /);
    expect(await mario.say(`MAIL FROM:<${MARIO}>`)).toMatch(/^250/);
    expect(await mario.say('RCPT TO:<perché@pec.example.it>')).toMatch(/^55[03] 5\.6\.7 |^501 /);
  });

  it('a message larger than allowed: told at MAIL, or as soon as it is seen', async () => {
    const { port, provider, archive } = await start({ maxSize: 100_000 });
    const mario = await client(port);
    expect(await mario.say(`MAIL FROM:<${MARIO}> SIZE=100001`)).toMatch(/^552 5\.3\.4 .*100 kB/);
    await mario.begin();
    mario.send(message({}, `${'x'.repeat(998)}\r\n`.repeat(200)));
    mario.send('.\r\n');
    expect(await mario.reply()).toMatch(/^552 5\.3\.4 /);
    expect([provider.received.length, archive.messages.length, archive.openSpools]).toEqual([0, 0, 0]);
    expect(await mario.deliver(message())).toMatch(/^250/);
  });

  it('line ends that servers read differently', async () => {
    const { port, provider, archive } = await start();
    const mario = await client(port);
    for (const body of ['one\ntwo\r\n', 'one\rtwo\r\n', 'smuggled\n.\nMAIL FROM:<x@example.it>\r\n']) {
      expect(await mario.deliver(message({}, body))).toMatch(/^554 5\.6\.0 /);
    }
    expect([provider.received.length, archive.messages.length, archive.openSpools]).toEqual([0, 0, 0]);
    expect(await mario.deliver(message())).toMatch(/^250/);
  });
});

describe('the provider’s own limits', () => {
  it('size times recipients: told at RCPT by what was declared, else as soon as it is seen', async () => {
    const { port, provider } = await start({ submission: { maxSizeTimesRecipients: 100_000 } });
    const mario = await client(port);
    const both = [ANNA, 'carlo@pec.example.it'];
    await mario.begin(both, ' SIZE=50001');
    mario.send(`${message({ To: both.join(', ') })}.\r\n`);
    expect(await mario.reply()).toMatch(/^552 5\.3\.4 .*2 destinatari.*100 kB/);
    const body = `${'x'.repeat(998)}\r\n`.repeat(60);
    expect(await mario.deliver(message({ To: both.join(', ') }, body), both)).toMatch(/^552 5\.3\.4 .*Dividere/);
    expect(provider.received).toEqual([]);
    expect(await mario.deliver(message({}, body))).toMatch(/^250/);
  });

  it('messages a minute: the next is told to wait; what did not go takes no turn', async () => {
    const { port, provider } = await start({ submission: { maxPerMinute: 2, whenTooFast: 'refuse' } });
    const mario = await client(port);
    expect(await mario.deliver(message({ Bcc: ANNA }))).toMatch(/^550/);
    expect(await mario.deliver(message())).toMatch(/^250/);
    expect(await mario.deliver(message())).toMatch(/^250/);
    const other = await client(port);
    expect(await other.say(`MAIL FROM:<${MARIO}>`)).toMatch(/^450 4\.7\.1 .*minuto/);
    expect(provider.received).toHaveLength(2);
  });

  it('blind copies and other senders pass where the configuration says so', async () => {
    const { port, provider } = await start({ submission: { allowBcc: true, allowOtherSender: true } });
    const mario = await client(port);
    const raw = message({ From: 'carlo@pec.example.it', Bcc: 'x@pec.example.it' });
    expect(await mario.deliver(raw, [ANNA, 'x@pec.example.it'])).toMatch(/^250/);
    expect(provider.received[0]?.to).toEqual([ANNA, 'x@pec.example.it']);
  });
});

describe('extensions', () => {
  it('DSN and SMTPUTF8 are offered once the upstream is known to have them, and passed on as they came', async () => {
    const { port, provider } = await start({ provider: { dsn: true } });
    const first = await RawClient.open(port);
    closers.push(() => first.close());
    const before = await first.say('EHLO [127.0.0.1]');
    expect(before).not.toMatch(/DSN|SMTPUTF8|CHUNKING|BINARYMIME/);
    for (const always of ['PIPELINING', '8BITMIME', 'SIZE']) expect(before).toContain(always);
    await first.logIn(LOGIN, PASSWORD);
    const mario = await client(port);
    const offered = await mario.say('EHLO [127.0.0.1]');
    expect(offered).toContain('DSN');
    expect(offered).toContain('SMTPUTF8');
    const to = 'perché@pec.example.it';
    await mario.say(`MAIL FROM:<${MARIO}> SMTPUTF8 BODY=8BITMIME RET=HDRS ENVID=QQ+2B314159`);
    expect(await mario.say(`RCPT TO:<${to}> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;Anna+40pec.example.it`)).toMatch(
      /^250/,
    );
    await mario.say('DATA');
    mario.send(`${message({ To: to })}.\r\n`);
    expect(await mario.reply()).toMatch(/^250/);
    expect(provider.received[0]).toMatchObject({
      to: [to],
      dsn: { ret: 'HDRS', envid: 'QQ+314159', notify: ['SUCCESS', 'FAILURE'], orcpt: 'rfc822;Anna@pec.example.it' },
    });
  });

  it('DSN is refused where the upstream lacks it', async () => {
    const { port } = await start();
    const mario = await client(port);
    expect(await mario.say(`MAIL FROM:<${MARIO}> RET=FULL`)).toMatch(/^555 5\.5\.4 /);
    await mario.say(`MAIL FROM:<${MARIO}>`);
    expect(await mario.say(`RCPT TO:<${ANNA}> NOTIFY=NEVER`)).toMatch(/^555 5\.5\.4 /);
  });
});

describe('the upstream’s own answers', () => {
  it('a refused recipient, a refused message', async () => {
    const { port, provider, archive } = await start();
    provider.mood = { refusedRecipient: 'ignoto@pec.example.it', refusal: { code: 554, text: '5.7.1 Virus trovato' } };
    const mario = await client(port);
    await mario.say(`MAIL FROM:<${MARIO}>`);
    expect(await mario.say('RCPT TO:<ignoto@pec.example.it>')).toBe('550 5.1.1 Destinatario sconosciuto');
    expect(await mario.say('RSET')).toMatch(/^250/);
    expect(await mario.deliver(message())).toBe('554 5.7.1 Virus trovato');
    expect([archive.messages.length, archive.openSpools]).toEqual([0, 0]);
    provider.mood = {};
    expect(await mario.deliver(message())).toMatch(/^250/);
  });

  it('a wrong password is asked for once and then refused here', async () => {
    const { port, provider, vault, log } = await start();
    const open = async () => {
      const raw = await RawClient.open(port);
      closers.push(() => raw.close());
      return raw;
    };
    const attempts = await Promise.all([1, 2, 3].map(async () => (await open()).logIn(LOGIN, 'vecchia')));
    for (const reply of attempts) expect(reply).toMatch(/^535 5\.7\.8 /);
    expect(attempts).toContain('535 5.7.8 Error: authentication failed');
    expect(provider.logins).toEqual([`${LOGIN}:vecchia`]);
    expect(await vault.recall(MARIO)).toBeNull();
    expect(await (await open()).logIn('nessuno@example.it', 'x')).toMatch(/^535 5\.7\.8 /);
    expect(await (await open()).say(`AUTH PLAIN ${plain('carlo', LOGIN, PASSWORD)}`)).toMatch(/^535 5\.7\.8 /);
    expect(await (await open()).logIn('demo@pec.example.it', 'x')).toMatch(/^454 4\.7\.0 /);
    provider.mood = { authFailure: { code: 454, text: '4.7.0 Temporary authentication failure' } };
    expect(await (await open()).logIn(MARIO, PASSWORD)).toBe('454 4.7.0 Temporary authentication failure');
    provider.mood = {};
    expect(await (await open()).logIn(MARIO, PASSWORD)).toMatch(/^235/);
    expect(log.join('')).not.toMatch(/vecchia|segreta/);
  });

  it('an upstream that is down: a text at login, at MAIL, and no crash', async () => {
    const { port, provider } = await start();
    const mario = await client(port);
    await provider.stop();
    expect(await mario.say(`MAIL FROM:<${MARIO}>`)).toMatch(/^45[14] 4\.[47]\.\d .*non risponde/);
    const raw = await RawClient.open(port);
    closers.push(() => raw.close());
    expect(await raw.logIn(LOGIN, PASSWORD)).toMatch(/^454 4\.7\.0 .*non risponde/);
  });

  it('an upstream that closed an idle connection: it is opened again, with the same login', async () => {
    const { port, provider } = await start();
    const mario = await client(port);
    expect(await mario.deliver(message())).toMatch(/^250/);
    for (const goodbye of [true, false]) {
      provider.disconnect(goodbye);
      expect(await mario.deliver(message())).toMatch(/^250/);
    }
    expect(provider.logins).toHaveLength(3);
    expect(provider.received).toHaveLength(3);
  });

  it('an upstream that goes away in the middle of a message', async () => {
    const { port, provider, archive } = await start();
    const mario = await client(port);
    // Longer than what the sockets on the way hold, or the end would be sent before the break is seen.
    provider.mood = { breakAfter: 100_000 };
    expect(await mario.deliver(message({}, `${'x'.repeat(998)}\r\n`.repeat(19_000)))).toMatch(/^451 4\.4\.2 .*Nulla/);
    provider.mood = { breakAtEnd: true };
    expect(await mario.deliver(message())).toMatch(/^451 4\.4\.2 .*ricevuta di accettazione/);
    // Nobody knows whether it was sent: it is in the archive, with a mark, until it is known.
    expect(archive.messages.map(({ filing }) => filing.flags)).toEqual([['\\Seen', '$InvioIncerto']]);
    expect([archive.openSpools, archive.flagChanges]).toEqual([0, []]);
    provider.mood = {};
    expect(await mario.deliver(message())).toMatch(/^250/);
    expect(archive.messages).toHaveLength(1);
    expect(archive.flagChanges).toEqual([{ action: 'remove', flags: ['$InvioIncerto'] }]);
    expect(await archive.setting('submission.sendings')).toEqual([]);
  });

  it('takes no 8-bit message for an upstream without 8BITMIME', async () => {
    const { port } = await start({ provider: { hide8BITMIME: true, size: 5_000 } });
    const mario = await client(port);
    expect(await mario.say(`MAIL FROM:<${MARIO}> BODY=8BITMIME`)).toMatch(/^554 5\.6\.3 /);
    expect(await mario.say(`MAIL FROM:<${MARIO}> SIZE=6000`)).toMatch(/^552 5\.3\.4 /);
    expect(await mario.deliver(message())).toMatch(/^250/);
  });
});

describe('the archive', () => {
  it('cannot take the message: nothing is sent', async () => {
    const { port, provider, archive } = await start();
    const mario = await client(port);
    archive.writeFailure = new StoreError('OVERQUOTA', 'disk full');
    expect(await mario.deliver(message())).toMatch(/^452 4\.3\.1 /);
    expect(provider.received).toEqual([]);
    archive.writeFailure = null;
    expect(await mario.deliver(message())).toMatch(/^250/);
  });

  it('fails before the final dot: nothing is sent', async () => {
    const { port, provider, archive } = await start();
    archive.failures.push(new StoreError('SERVERBUG', 'no'));
    const mario = await client(port);
    expect(await mario.deliver(message())).toMatch(/^452 4\.3\.1 /);
    expect(provider.received).toEqual([]);
    expect(await mario.deliver(message())).toMatch(/^250/);
  });

  it('fails after the upstream has accepted: the client is not made to send twice, the next start files it', async () => {
    const { port, provider, archive, log, state } = await start();
    archive.heldFailures.push(new StoreError('SERVERBUG', 'no'));
    expect(await (await client(port)).deliver(message())).toMatch(/^250/);
    expect(provider.received).toHaveLength(1);
    expect(log.join('')).toContain('was sent but could not be archived');
    expect(archive.messages).toEqual([]);
    await state.sendings.repair(asAccount(archive));
    expect(archive.messages.map(({ filing }) => filing.flags)).toEqual([['\\Seen']]);
  });

  it('gets what was sent, though the client left before the answer', async () => {
    const gate = Promise.withResolvers<void>();
    const { port, provider, archive } = await start();
    provider.mood = { hold: gate.promise };
    const mario = await client(port);
    await mario.begin();
    mario.send(`${message()}.\r\n`);
    await eventually('the upstream to have the message', () => provider.whole === 1);
    mario.close();
    await new Promise(resolve => setTimeout(resolve, 50));
    gate.resolve();
    await eventually('the archived message', () => archive.messages.length === 1);
    expect(provider.received).toHaveLength(1);
  });

  it('gets nothing of a message that the client did not finish', async () => {
    const { port, provider, archive } = await start();
    const mario = await client(port);
    await mario.begin();
    mario.send(message({}, `${'x'.repeat(998)}\r\n`.repeat(100)));
    await eventually('the message to be under way', () => provider.begun === 1);
    mario.close();
    await eventually('the spool to be gone', () => archive.openSpools === 0);
    expect([provider.received.length, archive.messages.length]).toEqual([0, 0]);
  });
});

describe('stopping', () => {
  it('lets a message under way come to its end and says goodbye to the others', async () => {
    const gate = Promise.withResolvers<void>();
    const { provider, archive, port, stop } = await start();
    closers.pop();
    const [busy, idle] = [await client(port), await client(port)];
    provider.mood = { hold: gate.promise };
    await busy.begin();
    busy.send(`${message()}.\r\n`);
    await eventually('the upstream to have the message', () => provider.whole === 1);
    const stopped = stop();
    expect(await idle.reply()).toMatch(/^421 /);
    gate.resolve();
    expect(await busy.reply()).toMatch(/^250/);
    busy.close();
    await stopped;
    expect(archive.messages).toHaveLength(1);
    expect(
      (await run('swaks', ['--server', '127.0.0.1', '--port', String(port), '--quit-after', 'CONNECT'])).code,
    ).not.toBe(0);
  });
});
