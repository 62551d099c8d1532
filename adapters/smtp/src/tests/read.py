"""Prints every mail of a Maildir as a line of JSON, read with Python's own mail package."""
import email, email.policy, hashlib, json, pathlib, re, sys

for path in sorted(pathlib.Path(sys.argv[1], "new").glob("*")):
    # Who passed it on is no part of what was sent.
    raw = re.sub(rb"^(Received:.*\n([ \t].*\n)*)+", b"", path.read_bytes())
    mail = email.message_from_bytes(raw, policy=email.policy.default)
    attached = [part for part in mail.walk() if part.get_content_disposition() == "attachment"]
    sha256 = lambda content: hashlib.sha256(content).hexdigest()
    print(json.dumps({
        "id": mail["Message-ID"],
        "headers": {name: str(value) for name, value in mail.items()},
        "defects": [str(defect) for part in mail.walk() for defect in part.defects],
        "text": mail.get_body(("plain",)).get_content(),
        "names": [part.get_filename() for part in attached],
        "types": [part.get_content_type() for part in attached],
        "digests": [sha256(part.get_payload(decode=True)) for part in attached],
        "sha256": sha256(raw),
    }))
