import { describe, expect, it } from 'vitest';
import { DaticertError, parseDaticert } from '../../src/pec/daticert.ts';

const HEAD = '<?xml version="1.0" encoding="UTF-8"?>';
const FULL = `${HEAD}
<postacert tipo="avvenuta-consegna" errore="nessuno">
  <intestazione>
    <mittente>mario.rossi@pec.example.it</mittente>
    <destinatari tipo="certificato">anna.bianchi@pec.example.it</destinatari>
    <destinatari tipo="esterno">paolo.gialli@posta.example</destinatari>
    <destinatari>luca.verdi@pec.example.it</destinatari>
    <risposte>studio@pec.example.it</risposte>
    <oggetto>Perché &lt;&quot;così&quot;&gt; &amp; basta</oggetto>
  </intestazione>
  <dati>
    <gestore-emittente>Gestore Uno S.p.A.</gestore-emittente>
    <data zona="+0200"><giorno>28/03/2026</giorno><ora>23:30:15</ora></data>
    <identificativo>opec1.20260328233015@gestore-uno.example</identificativo>
    <msgid>&lt;1234@pec.example.it&gt;</msgid>
    <ricevuta tipo="completa" />
    <consegna>anna.bianchi@pec.example.it</consegna>
    <ricezione>uno@pec.example.it</ricezione>
    <ricezione>due@pec.example.it</ricezione>
    <errore-esteso>5.1.1 - Gestore Uno - indirizzo non valido</errore-esteso>
  </dati>
</postacert>`;

const parse = (xml: string) => parseDaticert(Buffer.from(xml));

describe('parseDaticert', () => {
  it('reads every field', () => {
    expect(parse(FULL)).toEqual({
      tipo: 'avvenuta-consegna',
      errore: 'nessuno',
      mittente: 'mario.rossi@pec.example.it',
      destinatari: [
        { address: 'anna.bianchi@pec.example.it', tipo: 'certificato' },
        { address: 'paolo.gialli@posta.example', tipo: 'esterno' },
        { address: 'luca.verdi@pec.example.it', tipo: 'certificato' },
      ],
      risposte: 'studio@pec.example.it',
      oggetto: 'Perché <"così"> & basta',
      gestoreEmittente: 'Gestore Uno S.p.A.',
      data: { giorno: '28/03/2026', ora: '23:30:15', zona: '+0200' },
      at: Date.UTC(2026, 2, 28, 21, 30, 15),
      identificativo: 'opec1.20260328233015@gestore-uno.example',
      msgid: '<1234@pec.example.it>',
      ricevuta: 'completa',
      consegna: 'anna.bianchi@pec.example.it',
      ricezione: ['uno@pec.example.it', 'due@pec.example.it'],
      erroreEsteso: '5.1.1 - Gestore Uno - indirizzo non valido',
    });
  });

  it('does without what the DTD lets out', () => {
    const minimal = FULL.replace(/<(oggetto|msgid|consegna|ricezione|errore-esteso)>.*<\/\1>/g, '')
      .replace('<ricevuta tipo="completa" />', '')
      .replace(' errore="nessuno"', '');
    expect(parse(minimal)).toMatchObject({
      errore: 'nessuno',
      oggetto: null,
      msgid: null,
      ricevuta: null,
      consegna: null,
      ricezione: [],
      erroreEsteso: null,
    });
  });

  it.each([
    ['31/02/2026', '10:00:00', '+0100'],
    ['01/13/2026', '10:00:00', '+0100'],
    ['1/1/2026', '10:00:00', '+0100'],
    ['01/01/2026', '25:00:00', '+0100'],
    ['01/01/2026', '10:00', '+0100'],
    ['01/01/2026', '10:00:00', 'CET'],
    ['01/01/2026', '10:00:00', '+9999'],
    ['', '', ''],
  ])('keeps a date that is none as it stands: %s %s %s', (giorno, ora, zona) => {
    const xml = FULL.replace('28/03/2026', giorno).replace('23:30:15', ora).replace('+0200', zona);
    expect(parse(xml)).toMatchObject({ at: null, data: { giorno, ora, zona } });
  });

  it('accepts a negative offset and one with a colon', () => {
    expect(parse(FULL.replace('+0200', '-01:30')).at).toBe(Date.UTC(2026, 2, 29, 1, 0, 15));
  });

  it.each([
    ['a document type', `${HEAD}<!DOCTYPE postacert SYSTEM "http://192.0.2.1/x.dtd">${FULL.slice(HEAD.length)}`],
    ['an entity', `${HEAD}<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><postacert tipo="&e;"/>`],
    [
      'a billion laughs',
      `${HEAD}<!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><postacert>&b;</postacert>`,
    ],
    ['an undeclared entity', FULL.replace('Gestore Uno S.p.A.', '&boom;')],
    ['another root', FULL.replaceAll('postacert', 'altro')],
    ['no tipo', FULL.replace('tipo="avvenuta-consegna"', '')],
    ['no dati', FULL.replace(/<dati>[\s\S]*<\/dati>/, '')],
    ['no intestazione', FULL.replace(/<intestazione>[\s\S]*<\/intestazione>/, '')],
    ['no identificativo', FULL.replace(/<identificativo>.*<\/identificativo>/, '')],
    ['a tag left open', FULL.replace('</dati>', '')],
    ['nothing', ''],
    ['no XML', 'Content-Type: text/plain'],
    ['a second root', `${FULL}<postacert/>`],
    ['a deep tree', `${'<a>'.repeat(50_000)}${'</a>'.repeat(50_000)}`],
    ['too much', FULL.replace('Perché', 'x'.repeat(1_100_000))],
  ])('refuses %s', (_name, xml) => {
    expect(() => parse(xml)).toThrow(DaticertError);
  });

  it('reads octets that are not the UTF-8 they claim to be', () => {
    expect(parseDaticert(Buffer.from(FULL, 'latin1')).oggetto).toBe('Perché <"così"> & basta');
  });

  it('reads other encodings, a byte order mark and blanks before the declaration', () => {
    const latin = FULL.replace('UTF-8', 'ISO-8859-1');
    expect(parseDaticert(Buffer.from(latin, 'latin1')).oggetto).toBe('Perché <"così"> & basta');
    expect(parseDaticert(Buffer.from(`\uFEFF${FULL}`)).tipo).toBe('avvenuta-consegna');
    expect(parse(`\r\n${FULL}`).tipo).toBe('avvenuta-consegna');
  });

  it('lets no control character through', () => {
    expect(parse(FULL.replace('Gestore', 'Ge\0sto&#1;re')).gestoreEmittente).toBe('Ge\uFFFDsto\uFFFDre Uno S.p.A.');
  });

  it('takes fields from their own place only', () => {
    const moved = FULL.replace('<oggetto>', '<oggetto><identificativo>falso</identificativo>');
    expect(parse(moved).identificativo).toBe('opec1.20260328233015@gestore-uno.example');
  });

  it('reads a list of thousands of recipients', () => {
    const many = '<destinatari>a@pec.example.it</destinatari>'.repeat(5000);
    expect(parse(FULL.replace('<risposte>', `${many}<risposte>`)).destinatari).toHaveLength(5003);
  });
});
