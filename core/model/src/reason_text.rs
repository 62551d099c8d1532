//! The sentences. `{name}` stands for a parameter.

use crate::reason::{Reason, ReasonCode as C};

pub(crate) fn german(reason: &Reason) -> String {
    fill(text(reason.code).0, reason, ("Zeile", "Spalte"))
}

pub(crate) fn english(reason: &Reason) -> String {
    fill(text(reason.code).1, reason, ("line", "column"))
}

fn fill(template: &str, reason: &Reason, words: (&str, &str)) -> String {
    let mut sentence = template.to_owned();
    for (name, value) in &reason.params {
        sentence = sentence.replace(&format!("{{{name}}}"), value);
    }
    if let Some(place) = reason.place.as_ref().filter(|place| place.line > 0) {
        sentence.push_str(&format!(" ({} {}, {} {}", words.0, place.line, words.1, place.column));
        if !place.path.is_empty() {
            sentence.push_str(&format!(", {}", place.path));
        }
        sentence.push(')');
    }
    sentence
}

/// German, English.
const fn text(code: C) -> (&'static str, &'static str) {
    match code {
        C::NoRoute
        | C::RouteTie
        | C::NobodyResponsible
        | C::Routed
        | C::WaitsForSteps
        | C::ConditionFalse
        | C::ConditionFailed => routing(code),
        C::NoDestination
        | C::DestinationForbidden
        | C::TestStage
        | C::VersionMissing
        | C::NoSeal
        | C::SealFailed => configuration(code),
        C::MappingFailed | C::MappingLimit | C::SourceInvalid | C::TargetInvalid => mapping(code),
        C::RetriedByPerson
        | C::DiscardedByPerson
        | C::DiscardedWithStep
        | C::MendedByPerson
        | C::PausedByPerson
        | C::Draining
        | C::PausedDelivery => person(code),
        C::InMailbox | C::FetchedByReader | C::ClosedByReader | C::NotBefore | C::CalledOff => partner(code),
        C::Notified | C::PaymentOrder | C::PaymentExists | C::PaymentBegun | C::PaymentDiffers => {
            payment(code)
        }
        C::BreakerOpen
        | C::Probing
        | C::AskedToRest
        | C::OutsideHours
        | C::Maintenance
        | C::Holiday
        | C::RateLimit
        | C::Ramp
        | C::WaitsItsTurn
        | C::BehindEarlier
        | C::RetryAt => waiting(code),
        C::TriedLongEnough | C::AwaitingTooLong | C::ExpiryWarning | C::Expired => deadline(code),
        C::ContentDamaged | C::ContentErased | C::HubStopping | C::HubTrouble | C::Interrupted => hub(code),
        C::Unfinished | C::SeveralFound | C::CallOutstanding | C::ProgressRecorded | C::ProgressNotKept => {
            several_calls(code)
        }
        C::NameTaken | C::FolderFull | C::FolderUnavailable => folder(code),
        C::AnswerRefused | C::AnswerLost => at_once(code),
        C::NotPdf
        | C::PdfEncrypted
        | C::PdfTooLarge
        | C::PdfTooManyPages
        | C::PdfPageSize
        | C::PdfAddressMissing
        | C::PdfAddressZoneTaken
        | C::NothingToPrint
        | C::PrintJobForgotten => print(code),
        _ => target(code),
    }
}

const fn routing(code: C) -> (&'static str, &'static str) {
    match code {
        C::NoRoute => (
            "Keine Route nimmt Leistung {service} im Gebiet {area} an. Route anlegen, aktivieren und mit `queue retry` neu zuordnen.",
            "No route takes service {service} in area {area}. Add a route, activate it, then `queue retry`.",
        ),
        C::RouteTie => (
            "Mehrere gleich genaue Routen passen: {routes}. Eine davon enger fassen und mit `queue retry` neu zuordnen.",
            "Several equally specific routes fit: {routes}. Narrow one of them, then `queue retry`.",
        ),
        C::NobodyResponsible => (
            "Die Route {route} fragt die Zuständigkeiten nach dem Ziel, und keine gültige Zeile nennt eines für Leistung {service} \
             im Gebiet {area}. `rohrpost resolve` zeigt, warum; Zeile ergänzen, aktivieren und mit `queue retry` neu zuordnen.",
            "The route {route} asks the responsibilities for the destination, and no line in force names one for service {service} \
             in area {area}. `rohrpost resolve` shows why; add a line, activate it, then `queue retry`.",
        ),
        C::Routed => {
            ("Die Route {route} hat die Einreichung übernommen.", "The route {route} took the submission.")
        }
        C::WaitsForSteps => ("Wartet auf: {steps}.", "Waits for: {steps}."),
        C::ConditionFalse => {
            ("Die Bedingung des Schritts trifft nicht zu.", "The step's condition is false.")
        }
        _ => (
            "Die Bedingung des Schritts lässt sich nicht auswerten. Route prüfen.",
            "The step's condition cannot be evaluated. Check the route.",
        ),
    }
}

const fn configuration(code: C) -> (&'static str, &'static str) {
    match code {
        C::NoDestination => (
            "Das Ziel {destination} ist nicht eingerichtet. Ziel anlegen, aktivieren und neu zustellen.",
            "The destination {destination} is not configured. Add it, activate, retry.",
        ),
        C::DestinationForbidden => (
            "Das Ziel {destination} darf diese Einreichung nicht erhalten (Mandant oder Testbetrieb). Konfiguration prüfen.",
            "The destination {destination} must not get this submission (tenant or test stage). Check the configuration.",
        ),
        C::TestStage => (
            "Der Mandant {tenant} oder die Route {route} ist im Testbetrieb (`stage`), und dies ist keine Testeinreichung. \
             Sie wartet; sobald beide im Echtbetrieb sind, mit `queue retry` neu zustellen.",
            "The tenant {tenant} or the route {route} is in the stage test, and this submission is no test. It waits; once \
             both are live, `queue retry`.",
        ),
        C::VersionMissing => (
            "Die bei der Annahme festgelegte Fassung {version} fehlt. Sicherung prüfen.",
            "The version {version} pinned at acceptance is missing. Check the backup.",
        ),
        C::NoSeal => (
            "Das Siegel {seal} ist nicht eingerichtet oder hat eine andere Form als bei der Annahme.",
            "The seal {seal} is not configured, or has another form than at acceptance.",
        ),
        _ => (
            "Mit dem Siegel {seal} konnte nicht signiert werden. Schlüssel und Zertifikat prüfen.",
            "Signing with the seal {seal} failed. Check key and certificate.",
        ),
    }
}

const fn mapping(code: C) -> (&'static str, &'static str) {
    match code {
        C::MappingFailed => (
            "Die Abbildung {mapping} ist mit einem Fehler abgebrochen. Abbildung prüfen.",
            "The mapping {mapping} stopped with an error. Check the mapping.",
        ),
        C::MappingLimit => (
            "Die Abbildung {mapping} hat die Grenze {limit} überschritten. Abbildung prüfen.",
            "The mapping {mapping} exceeded the limit {limit}. Check the mapping.",
        ),
        C::SourceInvalid => (
            "Die Daten passen nicht zum Eingangsschema der Abbildung {mapping}.",
            "The data do not fit the source schema of the mapping {mapping}.",
        ),
        _ => (
            "Das Ergebnis der Abbildung {mapping} passt nicht zum Zielschema. Abbildung prüfen.",
            "The result of the mapping {mapping} does not fit its target schema. Check the mapping.",
        ),
    }
}

const fn person(code: C) -> (&'static str, &'static str) {
    match code {
        C::RetriedByPerson => ("Auf Anweisung erneut fällig.", "Due again by command."),
        C::DiscardedByPerson => ("Auf Anweisung verworfen.", "Discarded by command."),
        C::MendedByPerson => ("Von {who} berichtigt.", "Mended by {who}."),
        C::PausedByPerson => (
            "Angehalten von {who} seit {since}. Weiter geht es mit `queue resume`.",
            "Paused by {who} since {since}. It goes on with `queue resume`.",
        ),
        C::Draining => (
            "{who} lässt das Ziel seit {since} leerlaufen: Was läuft, endet, Neues beginnt nicht. Weiter geht es mit `queue resume`.",
            "{who} has let the destination run empty since {since}: what is under way ends, nothing begins. It goes on with `queue resume`.",
        ),
        C::PausedDelivery => (
            "Diese Zustellung hält {who} zurück. Weiter geht es mit `queue release`.",
            "{who} holds this delivery back. It goes on with `queue release`.",
        ),
        _ => (
            "Verworfen zusammen mit dem Schritt, auf den gewartet wurde.",
            "Discarded together with the step it waited for.",
        ),
    }
}

const fn partner(code: C) -> (&'static str, &'static str) {
    match code {
        C::InMailbox => {
            ("Liegt im Postfach und wartet auf Abholung.", "It lies in the mailbox and waits to be fetched.")
        }
        C::FetchedByReader => (
            "Wurde abgeholt; der Leser hat den Empfang noch nicht bestätigt.",
            "It was fetched; its reader has not closed it yet.",
        ),
        C::ClosedByReader => ("Der Leser hat den Empfang bestätigt.", "Its reader closed it."),
        C::NotBefore => (
            "Der Absender hat verfügt, dass es erst ab {at} gesendet wird.",
            "Its sender asked that it leaves not before {at}.",
        ),
        _ => (
            "Der Absender hat es vor dem Sendetermin zurückgezogen.",
            "Its sender called it off before its time.",
        ),
    }
}

const fn payment(code: C) -> (&'static str, &'static str) {
    match code {
        C::Notified => (
            "Von außen kam eine Nachricht dazu; das Ziel wird jetzt gefragt.",
            "Somebody outside said something of it; its target is asked now.",
        ),
        C::PaymentOrder => (
            "Der Zahlungsauftrag ist unvollständig oder falsch: {field}. Auftrag berichtigen und neu einreichen, oder Mapping und \
             Ziel berichtigen und mit `queue retry --current` neu zustellen.",
            "The payment order is incomplete or wrong: {field}. Mend the order and hand it in anew, or mend mapping and destination \
             and `queue retry --current`.",
        ),
        C::PaymentExists => (
            "Beim Bezahldienst gibt es zu dieser Zustellung schon eine Zahlung, ihre Kennung ist aber nicht bekannt. Dort unter der \
             Zustellungs-Id nachsehen; wurde nicht bezahlt: verwerfen und neu beauftragen.",
            "The payment provider has a payment for this delivery, and its id is not known. Look there for the delivery's id; if it \
             was not paid, discard and order anew.",
        ),
        C::PaymentBegun => (
            "Zu dieser Zustellung wurde schon eine Zahlung mit anderen Angaben begonnen. Für andere Angaben verwerfen und neu \
             beauftragen.",
            "A payment was begun for this delivery with other data. For other data, discard and order anew.",
        ),
        _ => (
            "Der Bezahldienst meldet eine Zahlung, die nicht zum Auftrag passt: {field}. Beim Bezahldienst klären; nichts läuft weiter.",
            "The payment provider speaks of a payment that is not the one ordered: {field}. Clear it up there; nothing goes on.",
        ),
    }
}

/// What a target answers at once.
const fn at_once(code: C) -> (&'static str, &'static str) {
    match code {
        C::AnswerRefused => (
            "Das Ziel hat die Zustellung, aber was es antwortete, kam nicht in den Vorgang: {why}. Antwort des Ziels, Mapping oder \
             Rechte des Clients berichtigen; `queue retry --current` fragt unter demselben Schlüssel noch einmal.",
            "The target has it, but what it answered did not come into the case: {why}. Mend the target's answer, the mapping or what \
             the client may; `queue retry --current` asks again under the same key.",
        ),
        _ => (
            "Das Ziel hat die Zustellung, aber was es antwortete, ist nicht mehr zu haben. Beim Ziel nachsehen und die Antwort von Hand \
             geben, dann verwerfen mit `--dependents release`; `queue retry` sendet noch einmal.",
            "The target has it, but what it answered is not to be had any more. Look there and give the answer by hand, then discard \
             with `--dependents release`; `queue retry` sends it again.",
        ),
    }
}

const fn waiting(code: C) -> (&'static str, &'static str) {
    match code {
        C::BreakerOpen => (
            "Das Ziel {destination} ist seit {since} gestört und wird bis {until} in Ruhe gelassen; dann versucht es eine Zustellung.",
            "The destination {destination} has been in trouble since {since} and is left alone until {until}; then one delivery tries.",
        ),
        C::Probing => (
            "Das Ziel war gestört; eine Zustellung versucht gerade, ob es wieder da ist.",
            "The destination was in trouble; one delivery is trying whether it is back.",
        ),
        C::AskedToRest => (
            "Das Ziel hat gebeten, bis {until} zu warten.",
            "The destination asked to be left alone until {until}.",
        ),
        C::OutsideHours => (
            "Das Ziel ist außerhalb seiner Betriebszeit; es geht weiter um {until}.",
            "The destination is outside its office hours; it goes on at {until}.",
        ),
        C::Maintenance => (
            "Das Ziel wird gewartet; es geht weiter um {until}.",
            "The destination is being maintained; it goes on at {until}.",
        ),
        C::Holiday => (
            "Das Ziel hat einen freien Tag; es geht weiter um {until}.",
            "The destination has a day off; it goes on at {until}.",
        ),
        C::RateLimit => (
            "Die erlaubte Rate des Ziels ist ausgeschöpft; es geht gleich weiter.",
            "The destination's rate is used up; it goes on in a moment.",
        ),
        C::Ramp => (
            "Das Ziel war gestört und wird schrittweise wieder beliefert; es geht gleich weiter.",
            "The destination was in trouble and is taken up again step by step; it goes on in a moment.",
        ),
        C::WaitsItsTurn => ("Alle Plätze des Ziels sind belegt.", "All places of the destination are taken."),
        C::BehindEarlier => (
            "Die frühere Zustellung {delivery} desselben Vorgangs geht vor.",
            "The earlier delivery {delivery} of the same case comes first.",
        ),
        _ => ("Nächster Versuch um {at}.", "Next attempt at {at}."),
    }
}

const fn deadline(code: C) -> (&'static str, &'static str) {
    match code {
        C::TriedLongEnough => (
            "Seit dem ersten Versuch sind {age} vergangen, länger wird nicht versucht (zuletzt: {last}). Ursache beim Ziel klären, dann neu zustellen oder verwerfen.",
            "{age} have passed since the first attempt, and it is not tried longer (at last: {last}). Clear the cause with the target, then retry or discard.",
        ),
        C::AwaitingTooLong => (
            "Das Ziel hat angenommen, aber nach {deadline} noch nicht abschließend geantwortet. Beim Ziel nachsehen, dann neu zustellen oder verwerfen.",
            "The target took it, but has not given its final word after {deadline}. Look there, then retry or discard.",
        ),
        C::ExpiryWarning => (
            "Die Zustellung verfällt um {at}. Vorher zustellen oder die Ursache klären.",
            "The delivery expires at {at}. Deliver it before, or clear the cause.",
        ),
        _ => (
            "Nach der Regel der Route verfallen: {after} nach der Annahme noch nicht zugestellt.",
            "Expired by the route's rule: not delivered {after} after acceptance.",
        ),
    }
}

const fn hub(code: C) -> (&'static str, &'static str) {
    match code {
        C::ContentDamaged => (
            "Gespeicherter Inhalt ist beschädigt. Datenträger prüfen und aus der Sicherung wiederherstellen.",
            "Stored content is damaged. Check the disk and restore from the backup.",
        ),
        C::ContentErased => (
            "Der Inhalt wurde nach Ablauf der Frist gelöscht.",
            "The content was erased after its retention time.",
        ),
        C::HubStopping => (
            "Rohrpost wird beendet; es geht nach dem Start weiter.",
            "Rohrpost is stopping; it goes on after the start.",
        ),
        C::Interrupted => (
            "Rohrpost wurde während des Sendens unterbrochen; das Ziel wird gefragt.",
            "Rohrpost was interrupted while sending; the target is asked.",
        ),
        _ => (
            "Der eigene Speicher war gestört; es wird erneut versucht.",
            "The hub's own store had trouble; it is tried again.",
        ),
    }
}

const fn several_calls(code: C) -> (&'static str, &'static str) {
    match code {
        C::Unfinished => (
            "Das Ziel hat einen Teil davon; die Zustellung geht dort weiter.",
            "The target has a part of it; the delivery goes on from there.",
        ),
        C::SeveralFound => (
            "Beim Ziel liegt mehr als ein Objekt mit demselben Wert in {field}. Dort das überzählige löschen, dann neu zustellen.",
            "The target has more than one object with the same value in {field}. Delete what is too much there, then retry.",
        ),
        C::CallOutstanding => (
            "Ein früherer Aufruf kann beim Ziel noch in Arbeit sein; damit nichts doppelt entsteht, wird gewartet.",
            "An earlier call may still be at work at the target; so that nothing is made twice, it waits.",
        ),
        C::ProgressRecorded => ("Ein Zwischenschritt ist getan: {key}.", "A step on the way is done: {key}."),
        _ => (
            "Der Zwischenschritt {key} ließ sich nicht festhalten; das Ziel wird gefragt, ob er getan ist.",
            "The step {key} on the way could not be kept; the target is asked whether it was done.",
        ),
    }
}

const fn target(code: C) -> (&'static str, &'static str) {
    match code {
        C::Unreachable => (
            "Das Ziel ist nicht erreichbar; es wird erneut versucht.",
            "The target cannot be reached; it is tried again.",
        ),
        C::ConnectTimeout => (
            "Das Ziel hat den Verbindungsaufbau nicht rechtzeitig beantwortet; es wird erneut versucht.",
            "The target did not answer the connection in time; it is tried again.",
        ),
        C::TargetBusy => (
            "Das Ziel ist vorübergehend nicht bereit (Status {status}); es wird erneut versucht.",
            "The target is not ready now (status {status}); it is tried again.",
        ),
        C::TargetRefused => (
            "Das Ziel hat die Annahme verweigert (Status {status}). Ursache beim Ziel klären, dann neu zustellen oder verwerfen.",
            "The target refused (status {status}). Clear the cause with the target, then retry or discard.",
        ),
        C::TooLarge => (
            "Mit {size} Bytes größer, als `size-limit` des Ziels erlaubt ({limit}); es wurde nichts gesendet. Die Grenze mit dem Ziel klären, oder einen anderen Weg nehmen.",
            "With {size} bytes larger than the destination's `size-limit` ({limit}); nothing was sent. Clear the limit with the target, or take another way.",
        ),
        C::CredentialsRefused => (
            "Das Ziel hat die Zugangsdaten abgelehnt (Status {status}). Zugangsdaten prüfen, dann neu zustellen.",
            "The target refused the credentials (status {status}). Check them, then retry.",
        ),
        C::HostKeyDiffers => (
            "Das Ziel zeigt einen anderen Host-Schlüssel als den eingetragenen ({shown}); es wurde nichts gesendet. Beim Ziel auf sicherem Weg klären, ob er gewechselt hat, dann `host-keys` berichtigen und neu zustellen.",
            "The target shows another host key than the one that is configured ({shown}); nothing was sent. Clear over a safe channel whether it was changed, then mend `host-keys` and retry.",
        ),
        C::ReportedFailed => (
            "Das Ziel hat angenommen und meldet, dass die Zustellung gescheitert ist (Status {status}). Ursache beim Ziel klären, dann neu zustellen oder verwerfen.",
            "The target took it and reports that the delivery failed (status {status}). Clear the cause with the target, then retry or discard.",
        ),
        C::UnexpectedAnswer => (
            "Die Antwort des Ziels (Status {status}) entspricht nicht der Konfiguration. Beim Ziel nachsehen, ob es angekommen ist.",
            "The target's answer (status {status}) is not what the configuration expects. Look at the target whether it arrived.",
        ),
        C::Torn => (
            "Die Verbindung riss oder die Zeit lief ab, nachdem gesendet wurde; ob es ankam, ist ungewiss.",
            "The connection tore or the time ran out after sending; whether it arrived is not known.",
        ),
        C::NoWord => (
            "Das Ziel konnte nicht sagen, ob es angekommen ist. Beim Ziel nachsehen, dann neu zustellen oder verwerfen.",
            "The target could not tell whether it arrived. Look there, then retry or discard.",
        ),
        C::SurelyAbsent => (
            "Das Ziel hat es sicher nicht; es wird erneut gesendet.",
            "The target surely does not have it; it is sent again.",
        ),
        C::Found => ("Das Ziel hat es erhalten.", "The target has it."),
        C::InProgress => {
            ("Das Ziel hat es angenommen und bearbeitet es.", "The target took it and works on it.")
        }
        C::AdapterConfiguration => (
            "Mit der Konfiguration des Ziels lässt sich die Anfrage nicht bilden ({field}). Konfiguration prüfen.",
            "The destination's configuration cannot make the request ({field}). Check the configuration.",
        ),
        C::NoMailAddress => (
            "Die Einreichung nennt keine Mailadresse für Antworten (`reply`). Dem Schritt die Bedingung `reply = \"mail\"` geben, oder dem Ziel einen festen Empfänger.",
            "The submission names no mail address for answers (`reply`). Give the step the condition `reply = \"mail\"`, or the destination a fixed recipient.",
        ),
        C::NoCallback => (
            "Die Einreichung nennt keine Adresse für Rückrufe (`reply`). Das Portal muss sie beim Einreichen angeben; sonst dem Ziel eine feste `url` geben.",
            "The submission names no address for callbacks (`reply`). The portal has to give one when it hands in; or give the destination a fixed `url`.",
        ),
        _ => (
            "An diese Adresse darf das Ziel nicht senden: Sie fehlt in `{field}`. Mit dem Betreiber der Gegenstelle klären, ob die Adresse stimmt, und erst dann dort nachtragen.",
            "The destination must not send to this address: it is missing in `{field}`. Clear with whoever runs the other side whether the address is right, and only then add it there.",
        ),
    }
}

const fn folder(code: C) -> (&'static str, &'static str) {
    match code {
        C::NameTaken => (
            "Im Zielordner liegt unter diesem Namen schon etwas anderes; es wird nichts überschrieben. Dort nachsehen, dann neu zustellen oder verwerfen.",
            "Something else lies in the folder under this name; nothing is overwritten. Look there, then retry or discard.",
        ),
        C::FolderFull => (
            "Im Zielordner ist kein Platz; es wird erneut versucht.",
            "The folder has no room; it is tried again.",
        ),
        _ => (
            "Der Zielordner ist nicht beschreibbar; es wird erneut versucht. Rechte und Einbindung prüfen.",
            "The folder cannot be written; it is tried again. Check rights and mount.",
        ),
    }
}

const fn print(code: C) -> (&'static str, &'static str) {
    match code {
        C::NotPdf => (
            "Was gedruckt werden soll ({document}), ist kein lesbares PDF; es wurde nichts gesendet. Dort, wo es entsteht, als PDF ausgeben lassen und neu einreichen.",
            "What is to be printed ({document}) is no PDF that can be read; nothing was sent. Have it made as a PDF where it comes from, and handed in anew.",
        ),
        C::PdfEncrypted => (
            "Das PDF ({document}) ist verschlüsselt oder gegen Drucken geschützt; es wurde nichts gesendet. Ohne Kennwort und Schutz ausgeben lassen und neu einreichen.",
            "The PDF ({document}) is encrypted or protected against printing; nothing was sent. Have it made without password and protection, and handed in anew.",
        ),
        C::PdfTooLarge => (
            "Das PDF ({document}) ist mit {size} Bytes größer, als `largest` erlaubt ({limit}); es wurde nichts gesendet. Verkleinern lassen und neu einreichen, oder die Grenze anheben und neu zustellen.",
            "The PDF ({document}) is larger, with {size} bytes, than `largest` allows ({limit}); nothing was sent. Have it made smaller and handed in anew, or raise the limit and retry.",
        ),
        C::PdfTooManyPages => (
            "Das PDF ({document}) hat mehr als {limit} Seiten (`most-pages`); es wurde nichts gesendet. Prüfen, ob es wirklich so gedruckt werden soll; dann die Grenze anheben und neu zustellen, sonst verwerfen.",
            "The PDF ({document}) has more than {limit} pages (`most-pages`); nothing was sent. Check whether it is really to be printed; then raise the limit and retry, else discard.",
        ),
        C::PdfPageSize => (
            "Seite {page} des PDF ({document}) misst {shown}; richtig wäre A4 (210 × 297 mm). Es wurde nichts gesendet. In A4 ausgeben lassen und neu einreichen.",
            "Page {page} of the PDF ({document}) measures {shown}; right would be A4 (210 × 297 mm). Nothing was sent. Have it made in A4 and handed in anew.",
        ),
        C::PdfAddressMissing => (
            "Im Anschriftfeld der ersten Seite (20 bis 105 mm von links, 45 bis 90 mm von oben) steht kein Text ({document}); richtig wäre dort die Anschrift. Es wurde nichts gesendet. Vorlage berichtigen lassen und neu einreichen.",
            "The address zone of the first page (20 to 105 mm from the left, 45 to 90 mm from the top) holds no text ({document}); right would be the address. Nothing was sent. Have the template mended, and it handed in anew.",
        ),
        C::PdfAddressZoneTaken => (
            "Im Anschriftfeld der ersten Seite (20 bis 105 mm von links, 45 bis 90 mm von oben) steht Text ({document}); es muss leer sein, weil die Druckstelle die Anschrift dort einsetzt. Es wurde nichts gesendet. Vorlage berichtigen lassen und neu einreichen.",
            "The address zone of the first page (20 to 105 mm from the left, 45 to 90 mm from the top) holds text ({document}); it has to be empty, because the print service puts the address there. Nothing was sent. Have the template mended, and it handed in anew.",
        ),
        C::NothingToPrint => (
            "Gedruckt werden sollen Anlagen, und keine ist ein PDF (`application/pdf`). Mit einer Anlage als PDF neu einreichen, oder `print` des Ziels berichtigen und neu zustellen.",
            "Attachments are to be printed, and none is a PDF (`application/pdf`). Hand in anew with an attachment as PDF, or mend `print` of the destination and retry.",
        ),
        _ => (
            "Der Drucker hatte den Auftrag {job} angenommen und kennt ihn nicht mehr. Nachsehen, ob er gedruckt wurde; wenn ja, verwerfen (`discard`), sonst von Hand drucken.",
            "The printer had taken the job {job} and does not know it any more. Look whether it was printed; if so, discard, else print it by hand.",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reason::Place;

    /// What each of the reasons for waiting and giving up needs, and nothing else, stands in both its sentences.
    #[test]
    fn sentences_name_the_parameters_that_their_codes_promise() {
        let promised: [(C, &[&str]); 16] = [
            (C::PausedByPerson, &["who", "since"]),
            (C::Draining, &["who", "since"]),
            (C::PausedDelivery, &["who"]),
            (C::MendedByPerson, &["who"]),
            (C::BreakerOpen, &["destination", "since", "until"]),
            (C::Probing, &[]),
            (C::AskedToRest, &["until"]),
            (C::OutsideHours, &["until"]),
            (C::Maintenance, &["until"]),
            (C::Holiday, &["until"]),
            (C::BehindEarlier, &["delivery"]),
            (C::RetryAt, &["at"]),
            (C::TriedLongEnough, &["age", "last"]),
            (C::AwaitingTooLong, &["deadline"]),
            (C::ExpiryWarning, &["at"]),
            (C::Expired, &["after"]),
        ];
        for (code, names) in promised {
            let reason = names.iter().fold(Reason::new(code), |reason, name| reason.with(name, "WERT"));
            for sentence in [reason.german(), reason.english()] {
                assert_eq!(sentence.matches("WERT").count(), names.len(), "{code:?}: {sentence}");
                assert!(!sentence.contains('{'), "{code:?}: {sentence}");
            }
        }
    }

    #[test]
    fn sentences_carry_parameters_and_place() {
        let reason = Reason::new(C::NoRoute).with("service", "99000000000000").with("area", "15091");
        assert!(reason.german().starts_with("Keine Route nimmt Leistung 99000000000000 im Gebiet 15091 an."));
        let placed = Reason::new(C::TargetInvalid).with("mapping", "m").at(Place {
            line: 3,
            column: 7,
            path: "/a/b[2]".into(),
        });
        assert!(placed.english().ends_with("(line 3, column 7, /a/b[2])"), "{}", placed.english());
    }
}
