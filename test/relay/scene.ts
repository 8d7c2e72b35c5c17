/** A client, the proxy, and an upstream that says what the test wants. */
import { RawImap } from '../support/raw-imap.ts';
import { type RelayProxy, startProxy, USER } from './proxy.ts';
import { type ScriptedSession, type ScriptedUpstream, startScriptedUpstream } from './scripted-upstream.ts';

export interface Scene {
  readonly upstream: ScriptedUpstream;
  readonly proxy: RelayProxy;
  /** Logged in. */
  readonly client: RawImap;
  /** The upstream's side of the newest connection. */
  session(): ScriptedSession;
  /** Handles the commands that fit a pattern, before any handler that was there. */
  on(pattern: RegExp, handle: (tag: string, command: string) => void): void;
  stop(): Promise<void>;
}

export async function startScene(options: { capabilities?: string } = {}): Promise<Scene> {
  const upstream = await startScriptedUpstream(options);
  const proxy = await startProxy(upstream.port);
  const client = await RawImap.login(proxy.port, USER, 'segreta');
  return {
    upstream,
    proxy,
    client,
    session: () => {
      const last = upstream.sessions.at(-1);
      if (last === undefined) throw new Error('the proxy has not called');
      return last;
    },
    on: (pattern, handle) => {
      const before = upstream.answer;
      upstream.answer = (from, tag, command) => {
        if (!pattern.test(command)) return before(from, tag, command);
        handle(tag, command);
        return true;
      };
    },
    stop: async () => {
      client.close();
      await proxy.close();
      await upstream.close();
    },
  };
}
