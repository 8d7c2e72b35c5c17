import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PASSWORD, type Stage, startStage, USER } from '../e2e/stage.ts';
import { assertFor, fuzzMilliseconds } from '../support/fuzz.ts';
import { plainMessage } from '../support/messages.ts';
import type { RawImap } from '../support/raw-imap.ts';

/**
 * One client goes to and fro between folders of the upstream and views, pipelining. Two plain connections say what it
 * has to hear: one that knows only the upstream, at the upstream itself, and one that never leaves the views.
 */

const TWIN = 'gemello@pec.example.it';
const FOLDERS = ['INBOX', 'Pratiche', 'Nessuna'] as const;
const VIEWS = ['Archivio', '"Archivio/2026/01/Ordinaria"', '--ARCHIVIA--', '"Archivio/1901"'] as const;

let stage: Stage;
beforeAll(async () => {
  stage = await startStage({ archive: { auto: { incoming: false, sent: false } } });
  const date = new Date('2026-01-15T10:00:00Z');
  for (const subject of ['uno', 'due', 'tre', 'quattro']) {
    const body = `corpo ${subject}\r\nt1 OK {3}\r\n* 9 EXISTS\r\n)`;
    await stage.dovecot.deliver(USER, 'INBOX', plainMessage({ subject, body, date }), { internalDate: date });
  }
  const first = await stage.directRaw();
  for (const command of ['CREATE Pratiche', 'SELECT INBOX', 'COPY 2:3 Pratiche', 'UNSELECT', 'LOGOUT']) {
    await first.ok(command);
  }
  first.close();
  await stage.dovecot.cloneUser(USER, TWIN, PASSWORD);
  const client = await stage.raw(TWIN);
  await client.ok('EXAMINE INBOX');
  await client.ok('COPY 1:3 Archivio');
  await client.ok('LOGOUT');
});
afterAll(() => stage?.stop());

type Step =
  | { readonly kind: 'select'; readonly name: 'SELECT' | 'EXAMINE'; readonly box: string }
  | { readonly kind: 'selected'; readonly command: string }
  | { readonly kind: 'status'; readonly box: string };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('select'),
      name: fc.constantFrom('SELECT', 'EXAMINE'),
      box: fc.constantFrom(...FOLDERS, ...VIEWS),
    }),
  },
  {
    weight: 7,
    arbitrary: fc.record({
      kind: fc.constant('selected'),
      command: fc.constantFrom(
        'FETCH 1 (UID FLAGS BODY.PEEK[])',
        'UID FETCH 1:* (UID RFC822.SIZE)',
        'FETCH 2:3 (BODY.PEEK[HEADER.FIELDS (SUBJECT)])',
        'SEARCH SUBJECT due',
        'UID SEARCH SUBJECT {5+}\r\nquatt',
        'SEARCH RETURN (SAVE) SUBJECT tre',
        'UID FETCH $ (UID RFC822.SIZE)',
        'SEARCH RETURN (COUNT) $',
        'FETCH 99 FLAGS',
        'NOOP',
        'CHECK',
        'UNSELECT',
      ),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('status'), box: fc.constantFrom('INBOX', 'Pratiche', 'Archivio') }),
  },
);

const isView = (box: string) => (VIEWS as readonly string[]).includes(box);

/** What the two plain connections say to the same script, command by command. */
async function expected(script: readonly Step[], upstream: RawImap, views: RawImap): Promise<string[]> {
  const heard: string[] = [];
  let selected: RawImap | null = null;
  for (const action of script) {
    if (action.kind === 'select') {
      const target = isView(action.box) ? views : upstream;
      const left: string[] = [];
      if (selected !== null && selected !== target) {
        await selected.ok('UNSELECT');
        left.push('* OK [CLOSED]\r\n');
      }
      const reply = await target.command(`${action.name} ${action.box}`);
      selected = reply.status === 'OK' ? target : null;
      heard.push(...left, ...lines(reply));
    } else if (action.kind === 'status') {
      heard.push(
        ...lines(await (isView(action.box) ? views : upstream).command(`STATUS ${action.box} (MESSAGES UIDNEXT)`)),
      );
    } else {
      heard.push(...lines(await (selected ?? upstream).command(action.command)));
      if (action.command === 'UNSELECT') selected = null;
    }
  }
  return heard;
}

function lines(reply: { readonly untagged: readonly Buffer[]; readonly line: string }): string[] {
  return [...reply.untagged.map(each => each.toString('latin1')), `${reply.line}\r\n`].map(neutral);
}

const isEnd = (line: string) => line.startsWith('tag ');

/** Tags differ, and times; the words of OK [CLOSED] are free. */
function neutral(text: string): string {
  return text
    .replace(/^\w+ (OK|NO|BAD) /, 'tag $1 ')
    .replace(/\(TAG "\w+"\)/, '(TAG "t")')
    .replace(/ \(\d[^)]*secs\)/, '')
    .replace(/^\* OK \[CLOSED\][^\r]*/, '* OK [CLOSED]');
}

describe.each([1, 13, 1_000_000])('to and fro, in writes of %s octets', size => {
  it(
    'gives what two plain connections give',
    async () => {
      await assertFor(
        fuzzMilliseconds(6_000),
        fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 20 }), async script => {
          const [upstream, views, proxied] = await Promise.all([stage.directRaw(), stage.raw(TWIN), stage.raw(TWIN)]);
          try {
            const truth = await expected(script, upstream, views);
            const text = script.map((action, index) => {
              if (action.kind === 'select') return `s${index} ${action.name} ${action.box}\r\n`;
              if (action.kind === 'status') return `s${index} STATUS ${action.box} (MESSAGES UIDNEXT)\r\n`;
              return `s${index} ${action.command}\r\n`;
            });
            const octets = Buffer.from(text.join(''), 'latin1');
            for (let at = 0; at < octets.length; at += size) await proxied.send(octets.subarray(at, at + size));
            const heard: string[] = [];
            while (heard.filter(isEnd).length < script.length) {
              const response = await proxied.response();
              if (response === null) throw new Error(`closed behind ${heard.at(-1)}`);
              heard.push(neutral(response.toString('latin1')));
            }
            // Dovecot itself tells the end of a pipelined command sooner or later than what other commands say.
            expect(heard.filter(line => !isEnd(line))).toEqual(truth.filter(line => !isEnd(line)));
            expect(heard.filter(isEnd).sort()).toEqual(truth.filter(isEnd).sort());
          } finally {
            for (const client of [upstream, views, proxied]) client.close();
          }
        }),
      );
    },
    fuzzMilliseconds(6_000) + 60_000,
  );
});
