//! Why something is as it is, in a form that can be stored, counted and told in two languages without quoting
//! anybody's data (promise H10).

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// A code, parameters and a place. Parameters are numbers and names of the configuration, never values that somebody
/// handed in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// What is the matter.
    pub code: ReasonCode,
    /// What the sentence needs: see [`ReasonCode`].
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub params: BTreeMap<String, String>,
    /// Where, in the document at hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
}

/// A place in a document.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Line, from 1; 0 if unknown.
    pub line: u32,
    /// Column, from 1; 0 if unknown.
    pub column: u32,
    /// XPath of the element, of names and positions only.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub path: String,
}

/// What can be the matter. The word in kebab case is what is stored; a new code is added, an old one never renamed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReasonCode {
    /// No route takes the submission (`service`, `area`).
    NoRoute,
    /// Two routes are equally specific (`routes`).
    RouteTie,
    /// The route wants a destination of the table of responsibilities, and no line names one (`service`, `area`, `route`).
    NobodyResponsible,
    /// A route took it later (`route`).
    Routed,
    /// Waits for other steps (`steps`).
    WaitsForSteps,
    /// Its condition is false.
    ConditionFalse,
    /// Its condition cannot be evaluated.
    ConditionFailed,
    /// The destination is not configured (`destination`).
    NoDestination,
    /// The destination does not serve the tenant, or test and live do not fit (`destination`).
    DestinationForbidden,
    /// The tenant, or the route for it, is in the stage test, and the submission is no test (`tenant`, `route`).
    TestStage,
    /// The pinned version cannot be loaded (`version`).
    VersionMissing,
    /// The seal is not configured, or has another form than at acceptance (`seal`).
    NoSeal,
    /// The document could not be signed (`seal`).
    SealFailed,
    /// The mapping stopped with an error (`mapping`, place in the stylesheet).
    MappingFailed,
    /// The mapping exceeded a limit (`mapping`, `limit`).
    MappingLimit,
    /// The data do not fit the mapping's source schema (`mapping`, place).
    SourceInvalid,
    /// The mapping's result does not fit its target schema (`mapping`, place).
    TargetInvalid,
    /// Stored content is damaged.
    ContentDamaged,
    /// Content was erased.
    ContentErased,
    /// No connection to the target (`destination`).
    Unreachable,
    /// The target was too slow before anything was sent.
    ConnectTimeout,
    /// The target answered that it is not available (`status`).
    TargetBusy,
    /// The target refused (`status`).
    TargetRefused,
    /// It is larger than the destination allows (`size`, `limit`, in bytes).
    TooLarge,
    /// What is to be printed is no PDF that can be read (`document`).
    NotPdf,
    /// A PDF is encrypted or protected (`document`).
    PdfEncrypted,
    /// A PDF is larger than the destination allows (`document`, `size`, `limit`, in bytes).
    PdfTooLarge,
    /// A PDF has more pages than the destination allows (`document`, `limit`).
    PdfTooManyPages,
    /// A page of a PDF is not A4 (`document`, `page`, `shown`).
    PdfPageSize,
    /// The address zone of a PDF holds no text (`document`).
    PdfAddressMissing,
    /// The address zone of a PDF holds text (`document`).
    PdfAddressZoneTaken,
    /// Attachments are to be printed, and none is a PDF.
    NothingToPrint,
    /// The printer took a job and does not know it any more (`job`).
    PrintJobForgotten,
    /// The target refused the credentials (`status`).
    CredentialsRefused,
    /// The target shows another host key than the one that is configured (`shown`).
    HostKeyDiffers,
    /// The target took it and reports later that it failed (`status`).
    ReportedFailed,
    /// The answer was not what the configuration expects (`status`).
    UnexpectedAnswer,
    /// The target has it, and what it answered is no answer for the case (`why`: a word of [`Why`](crate::ports::Why)).
    AnswerRefused,
    /// The target has it, and what it answered is not to be had any more.
    AnswerLost,
    /// The connection tore, or the time ran out, after something may have left.
    Torn,
    /// The hub was stopped or crashed while sending.
    Interrupted,
    /// The target was asked and gave no word.
    NoWord,
    /// The target was asked: it does not have it.
    SurelyAbsent,
    /// The target was asked: it has a part of it, and the delivery goes on from there.
    Unfinished,
    /// The target was asked: it has it.
    Found,
    /// The target has more than one object that bears the hub's mark (`field`).
    SeveralFound,
    /// A call that nobody waits for any more may still be at work at the target: it is not repeated until that time is over.
    CallOutstanding,
    /// One of several calls was made (`key`).
    ProgressRecorded,
    /// One of several calls was made or was to be made, and that could not be kept (`key`).
    ProgressNotKept,
    /// The target took it and works on it.
    InProgress,
    /// It waits in its mailbox to be fetched.
    InMailbox,
    /// The reader of its mailbox fetched it, and has not closed it yet.
    FetchedByReader,
    /// The reader of its mailbox closed it.
    ClosedByReader,
    /// Somebody outside said something of it, and its target is asked at once.
    Notified,
    /// What is to be paid is not said as it must be (`field`).
    PaymentOrder,
    /// The payment provider has a payment for this delivery, and nobody knows which.
    PaymentExists,
    /// A payment was begun for this delivery, and now other data are to be sent.
    PaymentBegun,
    /// The payment provider speaks of another payment than was ordered (`field`).
    PaymentDiffers,
    /// Its sender asked that it leaves later (`at`).
    NotBefore,
    /// Its sender called it off before its time.
    CalledOff,
    /// The adapter's configuration cannot make this request (`field`).
    AdapterConfiguration,
    /// The submission names no address for callbacks.
    NoCallback,
    /// The submission names no mail address.
    NoMailAddress,
    /// The destination must not send to this address (`field`: the list in which it is missing).
    AddressForbidden,
    /// The folder cannot be written now.
    FolderUnavailable,
    /// No room in the folder.
    FolderFull,
    /// Something else lies in the folder under the delivery's name.
    NameTaken,
    /// A person has paused it, or its destination (`who`, `since`).
    PausedByPerson,
    /// A person lets its destination run empty: nothing more begins (`who`, `since`).
    Draining,
    /// A person holds this one delivery back (`who`).
    PausedDelivery,
    /// Its destination is in trouble and left alone (`destination`, `since`, `until`).
    BreakerOpen,
    /// Its destination was in trouble; one delivery tries whether it is back.
    Probing,
    /// Its destination asked to be left alone (`until`).
    AskedToRest,
    /// Its destination is not in its office hours (`until`).
    OutsideHours,
    /// Its destination is being maintained (`until`).
    Maintenance,
    /// Its destination has a day off (`until`).
    Holiday,
    /// As many as the destination's rate allows have begun.
    RateLimit,
    /// Its destination was in trouble and is taken up again step by step.
    Ramp,
    /// All places of its destination are taken.
    WaitsItsTurn,
    /// An earlier delivery of its case comes first (`delivery`).
    BehindEarlier,
    /// It is tried again later (`at`).
    RetryAt,
    /// It was tried for as long as its destination says (`age`; `last`: the code of what was the matter last).
    TriedLongEnough,
    /// The target's final word did not come in time (`deadline`).
    AwaitingTooLong,
    /// It is going to expire (`at`).
    ExpiryWarning,
    /// The route's rule gave it up (`after`).
    Expired,
    /// A person mended it (`who`).
    MendedByPerson,
    /// A person asked for another attempt.
    RetriedByPerson,
    /// A person gave it up.
    DiscardedByPerson,
    /// The step that it waits for was discarded.
    DiscardedWithStep,
    /// The hub is stopping.
    HubStopping,
    /// The hub's own store had trouble.
    HubTrouble,
}

impl ReasonCode {
    /// All codes, in the order of a submission's way.
    pub const ALL: [Self; 91] = [
        Self::NoRoute,
        Self::RouteTie,
        Self::NobodyResponsible,
        Self::Routed,
        Self::WaitsForSteps,
        Self::ConditionFalse,
        Self::ConditionFailed,
        Self::NoDestination,
        Self::DestinationForbidden,
        Self::TestStage,
        Self::VersionMissing,
        Self::NoSeal,
        Self::SealFailed,
        Self::MappingFailed,
        Self::MappingLimit,
        Self::SourceInvalid,
        Self::TargetInvalid,
        Self::ContentDamaged,
        Self::ContentErased,
        Self::Unreachable,
        Self::ConnectTimeout,
        Self::TargetBusy,
        Self::TargetRefused,
        Self::TooLarge,
        Self::NotPdf,
        Self::PdfEncrypted,
        Self::PdfTooLarge,
        Self::PdfTooManyPages,
        Self::PdfPageSize,
        Self::PdfAddressMissing,
        Self::PdfAddressZoneTaken,
        Self::NothingToPrint,
        Self::PrintJobForgotten,
        Self::CredentialsRefused,
        Self::HostKeyDiffers,
        Self::ReportedFailed,
        Self::UnexpectedAnswer,
        Self::AnswerRefused,
        Self::AnswerLost,
        Self::Torn,
        Self::Interrupted,
        Self::NoWord,
        Self::SurelyAbsent,
        Self::Unfinished,
        Self::Found,
        Self::SeveralFound,
        Self::CallOutstanding,
        Self::ProgressRecorded,
        Self::ProgressNotKept,
        Self::InProgress,
        Self::InMailbox,
        Self::FetchedByReader,
        Self::ClosedByReader,
        Self::Notified,
        Self::PaymentOrder,
        Self::PaymentExists,
        Self::PaymentBegun,
        Self::PaymentDiffers,
        Self::NotBefore,
        Self::CalledOff,
        Self::AdapterConfiguration,
        Self::NoCallback,
        Self::NoMailAddress,
        Self::AddressForbidden,
        Self::FolderUnavailable,
        Self::FolderFull,
        Self::NameTaken,
        Self::PausedByPerson,
        Self::Draining,
        Self::PausedDelivery,
        Self::BreakerOpen,
        Self::Probing,
        Self::AskedToRest,
        Self::OutsideHours,
        Self::Maintenance,
        Self::Holiday,
        Self::RateLimit,
        Self::Ramp,
        Self::WaitsItsTurn,
        Self::BehindEarlier,
        Self::RetryAt,
        Self::TriedLongEnough,
        Self::AwaitingTooLong,
        Self::ExpiryWarning,
        Self::Expired,
        Self::MendedByPerson,
        Self::RetriedByPerson,
        Self::DiscardedByPerson,
        Self::DiscardedWithStep,
        Self::HubStopping,
        Self::HubTrouble,
    ];
}

impl Reason {
    /// A reason without parameters.
    pub const fn new(code: ReasonCode) -> Self {
        Self { code, params: BTreeMap::new(), place: None }
    }

    /// Adds a parameter: a number or a name of the configuration.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl fmt::Display) -> Self {
        self.params.insert(name.to_owned(), value.to_string());
        self
    }

    /// Adds a place.
    #[must_use]
    pub fn at(mut self, place: Place) -> Self {
        self.place = Some(place);
        self
    }

    /// A German sentence that tells an operator what is the matter and what to do.
    pub fn german(&self) -> String {
        crate::reason_text::german(self)
    }

    /// The same in English.
    pub fn english(&self) -> String {
        crate::reason_text::english(self)
    }
}

/// The stored word.
impl fmt::Display for ReasonCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.english())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_written_as_it_is_stored() {
        for code in ReasonCode::ALL {
            assert_eq!(format!("\"{code}\""), serde_json::to_string(&code).unwrap());
        }
    }

    #[test]
    fn the_list_of_codes_is_complete() {
        // Whoever reads an unknown word is told all that are known.
        let told = serde_json::from_str::<ReasonCode>("\"?\"").unwrap_err().to_string();
        let listed: Vec<_> = ReasonCode::ALL
            .iter()
            .map(|code| serde_json::to_string(code).unwrap().replace('"', "`"))
            .collect();
        let expected = format!("expected one of {}", listed.join(", "));
        assert!(told.contains(&expected), "{told}");
        assert_eq!(told.matches('`').count(), 2 * (listed.len() + 1), "{told}");
    }
}
