import type { SignatureOutcome } from '../../pec/types.ts';
import type { MessageRecord } from '../../store/types.ts';
import { element, type Markup, tag } from '../markup.ts';
import { signatureInWords, utcTime } from './words.ts';

const PEC_MESSAGE_NAMESPACE = 'urn:archivia:messaggio-pec:1';

/** What Allegato 5 has no place for: the PEC data of a message and the outcome of the check of its signature. */
export function pecMessageMetadata(
  record: MessageRecord,
  signature: Omit<SignatureOutcome, 'certificates'>,
  checkedAt: number,
): Markup {
  const { pec } = record;
  const { daticert } = pec;
  return element(
    'MessaggioPec',
    { xmlns: PEC_MESSAGE_NAMESPACE },
    tag('Tipo', pec.kind),
    optional('TipoRicevuta', pec.receiptType),
    optional('Identificativo', daticert?.identificativo),
    optional('Msgid', daticert?.msgid),
    optional('RiferimentoMessageId', pec.referenceMessageId),
    optional('GestoreEmittente', daticert?.gestoreEmittente),
    optional('Consegna', daticert?.consegna),
    optional('ErroreEsteso', daticert?.erroreEsteso),
    optional('DaticertIllegibile', pec.daticertError),
    tag('DataAcquisizione', utcTime(record.internalDate)),
    tag(
      'FirmaGestore',
      tag('Stato', signature.status),
      tag('Esito', signatureInWords(signature.status)),
      signature.reasons.map(reason => tag('Motivo', reason)),
      optional('AlgoritmoImpronta', signature.digestAlgorithm),
      signature.signingTime === null ? null : tag('DataFirma', utcTime(signature.signingTime)),
      signature.signer === null
        ? null
        : tag(
            'Certificato',
            tag('Soggetto', signature.signer.subject),
            tag('Emittente', signature.signer.issuer),
            tag('NumeroDiSerie', signature.signer.serial),
            tag('Impronta', signature.signer.sha256),
            tag('ValidoDal', utcTime(signature.signer.notBefore)),
            tag('ValidoFino', utcTime(signature.signer.notAfter)),
          ),
      tag('DataVerifica', utcTime(checkedAt)),
    ),
  );
}

function optional(name: string, value: string | null | undefined): Markup | null {
  return value === null || value === undefined || value === '' ? null : tag(name, value);
}
