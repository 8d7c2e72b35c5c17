import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runPython } from '../support/clients.ts';
import { plainMessage } from '../support/messages.ts';
import { PASSWORD, type Stage, startStage, USER } from './stage.ts';

/** Prints one JSON document; what it does is what mail programs of all ages do. */
const SCRIPT = `
import imaplib, json, ssl, sys
host, port, ca, user, password = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4], sys.argv[5]
out = {}
context = ssl.create_default_context(cafile=ca)
box = imaplib.IMAP4_SSL(host, port, ssl_context=context)
out['login'] = box.login(user, password)[0]
out['folders'] = [line.decode() for line in box.list()[1]]
out['lsub'] = [line.decode() for line in box.lsub()[1]]
status, count = box.select('INBOX')
out['inbox'] = int(count[0])
out['subjects'] = [box.fetch(str(n), '(BODY.PEEK[HEADER.FIELDS (SUBJECT)])')[1][0][1].decode().strip() for n in range(1, out['inbox'] + 1)]
out['copy'] = box.uid('COPY', '1:*', 'Archivio')[0]
status, count = box.select('Archivio')
out['archived'] = int(count[0])
out['search'] = box.search('UTF-8', 'BODY', '"tramontana"')[1][0].decode().split()
box.literal = 'però'.encode()
out['literal'] = box.search('UTF-8', 'TEXT')[1][0].decode().split()
out['partial'] = box.fetch('1', '(BODY.PEEK[TEXT]<0.5>)')[1][0][1].decode()
out['store'] = box.store('1', '+FLAGS', '(\\\\Flagged)')[0]
out['flags'] = box.fetch('1', '(FLAGS)')[1][0].decode()
message = b'Subject: aggiunto\\r\\nDate: Mon, 02 Feb 2026 10:00:00 +0000\\r\\n\\r\\nda imaplib\\r\\n'
out['append'] = box.append('Archivio', '(\\\\Seen)', '"02-Feb-2026 10:00:00 +0000"', message)[0]
out['where'] = int(box.select('Archivio/2026/02/Ordinaria', readonly=True)[1][0])
out['appended'] = box.fetch('1', '(RFC822)')[1][0][1].decode() 
box.select('Archivio/2026/02/Ordinaria')
out['delete'] = [box.store('1', '+FLAGS', '(\\\\Deleted)')[0], box.expunge()[0]]
out['after'] = int(box.select('Archivio')[1][0])
out['create'] = box.create('Archivio/mia')[0]
out['bad'] = box.uid('COPY', '1', 'Archivio/nessuna')[0]
box.select('INBOX')
out['back'] = box.noop()[0]
out['logout'] = box.logout()[0]
print(json.dumps(out))
`;

describe("Python's imaplib", () => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await startStage({ archive: { auto: { incoming: false, sent: false } } });
    const date = new Date('2026-01-20T10:00:00Z');
    for (const [subject, body] of [
      ['primo', 'soffia la tramontana'],
      ['secondo', 'niente di certo però'],
    ] as const) {
      await stage.dovecot.deliver(USER, 'INBOX', plainMessage({ subject, body, date }), { internalDate: date });
    }
  });
  afterAll(() => stage?.stop());

  it('works in the upstream folders and in the archive in one session', async () => {
    const { archivia } = stage;
    const args = ['localhost', String(archivia.imapsPort), archivia.caFile, USER, PASSWORD];
    const outcome = await runPython(SCRIPT, args);
    expect(outcome.stderr).toBe('');
    const said = JSON.parse(outcome.stdout) as Record<string, unknown>;
    expect(said).toMatchObject({
      login: 'OK',
      inbox: 2,
      subjects: ['Subject: primo', 'Subject: secondo'],
      copy: 'OK',
      archived: 2,
      search: ['1'],
      literal: ['2'],
      partial: 'soffi',
      store: 'OK',
      append: 'OK',
      where: 1,
      appended: 'Subject: aggiunto\r\nDate: Mon, 02 Feb 2026 10:00:00 +0000\r\n\r\nda imaplib\r\n',
      delete: ['OK', 'OK'],
      after: 2,
      create: 'NO',
      bad: 'NO',
      back: 'OK',
      logout: 'BYE',
    });
    expect(said.flags).toContain('\\Flagged');
    expect(said.folders).toContainEqual(expect.stringMatching(/"\/" "?Archivio"?$/));
    const leaves = said.lsub as string[];
    expect(leaves).toContainEqual(expect.stringMatching(/--ARCHIVIA--"?$/));
    expect(leaves).not.toContainEqual(expect.stringMatching(/"\/" "?Archivio"?$/));
  });
});
