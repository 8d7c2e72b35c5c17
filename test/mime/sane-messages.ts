import { message, RECEIPT, type Sample } from './corpus.ts';

/** Messages for which every answer must equal Dovecot's. */
export const SANE: readonly Sample[] = [
  {
    name: 'plain',
    raw: message(
      'From: Mario Rossi <mario.rossi@pec.example.it>\nTo: a@b.example\nSubject: prova\nDate: Mon, 2 Nov 2026 09:00:00 +0100\n\nuno\ndue\n',
    ),
  },
  { name: 'receipt', raw: RECEIPT },
  { name: 'no header fields but a blank line', raw: message('\nsolo testo\n') },
  { name: 'empty body', raw: message('From: Mario Rossi <mario.rossi@pec.example.it>\nSubject: vuoto\n\n') },
  { name: 'no final line break', raw: message('From: Mario Rossi <mario.rossi@pec.example.it>\n\nuno\ndue') },
  {
    name: 'text without charset',
    raw: message(
      'From: Mario Rossi <mario.rossi@pec.example.it>\nMIME-Version: 1.0\nContent-Type: text/plain; format=flowed\n\ntesto\n',
    ),
  },
  {
    name: 'html',
    raw: message(
      'From: Mario Rossi <mario.rossi@pec.example.it>\nMIME-Version: 1.0\nContent-Type: text/html; charset=ISO-8859-15\nContent-Transfer-Encoding: 8bit\n\ntesto\n',
    ),
  },
  {
    name: 'mixed case type',
    raw: message(
      'From: Mario Rossi <mario.rossi@pec.example.it>\nMIME-Version: 1.0\nContent-Type: TEXT/Plain; CharSet="UTF-8"\nContent-Transfer-Encoding: Quoted-Printable\n\ntesto\n',
    ),
  },
  {
    name: 'no type, encoding only',
    raw: message(
      'From: Mario Rossi <mario.rossi@pec.example.it>\nMIME-Version: 1.0\nContent-Transfer-Encoding: base64\n\ntesto\n',
    ),
  },
  {
    name: 'application leaf',
    raw: message(
      'From: Mario Rossi <mario.rossi@pec.example.it>\nMIME-Version: 1.0\nContent-Type: application/pdf; name="a b.pdf"\nContent-Transfer-Encoding: base64\nContent-Disposition: attachment; filename="a b.pdf"; size=123\n\ntesto\n',
    ),
  },
  {
    name: 'all content fields',
    raw: message(
      'From: Mario Rossi <mario.rossi@pec.example.it>\nMIME-Version: 1.0\nContent-Type: image/png\nContent-ID: <1@x.example>\nContent-Description: una figura\nContent-MD5: Q2hlY2sgSW50ZWdyaXR5IQ==\nContent-Language: it, en-GB\nContent-Location: http://x.example/a.png\nContent-Disposition: inline\n\ntesto\n',
    ),
  },
  {
    name: 'comments in the type',
    raw: message(
      'From: Mario Rossi <mario.rossi@pec.example.it>\nMIME-Version: 1.0\nContent-Type: text/plain (a comment); charset=utf-8 (another (nested)); x=y\nContent-Transfer-Encoding: (first) 7bit\n\ntesto\n',
    ),
  },
  {
    name: 'folded type',
    raw: message(
      'From: Mario Rossi <mario.rossi@pec.example.it>\nMIME-Version: 1.0\nContent-Type: text/plain;\n\tcharset="utf-8";\n  name="un\n nome.txt"\n\ntesto\n',
    ),
  },
  {
    name: 'escapes in parameters',
    raw: message(
      'From: Mario Rossi <mario.rossi@pec.example.it>\nMIME-Version: 1.0\nContent-Type: text/plain; name="a\\"b\\\\c"\n\ntesto\n',
    ),
  },
  {
    name: 'parameters of RFC 2231',
    raw: message(
      'From: Mario Rossi <mario.rossi@pec.example.it>\nMIME-Version: 1.0\nContent-Type: text/plain; name*=utf-8\'it\'perch%C3%A9.txt\nContent-Disposition: attachment; filename*0="lungo "; filename*1="nome.txt"\n\ntesto\n',
    ),
  },
  {
    name: 'parameters of RFC 2231, mixed',
    raw: message(
      "From: Mario Rossi <mario.rossi@pec.example.it>\nMIME-Version: 1.0\nContent-Type: text/plain\nContent-Disposition: attachment; filename*0*=utf-8''a%20; filename*1=b; filename*2*=%C3%A8; other=1\n\ntesto\n",
    ),
  },
  {
    name: 'encoded word in a parameter',
    raw: message(
      'From: Mario Rossi <mario.rossi@pec.example.it>\nMIME-Version: 1.0\nContent-Type: application/pdf; name="=?utf-8?Q?perch=C3=A9=2Epdf?="\n\ntesto\n',
    ),
  },
  {
    name: 'alternative',
    raw: message(
      'From: Mario Rossi <mario.rossi@pec.example.it>\nContent-Type: multipart/alternative; boundary=b1\n\npreamble\n--b1\n\nplain\n--b1\nContent-Type: text/html\n\n<p>x\n\n--b1--\nepilogue\n\n',
    ),
  },
  {
    name: 'trailing blanks after the delimiters',
    raw: message(
      'From: Mario Rossi <mario.rossi@pec.example.it>\nContent-Type: multipart/mixed; boundary=b1\n\n--b1  \n\nuno\n--b1\t\n\ndue\n--b1--\n',
    ),
  },
  {
    name: 'nested multiparts',
    raw: message(
      'From: Mario Rossi <mario.rossi@pec.example.it>\nContent-Type: multipart/mixed; boundary=a\n\n--a\nContent-Type: multipart/related; boundary=ab; type="text/html"\n\n--ab\nContent-Type: text/html\n\nx\n--ab\nContent-Type: image/gif\n\ny\n--ab--\nepilogo interno\n--a\n\nultimo\n--a--\n',
    ),
  },
  {
    name: 'missing closing delimiters',
    raw: message(
      'From: Mario Rossi <mario.rossi@pec.example.it>\nContent-Type: multipart/mixed; boundary=a\n\n--a\nContent-Type: multipart/mixed; boundary=c\n\n--c\n\nx\n--a\n\ny\n',
    ),
  },
  {
    name: 'message/rfc822',
    raw: message(
      'From: Mario Rossi <mario.rossi@pec.example.it>\nSubject: esterno\nContent-Type: message/rfc822\n\nFrom: b@c.example\nSubject: interno\nDate: Mon, 2 Nov 2026 09:00:00 +0100\n\ncorpo\ninterno\n',
    ),
  },
  {
    name: 'rfc822 in multipart, multipart in it',
    raw: message(
      'From: Mario Rossi <mario.rossi@pec.example.it>\nContent-Type: multipart/mixed; boundary=a\n\n--a\n\ntesto\n--a\nContent-Type: message/rfc822\nContent-Disposition: attachment; filename=x.eml\n\nSubject: interno\nTo: g: a@b.example, c@d.example;\nContent-Type: multipart/alternative; boundary=z\n\n--z\n\n1\n--z\nContent-Type: text/html\n\n2\n--z--\n\n--a--\n',
    ),
  },
  {
    name: 'rfc822 in rfc822',
    raw: message(
      'From: Mario Rossi <mario.rossi@pec.example.it>\nContent-Type: message/rfc822\n\nSubject: due\nContent-Type: message/rfc822\n\nSubject: tre\n\nfondo\n',
    ),
  },
  {
    name: 'digest',
    raw: message(
      'From: Mario Rossi <mario.rossi@pec.example.it>\nContent-Type: multipart/digest; boundary=d\n\n--d\n\nSubject: uno\n\n1\n--d\nContent-Type: text/plain\n\n2\n--d\n\nSubject: tre\nFrom: a@b.example\n\n3\n--d--\n',
    ),
  },
  {
    name: 'group',
    raw: message(
      'From: Mario Rossi <mario.rossi@pec.example.it>\nTo: Soci: anna@x.example, "Bruno B." <b@y.example>;, c@z.example\nSubject: indirizzi\n\ntesto\n',
    ),
  },
  {
    name: 'empty group',
    raw: message(
      'From: Mario Rossi <mario.rossi@pec.example.it>\nTo: undisclosed-recipients:;\nSubject: indirizzi\n\ntesto\n',
    ),
  },
  {
    name: 'comment as name',
    raw: message(
      'From: Mario Rossi <mario.rossi@pec.example.it>\nTo: anna@x.example (Anna Bianchi)\nSubject: indirizzi\n\ntesto\n',
    ),
  },
  {
    name: 'quoted local part',
    raw: message(
      'From: Mario Rossi <mario.rossi@pec.example.it>\nTo: "a b"@x.example, "c\\"d" <e@x.example>\nSubject: indirizzi\n\ntesto\n',
    ),
  },
  {
    name: 'route',
    raw: message(
      'From: Mario Rossi <mario.rossi@pec.example.it>\nTo: Anna <@r1.example,@r2.example:anna@x.example>\nSubject: indirizzi\n\ntesto\n',
    ),
  },
  {
    name: 'domain literal',
    raw: message('From: Mario Rossi <mario.rossi@pec.example.it>\nTo: anna@[192.0.2.1]\nSubject: indirizzi\n\ntesto\n'),
  },
  {
    name: 'encoded names',
    raw: message(
      'From: Mario Rossi <mario.rossi@pec.example.it>\nTo: =?utf-8?Q?Niccol=C3=B2?= Verdi <n@x.example>, "=?utf-8?B?w6g=?=" <e@x.example>\nSubject: indirizzi\n\ntesto\n',
    ),
  },
  {
    name: 'folded list',
    raw: message(
      'From: Mario Rossi <mario.rossi@pec.example.it>\nTo: anna@x.example,\n bruno@y.example,\n\t"Carla\n C." <c@z.example>\nSubject: indirizzi\n\ntesto\n',
    ),
  },
  {
    name: 'name with dots',
    raw: message(
      'From: Mario Rossi <mario.rossi@pec.example.it>\nTo: Dott. M. Rossi <m@x.example>\nSubject: indirizzi\n\ntesto\n',
    ),
  },
  {
    name: 'empty To',
    raw: message('From: Mario Rossi <mario.rossi@pec.example.it>\nTo:\nSubject: indirizzi\n\ntesto\n'),
  },
  {
    name: 'null address',
    raw: message('From: Mario Rossi <mario.rossi@pec.example.it>\nTo: <>\nSubject: indirizzi\n\ntesto\n'),
  },
  {
    name: 'sender, reply-to, cc, bcc',
    raw: message(
      'From: Mario Rossi <mario.rossi@pec.example.it>\nSender: s@x.example\nReply-To: r@x.example, q@x.example\nCc: c@x.example\nBcc: b@x.example\nIn-Reply-To: <1@x.example> <2@x.example>\nReferences: <0@x.example>\nMessage-Id: <3@x.example>\n\n\n',
    ),
  },
  { name: 'empty sender', raw: message('From: Mario Rossi <mario.rossi@pec.example.it>\nSender:\nReply-To:\n\n\n') },
  {
    name: 'folded subject',
    raw: message('From: Mario Rossi <mario.rossi@pec.example.it>\nSubject: uno\n  due\n\ttre\n\n\n'),
  },
  { name: 'empty subject', raw: message('From: Mario Rossi <mario.rossi@pec.example.it>\nSubject:\n\n\n') },
  {
    name: 'subject with quotes',
    raw: message('From: Mario Rossi <mario.rossi@pec.example.it>\nSubject: "uno" \\ due\n\n\n'),
  },
  { name: 'blanks before the colon', raw: message('From : a@b.example\nSubject\t: x\n\n\n') },
  {
    name: 'header with no-field lines',
    raw: message('From: Mario Rossi <mario.rossi@pec.example.it>\nnessun campo qui\nSubject: x\n\ncorpo\n'),
  },
];
