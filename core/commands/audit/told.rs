//! The sentences. Operators read German.

use crate::faults::Stop;
use rohrpost_model::ports::StoreFault;
use rohrpost_store::audit::{Broken, Fit, How};

/// Nothing but the chain itself was looked at.
pub const INNER_ONLY: &str = "Nur das wurde geprüft. Ob jemand die ganze Kette neu geschrieben oder am Ende gekürzt hat, zeigt \
     erst ein Kopf, der woanders aufbewahrt wurde (--head), von jemandem, dem vertraut wird (--trust).\n\
     Only its inner consistency was checked: a chain written anew as a whole is not found without --head and --trust.";

/// Heads fit, and nobody said whose they have to be.
pub const SIGNER_UNKNOWN: &str = "Ob das der richtige Unterzeichner ist, wurde nicht geprüft: Wem vertraut wird, sagt --trust. Wer \
     die Kette neu schreibt, kann auch Köpfe dazu unterzeichnen.\n\
     Whose signature it is was not checked: say with --trust whom you trust.";

/// Somebody said whom to trust, and no head of theirs vouches for the chain.
pub const UNPROVEN: &str = "NICHT belegt: Kein Kopf von jemandem, dem vertraut wird (--trust), passt zu dieser Kette. Einen \
     aufbewahrten Kopf mit --head angeben.\n\
     NOT proven: no head of anybody who is trusted fits this chain. Name one that was kept with --head.";

/// A data directory that cannot be read.
pub fn store(fault: &StoreFault) -> Stop {
    Stop::Failed(match fault {
        StoreFault::Unavailable(text) | StoreFault::Full(text) | StoreFault::Damaged(text) => text.clone(),
        other => other.to_string(),
    })
}

/// Where a chain does not hold.
pub fn broken(broken: &Broken) -> String {
    let (seq, before) = (broken.seq, broken.seq.saturating_sub(1));
    let what = match &broken.how {
        How::Missing => format!("Zeile {seq} fehlt oder steht nicht an ihrer Stelle."),
        How::Changed => {
            format!(
                "Zeile {seq} ist nicht, was geschrieben wurde: Sie wurde verändert, eingefügt oder vertauscht."
            )
        }
        How::Unreadable => format!("Zeile {seq} ist nicht lesbar."),
        How::Words => format!("Die Worte, die jemand zu Zeile {seq} angab, wurden ausgetauscht."),
        How::State(delivery) => {
            return format!(
                "Die Kette ist in sich unversehrt, aber der Zustand der Zustellung {delivery} ist ein anderer als in \
                 ihrer letzten Zeile ({seq}): Er wurde geändert, ohne dass es in der Historie steht, oder am Ende \
                 fehlen Zeilen."
            );
        }
    };
    format!("Die Kette ist gebrochen: {what} Bis Zeile {before} ist sie in sich unversehrt.")
}

/// How a head fits: the word, and what it means where it does not.
pub fn fit(fit: Fit, seq: u64) -> (&'static str, String) {
    match fit {
        Fit::Fits => ("fits", String::new()),
        Fit::Differs => (
            "differs",
            format!(
                "passt NICHT: Zeile {seq} hat einen anderen Hash. Die Kette wurde bis dahin neu geschrieben, oder der Kopf gehört zu einem anderen Rohrpost."
            ),
        ),
        Fit::Beyond => (
            "beyond",
            format!(
                "passt NICHT: Die Kette endet vor Zeile {seq}. Am Ende wurden Zeilen entfernt, oder dies ist der Stand einer älteren Sicherung."
            ),
        ),
    }
}

/// A head that is none.
pub fn forged(why: &str) -> String {
    format!("ist gefälscht oder beschädigt ({why})")
}

/// A head of somebody whom nobody trusts.
pub fn untrusted(signer: &str) -> String {
    format!("passt, aber dem Unterzeichner wird nicht vertraut: {signer}")
}
