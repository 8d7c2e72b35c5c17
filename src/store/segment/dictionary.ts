/**
 * What the skeletons of PEC messages have in common (RFC 6109 sections 4 and 5): raw content for the compressor (RFC 8878
 * section 6), what is most frequent at the end. Pieces of scheme 2 can be read with these very octets only: they never
 * change, and what is better comes as another scheme.
 */

/** Octets that every gestore's signature has: object identifiers of CMS, of its signed attributes, of certificates. */
const SIGNATURE = Buffer.from(
  '06092a864886f70d01010b050030820122300d06092a864886f70d01010105000382010f003082010a0282010100' +
    '020301000130130603551d25040c300a06082b06010505070304300e0603551d0f0101ff0404030206c0' +
    '300c06082a8648ce3d0403020500300a06082a8648ce3d0403020446304402202206092a864886f70d010901' +
    '310b3009060355040613024954310b30090603550403060355040a06035504080603550407' +
    '06092a864886f70d010702a0823080020101310f300d06096086480165030402010500300b06092a864886f70d010701a082' +
    '300d06096086480165030402010500a08184301806092a864886f70d010903310b06092a864886f70d010701' +
    '301c06092a864886f70d010905310f170d3236303630313038303030305a302f06092a864886f70d01090431220420',
  'hex',
);

const TEXT = `X-Mailer: X-Priority: 3 (Normal)\r
Importance: normal\r
User-Agent: Mozilla Thunderbird\r
Content-Language: it\r
In-Reply-To: <\r
References: <\r
Cc: \r
X-VerificaSicurezza: errore\r
X-Ricevuta: non-accettazione\r
X-Ricevuta: errore-consegna\r
X-Ricevuta: preavviso-errore-consegna\r
X-Ricevuta: presa-in-carico\r
Subject: AVVISO DI MANCATA CONSEGNA: \r
Subject: AVVISO DI NON ACCETTAZIONE: \r
Subject: ANOMALIA MESSAGGIO: \r
X-Trasporto: errore\r
X-TipoRicevuta: breve\r
X-TipoRicevuta: sintetica\r
Il messaggio è stato rifiutato dal sistema.\r
casella inesistente\r
Content-Type: text/plain; charset="us-ascii"\r
Content-Type: text/plain; charset=utf-8; format=flowed\r
Content-Transfer-Encoding: 8bit\r
Content-Type: application/octet-stream; name="\r
Content-Type: application/pkcs7-mime; smime-type=signed-data; name="documento.pdf.p7m"\r
Content-Disposition: attachment;\r
 filename="documento.pdf.p7m"\r
Content-Type: multipart/mixed;\r
 boundary="------------\r
Content-Type: multipart/mixed;\r
	boundary="\r
Mon, 1 Jan 2026 Tue, 2 Feb 2026 Wed, 3 Mar 2026 Thu, 4 Apr 2026 Fri, 5 May 2026 Sat, 6 Jul 2026 Sun, 7 Aug 2027 Sep Oct Nov Dec 10:00:00 +0100\r
Return-Path: <mario.rossi@pec.example.it>\r
Received: from pec.example.it (localhost [127.0.0.1])\r
	by pec.example.it (Postfix) with ESMTP id 4F000\r
	for <mario.rossi@pec.example.it>; Mon, 01 Jun 2026 10:00:00 +0200 (CEST)\r
Received: from client.pec.example.it (client.pec.example.it [192.0.2.10])\r
 by mx.pec.example.it with ESMTPS; Mon, 01 Jun 2026 10:00:00 +0200\r
Received: from client.pec.example.it (client.pec.example.it [192.0.2.10])\r
 by submission.pec.example.it with ESMTPS; Mon, 01 Jun 2026 10:00:00 +0200\r
X-Riferimento-Message-ID: <\r
X-TipoRicevuta: completa\r
Date: Mon, 01 Jun 2026 10:00:00 +0200\r
Message-ID: <opec1000.20260601100000.10000.100.1.10@pec.example.it>\r
From: "Mario Rossi" <mario.rossi@pec.example.it>\r
To: "Mario Rossi" <mario.rossi@pec.example.it>\r
Subject: \r
MIME-Version: 1.0\r
Content-Type: multipart/mixed; boundary="----=_Part_100000_0000000000000000"\r
\r
------=_Part_100000_0000000000000000\r
Content-Type: text/plain; charset=UTF-8\r
Content-Transfer-Encoding: quoted-printable\r
\r
Spettabile\r
Buongiorno,=20\r
in allegato si trasmette quanto in oggetto.=C3=A0=C3=A8=C3=B9=E2=80=99\r
Cordiali saluti,\r
Distinti saluti\r
\r
------=_Part_100000_0000000000000000\r
Content-Type: application/pdf; name="documento.pdf"\r
Content-Transfer-Encoding: base64\r
Content-Disposition: attachment; filename="documento.pdf"\r
\r
------=_Part_100000_0000000000000000--\r
Return-Path: <posta-certificata@pec.example.it>\r
X-Riferimento-Message-ID: <\r
X-Ricevuta: accettazione\r
X-Ricevuta: avvenuta-consegna\r
X-TipoRicevuta: completa\r
X-Trasporto: posta-certificata\r
Date: Mon, 01 Jun 2026 10:00:00 +0200\r
Subject: ACCETTAZIONE: \r
Subject: CONSEGNA: \r
Subject: POSTA CERTIFICATA: \r
From: "Per conto di: mario.rossi@pec.example.it"\r
 <posta-certificata@pec.example.it>\r
Reply-To: mario.rossi@pec.example.it\r
From: posta-certificata@pec.example.it\r
To: mario.rossi@pec.example.it\r
Message-ID: <opec1000.20260601100000.10000.100.1.10@pec.example.it>\r
MIME-Version: 1.0\r
Content-Type: multipart/signed; protocol="application/x-pkcs7-signature"; micalg="sha-256"; boundary="----\r
Content-Type: multipart/signed; protocol="application/pkcs7-signature"; micalg=sha-256; boundary="----=_Part_100000_0000000000000000"\r
\r
This is an S/MIME signed message\r
\r
------=_Part_100000_0000000000000000\r
Content-Type: multipart/mixed; boundary="----=_Part_100000_0000000000000000"\r
\r
------=_Part_100000_0000000000000000\r
Content-Type: multipart/alternative; boundary="----=_Part_100000_0000000000000000"\r
\r
------=_Part_100000_0000000000000000\r
Content-Type: text/plain; charset=iso-8859-1\r
Content-Transfer-Encoding: quoted-printable\r
\r
Ricevuta di accettazione\r
\r
Il giorno 01/06/2026 alle ore 10:00:00 (+0200) il messaggio "" proveniente da\r
"mario.rossi@pec.example.it" ed indirizzato a:\r
mario.rossi@pec.example.it ("posta certificata")\r
Il messaggio =E8 stato accettato dal sistema ed inoltrato.\r
\r
Identificativo del messaggio: opec1000.20260601100000.10000.100.1.10@\r
\r
Ricevuta di avvenuta consegna\r
\r
Il giorno 01/06/2026 alle ore 10:00:00 (+0200) il messaggio "" proveniente da\r
"mario.rossi@pec.example.it" ed indirizzato a:\r
(destinatario: mario.rossi@pec.example.it)\r
 =E8 stato consegnato nella casella di destinazione.\r
Messaggio di posta certificata\r
Il messaggio originale =E8 incluso in allegato.\r
\r
Identificativo del messaggio: \r
\r
------=_Part_100000_0000000000000000\r
Content-Type: text/html; charset=iso-8859-1\r
Content-Transfer-Encoding: quoted-printable\r
\r
<!DOCTYPE html><html><head><title></title></head><body>Ricevuta di avvenuta consegna<br>\r
Messaggio di posta certificata<br>\r
<br>\r
Il giorno 01/06/2026 alle ore 10:00:00 (+0200) il messaggio &quot;&quot; proveniente da<br>\r
&quot;mario.rossi@pec.example.it&quot; ed indirizzato a:<br>\r
mario.rossi@pec.example.it (&quot;posta certificata&quot;)<br>\r
(destinatario: mario.rossi@pec.example.it)<br>\r
Il messaggio =E8 stato consegnato nella casella di destinazione.<br>\r
Il messaggio originale =E8 incluso in allegato.<br>\r
<br>\r
Identificativo del messaggio: opec1000.20260601100000.10000.100.1.10@pec.example.it<br>\r
</body></html>\r
------=_Part_100000_0000000000000000--\r
------=_Part_100000_0000000000000000\r
Content-Type: application/xml; name="daticert.xml"\r
Content-Transfer-Encoding: base64\r
Content-Disposition: inline; filename="daticert.xml"\r
\r
<?xml version="1.0" encoding="UTF-8"?>
<postacert tipo="accettazione" errore="nessuno">
<postacert tipo="posta-certificata" errore="nessuno">
<postacert tipo="avvenuta-consegna" errore="nessuno">
    <intestazione>
        <mittente>mario.rossi@pec.example.it</mittente>
        <destinatari tipo="esterno">
        <destinatari tipo="certificato">mario.rossi@pec.example.it</destinatari>
        <risposte>mario.rossi@pec.example.it</risposte>
        <oggetto></oggetto>
    </intestazione>
    <dati>
        <gestore-emittente> S.p.A.</gestore-emittente>
        <data zona="+0100">
        <data zona="+0200">
            <giorno>01/06/2026</giorno>
            <ora>10:00:00</ora>
        </data>
        <identificativo>opec1000.20260601100000.10000.100.1.10@pec.example.it</identificativo>
        <msgid>&lt;@pec.example.it&gt;</msgid>
        <ricevuta tipo="completa" />
        <consegna>mario.rossi@pec.example.it</consegna>
    </dati>
</postacert>
------=_Part_100000_0000000000000000\r
Content-Type: message/rfc822; name="postacert.eml"\r
Content-Transfer-Encoding: 7bit\r
Content-Disposition: inline; filename="postacert.eml"\r
\r
------=_Part_100000_0000000000000000--\r
------=_Part_100000_0000000000000000\r
Content-Type: application/x-pkcs7-signature; name="smime.p7s"\r
Content-Type: application/pkcs7-signature; name="smime.p7s"\r
Content-Transfer-Encoding: base64\r
Content-Disposition: attachment; filename="smime.p7s"\r
\r
`;

export const PEC_DICTIONARY: Uint8Array = Buffer.concat([Buffer.from(TEXT), SIGNATURE]);
