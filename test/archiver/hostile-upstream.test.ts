import { afterEach, describe, expect, it } from 'vitest';
import { eventually } from '../support/processes.ts';
import { type Harness, MARIO, message, startHarness, subjects } from './harness.ts';
import { type Script, type ScriptedImap, startScriptedImap } from './scripted-imap.ts';

let upstream: ScriptedImap;
let harness: Harness;
afterEach(async () => {
  await harness.stop();
  await upstream.stop();
});

/** An archiver that has seen the first message, which is not its business. */
async function start(script: Partial<Script> = {}): Promise<void> {
  upstream = await startScriptedImap({ messages: [{ uid: 4, raw: message('before') }], ...script });
  harness = await startHarness(upstream.port, { auto: { incoming: true, sent: false } });
}

const long = message('long', `${'x'.repeat(600_000)}\r\n`);

describe('an upstream that', () => {
  it('announces a wrong size: read twice, then taken as it is', async () => {
    await start();
    await harness.archiver.catchUp(MARIO);
    upstream.script.messages.push({ uid: 9, raw: long, announced: long.length + 5 });
    await harness.archiver.catchUp(MARIO);
    expect(harness.archive.messages.map(({ raw }) => raw.equals(long))).toEqual([true]);
    expect(harness.archive.openSpools).toBe(0);
    // Three pieces, twice.
    expect(upstream.commands.filter(command => /^UID FETCH 9 /i.test(command))).toHaveLength(6);
    expect(harness.archive.messages[0]?.filing.internalDate).toBe(Date.parse('2026-11-03T10:20:30+01:00'));
  });

  it('breaks off in the middle of a message: nothing of it is filed, and it is read again', async () => {
    await start();
    await harness.archiver.catchUp(MARIO);
    upstream.script.breaks = 2;
    upstream.script.messages.push({ uid: 5, raw: long }, { uid: 6, raw: message('next') });
    await expect(harness.archiver.catchUp(MARIO)).rejects.toThrow();
    await eventually('both messages', async () => {
      await harness.archiver.catchUp(MARIO).catch(() => {});
      return harness.archive.messages.length === 2;
    });
    expect(subjects(harness.archive)).toEqual(['long', 'next']);
    expect(harness.archive.messages[0]?.raw.equals(long)).toBe(true);
    expect(harness.archive.openSpools).toBe(0);
  });

  it('does not tell UIDNEXT', async () => {
    await start({ withoutUidNext: true });
    await harness.archiver.catchUp(MARIO);
    expect(await harness.archive.cursors()).toEqual([{ folder: 'INBOX', uidValidity: 7, lastUid: 4 }]);
    upstream.script.messages.push({ uid: 5, raw: message('new') });
    await harness.archiver.catchUp(MARIO);
    expect(subjects(harness.archive)).toEqual(['new']);
  });

  it('lists a message and does not hand it out: the others are not held up, and it is tried again', async () => {
    await start();
    await harness.archiver.catchUp(MARIO);
    upstream.script.missing = 1;
    upstream.script.messages.push({ uid: 5, raw: message('hidden') }, { uid: 6, raw: message('next') });
    await harness.archiver.catchUp(MARIO);
    expect(subjects(harness.archive)).toEqual(['next']);
    expect(harness.archive.openSpools).toBe(0);
    await harness.restart();
    await harness.archiver.catchUp(MARIO);
    expect(subjects(harness.archive)).toEqual(['next', 'hidden']);
    expect(await harness.archive.setting('archiver.failed')).toEqual([]);
  });

  it('has lost a message that it just listed', async () => {
    await start();
    await harness.archiver.catchUp(MARIO);
    upstream.script.vanish = 5;
    upstream.script.messages.push({ uid: 5, raw: message('gone') }, { uid: 6, raw: message('next') });
    await harness.archiver.catchUp(MARIO);
    expect(subjects(harness.archive)).toEqual(['next']);
    expect(await harness.archive.setting('archiver.failed')).toBeNull();
    expect(harness.archive.openSpools).toBe(0);
  });

  it('cannot check passwords right now: that is no refusal', async () => {
    await start({ logins: ['NO [UNAVAILABLE] later', 'NO [INUSE] later', 'OK done'] });
    await eventually('a login', () =>
      harness.archiver.catchUp(MARIO).then(
        () => true,
        () => false,
      ),
    );
    expect(await harness.archive.setting('archiver.refused')).not.toBe(true);
  });
});
