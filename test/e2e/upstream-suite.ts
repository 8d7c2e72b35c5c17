/**
 * What has to hold in front of every upstream, whatever its delimiter, its prefix and its extensions. Most tests have a
 * user of their own and run at once: upstreams take their time, and mostly sleep meanwhile.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RawImap } from '../support/raw-imap.ts';
import { testFolders } from './upstream-folders.ts';
import { testMessages } from './upstream-messages.ts';
import type { UpstreamScene } from './upstream-scene.ts';
import { testSides } from './upstream-sides.ts';
import {
  type EXTENSIONS,
  quoted,
  startUpstreamStage,
  type UpstreamKind,
  type UpstreamStage,
} from './upstream-stage.ts';

export function describeUpstream(kind: UpstreamKind): void {
  describe(`in front of ${kind.name}`, () => {
    let stage: UpstreamStage;
    const open: RawImap[] = [];
    const noted = async (client: Promise<RawImap>) => {
      open.push(await client);
      return client;
    };
    const named = (...levels: string[]) => kind.prefix + levels.join(kind.delimiter);
    const scene: UpstreamScene = {
      kind,
      get stage() {
        return stage;
      },
      has: extension => !kind.lacks.includes(extension),
      named,
      view: (...levels) => quoted(named(...levels)),
      raw: user => noted(stage.raw(user)),
      direct: user => noted(stage.direct(user)),
    };

    beforeAll(async () => {
      stage = await startUpstreamStage(kind);
    });
    afterAll(async () => {
      for (const client of open) client.close();
      await stage?.stop();
    });

    testFolders(scene);
    testMessages(scene);
    testSides(scene);
    testNothingForeign(scene);
  });
}

function testNothingForeign(scene: UpstreamScene): void {
  it('has used nothing that the upstream does not offer', () => {
    const patterns: Record<(typeof EXTENSIONS)[number], RegExp> = {
      UIDPLUS: /^\S+ UID EXPUNGE /im,
      MOVE: /^\S+ (?:UID )?MOVE /im,
      UNSELECT: /^\S+ UNSELECT\r$/im,
      'LITERAL+': /\{\d+\+\}\r$/m,
      'SPECIAL-USE': /^\S+ LIST .*SPECIAL-USE/im,
      IDLE: /^\S+ IDLE\r$/im,
      NAMESPACE: /^\S+ NAMESPACE\r$/im,
    };
    const sent = scene.stage.tap.sent();
    expect(sent).toMatch(/^\S+ FETCH 1:\* BODY\.PEEK\[\]\r$/m);
    for (const extension of scene.kind.lacks) expect(patterns[extension].exec(sent)?.[0], extension).toBeUndefined();
  });
}
