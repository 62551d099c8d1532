//! Exceptions and their codes 9000 to 9101, with the texts of the code list.

use crate::names::{FAULT_LIST, Operation, SOAP, XTA};
use crate::xml::{Element, Writer};
use Exception::{
    CancelDenied, InvalidMessageId, MessageSchemaViolation, MessageVirusDetection, ParameterIsNotValid,
    PermissionDenied, SyncAsync, TechnicalProblem,
};

/// One of the eight exceptions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs)] // their names are those of the standard
pub enum Exception {
    PermissionDenied,
    TechnicalProblem,
    ParameterIsNotValid,
    InvalidMessageId,
    CancelDenied,
    MessageSchemaViolation,
    MessageVirusDetection,
    SyncAsync,
}

impl Exception {
    /// All eight.
    pub const ALL: [Self; 8] = [
        PermissionDenied,
        TechnicalProblem,
        ParameterIsNotValid,
        InvalidMessageId,
        CancelDenied,
        MessageSchemaViolation,
        MessageVirusDetection,
        SyncAsync,
    ];

    /// Its element, in the namespace of XTA.
    pub const fn element(self) -> &'static str {
        match self {
            PermissionDenied => "PermissionDeniedException",
            TechnicalProblem => "XTAWSTechnicalProblemException",
            ParameterIsNotValid => "ParameterIsNotValidException",
            InvalidMessageId => "InvalidMessageIDException",
            CancelDenied => "CancelDeniedException",
            MessageSchemaViolation => "MessageSchemaViolationException",
            MessageVirusDetection => "MessageVirusDetectionException",
            SyncAsync => "SyncAsyncException",
        }
    }

    fn of_element(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|exception| exception.element() == name)
    }
}

impl Operation {
    /// The exceptions that the WSDL declares for it; a client may know no others.
    pub const fn exceptions(self) -> &'static [Exception] {
        match self {
            Self::CheckAccountActive
            | Self::CreateMessageId
            | Self::GetStatusList
            | Self::GetNextStatusList => &[PermissionDenied, TechnicalProblem],
            Self::LookupService => &[PermissionDenied, ParameterIsNotValid, TechnicalProblem],
            Self::GetTransportReport | Self::GetMessage | Self::GetNextMessage | Self::Close => {
                &[PermissionDenied, TechnicalProblem, InvalidMessageId]
            }
            Self::CancelMessage => &[PermissionDenied, ParameterIsNotValid, TechnicalProblem, CancelDenied],
            Self::SendMessage | Self::SendMessageSync => &[
                PermissionDenied,
                ParameterIsNotValid,
                TechnicalProblem,
                MessageSchemaViolation,
                MessageVirusDetection,
                SyncAsync,
            ],
        }
    }
}

macro_rules! codes {
    ($($variant:ident = $number:literal, $exception:ident, $text:literal;)*) => {
        /// A code of the list `urn:de:xta:webservice:codeliste:fehlernummer`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum FaultCode { $(#[doc = $text] $variant,)* }

        impl FaultCode {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The four digits.
            pub const fn number(self) -> &'static str {
                match self { $(Self::$variant => $number,)* }
            }

            /// The text of the code list, exactly.
            pub const fn text(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }

            /// The exception that carries it. 9000 can stand in any, and is a technical problem if nothing else is said.
            pub const fn exception(self) -> Exception {
                match self { $(Self::$variant => $exception,)* }
            }

            /// The code of these digits.
            pub fn of_number(number: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|code| code.number() == number.trim())
            }
        }
    };
}

codes! {
    Unspecified = "9000", TechnicalProblem, "Unspezifizierter Fehler, als Freitext beschrieben";
    CertificateExpired = "9010", PermissionDenied, "Authentisierung/Zertifikat ist abgelaufen.";
    AccountLocked = "9011", PermissionDenied, "Account ist gesperrt.";
    AccountUnknown = "9012", PermissionDenied, "Account nicht vorhanden.";
    ServiceNotBooked = "9013", PermissionDenied, "Dienst ist nicht gebucht.";
    NotTheAuthor = "9014", PermissionDenied, "Authentisierung/Zertifikat passt nicht zur Absenderkennung.";
    NoParameters = "9020", ParameterIsNotValid, "Keine Parameter vorhanden";
    NotAUri = "9021", ParameterIsNotValid, "Keine gültige URI";
    BadCombination = "9022", ParameterIsNotValid, "Ungültige Parameterkombination";
    TooLarge = "9023", ParameterIsNotValid, "Die Nachricht überschreitet die Größenbeschränkung.";
    MessageIdTaken = "9024", ParameterIsNotValid, "MessageID ist bereits vergeben.";
    Internal = "9030", TechnicalProblem, "Interner Fehler beim XTA-Server bzw. XTA-Dienstleister";
    Directory = "9031", TechnicalProblem, "Fehler beim externen Verzeichnisdienst";
    DeliveryFailed = "9032", TechnicalProblem, "Fehler bei der Zustellung";
    NotSchemaValid = "9050", MessageSchemaViolation, "Fachnachricht ist nicht schemakonform";
    WrongEncoding = "9051", MessageSchemaViolation, "Fachnachricht trägt ein falsches Encoding.";
    ViolatesProfile = "9052", MessageSchemaViolation, "Nachricht verletzt das entsprechende Service Profil.";
    Malware = "9060", MessageVirusDetection, "Es wurde schadhafter Code ermittelt.";
    MessageIdUnknown = "9070", InvalidMessageId, "MessageID für den Account nicht bekannt.";
    OnlyAsynchronous = "9080", SyncAsync, "Der Dienst wird nur asynchron angeboten.";
    OnlySynchronous = "9081", SyncAsync, "Der Dienst wird nur synchron angeboten.";
    NotBeforePassed = "9100", CancelDenied, "Der durch den Schalter NotBefore gesetzte Termin ist verstrichen.";
    NotBeforeNotSet = "9101", CancelDenied, "Der Schalter NotBefore wurde nicht gesetzt.";
}

/// Whose fault it is, as SOAP asks. XTA lays it down nowhere; clients read the detail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Blame {
    /// The request must be changed.
    Sender,
    /// The same request may pass later.
    Receiver,
}

/// A fault as it goes over the wire, in either direction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Sender or Receiver.
    pub blame: Blame,
    /// The text for people.
    pub reason: String,
    /// What the standard knows of it; a fault of SOAP alone, such as an unknown action, has none.
    pub detail: Option<Detail>,
}

/// Exception and code of a fault. The list is open for what comes in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Detail {
    /// The exception; `None` for one that the standard does not know.
    pub exception: Option<Exception>,
    /// The digits.
    pub number: String,
    /// The text beside them.
    pub name: String,
}

impl Fault {
    /// The fault of a code, with its own text.
    pub fn of(code: FaultCode) -> Self {
        Self::within(code, code.exception())
    }

    /// The fault of a code where the operation declares its exception, otherwise a technical problem with that text: a
    /// client built from the WSDL understands nothing else.
    pub fn of_operation(code: FaultCode, operation: Operation) -> Self {
        if operation.exceptions().contains(&code.exception()) {
            return Self::of(code);
        }
        Self { reason: code.text().to_owned(), ..Self::within(FaultCode::Unspecified, TechnicalProblem) }
    }

    /// 9000 in an exception of your choice, described in free text.
    pub fn described(exception: Exception, reason: &str) -> Self {
        Self { reason: reason.to_owned(), ..Self::within(FaultCode::Unspecified, exception) }
    }

    /// A fault of SOAP alone, for an envelope that reaches no operation.
    pub fn of_soap(blame: Blame, reason: &str) -> Self {
        Self { blame, reason: reason.to_owned(), detail: None }
    }

    fn within(code: FaultCode, exception: Exception) -> Self {
        let blame = if exception == TechnicalProblem { Blame::Receiver } else { Blame::Sender };
        let detail = Detail {
            exception: Some(exception),
            number: code.number().to_owned(),
            name: code.text().to_owned(),
        };
        Self { blame, reason: code.text().to_owned(), detail: Some(detail) }
    }

    /// The code, where it is one of the list.
    pub fn code(&self) -> Option<FaultCode> {
        FaultCode::of_number(&self.detail.as_ref()?.number)
    }

    pub(crate) fn write(&self, writer: &mut Writer) {
        let blame = match self.blame {
            Blame::Sender => "Sender",
            Blame::Receiver => "Receiver",
        };
        writer.open((SOAP, "Fault"));
        writer.open((SOAP, "Code"));
        let value = format!("{}:{blame}", writer.prefix(SOAP));
        writer.leaf((SOAP, "Value"), &value);
        writer.close();
        writer.open((SOAP, "Reason"));
        writer.leaf_with((SOAP, "Text"), &[("xml:lang", "de")], &self.reason);
        writer.close();
        if let Some((detail, exception)) = self.detail.as_ref().and_then(|it| Some((it, it.exception?))) {
            writer.open((SOAP, "Detail"));
            writer.open((XTA, exception.element()));
            writer.open_with((XTA, "errorCode"), &[("listURI", FAULT_LIST), ("listVersionID", "1.0")]);
            writer.leaf(("", "code"), &detail.number);
            writer.leaf(("", "name"), &detail.name);
            writer.close();
            writer.close();
            writer.close();
        }
        writer.close();
    }

    /// Reads `env:Fault`. Whatever is missing stays empty: a fault is believed to be one.
    pub(crate) fn read(fault: &Element) -> Self {
        let value = fault.path(&[(SOAP, "Code"), (SOAP, "Value")]).map(Element::trimmed).unwrap_or_default();
        let blame = if value.ends_with("Receiver") { Blame::Receiver } else { Blame::Sender };
        let reason =
            fault.path(&[(SOAP, "Reason"), (SOAP, "Text")]).map(Element::trimmed).unwrap_or_default();
        let exception = fault.child((SOAP, "Detail")).and_then(|detail| detail.children.first());
        let detail = exception.map(|exception| {
            let text = |name| {
                let code = exception.child((XTA, "errorCode"));
                code.and_then(|code| code.child(("", name)))
                    .map(Element::trimmed)
                    .unwrap_or_default()
                    .to_owned()
            };
            let known = Exception::of_element(&exception.local).filter(|_| &*exception.namespace == XTA);
            Detail { exception: known, number: text("code"), name: text("name") }
        });
        Self { blame, reason: reason.to_owned(), detail }
    }
}
