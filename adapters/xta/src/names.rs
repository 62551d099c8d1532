//! The names of web service 2.1.1: namespaces, ports, operations, actions. Where the standard misspells a name, so do we:
//! partners compare bytes.

/// Containers, look-up, transport report, exceptions.
pub const XTA: &str = "http://xoev.de/transport/xta/211";
/// Author, Reader, MessageMetaData.
pub const META: &str = "http://www.osci.eu/ws/2014/10/transport";
/// Message box.
pub const OSCI: &str = "http://www.osci.eu/ws/2008/05/transport";
/// WS-Addressing.
pub const WSA: &str = "http://www.w3.org/2005/08/addressing";
/// XML Encryption.
pub const XENC: &str = "http://www.w3.org/2001/04/xmlenc#";
/// XML Signature.
pub const DS: &str = "http://www.w3.org/2000/09/xmldsig#";
/// SOAP 1.2.
pub const SOAP: &str = "http://www.w3.org/2003/05/soap-envelope";
/// SOAP 1.1, which is refused.
pub const SOAP_11: &str = "http://schemas.xmlsoap.org/soap/envelope/";
/// XOP, by which MTOM points to a part.
pub const XOP: &str = "http://www.w3.org/2004/08/xop/include";
/// WS-Security: security tokens.
pub const WSSE: &str = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd";
/// The code list of fault numbers.
pub const FAULT_LIST: &str = "urn:de:xta:webservice:codeliste:fehlernummer";
/// Reasons why a message box hands out nothing.
pub const REASON_NO_MATCH: &str = "http://www.osci.eu/ws/2008/05/transport/MsgBox/reasons/NoMatch";
/// The selector cannot be understood.
pub const REASON_SEARCH_ARGS_INVALID: &str =
    "http://www.osci.eu/ws/2008/05/transport/MsgBox/reasons/SearchArgsInvalid";
/// The fetch iterator is not known.
pub const REASON_REQUEST_ID_INVALID: &str =
    "http://www.osci.eu/ws/2008/05/transport/MsgBox/reasons/RequestIdInvalid";

/// Namespace and local name of an element; the namespace is empty for none.
pub type Name = (&'static str, &'static str);

/// One of the three ports. Each has an address of its own, often at another host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Port {
    /// Accounts, look-up, message ids, reports, cancelling.
    Management,
    /// Handing in.
    Send,
    /// Fetching.
    MsgBox,
}

impl Port {
    /// All three.
    pub const ALL: [Self; 3] = [Self::Management, Self::Send, Self::MsgBox];

    /// Its name in the service `XTAService`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Management => "ManagementPort",
            Self::Send => "SendXtaPort",
            Self::MsgBox => "MsgBoxPort",
        }
    }
}

/// One of the twelve operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs)] // their names are those of the standard
pub enum Operation {
    CheckAccountActive,
    LookupService,
    CreateMessageId,
    GetTransportReport,
    CancelMessage,
    SendMessage,
    SendMessageSync,
    GetStatusList,
    GetNextStatusList,
    GetMessage,
    GetNextMessage,
    Close,
}

use Operation::{
    CancelMessage, CheckAccountActive, Close, CreateMessageId, GetMessage, GetNextMessage, GetNextStatusList,
    GetStatusList, GetTransportReport, LookupService, SendMessage, SendMessageSync,
};

/// Which way an envelope goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From client to server.
    Request,
    /// From server to client.
    Answer,
}

impl Operation {
    /// All twelve.
    pub const ALL: [Self; 12] = [
        CheckAccountActive,
        LookupService,
        CreateMessageId,
        GetTransportReport,
        CancelMessage,
        SendMessage,
        SendMessageSync,
        GetStatusList,
        GetNextStatusList,
        GetMessage,
        GetNextMessage,
        Close,
    ];

    /// Its name in the WSDL.
    pub const fn name(self) -> &'static str {
        match self {
            CheckAccountActive => "checkAccountActive",
            LookupService => "lookupService",
            CreateMessageId => "createMessageId",
            GetTransportReport => "getTransportReport",
            CancelMessage => "cancelMessage",
            SendMessage => "sendMessage",
            SendMessageSync => "sendMessageSync",
            GetStatusList => "getStatusList",
            GetNextStatusList => "getNextStatusList",
            GetMessage => "getMessage",
            GetNextMessage => "getNextMessage",
            Close => "close",
        }
    }

    /// The action of its request, its answer and its faults alike. It alone tells operations apart: bodies are shared.
    pub const fn action(self) -> &'static str {
        match self {
            CheckAccountActive => "http://www.xta.de/XTA/CheckAccountActive",
            // The operation was renamed, its action was not.
            LookupService => "http://www.xta.de/XTA/IsServiceAvailable",
            CreateMessageId => "http://www.xta.de/XTA/CreateMessageID",
            GetTransportReport => "http://www.xta.de/XTA/GetTransportReport",
            CancelMessage => "http://www.xta.de/XTA/CancelMessage",
            SendMessage => "http://www.xta.de/XTA/SendMessage",
            SendMessageSync => "http://www.xta.de/XTA/SendMessageSync",
            GetStatusList => {
                "http://www.osci.eu/ws/2008/05/transport/urn/messageTypes/MsgBoxStatusListRequest"
            }
            GetNextStatusList => {
                "http://www.osci.eu/ws/2008/05/transport/urn/messageTypes/MsgBoxGetNextListRequest"
            }
            GetMessage => "http://www.osci.eu/ws/2008/05/transport/urn/messageTypes/MsgBoxFetchRequest",
            GetNextMessage => {
                "http://www.osci.eu/ws/2008/05/transport/urn/messageTypes/MsgBoxGetNextMsgRequest"
            }
            Close => "http://www.osci.eu/ws/2008/05/transport/urn/messageTypes/MsgBoxCloseRequest",
        }
    }

    /// The operation of an action.
    pub fn of_action(action: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|operation| operation.action() == action.trim())
    }

    /// The port that it belongs to.
    pub const fn port(self) -> Port {
        match self {
            CheckAccountActive | LookupService | CreateMessageId | GetTransportReport | CancelMessage => {
                Port::Management
            }
            SendMessage | SendMessageSync => Port::Send,
            GetStatusList | GetNextStatusList | GetMessage | GetNextMessage | Close => Port::MsgBox,
        }
    }

    /// The header block by which a request says who asks.
    pub const fn who_asks(self) -> Name {
        match self {
            SendMessage | SendMessageSync => (META, "MessageMetaData"),
            _ => (META, "Author"),
        }
    }

    /// Header blocks that an answer must have.
    pub const fn answer_headers(self) -> &'static [Name] {
        match self {
            SendMessageSync => &[(META, "MessageMetaData")],
            GetStatusList | GetNextStatusList => &[(OSCI, "MsgBoxResponse")],
            GetMessage | GetNextMessage => &[(META, "MessageMetaData"), (OSCI, "MsgBoxResponse")],
            _ => &[],
        }
    }

    /// The one element in the body; `None` where the body is empty.
    pub const fn body(self, direction: Direction) -> Option<Name> {
        match direction {
            Direction::Request => self.request_body(),
            Direction::Answer => self.answer_body(),
        }
    }

    const fn request_body(self) -> Option<Name> {
        Some(match self {
            CheckAccountActive | CreateMessageId => return None,
            LookupService => (XTA, "LookupServiceRequest"),
            GetTransportReport | CancelMessage => (WSA, "MessageID"),
            SendMessage | SendMessageSync => (XTA, "GenericContentContainer"),
            GetStatusList => (OSCI, "MsgBoxStatusListRequest"),
            GetNextStatusList | GetNextMessage => (OSCI, "MsgBoxGetNextRequest"),
            GetMessage => (OSCI, "MsgBoxFetchRequest"),
            Close => (OSCI, "MsgBoxCloseRequest"),
        })
    }

    const fn answer_body(self) -> Option<Name> {
        Some(match self {
            CheckAccountActive | CancelMessage | SendMessage | Close => return None,
            LookupService => (XTA, "LookupServiceResponse"),
            CreateMessageId => (WSA, "MessageID"),
            GetTransportReport => (XTA, "TransportReport"),
            SendMessageSync | GetMessage | GetNextMessage => (XTA, "GenericContentContainer"),
            GetStatusList | GetNextStatusList => (OSCI, "MsgStatusList"),
        })
    }
}
