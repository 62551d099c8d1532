"""What lxml's isoschematron says of documents: the reference implementation of ISO Schematron for XSLT 1.0.

Reads {"rules": [...], "phase": [...], "documents": [...]} and writes, for each of the rules, for each document, a list of
[path, text] of what failed, in the order of the report.
"""

import json
import sys

from lxml import etree, isoschematron

SVRL = "{http://purl.oclc.org/dsdl/svrl}"


def path(tree, location):
    if location.startswith("/@"):
        return location[1:]
    return tree.getpath(tree.xpath(location, namespaces={"p": "urn:p"})[0])


def told(tree, said):
    texts = [said.find(f"{SVRL}text"), *said.findall(f"{SVRL}diagnostic-reference")]
    words = " ".join("".join(text.itertext()) for text in texts if text is not None).split()
    return [path(tree, said.get("location")), " ".join(words)]


def judge(rules, phase, documents):
    schematron = isoschematron.Schematron(etree.fromstring(rules), store_report=True, phase=phase)
    judged = []
    for document in documents:
        tree = etree.ElementTree(etree.fromstring(document))
        schematron.validate(tree)
        report = schematron.validation_report.getroot()
        said = [one for one in report if one.tag in (f"{SVRL}failed-assert", f"{SVRL}successful-report")]
        judged.append([told(tree, one) for one in said])
    return judged


asked = json.load(sys.stdin)
pairs = zip(asked["rules"], asked["phases"])
json.dump([judge(rules, phase, asked["documents"]) for rules, phase in pairs], sys.stdout)
