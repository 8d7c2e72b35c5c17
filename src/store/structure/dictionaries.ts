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

/** Folded text: fields of headers, receipts as gestori word them, the values of daticert.xml. */
export const TEXT_DICTIONARY: Uint8Array = Buffer.from(
  [
    'x-mailer: microsoft outlook 16.0\nthread-index: \nlist-unsubscribe: \nx-spam-status: \ndelivered-to: \nenvelope-to: \nauthentication-results: \nreceived-spf: pass\ndkim-signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=\nx-originating-ip: [192.0.2.1]\nx-priority: 3 (normal)\nimportance: normal\ndisposition-notification-to: <\nauto-submitted: auto-generated\nx-trasporto: errore\ncontent-language: it\ncontent-disposition: attachment; filename="documento.docx"\nimage001.png\nfattura elettronica\n',
    ' jan feb mar apr may jun jul aug sep oct nov dec mon, tue, wed, thu, fri, sat, sun, 2025 2026 2027 +0000 (cest) (cet)',
    'non-accettazione\nno-dest\naltro\nerrore-consegna\npreavviso-errore-consegna\npresa-in-carico\nrilevazione-virus\nesterno\nbreve\nsintetica\nanomalia messaggio: re: r: i: fwd: avviso di mancata consegna: avviso di non accettazione: x-verificasicurezza: x-tiporicevuta: completa\nnel messaggio e stato rilevato un errore 5.1.1 - casella inesistente\nil messaggio e stato rifiutato dal sistema.\n',
    'buongiorno,\negregio avvocato,\ngentile cliente,\nspett.le \nin allegato alla presente si trasmette si comunica che della con per del nel alla dei delle ed il la lo gli\nin attesa di riscontro, si porgono cordiali saluti.\ndistinti saluti\n',
    'user-agent: mozilla thunderbird\nreferences: <\nin-reply-to: <\ncc: \nbcc: \nreply-to: \nsubject: \nmime-version: 1.0\ncontent-transfer-encoding: 8bit\ncontent-type: text/plain; charset=utf-8; format=flowed\ncontent-transfer-encoding: quoted-printable\ncontent-type: text/plain; charset=utf-8\ncontent-type: multipart/alternative; boundary="',
    'documento.pdf\natto.pdf.p7m\nallegato.zip\nfattura.xml.p7m\n',
    'ricevuta di accettazione\n\nil giorno 01/06/2026 alle ore 10:00:00 (+0200) il messaggio "\n" proveniente da\n"mario.rossi@pec.example.it" ed indirizzato a:\n ("posta certificata")\n("posta ordinaria")\n(destinatario: \ne stato accettato dal sistema ed inoltrato.\n\nil messaggio e stato accettato dal sistema ed inoltrato.\n\n',
    'messaggio di posta certificata\n\nil giorno 01/06/2026 alle ore 10:00:00 (+0200) il messaggio\n"\n" e stato inviato da "\nindirizzato a:\nil messaggio originale e incluso in allegato.\n\nl\'identificativo univoco di questo messaggio e: \n',
    'return-path: <posta-certificata@pec.example.it>\nreceived: from mx.pec.example.it (mx.pec.example.it [192.0.2.1]) by smtp.pec.example.it with esmtps; mon, 1 jun 2026 10:00:00 +0200\nx-riferimento-message-id: <\nx-ricevuta: accettazione\nx-trasporto: posta-certificata\ndate: mon, 1 jun 2026 10:00:00 +0200\nsubject: posta certificata: \nsubject: accettazione: \nsubject: consegna: comunicazione\nfrom: "per conto di: mario.rossi@pec.example.it" <posta-certificata@pec.example.it>\nreply-to: mario.rossi@pec.example.it\nto: mario.rossi@pec.example.it\nmessage-id: <opec1000.20260601100000.10000.100.1.10@pec.example.it>\nmime-version: 1.0\ncontent-type: multipart/signed; protocol="application/pkcs7-signature"; micalg=sha-256; boundary="----=_part_100000_0000000000000000"\0',
    'ricevuta di avvenuta consegna\n\nil giorno 01/06/2026 alle ore 10:00:00 (+0200) il messaggio "comunicazione" proveniente da\n"mario.rossi@pec.example.it" ed indirizzato a:\n"mario.rossi@pec.example.it"\ne stato consegnato nella casella di destinazione.\nil messaggio e stato consegnato nella casella di destinazione.\n\nidentificativo del messaggio: opec1000.20260601100000.10000.100.1.10@pec.example.it\n\ndaticert.xml\naccettazione\nposta-certificata\navvenuta-consegna\nnessuno\nmario.rossi@pec.example.it\ncertificato\n s.p.a.\n+0100\n01/06/2026\n10:00:00\nopec1000.20260601100000.10000.100.1.10@pec.example.it\n<\n@pec.example.it>\ncompleta\n',
    'postacert.eml\nreceived: from client.pec.example.it (client.pec.example.it [192.0.2.1]) by smtp.pec.example.it with esmtps; mon, 1 jun 2026 10:00:00 +0200\nx-riferimento-message-id: <\nmessage-id: <opec1000.20260601100000.10000.100.1.10@pec.example.it>\ndate: mon, 1 jun 2026 10:00:00 +0200\nfrom: mario rossi <mario.rossi@pec.example.it>\nto: mario.rossi@pec.example.it\nsubject: comunicazione\nmime-version: 1.0\ncontent-type: multipart/mixed; boundary="----=_part_100000_0000000000000000"\ndocumento.pdf\nsmime.p7s\0',
  ].join(''),
);
