/**
 * A private Cyrus IMAP in a directory of its own: real mailboxes, made at the first login, and passwords in a sasldb.
 * Root's runs as the unprivileged user `mail`, since Cyrus refuses to be root; a normal user's as that user.
 */
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { privateServer } from '../setup/private-servers.ts';
import { end, eventually, freePort, must, start } from './processes.ts';
import { temporaryDirectory } from './temp.ts';
import { giveToMailUser, greets, libraryDirectories, MAIL_USER, type UpstreamServer } from './upstream-server.ts';

export interface CyrusOptions {
  /** `unixhierarchysep`: yes is `/`, no is `.`. */
  readonly separator: '/' | '.';
  /** `altnamespace`: folders beside the INBOX; else below it, with the prefix `INBOX` and the separator. */
  readonly besideInbox: boolean;
  /** Address to password. */
  readonly users: Readonly<Record<string, string>>;
}

export async function startCyrus(options: CyrusOptions): Promise<UpstreamServer> {
  const tree = privateServer('cyrus');
  const program = (name: string) => join(tree, 'usr/lib/cyrus/bin', name);
  const temporary = await temporaryDirectory('cyrus');
  const file = (name: string) => join(temporary.path, name);
  const libraries = await libraryDirectories(tree);
  const env = {
    LD_LIBRARY_PATH: libraries.join(':'),
    SASL_PATH: libraries.map(directory => join(directory, 'sasl2')).join(':'),
  };
  await chmod(temporary.path, 0o755);
  for (const name of ['conf', 'conf/db', 'conf/log', 'conf/msg', 'conf/proc', 'conf/ptclient', 'conf/socket', 'mail']) {
    await mkdir(file(name));
    await giveToMailUser(file(name));
  }
  for (const [address, password] of Object.entries(options.users)) {
    const [user = '', realm = ''] = address.split('@');
    await must(join(tree, 'usr/sbin/saslpasswd2'), ['-c', '-p', '-f', file('sasldb2'), '-u', realm, user], {
      input: password,
      env,
    });
  }
  await giveToMailUser(file('sasldb2'));
  const imapPort = await freePort();
  await writeFile(file('imapd.conf'), configuration());
  await writeFile(file('cyrus.conf'), services());

  const master = start(
    program('master'),
    ['-D', '-C', file('imapd.conf'), '-M', file('cyrus.conf'), '-p', file('conf/master.pid')],
    { env },
  );
  let said = '';
  for (const stream of [master.stdout, master.stderr]) stream.on('data', (chunk: Buffer) => (said += chunk));
  const stop = async () => {
    await end(master);
    await temporary.remove();
  };
  try {
    await eventually('Cyrus to accept connections', () => {
      if (master.exitCode !== null) throw new Error(`Cyrus did not start: ${said}`);
      return greets(imapPort);
    });
  } catch (error) {
    await stop();
    throw error;
  }
  return { imapPort, log: async () => said, stop };

  function configuration(): string {
    const yes = (value: boolean) => (value ? 'yes' : 'no');
    return `${[
      `configdirectory: ${file('conf')}`,
      'defaultpartition: default',
      `partition-default: ${file('mail')}`,
      `cyrus_user: ${process.getuid?.() === 0 ? MAIL_USER : userInfo().username}`,
      `unixhierarchysep: ${yes(options.separator === '/')}`,
      `altnamespace: ${yes(options.besideInbox)}`,
      'virtdomains: userid',
      'allowplaintext: yes',
      'sasl_mech_list: PLAIN LOGIN',
      'sasl_pwcheck_method: auxprop',
      'sasl_auxprop_plugin: sasldb',
      `sasl_sasldb_path: ${file('sasldb2')}`,
      'autocreate_quota: 0',
      'autocreate_users: anyone',
      'autocreate_inbox_folders: Posta inviata|Bozze',
      'autocreate_subscribe_folders: Posta inviata|Bozze',
      'xlist-sent: Posta inviata',
      'xlist-drafts: Bozze',
      'tls_session_timeout: 0',
      'skiplist_unsafe: yes',
      'failedloginpause: 0',
      'imapidlepoll: 1',
    ].join('\n')}\n`;
  }

  function services(): string {
    const common = `-C ${file('imapd.conf')}`;
    return `${[
      'START {\n}',
      `SERVICES {\n  imap cmd="${program('imapd')} ${common}" listen="127.0.0.1:${imapPort}" proto="tcp4" prefork=1\n}`,
      `DAEMON {\n  idled cmd="${program('idled')} -d ${common}"\n}`,
      'EVENTS {\n}',
    ].join('\n')}\n`;
  }
}
