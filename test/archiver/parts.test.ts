import { describe, expect, it } from 'vitest';
import { delayBefore } from '../../src/archiver/backoff.ts';
import { findSentFolder } from '../../src/archiver/sent-folder.ts';
import { Signal } from '../../src/archiver/signal.ts';
import { isCrowded, refusesPassword } from '../../src/store/accounts/login-answer.ts';
import { passwordExpiry } from '../../src/store/accounts/password-expiry.ts';

function folder(path: string, options: { flags?: string[]; marked?: boolean; guessed?: boolean } = {}) {
  return {
    path,
    name: path.split(/[./]/).at(-1) ?? '',
    flags: new Set(options.flags ?? []),
    ...(options.marked ? { specialUse: '\\Sent', specialUseSource: 'extension' as const } : {}),
    ...(options.guessed ? { specialUse: '\\Sent', specialUseSource: 'name' as const } : {}),
  };
}

describe('sent folder', () => {
  it('is the marked one, then the configured one, then one with a usual name', () => {
    const folders = [folder('INBOX'), folder('INBOX.Inviata'), folder('Mie'), folder('Outbox', { marked: true })];
    expect(findSentFolder(folders, 'Mie')).toBe('Outbox');
    expect(findSentFolder(folders.slice(0, 3), 'mie')).toBe('Mie');
    expect(findSentFolder(folders.slice(0, 3), 'Manca')).toBe('INBOX.Inviata');
    expect(findSentFolder([folder('INBOX/Spedite'), folder('Posta inviata')], null)).toBe('Posta inviata');
    expect(findSentFolder([folder('INBOX')], null)).toBeNull();
  });

  it('can be opened, and is no guess of the library’s', () => {
    expect(findSentFolder([folder('Sent', { marked: true, flags: ['\\Noselect'] })], null)).toBeNull();
    expect(findSentFolder([folder('Gesendet', { guessed: true }), folder('Inviata')], 'Inviata')).toBe('Inviata');
  });
});

describe('back-off', () => {
  const schedule = { first: 1_000, longest: 60_000 };

  it('doubles up to the longest, and never waits less than half', () => {
    expect([0, 1, 2, 10, 1000].map(attempt => delayBefore(attempt, schedule, () => 1))).toEqual([
      1_000, 2_000, 4_000, 60_000, 60_000,
    ]);
    expect(delayBefore(2, schedule, () => 0)).toBe(2_000);
  });
});

describe('signal', () => {
  it('is heard by who waits, and by who comes later, once', async () => {
    const signal = new Signal();
    const waiting = signal.wait(60_000);
    signal.ring();
    await waiting;
    signal.ring();
    await signal.wait(60_000);
    let over = false;
    const third = signal.wait(60_000).then(() => {
      over = true;
    });
    await new Promise(resolve => setImmediate(resolve));
    expect(over).toBe(false);
    signal.ring();
    await third;
  });
});

describe('what a login was refused for', () => {
  it.each([
    [null, 'Authentication failed.', true, false],
    ['AUTHENTICATIONFAILED', 'Invalid login', true, false],
    ['UNAVAILABLE', 'later', false, false],
    ['LIMIT', 'no more', false, true],
    [null, 'Maximum number of connections from user+IP exceeded', false, true],
    [null, 'Too many simultaneous connections', false, true],
  ])('%s %s', (code, text, password, crowded) => {
    expect(refusesPassword(code, text)).toBe(password);
    expect(isCrowded(code, text)).toBe(crowded);
  });
});

it('the end of a password is foreseen where the provider sets one', () => {
  const day = 86_400_000;
  expect(passwordExpiry(0, undefined, 0)).toBeNull();
  expect(passwordExpiry(null, 90, 0)).toBeNull();
  expect(passwordExpiry(0, 90, 79 * day)).toEqual({ at: 90 * day, near: false });
  expect(passwordExpiry(0, 90, 81 * day)).toEqual({ at: 90 * day, near: true });
});
