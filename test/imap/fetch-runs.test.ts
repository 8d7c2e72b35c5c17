import { describe, expect, it } from 'vitest';
import { cutIntoRuns } from '../../src/imap/fetch/runs.ts';
import type { FetchedMessage, FetchRequest, SectionSpec, View } from '../../src/store/types.ts';

const VIEW: View = { tree: 'archive' };
const MIB = 1024 * 1024;
const ROOM = 3 * MIB;

/** Cuts a FETCH of messages of these sizes; null: a message that is gone. */
async function runsOf(sizes: readonly (number | null)[], section: Partial<SectionSpec> = {}): Promise<number[][]> {
  const store = {
    fetch: async (_: View, uids: readonly number[]) =>
      uids.flatMap(uid => {
        const size = sizes[uid - 1] ?? null;
        return size === null ? [] : [{ uid, size } as FetchedMessage];
      }),
  };
  const request: FetchRequest = { columns: [], sections: [{ part: [], ...section }], markSeen: false };
  const runs = cutIntoRuns(
    store,
    VIEW,
    sizes.map((_, index) => index + 1),
    request,
  );
  const all: number[][] = [];
  for (let run = await runs.next(); run !== null; run = await runs.next()) {
    all.push([...run]);
    runs.learn([]);
  }
  return all;
}

const total = (run: readonly number[], sizes: readonly (number | null)[]) =>
  run.reduce((sum, uid) => sum + (sizes[uid - 1] ?? 0), 0);

describe('a FETCH is cut into runs', () => {
  it('that hold what a room holds, all of them in order', async () => {
    const sizes = Array.from({ length: 2_500 }, (_, index) => ((index * 7_919) % 97) * 10_000);
    const runs = await runsOf(sizes);
    expect(runs.flat()).toEqual(sizes.map((_, index) => index + 1));
    for (const [index, run] of runs.entries()) {
      expect(total(run, sizes)).toBeLessThanOrEqual(ROOM);
      // Full: the next message would not fit, unless sizes were asked for up to here.
      const next = runs[index + 1]?.[0];
      if (next !== undefined && next % 1_000 !== 1)
        expect(total(run, sizes) + (sizes[next - 1] ?? 0)).toBeGreaterThan(ROOM);
    }
  });

  it('in which what is too large for a room takes none of it, and what is gone nothing', async () => {
    const sizes = Array.from({ length: 300 }, (_, index) =>
      index % 3 === 0 ? 50 * MIB : index % 3 === 1 ? null : 1_000,
    );
    expect(await runsOf(sizes)).toHaveLength(1);
  });

  it('of bounded length, however small the messages', async () => {
    const runs = await runsOf(new Array<number>(1_900).fill(10));
    expect(Math.max(...runs.map(run => run.length))).toBeLessThanOrEqual(400);
    expect(runs.flat()).toHaveLength(1_900);
  });

  it('by the part of a message that is asked for', async () => {
    const sizes = new Array<number>(300).fill(800_000);
    expect(await runsOf(sizes)).toHaveLength(100);
    expect(await runsOf(sizes, { partial: { offset: 0, length: 8_192 } })).toHaveLength(1);
  });

  it('and fails when the store does, after the runs that it told of before', async () => {
    let asked = 0;
    const store = {
      fetch: async (_: View, uids: readonly number[]) => {
        if (++asked > 1) throw new Error('gone');
        return uids.map(uid => ({ uid, size: MIB }) as FetchedMessage);
      },
    };
    const request: FetchRequest = { columns: [], sections: [{ part: [] }], markSeen: false };
    const uids = Array.from({ length: 1_500 }, (_, index) => index + 1);
    const runs = cutIntoRuns(store, VIEW, uids, request);
    const served: number[] = [];
    const all = async () => {
      for (let run = await runs.next(); run !== null; run = await runs.next()) served.push(...run);
    };
    await expect(all()).rejects.toThrow('gone');
    expect(served).toEqual(uids.slice(0, 1_000));
  });
});
