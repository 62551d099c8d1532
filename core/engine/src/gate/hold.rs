use rohrpost_model::{DestinationName, Reason, ReasonCode, Timestamp};

/// Why no more conversations may begin. All but `Full` and `Probing` end by themselves at the time told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hold {
    /// All places are taken.
    Full {
        /// How many conversations are under way.
        under_way: usize,
    },
    /// As many as the rate allows have begun.
    Rate {
        /// When the next may.
        until: Timestamp,
    },
    /// Outside its office hours.
    Hours {
        /// When it opens, or when its calendar is looked at again.
        until: Timestamp,
    },
    /// It is being maintained.
    Maintenance {
        /// When it opens, or when its calendar is looked at again.
        until: Timestamp,
    },
    /// It has a day off.
    Holiday {
        /// When it opens, or when its calendar is looked at again.
        until: Timestamp,
    },
    /// It is in trouble and left alone.
    BreakerOpen {
        /// When the breaker opened first.
        since: Timestamp,
        /// When one conversation may try it.
        until: Timestamp,
    },
    /// One conversation tries whether it is back.
    Probing {
        /// When that began.
        since: Timestamp,
    },
    /// It asked to be left alone.
    AskedToRest {
        /// Until when.
        until: Timestamp,
    },
    /// It was in trouble and is taken up again step by step.
    Ramp {
        /// When the next may begin.
        until: Timestamp,
    },
}

impl Hold {
    /// The same as a reason that can be told.
    pub fn reason(&self, destination: &DestinationName) -> Reason {
        let until = |code, until: &Timestamp| Reason::new(code).with("until", second(*until));
        match self {
            Self::Full { .. } => Reason::new(ReasonCode::WaitsItsTurn),
            Self::Rate { .. } => Reason::new(ReasonCode::RateLimit),
            Self::Ramp { .. } => Reason::new(ReasonCode::Ramp),
            Self::Probing { .. } => Reason::new(ReasonCode::Probing),
            Self::Hours { until: at } => until(ReasonCode::OutsideHours, at),
            Self::Maintenance { until: at } => until(ReasonCode::Maintenance, at),
            Self::Holiday { until: at } => until(ReasonCode::Holiday, at),
            Self::AskedToRest { until: at } => until(ReasonCode::AskedToRest, at),
            Self::BreakerOpen { since, until: at } => until(ReasonCode::BreakerOpen, at)
                .with("since", second(*since))
                .with("destination", destination),
        }
    }
}

/// A time to the second: more only blurs a sentence.
fn second(at: Timestamp) -> String {
    format!("{at:.0}")
}
