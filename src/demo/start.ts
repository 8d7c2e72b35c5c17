/** A mailbox at an invented provider and the proxy in front of it, both on this machine, both the real program. */
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Logger } from 'pino';
import {
  createGenerator,
  createTestAuthorities,
  saveTestAuthorities,
  type TestAuthorities,
} from '../pec/generator/index.ts';
import { type RunningServer, startServer } from '../server.ts';
import { MAILBOX, mailboxConfig, proxyConfig } from './configuration.ts';
import { fillArchive, fillMailbox } from './fill.ts';
import type { DemoAccess } from './instructions.ts';

export interface DemoOptions {
  /** Kept at the end; null for a temporary one. */
  readonly directory: string | null;
  /** Wanted IMAP port; a free one is taken when it is in use. */
  readonly port: number;
  readonly logger: Logger;
}

export interface RunningDemo {
  readonly access: DemoAccess;
  stop(): Promise<void>;
}

/** How many of the oldest messages have been conserved when the demo begins. */
const CONSERVED = 6;

/** Starts both servers and fills them. Whatever fails, what had been started is stopped again. */
export async function startDemo({ directory, port, logger }: DemoOptions): Promise<RunningDemo> {
  const temporary = directory === null;
  const place = directory === null ? await mkdtemp(join(tmpdir(), 'archivia-demo-')) : resolve(directory);
  const servers: RunningServer[] = [];
  const stop = async (): Promise<void> => {
    for (const server of servers.reverse()) await server.stop();
    if (temporary) await rm(place, { recursive: true, force: true });
  };
  try {
    const mailbox = await startServer(await mailboxConfig(place), { logger: logger.child({ server: 'casella' }) });
    servers.push(mailbox);
    const authorities = await createTestAuthorities();
    await saveTestAuthorities(join(place, 'autorita'), authorities);
    const config = await proxyConfig(place, (await isFree(port)) ? port : 0, mailbox.ports.imap[0] ?? 0);
    const proxy = await startServer(config, { logger: logger.child({ server: 'archivia' }) });
    servers.push(proxy);
    const messages = await fill(mailbox, proxy, authorities);
    const [imapPort = 0] = proxy.ports.imap;
    const { address, password } = MAILBOX;
    return {
      access: { host: '127.0.0.1', port: imapPort, address, password, messages, directory: place, temporary },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** @returns how many messages the mailbox holds */
async function fill(mailbox: RunningServer, proxy: RunningServer, authorities: TestAuthorities): Promise<number> {
  const [box, archive] = await Promise.all([
    mailbox.store.account(MAILBOX.address, { create: true }),
    proxy.store.account(MAILBOX.address, { create: true }),
  ]);
  const [inbox] = await box.status([{ tree: 'local', name: 'INBOX' }]);
  if (inbox !== undefined && inbox.messages > 0) {
    await proxy.conservation.watch(archive);
    return inbox.messages;
  }
  const messages = createGenerator({ authorities, seed: 1, mailbox: MAILBOX }).every();
  const [, filed] = await Promise.all([fillMailbox(box, messages), fillArchive(archive, messages)]);
  await archive.queue(filed.slice(0, CONSERVED).map(({ message }) => message));
  await proxy.conservation.watch(archive);
  return messages.length;
}

function isFree(port: number): Promise<boolean> {
  return new Promise(resolveFree => {
    const probe = createServer();
    probe.once('error', () => resolveFree(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolveFree(true)));
  });
}
