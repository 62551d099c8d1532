use rohrpost_model::destination::Rate;
use std::collections::VecDeque;
use std::time::Duration;

/// When the last conversations began, as many as the rate counts. So there are never more than that in any time of
/// the rate's length, wherever it is laid, and what was not used in one is not made up for in the next. (A bucket that
/// is filled while it is emptied would let twice as many through in the first period.)
#[derive(Clone, Debug, Default)]
pub(super) struct Window(VecDeque<Duration>);

impl Window {
    /// How many more may begin.
    pub fn free(&self, rate: Rate, at: Duration) -> usize {
        most(rate).saturating_sub(self.within(rate, at))
    }

    /// When more may begin once all that may begin now has begun.
    pub fn more_at(&self, rate: Rate, at: Duration) -> Duration {
        let within = self.within(rate, at);
        // After the rate was lowered there may be more than it allows: they leave first.
        let leaves = self.0.len() - within + within.saturating_sub(most(rate));
        self.0.get(leaves).copied().unwrap_or(at) + rate.per
    }

    /// One begins. Without a rate nothing needs to be known.
    pub fn note(&mut self, rate: Option<Rate>, at: Duration) {
        let Some(rate) = rate else { return self.0.clear() };
        let keep = self.within(rate, at).min(most(rate).saturating_sub(1));
        self.0.drain(..self.0.len() - keep);
        self.0.push_back(at);
    }

    /// How many it remembers.
    #[cfg(test)]
    pub fn remembered(&self) -> usize {
        self.0.len()
    }

    /// How many began in the last time of the rate's length.
    fn within(&self, rate: Rate, at: Duration) -> usize {
        self.0.len() - self.0.partition_point(|began| *began + rate.per <= at)
    }
}

fn most(rate: Rate) -> usize {
    usize::try_from(rate.count.max(1)).unwrap_or(usize::MAX)
}
