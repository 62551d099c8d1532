//! The schemas of web service 2.1.1 as rules. `tests/schemas.rs` holds them against the originals.

use crate::names::{DS, META, Name, OSCI, SOAP, WSA, WSSE, XENC, XTA};

/// What an element may hold.
pub(crate) struct Rule {
    pub(super) attributes: &'static [AttributeRule],
    /// Attributes of other namespaces are welcome.
    pub(super) open: bool,
    pub(super) body: Body,
}

pub(super) enum Body {
    Text(Lexical),
    Empty,
    Any,
    Sequence(&'static [Child]),
    Choice(&'static [Child]),
}

pub(super) struct Child {
    pub(super) name: Name,
    pub(super) min: usize,
    pub(super) max: Option<usize>,
    pub(super) rule: &'static Rule,
}

pub(super) struct AttributeRule {
    pub(super) name: &'static str,
    pub(super) required: bool,
    pub(super) kind: Lexical,
}

#[derive(Clone, Copy)]
pub(super) enum Lexical {
    Any,
    NonEmpty,
    Uri,
    DateTime,
    Date,
    Boolean,
    True,
    Positive,
    NonNegative,
    Integer,
    Int,
    Language,
    Base64,
    OneOf(&'static [&'static str]),
}

const fn text(kind: Lexical) -> Rule {
    Rule { attributes: &[], open: false, body: Body::Text(kind) }
}
const fn sequence(children: &'static [Child]) -> Rule {
    Rule { attributes: &[], open: false, body: Body::Sequence(children) }
}
const fn choice(children: &'static [Child]) -> Rule {
    Rule { attributes: &[], open: false, body: Body::Choice(children) }
}
const fn with(attributes: &'static [AttributeRule], body: Body) -> Rule {
    Rule { attributes, open: false, body }
}
const fn one(name: Name, rule: &'static Rule) -> Child {
    Child { name, min: 1, max: Some(1), rule }
}
const fn maybe(name: Name, rule: &'static Rule) -> Child {
    Child { name, min: 0, max: Some(1), rule }
}
const fn any_number(name: Name, rule: &'static Rule) -> Child {
    Child { name, min: 0, max: None, rule }
}
const fn several(name: Name, rule: &'static Rule) -> Child {
    Child { name, min: 1, max: None, rule }
}
const fn must(name: &'static str, kind: Lexical) -> AttributeRule {
    AttributeRule { name, required: true, kind }
}
const fn may(name: &'static str, kind: Lexical) -> AttributeRule {
    AttributeRule { name, required: false, kind }
}

static STRING: Rule = text(Lexical::Any);
static NON_EMPTY: Rule = text(Lexical::NonEmpty);
static URI: Rule = text(Lexical::Uri);
static DATE_TIME: Rule = text(Lexical::DateTime);
static DATE: Rule = text(Lexical::Date);
static BOOLEAN: Rule = text(Lexical::Boolean);
static TRUE: Rule = text(Lexical::True);
static POSITIVE: Rule = text(Lexical::Positive);
static NON_NEGATIVE: Rule = text(Lexical::NonNegative);
static INTEGER: Rule = text(Lexical::Integer);
static INT: Rule = text(Lexical::Int);
static BASE64: Rule = text(Lexical::Base64);
static ANY: Rule = Rule { attributes: &[], open: true, body: Body::Any };
static OPEN_URI: Rule = Rule { attributes: &[], open: true, body: Body::Text(Lexical::Uri) };
static RELATES_TO: Rule =
    Rule { attributes: &[may("RelationshipType", Lexical::Uri)], open: true, body: Body::Text(Lexical::Uri) };

const LISTED: &[AttributeRule] = &[must("listURI", Lexical::Uri), must("listVersionID", Lexical::Any)];
static KEY_CODE: Rule =
    with(LISTED, Body::Sequence(&[one(("", "code"), &STRING), maybe(("", "name"), &STRING)]));
/// A code whose name has no place.
static BARE_CODE: Rule = with(LISTED, Body::Sequence(&[one(("", "code"), &STRING)]));
static MESSAGE_TYPE: Rule = with(
    &[
        must("listURI", Lexical::Uri),
        must("listVersionID", Lexical::Any),
        must("payloadSchema", Lexical::Uri),
    ],
    Body::Sequence(&[one(("", "code"), &STRING), maybe(("", "name"), &STRING)]),
);

// --- parties
static IDENTIFIER: Rule = with(
    &[must("type", Lexical::NonEmpty), may("name", Lexical::NonEmpty), may("category", Lexical::NonEmpty)],
    Body::Text(Lexical::Any),
);
static SECURITY_TOKEN: Rule = with(
    &[
        must("usage", Lexical::OneOf(&["AUTHENTICATION", "ENCRYPTION", "SIGNATURE"])),
        may("payloadRef", Lexical::Any),
    ],
    Body::Choice(&[
        one((WSSE, "BinarySecurityToken"), &ANY),
        one((WSSE, "SecurityTokenReference"), &ANY),
        one((WSSE, "UsernameToken"), &ANY),
    ]),
);
static PARTY: Rule =
    sequence(&[one((META, "Identifier"), &IDENTIFIER), any_number((META, "SecurityToken"), &SECURITY_TOKEN)]);

// --- metadata
static RECEIPTS: Rule = sequence(&[
    maybe((META, "Submission"), &ANY),
    maybe((META, "Relay"), &ANY),
    maybe((META, "Delivery"), &ANY),
    maybe((META, "Fetch"), &ANY),
    maybe((META, "Reception"), &ANY),
    maybe((META, "ReceiptTo"), &ANY),
]);
static DELIVERY: Rule = sequence(&[
    maybe((META, "Origin"), &DATE_TIME),
    maybe((META, "InitialSend"), &DATE_TIME),
    maybe((META, "NotBefore"), &DATE_TIME),
    maybe((META, "ObsoleteAfter"), &DATE),
    maybe((META, "Delivery"), &DATE_TIME),
    maybe((META, "InitialFetch"), &DATE_TIME),
    maybe((META, "Reception"), &DATE_TIME),
    maybe((META, "ServiceQuality"), &NON_EMPTY),
    maybe((META, "ReceiptRequests"), &RECEIPTS),
]);
static ORIGINATORS: Rule = sequence(&[
    one((META, "Author"), &PARTY),
    maybe((META, "Sender"), &PARTY),
    maybe((META, "ReplyTo"), &PARTY),
]);
static OTHERS: Rule =
    sequence(&[several((META, "OtherReaders"), &IDENTIFIER), any_number((META, "CcReaders"), &IDENTIFIER)]);
static DESTINATIONS: Rule =
    sequence(&[one((META, "Reader"), &PARTY), maybe((META, "OtherDestinations"), &OTHERS)]);
static PROCESS: Rule = with(&[may("ProccesName", Lexical::NonEmpty)], Body::Text(Lexical::NonEmpty));
static PROCESSES: Rule =
    sequence(&[maybe((META, "Requester"), &PROCESS), maybe((META, "Responder"), &PROCESS)]);
static IDENTIFICATION: Rule = sequence(&[
    one((WSA, "MessageID"), &OPEN_URI),
    any_number((META, "In-Reply-To"), &OPEN_URI),
    maybe((META, "ProcessRef"), &PROCESSES),
]);
static SCENARIO: Rule = choice(&[one((META, "Defined"), &KEY_CODE), one((META, "Undefined"), &STRING)]);
static QUALIFIER: Rule = sequence(&[
    maybe((META, "Subject"), &STRING),
    one((META, "Service"), &URI),
    one((META, "BusinessScenario"), &SCENARIO),
    one((META, "MessageType"), &MESSAGE_TYPE),
]);
static PROPERTY: Rule = sequence(&[one((META, "Key"), &KEY_CODE), one((META, "Value"), &NON_EMPTY)]);
static PROPERTIES: Rule = sequence(&[several((META, "Property"), &PROPERTY)]);
static METADATA: Rule = with(
    &[may("TestMsg", Lexical::Boolean)],
    Body::Sequence(&[
        one((META, "DeliveryAttributes"), &DELIVERY),
        one((META, "Originators"), &ORIGINATORS),
        one((META, "Destinations"), &DESTINATIONS),
        one((META, "MsgIdentification"), &IDENTIFICATION),
        one((META, "Qualifier"), &QUALIFIER),
        maybe((META, "MessageProperties"), &PROPERTIES),
        maybe((META, "MsgSize"), &POSITIVE),
    ]),
);

// --- message box
static SELECTOR: Rule = with(
    &[may("newEntry", Lexical::Boolean)],
    Body::Sequence(&[
        any_number((WSA, "MessageID"), &OPEN_URI),
        any_number((WSA, "RelatesTo"), &RELATES_TO),
        maybe((OSCI, "MsgBoxEntryTimeFrom"), &DATE_TIME),
        maybe((OSCI, "MsgBoxEntryTimeTo"), &DATE_TIME),
        maybe((OSCI, "Extension"), &ANY),
    ]),
);
const SELECTED: &[Child] = &[maybe((OSCI, "MsgSelector"), &SELECTOR)];
static FETCH: Rule =
    with(&[may("MsgPart", Lexical::OneOf(&["Envelope", "Header", "Body"]))], Body::Sequence(SELECTED));
static STATUS_LIST_REQUEST: Rule = with(
    &[
        may("maxListItems", Lexical::Positive),
        // The schema writes it so.
        may("ListForm", Lexical::OneOf(&["MsgAtrributes", "MessageMetaData"])),
    ],
    Body::Sequence(SELECTED),
);
static ITERATION: Rule = with(
    &[must("MsgBoxRequestID", Lexical::Uri)],
    Body::Sequence(&[any_number((OSCI, "LastMsgReceived"), &OPEN_URI)]),
);
static NOTHING: Rule = with(&[must("reason", Lexical::Uri)], Body::Empty);
static RESPONSE: Rule = with(
    &[must("MsgBoxRequestID", Lexical::Uri)],
    Body::Choice(&[one((OSCI, "NoMessageAvailable"), &NOTHING), one((OSCI, "ItemsPending"), &NON_NEGATIVE)]),
);
static MSG_ATTRIBUTES: Rule = sequence(&[
    one((WSA, "MessageID"), &OPEN_URI),
    any_number((WSA, "RelatesTo"), &RELATES_TO),
    maybe((WSA, "From"), &ANY),
    one((OSCI, "TypeOfBusinessScenario"), &OPEN_URI),
    one((OSCI, "MsgSize"), &INT),
    maybe((OSCI, "ObsoleteAfterDate"), &DATE),
    one((OSCI, "DeliveryTime"), &DATE_TIME),
    maybe((OSCI, "InitialFetchedTime"), &DATE_TIME),
]);
static STATUS_LIST: Rule = sequence(&[
    any_number((OSCI, "MsgAttributes"), &MSG_ATTRIBUTES),
    any_number((META, "MessageMetaData"), &METADATA),
]);
static TOKEN_APPLICATION: Rule = with(
    &[may("validateResultRef", Lexical::Any), may("ocspNoCache", Lexical::Boolean)],
    Body::Sequence(&[one((OSCI, "TimeInstant"), &DATE_TIME), maybe((OSCI, "MsgItemRef"), &STRING)]),
);
static TOKEN_INFO: Rule = with(
    &[may("validated", Lexical::Boolean), must("Id", Lexical::NonEmpty)],
    Body::Sequence(&[one((DS, "X509Data"), &ANY), several((OSCI, "TokenApplication"), &TOKEN_APPLICATION)]),
);
static TOKENS: Rule = with(
    &[may("validateCompleted", Lexical::Boolean)],
    Body::Sequence(&[several((OSCI, "X509TokenInfo"), &TOKEN_INFO)]),
);

// --- look-up
static LOOKUP: Rule = sequence(&[one((META, "Reader"), &PARTY), one((XTA, "ServiceType"), &URI)]);
static LOOKUP_LIST: Rule = sequence(&[one((XTA, "LookupService"), &LOOKUP)]);
static LOOKUP_REQUEST: Rule = sequence(&[several((XTA, "LookupServiceRequestList"), &LOOKUP_LIST)]);
static AVAILABLE: Rule =
    choice(&[one((XTA, "ServiceIsAvailable"), &BOOLEAN), one((XTA, "ServiceIsAvailableUnknown"), &TRUE)]);
static PARAMETER: Rule =
    sequence(&[one((XTA, "ParameterType"), &BARE_CODE), one((XTA, "Resource"), &BASE64)]);
static LOOKUP_RESULT: Rule = sequence(&[
    one((META, "Reader"), &PARTY),
    one((XTA, "ServiceType"), &URI),
    one((XTA, "IsServiceAvailableValue"), &AVAILABLE),
    any_number((XTA, "ServiceParameter"), &PARAMETER),
]);
static LOOKUP_RESULTS: Rule = sequence(&[several((XTA, "LookupServiceResult"), &LOOKUP_RESULT)]);
static LOOKUP_RESPONSE: Rule = sequence(&[one((XTA, "LookupServiceResultList"), &LOOKUP_RESULTS)]);

// --- transport report
static RECORD: Rule = sequence(&[
    one((XTA, "Timestamp"), &DATE_TIME),
    one((XTA, "Code"), &BARE_CODE),
    one((XTA, "Reason"), &STRING),
]);
static ERRORS: Rule = sequence(&[any_number((XTA, "Error"), &RECORD)]);
static WARNINGS: Rule = sequence(&[any_number((XTA, "Warning"), &RECORD)]);
static INFOS: Rule = sequence(&[any_number((XTA, "Info"), &RECORD)]);
static STATUS: Rule = sequence(&[
    one((XTA, "Status"), &INTEGER),
    maybe((XTA, "ErrorList"), &ERRORS),
    maybe((XTA, "WarnList"), &WARNINGS),
    maybe((XTA, "InfoList"), &INFOS),
]);
static FURTHER: Rule = sequence(&[one((XTA, "Key"), &BARE_CODE), one((XTA, "Data"), &BASE64)]);
static FURTHER_REPORTS: Rule = sequence(&[several((XTA, "Report"), &FURTHER)]);
static REPORT: Rule = sequence(&[
    one((META, "MessageMetaData"), &METADATA),
    one((XTA, "ReportTime"), &DATE_TIME),
    one((XTA, "XTAServerIdentity"), &STRING),
    one((XTA, "MessageStatus"), &STATUS),
    maybe((XTA, "AdditionalReports"), &FURTHER_REPORTS),
    maybe((DS, "Signature"), &ANY),
]);

// --- contents
static CONTENT: Rule = with(
    &[
        may("contentDescription", Lexical::NonEmpty),
        must("contentType", Lexical::NonEmpty),
        may("encoding", Lexical::NonEmpty),
        may("filename", Lexical::NonEmpty),
        may("id", Lexical::NonEmpty),
        may("lang", Lexical::Language),
        may("size", Lexical::Positive),
    ],
    Body::Any,
);
static CONTENTS: Rule =
    sequence(&[one((XTA, "Message"), &CONTENT), any_number((XTA, "Attachment"), &CONTENT)]);
static CONTAINER: Rule =
    choice(&[one((XENC, "EncryptedData"), &ANY), one((XTA, "ContentContainer"), &CONTENTS)]);

/// The rule of an element that stands in a header or in a body, and of contents.
pub(crate) fn rule_of((namespace, local): (&str, &str)) -> Option<&'static Rule> {
    Some(match (namespace, local) {
        (META, "Author" | "Reader") => &PARTY,
        (META, "MessageMetaData") => &METADATA,
        (WSA, "MessageID" | "Action" | "To") => &OPEN_URI,
        (WSA, "RelatesTo") => &RELATES_TO,
        (WSA, "From" | "ReplyTo" | "FaultTo") | (SOAP, "Fault") => &ANY,
        (OSCI, "MsgBoxResponse") => &RESPONSE,
        (OSCI, "X509TokenContainer") => &TOKENS,
        (OSCI, "MsgBoxStatusListRequest") => &STATUS_LIST_REQUEST,
        (OSCI, "MsgBoxFetchRequest") => &FETCH,
        (OSCI, "MsgBoxGetNextRequest" | "MsgBoxCloseRequest") => &ITERATION,
        (OSCI, "MsgStatusList") => &STATUS_LIST,
        (XTA, "LookupServiceRequest") => &LOOKUP_REQUEST,
        (XTA, "LookupServiceResponse") => &LOOKUP_RESPONSE,
        (XTA, "TransportReport") => &REPORT,
        (XTA, "GenericContentContainer") => &CONTAINER,
        (XTA, "Message" | "Attachment") => &CONTENT,
        _ => return None,
    })
}
