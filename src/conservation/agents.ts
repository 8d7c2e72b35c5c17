import type { AgentConfig, Config } from '../config/schema.ts';

/** Says on every page, report and package that evaluation keys made it. */
export const NO_LEGAL_VALUE = 'Valutazione, senza valore legale';

/** The parties of a package, from the configuration. */
export interface Agents {
  /** Titolare: also who submits. */
  readonly holder: AgentConfig;
  /** Responsabile della conservazione, who signs. */
  readonly responsible: AgentConfig;
}

const NOBODY: AgentConfig = { type: 'legal', name: NO_LEGAL_VALUE, document: NO_LEGAL_VALUE };

/** Absent agents become placeholders that say what they are; the responsabile is the holder unless another is named. */
export function agentsOf(config: Pick<Config['conservation'], 'holder' | 'responsible'>): Agents {
  const holder = config.holder ?? NOBODY;
  return { holder, responsible: config.responsible ?? holder };
}

/** First name and surname of a person: the last word is the surname unless one is given. */
export function personName(agent: AgentConfig): { readonly first: string; readonly last: string } {
  if (agent.surname !== undefined) return { first: agent.name, last: agent.surname };
  const words = agent.name.trim().split(/\s+/);
  const last = words.pop() ?? agent.name;
  return { first: words.join(' '), last };
}

/** The name as a reader expects it. */
export function displayName(agent: AgentConfig): string {
  return agent.surname === undefined ? agent.name : `${agent.name} ${agent.surname}`;
}
