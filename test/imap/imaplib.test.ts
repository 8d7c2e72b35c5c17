import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createImapListener, type ImapListener } from '../../src/imap/listener.ts';
import { must } from '../support/processes.ts';
import { Engine, PASSWORD } from './support/engine.ts';

let engine: Engine;
let listener: ImapListener;
let port: number;
beforeAll(async () => {
  engine = await Engine.start();
  const options = { host: '127.0.0.1', port: 0, tls: 'none' } as const;
  listener = createImapListener({ ...engine.services, listener: options, tls: {} });
  port = await listener.listen();
});
afterAll(async () => {
  await listener.close();
  await engine.stop();
});

it("Python's imaplib does its work", async () => {
  const { address } = await engine.account();
  const script = join(import.meta.dirname, 'support/python-client.py');
  const { stdout } = await must('python3', [script, String(port), address, PASSWORD]);
  const seen = JSON.parse(stdout);
  expect(seen.capabilities).toEqual(expect.arrayContaining(['IMAP4rev1', 'UIDPLUS', 'MOVE', 'IDLE']));
  expect(seen).toMatchObject({
    create: 'OK',
    append: ['OK', 'OK', 'OK'],
    select: '3',
    fetch: 'From: a@pec.example.it\r\nSubject: prova\r\n\r\ncorpo\r\n',
    search: '1 2 3',
    uid: '2 3',
    expunge: ['2'],
    copy: 'OK',
    archive: '1',
    status: '"Prova/uno" (MESSAGES 2 UIDNEXT 4)',
  });
  expect(seen.list).toContain('(\\HasNoChildren) "/" "Prova/uno"');
  expect(JSON.stringify(seen.delete)).toContain('CANNOT');
  expect(engine.errors).toEqual([]);
});
