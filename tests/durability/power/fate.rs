//! What a power cut makes of all that was not synced.

/// Decides. The same seed decides the same.
pub struct Fate {
    random: fastrand::Rng,
    mood: Mood,
}

/// How a whole cut goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    /// Nothing that was not synced is there.
    Strict,
    /// Everything is there.
    Kind,
    /// Anything may be there.
    Mixed,
}

/// Which of a file's changes happened.
pub enum Plan {
    Nothing,
    Everything,
    /// The first so many.
    Prefix(usize),
    /// Some, in whatever order the disk liked.
    Subset,
    /// The first so many, and a part of the next.
    Torn(usize),
    /// Some sectors of some.
    Sectors,
}

impl Fate {
    /// A cut of this mood.
    pub fn new(seed: u64, mood: Mood) -> Self {
        Self { random: fastrand::Rng::with_seed(seed), mood }
    }

    /// A cut of any mood: strict ones are the sharpest, so they are frequent.
    pub fn any(seed: u64) -> Self {
        let mood = match fastrand::Rng::with_seed(!seed).u8(..10) {
            0..4 => Mood::Strict,
            4 => Mood::Kind,
            _ => Mood::Mixed,
        };
        Self::new(seed, mood)
    }

    pub fn mood(&self) -> Mood {
        self.mood
    }

    /// Whether one thing happened.
    pub fn happened(&mut self) -> bool {
        match self.mood {
            Mood::Strict => false,
            Mood::Kind => true,
            Mood::Mixed => self.random.bool(),
        }
    }

    /// How many of `count` changes of names happened; they happen in order.
    pub fn prefix(&mut self, count: usize) -> usize {
        match (self.mood, self.random.u8(..4)) {
            (Mood::Strict, _) | (Mood::Mixed, 0) => 0,
            (Mood::Kind, _) | (Mood::Mixed, 1) => count,
            (Mood::Mixed, _) => self.random.usize(0..=count),
        }
    }

    pub fn plan(&mut self, count: usize) -> Plan {
        match (self.mood, self.random.u8(..6)) {
            (Mood::Strict, _) | (Mood::Mixed, 0) => Plan::Nothing,
            (Mood::Kind, _) | (Mood::Mixed, 1) => Plan::Everything,
            (Mood::Mixed, 2) => Plan::Prefix(self.random.usize(0..=count)),
            (Mood::Mixed, 3) => Plan::Subset,
            (Mood::Mixed, 4) => Plan::Torn(self.random.usize(0..=count)),
            (Mood::Mixed, _) => Plan::Sectors,
        }
    }

    /// A part of a write, from its begin or up to its end.
    pub fn torn<T>(&mut self, sectors: Vec<T>) -> Vec<T> {
        let at = self.random.usize(0..=sectors.len());
        let begin = self.random.bool();
        let numbered = sectors.into_iter().enumerate();
        numbered.filter(|(index, _)| (*index < at) == begin).map(|(_, sector)| sector).collect()
    }

    /// A length may have reached the disk or not, with the bytes or without them: what lies between is zero.
    pub fn length(&mut self, durable: usize, natural: usize, written: usize) -> usize {
        match (self.mood, self.random.u8(..4)) {
            (Mood::Mixed, 0) => durable,
            (Mood::Mixed, 1) => natural.max(written),
            _ => natural,
        }
    }

    /// A seed for something else.
    pub fn seed(&mut self) -> u64 {
        self.random.u64(..)
    }
}
