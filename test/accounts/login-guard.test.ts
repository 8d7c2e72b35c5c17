import { describe, expect, it } from 'vitest';
import { createLoginGuard } from '../../src/store/accounts/login-guard.ts';
import type { LoginOutcome } from '../../src/store/accounts/types.ts';

const MARIO = 'mario.rossi@pec.example.it';

/** An upstream whose answers come when the test says so. */
function upstream() {
  const open: ((outcome: LoginOutcome) => void)[] = [];
  let calls = 0;
  return {
    get calls() {
      return calls;
    },
    login: () => {
      calls += 1;
      return new Promise<LoginOutcome>(resolve => open.push(resolve));
    },
    answer: (outcome: LoginOutcome) => open.shift()?.(outcome),
  };
}

const settled = () => new Promise(resolve => setImmediate(resolve));

describe('login guard', () => {
  it('refuses locally what was refused upstream, until the time is over', () => {
    let now = 0;
    const guard = createLoginGuard({ ttlMs: 1000, now: () => now });
    guard.refused(MARIO, 'old');
    expect(guard.isRefused('Mario.Rossi@PEC.example.it', 'old')).toBe(true);
    expect(guard.isRefused(MARIO, 'new')).toBe(false);
    expect(guard.isRefused('other@pec.example.it', 'old')).toBe(false);
    now = 999;
    expect(guard.isRefused(MARIO, 'old')).toBe(true);
    now = 1000;
    expect(guard.isRefused(MARIO, 'old')).toBe(false);
  });

  it('keeps the old password of a phone refused while the new one is accepted', () => {
    const guard = createLoginGuard({ ttlMs: 60_000 });
    const heard: string[] = [];
    const stop = guard.onAccepted(address => heard.push(address));
    guard.refused(MARIO, 'old');
    guard.accepted('MARIO.rossi@pec.example.it', 'new');
    expect(guard.isRefused(MARIO, 'old')).toBe(true);
    guard.accepted(MARIO, 'old');
    expect(guard.isRefused(MARIO, 'old')).toBe(false);
    stop();
    guard.accepted(MARIO, 'old');
    expect(heard).toEqual([MARIO, MARIO]);
  });

  it('tries an unproven wrong password once, though five connections bring it at the same time', async () => {
    const guard = createLoginGuard({ ttlMs: 60_000 });
    const server = upstream();
    const attempts = Array.from({ length: 5 }, () => guard.attempt(MARIO, 'wrong', server.login));
    await settled();
    expect(server.calls).toBe(1);
    server.answer('refused');
    expect(await Promise.all(attempts)).toEqual(Array(5).fill('refused'));
    expect(await guard.attempt(MARIO, 'wrong', server.login)).toBe('refused');
    expect(server.calls).toBe(1);
  });

  it('lets the others log in, all at once, when the first of five is accepted', async () => {
    const guard = createLoginGuard({ ttlMs: 60_000 });
    const server = upstream();
    const attempts = Array.from({ length: 5 }, () => guard.attempt(MARIO, 'right', server.login));
    await settled();
    expect(server.calls).toBe(1);
    server.answer('accepted');
    await settled();
    expect(server.calls).toBe(5);
    for (let call = 0; call < 4; call += 1) server.answer('accepted');
    expect(await Promise.all(attempts)).toEqual(Array(5).fill('accepted'));
  });

  it('tries different unproven passwords of one account one after the other, and other accounts beside them', async () => {
    const guard = createLoginGuard({ ttlMs: 60_000 });
    const mine = upstream();
    const other = upstream();
    const first = guard.attempt(MARIO, 'one', mine.login);
    const second = guard.attempt(MARIO, 'two', mine.login);
    const elsewhere = guard.attempt('anna@pec.example.it', 'one', other.login);
    await settled();
    expect([mine.calls, other.calls]).toEqual([1, 1]);
    mine.answer('refused');
    expect(await first).toBe('refused');
    await settled();
    expect(mine.calls).toBe(2);
    mine.answer('accepted');
    other.answer('accepted');
    expect(await Promise.all([second, elsewhere])).toEqual(['accepted', 'accepted']);
  });

  it('remembers nothing when the upstream is away, and bounds the queue', async () => {
    const guard = createLoginGuard({ ttlMs: 60_000 });
    const server = upstream();
    const first = guard.attempt(MARIO, 'right', server.login);
    const same = guard.attempt(MARIO, 'right', server.login);
    await settled();
    server.answer('unavailable');
    expect(await Promise.all([first, same])).toEqual(['unavailable', 'unavailable']);
    expect(guard.isRefused(MARIO, 'right')).toBe(false);

    const flood = Array.from({ length: 40 }, (_, index) => guard.attempt(MARIO, `guess ${index}`, server.login));
    await settled();
    expect(server.calls).toBe(2);
    for (let call = 0; call < 40; call += 1) {
      server.answer('refused');
      await settled();
    }
    const outcomes = await Promise.all(flood);
    expect(outcomes.filter(outcome => outcome === 'refused')).toHaveLength(16);
    expect(outcomes.filter(outcome => outcome === 'unavailable')).toHaveLength(24);
  });

  it('passes an error of the login on, and goes on with the next', async () => {
    const guard = createLoginGuard({ ttlMs: 60_000 });
    const failing = guard.attempt(MARIO, 'one', () => Promise.reject(new Error('no route')));
    const waiting = guard.attempt(MARIO, 'one', async () => 'accepted');
    await expect(failing).rejects.toThrow('no route');
    expect(await waiting).toBe('unavailable');
    expect(await guard.attempt(MARIO, 'two', async () => 'accepted')).toBe('accepted');
  });
});
