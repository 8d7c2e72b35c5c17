/**
 * What the rows of most messages have in common, for the compressor: raw content (RFC 8878 section 6), what is most
 * frequent at the end. Rows can be read with the very same octets only: after a change here the rows are made again
 * (archivia rebuild), and SCHEMA_VERSION says so.
 */

const TEXT_PART = '("text" "plain" ("charset" "utf-8" "format" "flowed") NIL NIL "8bit" 1000 20 NIL NIL NIL NIL)';
const ALTERNATIVE =
  '("text" "plain" ("charset" "iso-8859-1") NIL NIL "quoted-printable" 500 10 NIL NIL NIL NIL)("text" "html" ("charset" "iso-8859-1") NIL NIL "quoted-printable" 500 10 NIL NIL NIL NIL) "alternative" ("boundary" "----=_Part_100000_0000000000000000") NIL NIL NIL)';
const DATICERT =
  '("application" "xml" ("name" "daticert.xml") NIL NIL "base64" 1200 NIL ("inline" ("filename" "daticert.xml")) NIL NIL)';
const SIGNATURE =
  '"mixed" ("boundary" "----=_Part_100000_0000000000000000") NIL NIL NIL)("application" "pkcs7-signature" ("name" "smime.p7s") NIL NIL "base64" 2000 NIL ("attachment" ("filename" "smime.p7s")) NIL NIL) "signed" ("protocol" "application/pkcs7-signature" "micalg" "sha-256" "boundary" "----=_Part_100000_0000000000000000") NIL NIL NIL)\n';

export const LISTING_DICTIONARY: Uint8Array = Buffer.from(
  [
    '("application" "octet-stream" ("name" "fattura.xml") NIL NIL "7bit" ("application" "zip" ("image" "png" ("name" "image001.png") "<image001.png@',
    ' "related" ("type" "text/html" "boundary" "_000_" ("application" "msword" ("application" "vnd.openxmlformats-officedocument.wordprocessingml.document" ("name" "documento.docx")',
    '("application" "pkcs7-mime" ("name" "atto.pdf.p7m" "smime-type" "signed-data") NIL NIL "base64" 100000 NIL ("attachment" ("filename" "atto.pdf.p7m")) NIL NIL)',
    '("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" ("application" "x-pkcs7-signature" ("message" "delivery-status" NIL NIL NIL "report" ("report-type" "delivery-status"',
    '("Sat, 28 Feb 2026 23:59:59 +0000" "Re: ANOMALIA MESSAGGIO: " "AVVISO DI NON ACCETTAZIONE: " "AVVISO DI MANCATA CONSEGNA: " "PRESA IN CARICO: " "=?iso-8859-1?Q?=E0?=" "=?UTF-8?Q?',
    '("Fri, 29 May 2026 10:00:00 +0200" "Thu, Wed, Tue, Mon, 1 Jan Feb Mar Apr Jun Jul Aug Sep Oct Nov Dec 2027 ',
    'Avviso di mancata consegna Il giorno 01/01/2026 alle ore 10:00:00 (+0100) nel messaggio " è stato rilevato un errore 5.1.1 - casella inesistente. Il messaggio è stato rifiutato dal sistema.\n',
    `(${TEXT_PART}("application" "pdf" ("name" "documento.pdf") NIL NIL "base64" 100000 NIL ("attachment" ("filename" "documento.pdf")) NIL NIL) "mixed" ("boundary" "------------0000000000000000") NIL NIL NIL)\n`,
    '("Mon, 1 Jun 2026 10:00:00 +0200" "CONSEGNA: " ((NIL NIL "posta-certificata" "pec.example.it")) ((NIL NIL "posta-certificata" "pec.example.it")) ((NIL NIL "posta-certificata" "pec.example.it")) ((NIL NIL "mario.rossi" "pec.example.it")) NIL NIL NIL "<opec1000.20260601100000.10000.100.1.10@pec.example.it>")\n',
    `((("text" "plain" ("charset" "iso-8859-1") NIL NIL "quoted-printable" 400 10 NIL NIL NIL NIL)${DATICERT} ${SIGNATURE}`,
    'Ricevuta di accettazione Il giorno 01/06/2026 alle ore 10:00:00 (+0200) il messaggio "Comunicazione" proveniente da "mario.rossi@pec.example.it" ed indirizzato a: ',
    'Messaggio di posta certificata Ricevuta di avvenuta consegna Il giorno 01/06/2026 alle ore 10:00:00 (+0200) il messaggio "Comunicazione" proveniente da "mario.rossi@pec.example.it" ed indirizzato a "mario.rossi@pec.example.it" è stato consegnato nella casella di destinazione.\n',
    '("Mon, 01 Jun 2026 10:00:00 +0200" "ACCETTAZIONE: " "POSTA CERTIFICATA: Comunicazione" (("Per conto di: mario.rossi@pec.example.it" NIL "posta-certificata" "pec.example.it")) (("Per conto di: mario.rossi@pec.example.it" NIL "posta-certificata" "pec.example.it")) ((NIL NIL "mario.rossi" "pec.example.it")) ((NIL NIL "mario.rossi" "pec.example.it")) NIL NIL NIL "<',
    `(((${ALTERNATIVE}${DATICERT}("message" "rfc822" ("name" "postacert.eml") NIL NIL "7bit" 10000 ("Mon, 01 Jun 2026 10:00:00 +0200" "Comunicazione" ((NIL NIL "mario.rossi" "pec.example.it")) ((NIL NIL "mario.rossi" "pec.example.it")) ((NIL NIL "mario.rossi" "pec.example.it")) ((NIL NIL "mario.rossi" "pec.example.it")) NIL NIL NIL "<opec1000.20260601100000.10000.100.1.10@pec.example.it>") (("text" "plain" ("charset" "UTF-8") NIL NIL "quoted-printable" 1000 20 NIL NIL NIL NIL)("application" "pdf" ("name" "atto.pdf") NIL NIL "base64" 100000 NIL ("attachment" ("filename" "atto.pdf")) NIL NIL) "mixed" ("boundary" "----=_Part_100000_0000000000000000") NIL NIL NIL) 1000 NIL ("inline" ("filename" "postacert.eml")) NIL NIL) ${SIGNATURE}`,
  ].join(''),
);

const RECEIPT_TREE =
  '[1,[0,700,4000,75,"multipart/signed","7bit",["protocol","application/pkcs7-signature","micalg","sha-256","boundary","----=_Part_100000_0000000000000000"],[[74,80,1800,35,"multipart/mixed","7bit",["boundary","----=_Part_100000_0000000000000000"],[[38,93,400,10,"text/plain","quoted-printable",["charset","iso-8859-1"],[],0],';
const DATICERT_NODE =
  '[600,143,1200,15,"application/xml","base64",["name","daticert.xml"],[],["inline",["filename","daticert.xml"],null,null,null,null,[]]]';
const SIGNATURE_NODE =
  '[2000,153,2000,27,"application/pkcs7-signature","base64",["name","smime.p7s"],[],["attachment",["filename","smime.p7s"],null,null,null,null,[]]]],0]]';

export const TREE_DICTIONARY: Uint8Array = Buffer.from(
  [
    '"text/calendar","application/octet-stream","application/zip","image/jpeg","image/png","multipart/related",["type","text/html","application/x-pkcs7-signature",["smime-type","signed-data","message/delivery-status","multipart/report"',
    '"text/plain","7bit",["charset","us-ascii"],"8bit",["charset","utf-8","format","flowed"],[],0],["name","atto.pdf.p7m"],"application/pkcs7-mime","base64"',
    '[1,[0,600,100000,1000,"multipart/mixed","7bit",["boundary","------------000000000000000000000000"],[[50,90,1000,20,"text/plain","8bit",["charset","UTF-8"],[],0],[1000,140,100000,1000,"application/pdf","base64",["name","documento.pdf"],[],["attachment",["filename","documento.pdf"],null,null,null,null,[]]]],0]]',
    `${RECEIPT_TREE}${DATICERT_NODE}],0],${SIGNATURE_NODE}`,
    '[38,86,1200,30,"multipart/alternative","7bit",["boundary","----=_Part_100000_0000000000000000"],[[38,93,500,10,"text/plain","quoted-printable",["charset","iso-8859-1"],[],0],[600,92,500,10,"text/html","quoted-printable",["charset","iso-8859-1"],[],0]],0],',
    `${DATICERT_NODE},[2800,142,100000,1000,"message/rfc822","7bit",["name","postacert.eml"],[[0,600,100000,1000,"multipart/mixed","7bit",["boundary","----=_Part_100000_0000000000000000"],[[38,88,1000,20,"text/plain","quoted-printable",["charset","UTF-8"],[],0],[1000,139,100000,1000,"application/pdf","base64",["name","atto.pdf"],[],["attachment",["filename","atto.pdf"],null,null,null,null,[]]]],0]],["inline",["filename","postacert.eml"],null,null,null,null,[]]]],0],${SIGNATURE_NODE}`,
  ].join(''),
);

export const FACTS_DICTIONARY: Uint8Array = Buffer.from(
  [
    '"family":"rem","kind":"rem","rem":{"messageType":"event":"reason":"evidenceId":"evidence":{"id":"event":"reasons":[],"at":"issuer":"sender":"recipients":["messageIdentifier":"signed":true},"evidenceError":null}',
    '"kind":"presa-in-carico","busta-anomalia","rilevazione-virus","preavviso-errore-consegna","virus":true,"notice":"12h""notice":"24h","tipo":"non-accettazione","errore-consegna","errore":"altro","no-dest","category":"Avvisi"',
    '"ricevuta":"breve""sintetica","tipo":"esterno"},"name":"Per conto di: ","category":"Inviati"',
    '"daticert":null,"daticertError":null,"rem":null,"family":"ordinaria","kind":"ordinaria","category":"Ordinaria"}}',
    '{"summary":{"subject":"ACCETTAZIONE: "subject":"POSTA CERTIFICATA: "subject":"CONSEGNA: Comunicazione","from":[{"name":"","address":"posta-certificata@pec.example.it"}],"to":[{"name":"","address":"mario.rossi@pec.example.it"}],"cc":[],"sentAt":1790000000000,"messageId":"<opec1000.20260601100000.10000.100.1.10@pec.example.it>"},"pec":{"virus":false,"notice":null,"receiptType":null,"referenceMessageId":null,"receiptType":"completa","referenceMessageId":"<',
    '","daticert":{"tipo":"avvenuta-consegna","errore":"nessuno","mittente":"mario.rossi@pec.example.it","destinatari":[{"address":"mario.rossi@pec.example.it","tipo":"certificato"}],"risposte":"mario.rossi@pec.example.it","oggetto":"Comunicazione","gestoreEmittente":" S.p.A.","data":{"giorno":"01/06/2026","ora":"10:00:00","zona":"+0100"},"zona":"+0200"},"at":1790000000000,"identificativo":"opec1000.20260601100000.10000.100.1.10@pec.example.it","msgid":"<',
    '>","ricevuta":"completa","consegna":null,"ricezione":[],"erroreEsteso":null},"daticertError":null,"rem":null,"family":"pec","kind":"busta-trasporto","category":"Ricevuti","kind":"accettazione","kind":"avvenuta-consegna","category":"Ricevute"}}',
  ].join(''),
);
