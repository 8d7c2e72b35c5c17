/** What the tests in front of every upstream share. */
import { expect } from 'vitest';
import { plainMessage } from '../support/messages.ts';
import type { RawImap, Reply } from '../support/raw-imap.ts';
import type { Extension, UpstreamKind, UpstreamStage, User } from './upstream-stage.ts';

export interface UpstreamScene {
  readonly kind: UpstreamKind;
  /** There from the first test on. */
  readonly stage: UpstreamStage;
  has(extension: Extension): boolean;
  /** A folder of the user's or a view, by its levels. */
  named(...levels: string[]): string;
  /** The same, quoted. */
  view(...levels: string[]): string;
  /** Through Archivia, logged in; closed in the end. */
  raw(user: User): Promise<RawImap>;
  /** Past Archivia. */
  direct(user: User): Promise<RawImap>;
}

export const INTAKE = '--ARCHIVIA--';
export const ROOTS = [INTAKE, 'Archivio', 'Conservazione'];

let serial = 0;
/** A message that no other is equal to. */
export function message(subject = 'prova'): Buffer {
  serial += 1;
  const date = new Date('2026-03-10T09:30:00Z');
  return plainMessage({ subject: `${subject} ${serial}`, body: `corpo ${serial}\r\nt1 OK {3}\r\n* BYE`, date });
}

/** Source to destination UID (RFC 4315 section 3). */
export function copyUid(reply: Reply): Map<number, number> {
  const [, sources = '', destinations = ''] = / OK \[COPYUID \d+ ([\d:,]+) ([\d:,]+)\] /.exec(reply.line) ?? [];
  const numbers = (set: string) =>
    set.split(',').flatMap(range => {
      const [first = 0, last = first] = range.split(':').map(Number);
      return Array.from({ length: last - first + 1 }, (_, index) => first + index);
    });
  const to = numbers(destinations);
  return new Map(numbers(sources).map((uid, index) => [uid, to[index] ?? 0]));
}

/**
 * Dovecot may say that the folder exists: another session, that of the archiver at a first login, has then come upon it
 * while it was being made.
 */
export async function create(client: RawImap, folder: string): Promise<void> {
  const { status, line } = await client.command(`CREATE ${folder}`);
  if (status !== 'OK') expect(line).toContain(' NO [ALREADYEXISTS] ');
}

/** Without the timings that Dovecot and Cyrus add to their answers, and without tags. */
export function neutral(text: string): string {
  return text.replaceAll(/ \([^()]*\d+\.\d+ secs?\b[^()]*\)/g, '').replaceAll(/^t\d+ /gm, '');
}
