import type { Inspection } from '../../pec/inspect.ts';
import { CliError, defineCommand, FAULT, GOOD, present, WRONG_USE, withJson } from '../command.ts';

export const inspect = defineCommand({
  command: 'inspect <file>',
  describe: 'what a message is: kind, daticert, exchange keys, parts, outcome of the signature check',
  options: yargs =>
    withJson(yargs)
      .positional('file', { type: 'string', demandOption: true, describe: 'the message as .eml' })
      .option('ca', { type: 'string', requiresArg: true, describe: 'PEM file of authorities to trust as well' }),
  run: async ({ file, ca, json }, io) => {
    const [{ readFile }, { inspectMessage }, { loadAnchors }] = await Promise.all([
      import('node:fs/promises'),
      import('../../pec/index.ts'),
      import('../../server/anchors.ts'),
    ]);
    const unreadable = (error: NodeJS.ErrnoException): never => {
      throw new CliError(WRONG_USE, `${error.path}: ${error.code === 'ENOENT' ? 'no such file' : error.message}`);
    };
    const raw = await readFile(file).catch(unreadable);
    const anchors = await loadAnchors(ca).catch(unreadable);
    const inspection = inspectMessage(raw, { anchors });
    present(io, json, inspection, () => describe(inspection));
    return inspection.signature.status === 'broken' || inspection.daticertError !== null ? FAULT : GOOD;
  },
});

function describe(inspection: Inspection): string[] {
  const { daticert, exchange, rem, signature, parts } = inspection;
  const row = (label: string, value: string | null | undefined): string[] =>
    value === null || value === undefined || value === '' ? [] : [`${label.padEnd(16)}${value}`];
  return [
    ...row('tipo', `${inspection.kind} (${inspection.family})${inspection.virus ? ', virus' : ''}`),
    ...row('categoria', inspection.category),
    ...row('ricevuta', inspection.receiptType),
    ...row('mittente', daticert?.mittente),
    ...row('destinatari', daticert?.destinatari.map(one => `${one.address} (${one.tipo})`).join(', ')),
    ...row('oggetto', daticert?.oggetto),
    ...row('gestore', daticert?.gestoreEmittente),
    ...row(
      'data certa',
      daticert === null ? null : `${daticert.data.giorno} ${daticert.data.ora} ${daticert.data.zona}`,
    ),
    ...row('errore', daticert?.errore === 'nessuno' ? null : daticert?.errore),
    ...row(
      'avviso',
      inspection.notice === null ? null : inspection.notice === '12h' ? 'dopo 12 ore' : 'definitivo, dopo 24 ore',
    ),
    ...row('errore esteso', daticert?.erroreEsteso),
    ...row('REM', rem === null ? null : [rem.messageType, rem.event, rem.reason].filter(Boolean).join(', ')),
    ...row('evidenza', rem?.evidence?.id ?? rem?.evidenceError),
    ...row('mittente', rem?.evidence?.sender),
    ...row('destinatari', rem?.evidence?.recipients.join(', ')),
    ...row('data certa', rem?.evidence?.at == null ? null : new Date(rem.evidence.at).toISOString()),
    ...row('daticert.xml', inspection.daticertError),
    ...row('Message-ID', exchange.messageId),
    ...row('identificativo', exchange.identificativo),
    ...row('msgid', exchange.msgid),
    ...row('consegna', exchange.consegna),
    ...row('firma', signature.status),
    ...signature.reasons.flatMap(reason => row('', reason)),
    ...row('firmatario', signature.signer?.subject),
    ...row('emesso da', signature.signer?.issuer),
    ...row('SHA-256', inspection.sha256),
    'parti',
    ...parts.map(
      ({ section, type, filename, size }) =>
        `  ${section.padEnd(12)}${type}, ${size} B${filename ? `, ${filename}` : ''}`,
    ),
  ];
}
