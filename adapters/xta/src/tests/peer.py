"""Loads our WSDL with zeep beside the original, compares what zeep made of both, and has it read our answers."""

import pathlib
import re
import sys

import requests
import zeep
from zeep.transports import Transport

FOLDER, ORIGINAL = pathlib.Path(sys.argv[1]), sys.argv[2]
BASE = "http://xta.example/"


class Ours(Transport):
    """Answers for the address of the WSDL from the folder, and for nothing else."""

    def _load_remote_data(self, url):
        path, _, query = url.partition("?")
        if not path.startswith(BASE):
            raise RuntimeError("would fetch " + url)
        if query == "wsdl":
            return (FOLDER / (path[len(BASE):] + ".wsdl")).read_bytes()
        return (FOLDER / (query.removeprefix("xsd=") + ".xsd")).read_bytes()


class Offline(Transport):
    def _load_remote_data(self, url):
        raise RuntimeError("would fetch " + url)


def operations(client):
    for service in client.wsdl.services.values():
        for port in service.ports.values():
            for operation in port.binding._operations.values():
                yield port.name, operation


def described(client):
    prefixes = {name: url for name, url in client.wsdl.types.prefix_map.items()}

    def plain(signature):
        # The prefixes are numbered in the order of loading.
        return re.sub(r"\b(\w+):(?=\w)", lambda it: "{%s}" % prefixes.get(it[1], it[1]), str(signature))

    return {
        (port, it.name): (plain(it.input.signature()), plain(it.output.signature()), sorted(it.faults))
        for port, it in operations(client)
    }


settings = zeep.Settings(strict=True, xml_huge_tree=True)
original = described(zeep.Client(ORIGINAL, transport=Offline(), settings=settings))
ours, clients = {}, {}
for name in ("management", "send", "msgbox"):
    client = zeep.Client(BASE + name + "?wsdl", transport=Ours(), settings=settings)
    ours |= described(client)
    clients |= {operation.name: (client, operation) for _, operation in operations(client)}
assert len(ours) == 12 and ours.keys() == original.keys(), (ours.keys(), original.keys())
for key, value in original.items():
    assert ours[key] == value, (key, value, ours[key])

for answer in sorted(FOLDER.glob("*.answer")):
    client, operation = clients[answer.name.split(".")[0]]
    response = requests.Response()
    response.status_code = 200
    response.headers["Content-Type"] = (FOLDER / (answer.stem + ".type")).read_text()
    response._content = answer.read_bytes()
    try:
        result = operation.binding.process_reply(client, operation, response)
    except zeep.exceptions.Fault as fault:
        assert "fault" in answer.name, (answer.name, fault)
        print(answer.stem, "Fault", fault.message)
        continue
    print(answer.stem, type(result).__name__)
    if "container" in answer.name:
        assert result.body.ContentContainer.Message._value_1 == b"<xbau/>", result
        assert len(result.body.ContentContainer.Attachment) == 3
print("ok")
