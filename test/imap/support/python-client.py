"""The engine as Python's own client sees it. Prints one JSON document."""
import imaplib
import json
import sys

port, user, password = int(sys.argv[1]), sys.argv[2], sys.argv[3]
message = b"From: a@pec.example.it\r\nSubject: prova\r\n\r\ncorpo\r\n"
seen = {}
with imaplib.IMAP4("127.0.0.1", port) as client:
    client.login(user, password)
    seen["capabilities"] = client.capability()[1][0].decode().split()
    seen["create"] = client.create("Prova/uno")[0]
    when = imaplib.Time2Internaldate(1780308000)
    seen["append"] = [client.append("Prova/uno", "(\\Seen)", when, message)[0] for _ in range(3)]
    seen["list"] = [line.decode() for line in client.list()[1]]
    seen["select"] = client.select("Prova/uno")[1][0].decode()
    seen["fetch"] = client.fetch("1", "(UID FLAGS BODY[])")[1][0][1].decode()
    seen["search"] = client.search(None, "SUBJECT", "prova")[1][0].decode()
    seen["uid"] = client.uid("SEARCH", "UID", "2:*")[1][0].decode()
    client.store("2", "+FLAGS", "\\Deleted")
    seen["expunge"] = [number.decode() for number in client.expunge()[1]]
    seen["copy"] = client.copy("1", "Archivio")[0]
    client.close()
    seen["archive"] = client.select("Archivio", readonly=True)[1][0].decode()
    try:
        seen["delete"] = client.delete("Archivio")
    except imaplib.IMAP4.error as error:
        seen["delete"] = str(error)
    seen["status"] = client.status("Prova/uno", "(MESSAGES UIDNEXT)")[1][0].decode()
print(json.dumps(seen, default=str))
