"""Speaks XTA 2 with zeep, built from the original WSDL, and tells what came of each call as one line of JSON.

Arguments: the WSDL, the server's address, the CA, and a folder with NAME.pem and NAME.key for each partner.
Reads calls from stdin, one JSON list per line: [partner, operation, {arguments}].
"""
import base64
import json
import sys

import requests
from lxml import etree
from zeep import Client, Settings
from zeep.exceptions import Fault
from zeep.transports import Transport

WSDL, BASE, CA, FOLDER = sys.argv[1:5]
XTA = "{http://xoev.de/transport/xta/211}"
META = "{http://www.osci.eu/ws/2014/10/transport}"
OSCI = "{http://www.osci.eu/ws/2008/05/transport}"
WSA = "{http://www.w3.org/2005/08/addressing}"
PORTS = {"management": "managementHttpsBinding", "send": "sendXTAHttpsBinding", "msgbox": "msgBoxHttpsBinding"}
PARTNERS = {}


class Partner:
    def __init__(self, name):
        session = requests.Session()
        session.trust_env = False  # the environment may name other anchors and proxies
        session.verify = CA
        if name != "nobody":
            session.cert = (f"{FOLDER}/{name}.pem", f"{FOLDER}/{name}.key")
        self.session = session
        settings = Settings(strict=True, xml_huge_tree=True)
        self.client = Client(WSDL, transport=Transport(session=session), settings=settings)

    def port(self, name):
        return self.client.create_service(XTA + PORTS[name], f"{BASE}/xta/{name}")

    def element(self, name):
        return self.client.get_element(name)

    def author(self, identifier):
        return self.element(META + "Author")(Identifier={"_value_1": identifier, "type": "xoev"})

    def metadata(self, said):
        party = lambda value: {"Identifier": {"_value_1": value, "type": "xoev"}}
        identification = {"MessageID": said["id"]}
        if "in_reply_to" in said:
            identification["In-Reply-To"] = said["in_reply_to"]
        return self.element(META + "MessageMetaData")(
            TestMsg=said.get("test", False),
            DeliveryAttributes={k: said[k] for k in ("NotBefore", "ObsoleteAfter") if k in said},
            Originators={"Author": party(said["author"])},
            Destinations={"Reader": party(said["reader"])},
            MsgIdentification=identification,
            Qualifier={
                "Subject": "Anzeige",
                "Service": said["service"],
                "BusinessScenario": {"Defined": {"code": "BRUNNEN_DATA", "listURI": "urn:x", "listVersionID": "1"}},
                "MessageType": {"code": "0201", "listURI": "urn:x", "listVersionID": "1", "payloadSchema": "urn:y"},
            },
            MsgSize=1000,
        )


def container(said):
    attachments = [
        {"_value_1": base64.b64decode(one["content"]), "contentType": "application/pdf", "filename": one["name"], "id": one["id"]}
        for one in said.get("attachments", [])
    ]
    message = {"_value_1": base64.b64decode(said["message"]), "contentType": "text/xml", "id": "MESSAGE"}
    return {"Message": message, "Attachment": attachments}


def plain(value):
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if hasattr(value, "__values__"):
        return {name: plain(one) for name, one in value.__values__.items()}
    if isinstance(value, dict):
        return {name: plain(one) for name, one in value.items()}
    if isinstance(value, list):
        return [plain(one) for one in value]
    if isinstance(value, etree._Element):
        return etree.tostring(value).decode()
    return value if isinstance(value, (str, int, float, bool, type(None))) else str(value)


def call(name, operation, said):
    partner = PARTNERS.setdefault(name, Partner(name))
    if operation in ("sendMessage", "sendMessageSync"):
        port = partner.port("send")
        return getattr(port, operation)(ContentContainer=container(said), _soapheaders=[partner.metadata(said)])
    headers = [partner.author(said["author"])]
    if operation in ("checkAccountActive", "createMessageId"):
        return getattr(partner.port("management"), operation)(_soapheaders=headers)
    if operation in ("getTransportReport", "cancelMessage"):
        return getattr(partner.port("management"), operation)(said["id"], _soapheaders=headers)
    if operation == "lookupService":
        wish = {"LookupService": {"Reader": {"Identifier": {"_value_1": said["reader"], "type": "xoev"}}, "ServiceType": said["service"]}}
        return partner.port("management").lookupService(LookupServiceRequestList=[wish], _soapheaders=headers)
    port = partner.port("msgbox")
    selector = {"MessageID": said["ids"]} if "ids" in said else None
    if operation == "getStatusList":
        return port.getStatusList(MsgSelector=selector, maxListItems=said.get("most"), ListForm=said.get("form"), _soapheaders=headers)
    if operation == "getMessage":
        return port.getMessage(MsgSelector=selector, _soapheaders=headers)
    if operation in ("getNextStatusList", "getNextMessage", "close"):
        return getattr(port, operation)(MsgBoxRequestID=said["request"], LastMsgReceived=said.get("ids", []), _soapheaders=headers)
    raise ValueError(operation)


def told(name, operation, said):
    try:
        return {"answer": plain(call(name, operation, said))}
    except Fault as fault:
        detail = fault.detail
        code = [one.text for one in detail.iter() if etree.QName(one).localname == "code"] if detail is not None else []
        exception = [etree.QName(one).localname for one in detail] if detail is not None else []
        return {"fault": code[0] if code else None, "exception": exception[0] if exception else None, "reason": fault.message}
    except requests.exceptions.RequestException as broken:
        return {"connection": type(broken).__name__, "why": str(broken)}


for line in sys.stdin:
    print(json.dumps(told(*json.loads(line)), ensure_ascii=False), flush=True)
