//! What must hold whatever happens.

use super::*;
use std::collections::VecDeque;

/// One thing that happens.
#[derive(Clone, Copy, Debug)]
enum Happening {
    /// Some of those that may begin do so.
    Begin(usize),
    /// The conversation that began first, or last, ends.
    End { first: bool, ended: Ended, chance: f64 },
    /// So many milliseconds pass.
    Pass(u64),
    /// Time passes until the gate says that more may begin.
    Wait,
    /// The clock is put back or forward by so many seconds.
    Leap(i64),
}

fn ended() -> impl Strategy<Value = Ended> {
    let asked = proptest::option::weighted(0.2, 0u64..200_000);
    prop_oneof![
        3 => Just(Ended::Reached),
        4 => asked.prop_map(|asked| Ended::Troubled { retry_after: asked.map(Duration::from_secs) }),
        1 => Just(Ended::Untouched),
    ]
}

fn happening(leaps: u32) -> impl Strategy<Value = Happening> {
    let end = (any::<bool>(), ended(), 0.0..=1.0);
    prop_oneof![
        6 => (1usize..20).prop_map(Happening::Begin),
        6 => end.prop_map(|(first, ended, chance)| Happening::End { first, ended, chance }),
        4 => (0u64..20_000).prop_map(Happening::Pass),
        3 => Just(Happening::Wait),
        leaps => (-1_000_000i64..1_000_000).prop_map(Happening::Leap),
    ]
}

prop_compose! {
    fn any_policy()(
        concurrency in 1u16..20,
        rate in proptest::option::of((1u32..30, 1u64..90_000)),
        breaker in proptest::option::weighted(0.8, (1u32..6, 1u64..60_000, 1u64..900_000)),
        ramp in proptest::option::weighted(0.8, (1u32..4, 100u64..5_000, 6u64..90_000)),
        hours in proptest::option::weighted(0.2, (0i8..24, 0i8..24)),
    ) -> Destination {
        let millis = Duration::from_millis;
        let open = hours.map(|(from, until)| daily(from, until)).into_iter().collect();
        Destination {
            concurrency,
            rate: rate.map(|(count, per)| Rate { count, per: millis(per) }),
            breaker: breaker.map(|(failures, rest, more)| {
                Breaker { failures, rest: millis(rest), cap: millis(rest + more) }
            }),
            ramp: ramp.map(|(count, per, over)| {
                Ramp { first: Rate { count, per: millis(per) }, over: millis(over) }
            }),
            ..in_berlin(Calendar { open, ..Calendar::default() })
        }
    }
}

/// A conversation as a bystander sees it.
struct Seen {
    begun: Begun,
    number: usize,
}

/// What a bystander writes down who knows nothing of the gate's inside.
struct Bystander {
    house: House,
    under_way: VecDeque<Seen>,
    /// When each conversation began; the clock's leaps left out.
    begins: Vec<Duration>,
    passed: Duration,
    /// What was in trouble in a row, of what began since the breaker opened last.
    in_a_row: u32,
    /// The conversations from this one on count.
    counts_from: usize,
    /// Nothing begins before, by the passing of time.
    rests_until: Option<Duration>,
    /// The target is in trouble until one reaches it.
    broken: bool,
    probe: Option<usize>,
}

impl Bystander {
    fn new(policy: Destination) -> Self {
        Self {
            house: House::new(policy),
            under_way: VecDeque::new(),
            begins: Vec::new(),
            passed: Duration::ZERO,
            in_a_row: 0,
            counts_from: 0,
            rests_until: None,
            broken: false,
            probe: None,
        }
    }

    fn see(&mut self, happening: Happening) {
        match happening {
            Happening::Begin(wanted) => self.begin(wanted),
            Happening::End { first, ended, chance } => self.end(first, ended, chance),
            Happening::Pass(millis) => self.pass(Duration::from_millis(millis)),
            Happening::Wait => {
                let until = self.house.allowance().look_again_at.unwrap_or(self.house.now);
                self.pass(Duration::try_from(until.duration_since(self.house.now)).unwrap());
            }
            Happening::Leap(by) => self.leap(by),
        }
        self.check_what_is_told();
    }

    fn pass(&mut self, time: Duration) {
        // The gate looks, so that a leap is told from what passed.
        self.house.allowance();
        self.house.now += time;
        self.passed += time;
        self.house.allowance();
    }

    fn leap(&mut self, by: i64) {
        self.house.allowance();
        self.house.now += jiff::SignedDuration::from_secs(by);
        // To the gate a leap forward is time that passed.
        self.passed += Duration::from_secs(by.max(0).unsigned_abs());
        self.house.allowance();
    }

    fn begin(&mut self, wanted: usize) {
        for _ in 0..wanted.min(self.house.allowance().may_begin) {
            let number = self.begins.len();
            let begun = self.house.begin();
            self.begins.push(self.passed);
            self.under_way.push_back(Seen { begun, number });
            assert!(self.rests_until.is_none_or(|until| self.passed >= until), "the breaker is open");
            if self.broken {
                assert_eq!(self.probe, None, "exactly one tries");
                self.probe = Some(number);
            }
        }
        assert!(self.under_way.len() <= usize::from(self.house.policy.concurrency));
    }

    fn end(&mut self, first: bool, ended: Ended, chance: f64) {
        let Some(seen) = (if first { self.under_way.pop_front() } else { self.under_way.pop_back() }) else {
            return;
        };
        let now = self.house.now;
        self.house.gate.end(&self.house.policy, seen.begun, ended, now, chance);
        if seen.number < self.counts_from {
            return;
        }
        let Some(breaker) = self.house.policy.breaker else { return };
        match ended {
            Ended::Untouched => self.probe = None,
            Ended::Reached => {
                (self.in_a_row, self.broken, self.probe) = (0, false, None);
            }
            Ended::Troubled { .. } => {
                self.in_a_row += 1;
                if self.broken || self.in_a_row >= breaker.failures {
                    (self.in_a_row, self.broken, self.probe) = (0, true, None);
                    self.counts_from = self.begins.len();
                    self.rests_until = Some(self.passed + breaker.rest.mul_f64(0.499));
                }
            }
        }
    }

    /// The rate, over all that began.
    fn check_rate(&self) {
        let Some(rate) = self.house.policy.rate else { return };
        let count = usize::try_from(rate.count).unwrap();
        for (earlier, later) in self.begins.iter().zip(self.begins.iter().skip(count)) {
            assert!(*later - *earlier >= rate.per, "{} began in less than {:?}", count + 1, rate.per);
        }
    }

    fn check_what_is_told(&mut self) {
        let most = |rate: Option<Rate>| rate.map_or(0, |rate| usize::try_from(rate.count).unwrap());
        let (gate, policy) = (&self.house.gate, &self.house.policy);
        let ramp = policy.ramp.map(|ramp| ramp.rate(Ramp::STEPS));
        assert!(gate.rated.remembered() <= most(policy.rate), "a gate does not grow");
        assert!(gate.ramped.remembered() <= most(ramp), "a gate does not grow");
        let shown = self.house.hold();
        let allowance = self.house.allowance();
        assert_eq!(shown, allowance.held.filter(|_| allowance.may_begin == 0), "what is shown is what holds");
        assert!(allowance.may_begin > 0 || allowance.held.is_some(), "held without a reason");
        assert!(allowance.look_again_at.is_none_or(|at| at > self.house.now), "to be looked at in the past");
        match allowance.held {
            None | Some(Hold::Full { .. } | Hold::Probing { .. }) => {
                assert_eq!(allowance.look_again_at, None)
            }
            Some(hold) => assert!(allowance.look_again_at.is_some(), "{hold:?} has no end"),
        }
    }

    /// Once everything ends, the gate opens by itself, however the clock stands.
    fn check_that_it_opens(&mut self) {
        while !self.under_way.is_empty() {
            self.end(true, Ended::Untouched, 0.5);
        }
        let start = self.house.now;
        for _ in 0..100 {
            let allowance = self.house.allowance();
            if allowance.may_begin > 0 {
                return;
            }
            self.house.now = allowance.look_again_at.expect("it opens by itself");
            // A day that the target asked for, and a night.
            assert!(self.house.now.duration_since(start).as_secs() <= 2 * 86_400, "{:?}", allowance.held);
        }
        panic!("it is looked at again and again");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn places_rate_and_breaker_are_kept_and_no_gate_is_dead(
        policy in any_policy(),
        happenings in proptest::collection::vec(happening(0), 1..120),
    ) {
        let mut bystander = Bystander::new(policy);
        for happening in happenings {
            bystander.see(happening);
        }
        bystander.check_rate();
        bystander.check_that_it_opens();
    }

    #[test]
    fn they_are_kept_whatever_the_clock_does(
        policy in any_policy(),
        happenings in proptest::collection::vec(happening(3), 1..120),
    ) {
        let mut bystander = Bystander::new(policy);
        for happening in happenings {
            bystander.see(happening);
        }
        bystander.check_rate();
        bystander.check_that_it_opens();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 30, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever a ramp looks like, no step lets through more than it says, and after it nothing is held back.
    #[test]
    fn a_ramp_is_followed(count in 1u32..5, per in 200u64..2_000, step in 1u64..20) {
        let first = Rate { count, per: Duration::from_millis(per) };
        let ramp = Ramp { first, over: seconds(6 * step) };
        let mut house = on_the_ramp(Destination { ramp: Some(ramp), ..policy() });
        let start = house.now;
        let mut begins: VecDeque<Duration> = VecDeque::new();
        let passed = |house: &House| Duration::try_from(house.now.duration_since(start)).unwrap();
        while passed(&house) < ramp.over {
            let (now, allowance) = (passed(&house), house.allowance());
            for _ in 0..allowance.may_begin {
                house.converse(Ended::Reached);
                begins.push_back(now);
            }
            let rate = ramp.rate(u32::try_from(now.as_secs() / step).unwrap());
            while begins.front().is_some_and(|began| now - *began >= rate.per) {
                begins.pop_front();
            }
            prop_assert!(begins.len() <= usize::try_from(rate.count).unwrap());
            house.wait();
        }
        prop_assert_eq!(house.allowance().may_begin, 1000);
    }
}
