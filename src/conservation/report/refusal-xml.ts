import type { Agents } from '../agents.ts';
import { displayName, NO_LEGAL_VALUE } from '../agents.ts';
import { element, tag } from '../markup.ts';
import { documentId } from '../metadata/document.ts';
import { utcTime } from '../metadata/words.ts';

const NAMESPACE = 'urn:archivia:esito-versamento-negativo:1';

export interface RefusalFacts {
  readonly id: string;
  readonly account: string;
  readonly agents: Agents;
  readonly at: number;
  readonly software: { readonly version: string };
  readonly evaluation: boolean;
  readonly messages: readonly {
    readonly sha256: string;
    readonly size: number;
    readonly subject: string;
    readonly attempts: number;
    readonly reason: string;
  }[];
}

/**
 * Esito negativo of a submission: what was refused, after how many tries, and why. A document of another kind than the
 * RdV, which exists only for what was accepted (AgID guidelines section 4.7; xsd/EsitoVersamentoNegativo.xsd).
 */
export function refusalXml(facts: RefusalFacts): Uint8Array {
  const { agents } = facts;
  const root = element(
    'EsitoVersamentoNegativo',
    { xmlns: NAMESPACE, versione: 1 },
    tag('Identificativo', facts.id),
    tag('Data', utcTime(facts.at)),
    facts.evaluation ? tag('Avvertenza', NO_LEGAL_VALUE) : null,
    tag('Sistema', `Archivia ${facts.software.version}`),
    tag('Casella', facts.account),
    tag('SoggettoProduttore', displayName(agents.holder)),
    tag('ResponsabileDellaConservazione', displayName(agents.responsible)),
    tag('Esito', 'NEGATIVO'),
    facts.messages.map(message =>
      tag(
        'Messaggio',
        tag('Identificativo', documentId(message.sha256)),
        element('Impronta', { algoritmo: 'SHA-256' }, message.sha256),
        tag('Dimensione', message.size),
        tag('Oggetto', message.subject),
        tag('Tentativi', message.attempts),
        tag('Motivo', message.reason),
        tag('Stato', 'RIFIUTATO'),
      ),
    ),
  );
  return Buffer.from(`<?xml version="1.0" encoding="UTF-8"?>\n${root.xml}\n`);
}
