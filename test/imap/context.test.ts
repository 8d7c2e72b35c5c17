import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { startTwins } from './support/dovecot-twin.ts';
import { type Client, Engine, message, type TestAccount } from './support/engine.ts';

let engine: Engine;
beforeAll(async () => {
  engine = await Engine.start();
});
afterEach(() => expect(engine.errors).toEqual([]));
afterAll(() => engine.stop());

async function selected(...subjects: readonly string[]): Promise<{ account: TestAccount; client: Client }> {
  const account = await engine.account();
  const client = await account.login();
  for (const subject of subjects) await account.deliver('INBOX', message(subject));
  await client.ok('SELECT INBOX');
  return { account, client };
}

/** Sends a command under a tag of its own. */
async function tagged(client: Client, tag: string, text: string): Promise<string[]> {
  await client.send(`${tag} ${text}\r\n`);
  const reply = await client.reply(tag);
  return [...reply.untagged.map(line => line.toString('latin1').trim()), reply.line];
}

describe('CONTEXT=SEARCH', () => {
  it('tells what comes into a result and what leaves it', async () => {
    const { account, client } = await selected('uno', 'due', 'tre');
    expect(await tagged(client, 's', 'UID SEARCH RETURN (COUNT UPDATE) UNSEEN')).toEqual([
      '* ESEARCH (TAG "s") UID COUNT 3',
      's OK Search completed.',
    ]);
    await tagged(client, 'n', 'SEARCH RETURN (UPDATE ALL) SUBJECT re');
    expect((await client.data('STORE 1:2 +FLAGS (\\Seen)')).at(-1)).toBe('* ESEARCH (TAG "s") UID REMOVEFROM (0 1:2)');
    expect((await client.data('STORE 2 -FLAGS (\\Seen)')).at(-1)).toBe('* ESEARCH (TAG "s") UID ADDTO (0 2)');
    await client.ok('STORE 1,3 +FLAGS.SILENT (\\Deleted)');
    expect(await client.data('EXPUNGE')).toEqual([
      '* ESEARCH (TAG "s") UID REMOVEFROM (0 3)',
      '* ESEARCH (TAG "n") REMOVEFROM (0 3)',
      '* 3 EXPUNGE',
      '* 1 EXPUNGE',
    ]);
    await account.deliver('INBOX', message('arrivato re'));
    expect(await client.data('NOOP')).toEqual([
      '* 2 EXISTS',
      '* 0 RECENT',
      '* ESEARCH (TAG "s") UID ADDTO (0 4)',
      '* ESEARCH (TAG "n") ADDTO (0 2)',
    ]);
  });

  it('in IDLE too, of what another session does', async () => {
    const { account, client } = await selected('uno', 'due');
    await tagged(client, 's', 'SEARCH RETURN (UPDATE) FLAGGED');
    const other = await account.login();
    await other.ok('SELECT INBOX');
    await client.send('i IDLE\r\n');
    expect(await client.next()).toBe('+ idling');
    await other.ok('STORE 2 +FLAGS (\\Flagged)');
    expect(await client.next()).toBe('* 2 FETCH (FLAGS (\\Flagged))');
    expect(await client.next()).toBe('* ESEARCH (TAG "s") ADDTO (0 2)');
    await client.send('DONE\r\n');
    await client.reply('i');
  });

  it('ends with CANCELUPDATE, and with the mailbox', async () => {
    const { client } = await selected('uno', 'due');
    await tagged(client, 's', 'SEARCH RETURN (UPDATE) SEEN');
    await tagged(client, 't', 'SEARCH RETURN (UPDATE) UNSEEN');
    expect((await tagged(client, 's', 'SEARCH RETURN (UPDATE) SEEN')).at(-1)).toMatch(/^s BAD /);
    expect(await client.answer('CANCELUPDATE "s"')).toMatch(/^OK /);
    expect(await client.answer('CANCELUPDATE "s"')).toMatch(/^BAD /);
    expect(await client.answer('CANCELUPDATE')).toMatch(/^BAD /);
    expect((await client.data('STORE 1 +FLAGS (\\Seen)')).slice(1)).toEqual(['* ESEARCH (TAG "t") REMOVEFROM (0 1)']);
    await client.ok('SELECT INBOX');
    expect((await client.data('STORE 1 -FLAGS (\\Seen)')).slice(1)).toEqual([]);
  });

  it('is refused where the result depends on the moment', async () => {
    const { client } = await selected('uno');
    for (const keys of ['1:*', 'UID 1:*', 'YOUNGER 100', 'OLDER 100', '*']) {
      expect((await tagged(client, 'x', `SEARCH RETURN (UPDATE COUNT) ${keys}`)).slice(0, 2), keys).toEqual([
        expect.stringMatching(/^\* ESEARCH \(TAG "x"\) COUNT \d$/),
        '* OK [NOUPDATE "x"] No updates of this search.',
      ]);
    }
    for (let index = 0; index < 32; index++) await tagged(client, `m${index}`, 'SEARCH RETURN (UPDATE) ALL');
    expect((await tagged(client, 'last', 'SEARCH RETURN (UPDATE) ALL'))[1]).toContain('[NOUPDATE "last"]');
  });

  it('the result with its updates is always that of a new search', async () => {
    const act = fc.record({ what: fc.constantFrom('seen', 'unseen', 'flag', 'expunge', 'append'), which: fc.nat(20) });
    for (const acts of fc.sample(fc.array(act, { minLength: 8, maxLength: 15 }), { numRuns: 4, seed: 5 })) {
      const { account, client } = await selected('a', 'b', 'c', 'd');
      const other = await account.login();
      await other.ok('SELECT INBOX');
      const searches: Record<string, string> = { p: 'UNSEEN', q: 'OR FLAGGED SUBJECT a', r: 'NOT SEEN NOT FLAGGED' };
      const held = new Map<string, Set<number>>();
      for (const [tag, keys] of Object.entries(searches)) {
        const [line = ''] = await tagged(client, tag, `UID SEARCH RETURN (ALL UPDATE) ${keys}`);
        held.set(tag, new Set(numbers(/ ALL (\S+)/.exec(line)?.[1])));
      }
      for (const { what, which } of acts) {
        const actor = which % 2 === 0 ? client : other;
        const uid = 1 + (which % 6);
        const lines: string[] = [];
        if (what === 'append') await account.deliver('INBOX', message(`a${which}`), which % 3 ? [] : ['\\Flagged']);
        else if (what === 'expunge') {
          lines.push(...(await actor.data(`UID STORE ${uid} +FLAGS.SILENT (\\Deleted)`)));
          lines.push(...(await actor.data('EXPUNGE')));
        } else {
          const sign = what === 'unseen' ? '-' : '+';
          lines.push(
            ...(await actor.data(`UID STORE ${uid} ${sign}FLAGS (${what === 'flag' ? '\\Flagged' : '\\Seen'})`)),
          );
        }
        for (const line of [...(actor === client ? lines : []), ...(await client.data('NOOP'))]) {
          const [, tag = '', way, set] =
            /^\* ESEARCH \(TAG "(.)"\) UID (ADDTO|REMOVEFROM) \(0 (\S+)\)$/.exec(line) ?? [];
          for (const number of numbers(set)) {
            if (way === 'ADDTO') held.get(tag)?.add(number);
            else held.get(tag)?.delete(number);
          }
        }
        for (const [tag, keys] of Object.entries(searches)) {
          const [line = ''] = await client.data(`UID SEARCH ${keys}`);
          expect([...(held.get(tag) ?? [])].sort((a, b) => a - b)).toEqual(line.split(' ').slice(2).map(Number));
        }
      }
    }
  });

  it('says what Dovecot says', async () => {
    const twins = await startTwins(
      engine,
      ['uno', 'due', 'tre', 'quattro'].map(name => ({ raw: message(name), internalDate: 1_780_000_000_000 })),
    );
    try {
      for (const command of [
        'UID SEARCH RETURN (UPDATE COUNT) UNSEEN',
        'SEARCH RETURN (UPDATE) SUBJECT u',
        'SEARCH RETURN (UPDATE PARTIAL 1:2) SEEN',
        'STORE 1:2 +FLAGS (\\Seen)',
        'STORE 1 -FLAGS (\\Seen)',
        'STORE 1,4 +FLAGS (\\Deleted)',
        'EXPUNGE',
        'SEARCH RETURN (PARTIAL 5:9) ALL',
      ]) {
        const { ours, dovecots } = await twins.both(command);
        expect(ours, command).toEqual(dovecots.map(line => line.replace(/ ?\\Recent/, '')));
      }
    } finally {
      await twins.close();
    }
  });
});

describe('PARTIAL', () => {
  it('gives a slice of the results', async () => {
    const { client } = await selected('uno', 'due', 'tre', 'quattro');
    const found = async (options: string) =>
      (await tagged(client, 'x', `SEARCH RETURN (${options}) ALL`))[0]?.replace('* ESEARCH (TAG "x") ', '');
    expect(await found('PARTIAL 2:3')).toBe('PARTIAL (2:3 2:3)');
    expect(await found('PARTIAL 3:2')).toBe('PARTIAL (3:2 2:3)');
    expect(await found('PARTIAL 4:100 COUNT')).toBe('PARTIAL (4:100 4) COUNT 4');
    expect(await found('PARTIAL 5:6')).toBe('PARTIAL (5:6 NIL)');
    expect(await client.answer('SEARCH RETURN (PARTIAL 0:1) ALL')).toMatch(/^BAD /);
    expect(await client.answer('SEARCH RETURN (PARTIAL 1:2 PARTIAL 2:3) ALL')).toMatch(/^BAD /);
    expect(await client.answer('SEARCH RETURN (PARTIAL) ALL')).toMatch(/^BAD /);
  });
});

describe('SEARCH=FUZZY', () => {
  it('finds words in any order, the exact phrase first', async () => {
    const { client } = await selected(
      'Verbale della riunione',
      'Riunione: il verbale',
      'verbale',
      'riunione verbale della',
    );
    expect(await client.data('SEARCH SUBJECT "verbale della riunione"')).toEqual(['* SEARCH 1']);
    expect(await client.data('SEARCH FUZZY SUBJECT "RIUNIONE verbale"')).toEqual(['* SEARCH 1 2 4']);
    expect(await client.data('SEARCH FUZZY (SUBJECT "riunione verbale" NOT SUBJECT della)')).toEqual(['* SEARCH 2']);
    expect(await client.data('SEARCH FUZZY SUBJECT "riunione verbale" SUBJECT "della riu"')).toEqual(['* SEARCH 1']);
    expect((await tagged(client, 'x', 'SEARCH RETURN (RELEVANCY ALL) FUZZY SUBJECT "riunione verbale"'))[0]).toBe(
      '* ESEARCH (TAG "x") ALL 1:2,4 RELEVANCY (70 70 100)',
    );
    expect(await client.data('SORT (RELEVANCY) UTF-8 FUZZY SUBJECT "riunione verbale"')).toEqual(['* SORT 4 1 2']);
    expect(await client.data('SORT (REVERSE RELEVANCY) UTF-8 FUZZY SUBJECT "riunione verbale"')).toEqual([
      '* SORT 1 2 4',
    ]);
    // Other forms of the words, and what is no word of the language as it is.
    expect((await tagged(client, 'y', 'SEARCH RETURN (RELEVANCY ALL) FUZZY SUBJECT "verbali"'))[0]).toBe(
      '* ESEARCH (TAG "y") ALL 1:4 RELEVANCY (40 40 40 40)',
    );
    expect(await client.data('SORT (RELEVANCY) UTF-8 FUZZY SUBJECT "della riunioni" NOT SUBJECT :')).toEqual([
      '* SORT 1 4',
    ]);
    expect(await client.data('SEARCH FUZZY SUBJECT "verbal1"')).toEqual(['* SEARCH']);
    expect(await client.data('SEARCH SUBJECT "verbali"')).toEqual(['* SEARCH']);
    expect(await client.answer('SORT (RELEVANCY) UTF-8 ALL')).toMatch(/^BAD /);
    expect(await client.answer('SEARCH RETURN (RELEVANCY) ALL')).toMatch(/^BAD /);
  });
});

describe('SEARCH of text beyond ASCII', () => {
  it('finds at least what i;unicode-casemap finds', async () => {
    const { client } = await selected('PERCHÉ no', 'strasse ﬁne', 'Ⅻ capitolo', 'ＡＢＣ');
    const found = async (word: string) => {
      const literal = Buffer.from(word).toString('latin1');
      return (await client.data(`SEARCH CHARSET UTF-8 SUBJECT "${literal}"`))[0];
    };
    expect(await found('perché')).toBe('* SEARCH 1');
    expect(await found('fine')).toBe('* SEARCH 2');
    expect(await found('xii')).toBe('* SEARCH 3');
    expect(await found('abc')).toBe('* SEARCH 4');
  });
});

function numbers(set = ''): number[] {
  return set.split(',').flatMap(range => {
    const [first = 0, last = first] = range.split(':').map(Number);
    return set === '' ? [] : Array.from({ length: last - first + 1 }, (_, index) => first + index);
  });
}
