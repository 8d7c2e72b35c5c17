import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ConfigError } from '../../src/config/error.ts';
import { type LoadedConfig, loadConfig } from '../../src/config/load.ts';
import { issueCertificate } from '../../src/pki/index.ts';

const LISTEN = 'imap: { listen: [{ host: 127.0.0.1, port: 1143, tls: none }] }\n';
let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'archivia-config-'));
});
afterEach(async () => {
  await rm(directory, { recursive: true });
});

async function load(yaml: string): Promise<LoadedConfig> {
  const file = join(directory, 'archivia.yaml');
  await writeFile(file, yaml);
  return loadConfig(file);
}

/** What is said of a file that cannot be used, the file's own path taken off each line. */
async function faults(yaml: string): Promise<string[]> {
  const error: unknown = await load(yaml).then(
    () => null,
    reason => reason,
  );
  if (!(error instanceof ConfigError)) throw new Error(`no ConfigError but ${error}`);
  expect(error.exitCode).toBe(2);
  return error.message.split('\n').map(line => {
    expect(line.startsWith(join(directory, 'archivia.yaml'))).toBe(true);
    return line.slice(join(directory, 'archivia.yaml').length + 1).trim();
  });
}

describe('a configuration that can be used', () => {
  test('has defaults, absolute paths, sizes in octets and presets applied', async () => {
    const { config, upstreams } = await load(`${LISTEN}
dataDir: ./archive
upstreams: { lm: { preset: legalmail, imap: { port: 1993 }, submission: { maxRecipients: 20 } } }
domains: { PEC.Example.IT: lm }
accounts: [{ address: Mario@PEC.example.it, login: M123, upstream: lm, plan: gold }]
plans: { gold: { archiveBytes: 13GB, conservationBytes: 0.5 GB } }
`);
    expect(config.dataDir).toBe(join(directory, 'archive'));
    expect(config.archive.folders).toEqual({
      intake: '--ARCHIVIA--',
      archive: 'Archivio',
      conservation: 'Conservazione',
      pending: 'In attesa di consegna',
      undelivered: 'Non consegnati',
      expiring: 'Da conservare',
    });
    expect(config.conservation.policy).toEqual({ incoming: 'receipts', outgoing: false });
    expect(config.plans.gold).toEqual({ archiveBytes: 13e9, conservationBytes: 5e8 });
    expect(config.domains).toEqual({ 'pec.example.it': 'lm' });
    expect(config.accounts[0]?.address).toBe('mario@pec.example.it');
    expect(upstreams.get('lm')).toEqual({
      kind: 'remote',
      name: 'lm',
      imap: { host: 'mbox.cert.legalmail.it', port: 1993, tls: 'implicit' },
      smtp: { host: 'sendm.cert.legalmail.it', port: 465, tls: 'implicit' },
      sentFolder: 'INBOX/Spedite',
      submission: { maxRecipients: 20, maxSize: 50e6, maxPerMinute: 6 },
    });
  });

  test('takes a certificate whose key fits, and files named relative to its own directory', async () => {
    const pair = await selfSigned();
    await writeFile(join(directory, 'cert.pem'), pair.certificatePem);
    await writeFile(join(directory, 'key.pem'), pair.privateKeyPem);
    const { config } = await load(`${LISTEN}tls: { certFile: cert.pem, keyFile: key.pem }\n`);
    expect(config.tls).toEqual({ certFile: join(directory, 'cert.pem'), keyFile: join(directory, 'key.pem') });
  });
});

describe('a configuration that cannot be used names line, key and remedy:', () => {
  test.each<[string, string, string[]]>([
    ['unknown key at the top', `${LISTEN}arhive: {}\n`, ['2: arhive: unknown key; did you mean "archive"? (known: ']],
    [
      'unknown key below',
      'imap:\n  listen:\n    - { host: 127.0.0.1, port: 1, tsl: none, tls: none }\n',
      ['3: imap.listen[0].tsl: unknown key; did you mean "tls"? (known: host, port, tls)'],
    ],
    [
      'value outside the list',
      'imap:\n  listen:\n    - { host: 127.0.0.1, port: 1, tls: ssl }\n',
      ['3: imap.listen[0].tls: "ssl" is not accepted; accepted: "implicit", "starttls", "none"'],
    ],
    ['missing part', 'dataDir: x\n', ['imap: missing; expected a set of keys']],
    ['wrong type', `${LISTEN}accounts: 3\n`, ['2: accounts: expected a list, found 3']],
    [
      'bad size',
      `${LISTEN}plans: { p: { archiveBytes: lots } }\n`,
      ['2: plans.p.archiveBytes: expected a size such as'],
    ],
    [
      'bad address',
      `${LISTEN}accounts: [{ address: foo, upstream: x }]\n`,
      ['2: accounts[0].address: expected an e-mail'],
    ],
    [
      'bad AgentID',
      `${LISTEN}conservation: { holder: { type: legal, name: X, id: 123 } }\n`,
      ['2: conservation.holder.id'],
    ],
    ['port out of range', 'imap: { listen: [{ port: 70000, tls: implicit }] }\n', ['1: imap.listen[0].port: too big']],
    [
      'keys that exclude each other',
      `${LISTEN}upstreams: { a: { local: true, imap: { host: x, port: 1 } } }\n`,
      ['2: upstreams.a.'],
    ],
    [
      'plan that is nowhere',
      `${LISTEN}plans: { oro: {} }\ndefaultPlan: ora\n`,
      ['3: defaultPlan: no plan is called "ora"; did you mean "oro"?'],
    ],
    [
      'notices without a way to go',
      `${LISTEN}alerts:\n  accounts:\n    m@pec.example.it: { to: [a@posta.example], webhook: true }\n`,
      ['4: alerts.accounts.m@pec.example.it.to: needs a mail', '4: alerts.accounts.m@pec.example.it.webhook: needs'],
    ],
    [
      'notices to a mailbox whose mail they tell of',
      `${LISTEN}upstreams: { u: { preset: aruba } }\ndomains: { pec.example.it: u }\n` +
        'alerts:\n  smtp: { host: x, port: 465 }\n  accounts: { m@pec.example.it: { to: [m@pec.example.it] } }\n',
      ['6: alerts.accounts.m@pec.example.it.to[0]: "m@pec.example.it" is a mailbox that Archivia looks after'],
    ],
    ['duplicate key', `${LISTEN}${LISTEN}`, ['2: Map keys must be unique']],
    ['broken YAML', 'imap: [\n', ['2: ']],
    ['empty file', '', ['is empty']],
    [
      'unknown preset',
      `${LISTEN}upstreams:\n  a: { preset: arubba }\n`,
      ['3: upstreams.a.preset: unknown preset "arubba"; did you mean "aruba"?'],
    ],
    ['preset without IMAP', `${LISTEN}upstreams: { a: { preset: pectim } }\n`, ['2: upstreams.a.imap: missing']],
    [
      'upstream without a port',
      `${LISTEN}upstreams: { a: { imap: { host: x } } }\n`,
      ['2: upstreams.a.imap.port: missing'],
    ],
    [
      'unknown upstream',
      `${LISTEN}upstreams: { office: { preset: aruba } }\naccounts:\n  - { address: a@b.example, upstream: ofice }\n`,
      ['4: accounts[0].upstream: no upstream is called "ofice"; did you mean "office"?'],
    ],
    [
      'preset used as an upstream',
      `${LISTEN}accounts: [{ address: a@b.example, upstream: aruba }]\n`,
      ['2: accounts[0].upstream: no upstream is called "aruba"; add "upstreams: { aruba: { preset: aruba } }"'],
    ],
    [
      'unknown upstream of a domain',
      `${LISTEN}domains: { b.example: x }\n`,
      ['2: domains.b.example: no upstream is called "x"'],
    ],
    [
      'unknown plan',
      `${LISTEN}upstreams: { a: { preset: aruba } }\naccounts: [{ address: a@b.example, upstream: a, plan: gld }]\nplans: { gold: {} }\n`,
      ['3: accounts[0].plan: no plan is called "gld"; did you mean "gold"?'],
    ],
    [
      'two accounts of one name',
      `${LISTEN}upstreams: { a: { preset: aruba } }\naccounts:\n  - { address: a@b.example, upstream: a }\n  - { address: c@b.example, login: A@b.example, upstream: a }\n`,
      ['5: accounts[1].login: "a@b.example" names accounts[0] already'],
    ],
    [
      'clear text off loopback',
      'imap: { listen: [{ host: 0.0.0.0, port: 143, tls: none }] }\n',
      ['1: imap.listen[0].tls: "none" is for loopback addresses only'],
    ],
    [
      'clear text to an upstream',
      `${LISTEN}upstreams: { a: { imap: { host: mail.example.it, port: 143, tls: none } } }\n`,
      ['2: upstreams.a.imap.tls: "none" is for loopback addresses only'],
    ],
    [
      'a port twice',
      `imap:\n  listen:\n    - { host: 0.0.0.0, port: 993, tls: implicit }\nsmtp:\n  listen:\n    - { host: 127.0.0.1, port: 993, tls: implicit }\n`,
      ['6: smtp.listen[0].port: port 993 is taken already by imap.listen[0]'],
    ],
    [
      'missing certificate',
      `${LISTEN}tls: { certFile: no.pem, keyFile: archivia.yaml }\n`,
      ['2: tls.certFile: ', '2: tls.keyFile: '],
    ],
    [
      'missing authority',
      `${LISTEN}upstreams: { a: { preset: aruba, imap: { caFile: no.pem } } }\n`,
      ['2: upstreams.a.imap.caFile: '],
    ],
    [
      'local mailbox without a password',
      `${LISTEN}upstreams: { l: { local: true } }\naccounts: [{ address: a@b.example, upstream: l }]\n`,
      ['3: accounts[0]: a local mailbox needs passwordFile, or the environment variable ARCHIVIA_PASSWORD_A_B_EXAMPLE'],
    ],
    [
      'password of a proxied mailbox',
      `${LISTEN}upstreams: { a: { preset: aruba } }\naccounts: [{ address: a@b.example, upstream: a, passwordFile: archivia.yaml }]\n`,
      ['3: accounts[0].passwordFile: only an account of a local upstream'],
    ],
    [
      'folder with a level in it',
      `${LISTEN}archive: { folders: { intake: a/b } }\n`,
      ['2: archive.folders.intake: "a/b" holds "/"'],
    ],
    [
      'folder called inbox',
      `${LISTEN}archive: { folders: { archive: Inbox } }\n`,
      ['2: archive.folders.archive: "Inbox" is the inbox'],
    ],
    [
      'two folders of one name',
      `${LISTEN}archive: { folders: { archive: conservazione } }\n`,
      ['archive.folders.conservation: "Conservazione" is the name of'],
    ],
    [
      'missing signer',
      `${LISTEN}conservation: { signer: { pkcs12File: no.p12 } }\n`,
      ['2: conservation.signer.pkcs12File: '],
    ],
    [
      'missing files of one time-stamping authority among several',
      `${LISTEN}conservation: { timestamp: [{ url: 'https://a.example' }, { url: 'https://b.example', caFile: no.pem }] }\n`,
      ['2: conservation.timestamp[1].caFile: '],
    ],
    [
      'policy that is no object identifier',
      `${LISTEN}conservation: { timestamp: { url: 'https://a.example', policy: migliore } }\n`,
      ['2: conservation.timestamp'],
    ],
    [
      'no time-stamping authority in the list',
      `${LISTEN}conservation: { timestamp: [] }\n`,
      ['2: conservation.timestamp'],
    ],
    [
      'missing files of a device',
      `${LISTEN}conservation: { signer: { certFile: archivia.yaml, pkcs11: { moduleFile: no.so, pinFile: no.pin } } }\n`,
      ['2: conservation.signer.pkcs11.moduleFile: ', '2: conservation.signer.pkcs11.pinFile: '],
    ],
    ['missing gestori', `${LISTEN}conservation: { gestoriCaFile: no.pem }\n`, ['2: conservation.gestoriCaFile: ']],
    ['missing master key', `${LISTEN}vault: { keyFile: no.key }\n`, ['2: vault.keyFile: ']],
  ])('%s', async (_kind, yaml, expected) => {
    const found = await faults(yaml);
    expect(found).toHaveLength(expected.length);
    for (const [index, beginning] of expected.entries()) expect(found[index]).toContain(beginning);
  });

  test('a file that is not there', async () => {
    await expect(loadConfig(join(directory, 'none.yaml'))).rejects.toThrow(/none\.yaml: no such file/);
  });

  test('a key that does not fit the certificate', async () => {
    await writeFile(join(directory, 'cert.pem'), (await selfSigned()).certificatePem);
    await writeFile(join(directory, 'key.pem'), (await selfSigned()).privateKeyPem);
    const found = await faults(`${LISTEN}tls: { certFile: cert.pem, keyFile: key.pem }\n`);
    expect(found).toEqual([expect.stringMatching(/^2: tls\.keyFile: .*key\.pem is not the key of the certificate/)]);
  });

  test('an alias bomb', async () => {
    const levels = Array.from({ length: 9 }, (_, i) => `a${i + 1}: &a${i + 1} [${`*a${i},`.repeat(9)}]`);
    const found = await faults(`a0: &a0 [x]\n${levels.join('\n')}\n`);
    expect(found[0]).toContain('alias');
  });

  test('every fault at once, in the order of the lines', async () => {
    const found = await faults(`${LISTEN}x: 1\nlog: { level: loud }\ny: 2\n`);
    expect(found.map(line => line.split(':')[0])).toEqual(['2', '3', '4']);
  });
});

function selfSigned() {
  return issueCertificate({
    subject: { commonName: 'localhost' },
    notBefore: new Date(Date.now() - 1000),
    notAfter: new Date(Date.now() + 3_600_000),
    dnsNames: ['localhost'],
  });
}
