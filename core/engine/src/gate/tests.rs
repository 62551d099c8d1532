use super::*;
use jiff::civil::Time;
use jiff::tz::TimeZoneDatabase;
use proptest::prelude::*;
use rohrpost_model::calendar::{Calendar, Closed, Weekdays, Weekly};
use rohrpost_model::destination::{Breaker, Ramp, Rate};
use rohrpost_model::{Reason, ReasonCode as Code};

const TROUBLE: Ended = Ended::Troubled { retry_after: None };

fn seconds(number: u64) -> Duration {
    Duration::from_secs(number)
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_780_000_000 + second).unwrap()
}

/// Many places, no rate, and a breaker that opens after three.
fn policy() -> Destination {
    Destination {
        concurrency: 1000,
        breaker: Some(Breaker { failures: 3, rest: seconds(30), cap: seconds(600) }),
        ..Destination::new("ziel".parse().unwrap())
    }
}

/// A gate with its policy and its clock.
struct House {
    gate: Gate,
    policy: Destination,
    now: Timestamp,
}

impl House {
    fn new(policy: Destination) -> Self {
        Self { gate: Gate::default(), policy, now: at(0) }
    }

    fn allowance(&mut self) -> Allowance {
        self.gate.allowance(&self.policy, self.now)
    }

    #[track_caller]
    fn begin(&mut self) -> Begun {
        assert!(self.allowance().may_begin > 0, "{:?}", self.allowance());
        self.gate.begin(&self.policy, self.now)
    }

    fn end(&mut self, begun: Begun, ended: Ended) {
        self.gate.end(&self.policy, begun, ended, self.now, 1.0);
    }

    #[track_caller]
    fn converse(&mut self, ended: Ended) {
        let begun = self.begin();
        self.end(begun, ended);
    }

    fn hold(&self) -> Option<Hold> {
        self.gate.hold(&self.policy, self.now)
    }

    /// Lets so many conversations in a row meet trouble.
    #[track_caller]
    fn trouble(&mut self, times: usize) {
        for _ in 0..times {
            self.converse(TROUBLE);
        }
    }

    /// Waits until the gate says that more may begin.
    #[track_caller]
    fn wait(&mut self) {
        self.now = self.allowance().look_again_at.expect("it opens by itself");
    }
}

#[test]
fn as_many_as_there_are_places() {
    let mut house = House::new(Destination { concurrency: 2, ..policy() });
    assert_eq!(house.allowance(), Allowance { may_begin: 2, held: None, look_again_at: None });
    let (first, _second) = (house.begin(), house.begin());
    assert_eq!(house.allowance(), Allowance::none(Hold::Full { under_way: 2 }, None));
    house.end(first, Ended::Untouched);
    assert_eq!(house.allowance().may_begin, 1);
}

#[test]
fn the_rate_counts_what_began_in_the_last_period_and_does_not_catch_up() {
    let rate = Rate { count: 3, per: seconds(60) };
    let mut house = House::new(Destination { rate: Some(rate), ..policy() });
    house.now = at(600);
    for second in [600, 620, 620] {
        house.now = at(second);
        house.converse(Ended::Reached);
    }
    assert_eq!(house.allowance(), Allowance::none(Hold::Rate { until: at(660) }, Some(at(660))));
    house.wait();
    let one =
        Allowance { may_begin: 1, held: Some(Hold::Rate { until: at(680) }), look_again_at: Some(at(680)) };
    assert_eq!(house.allowance(), one);
    assert_eq!(house.hold(), None, "one may begin");
    house.converse(Ended::Reached);
    house.wait();
    assert_eq!(house.allowance().may_begin, 2);
    house.now = at(10_000);
    assert_eq!(house.allowance().may_begin, 3, "an hour's rest does not make more of it");
}

#[test]
fn a_rate_that_was_lowered_holds_until_no_more_than_it_allows_began_in_its_period() {
    let mut house = House::new(Destination { rate: Some(Rate { count: 4, per: seconds(60) }), ..policy() });
    for second in [0, 1, 2, 3] {
        house.now = at(second);
        house.converse(Ended::Reached);
    }
    house.policy.rate = Some(Rate { count: 2, per: seconds(60) });
    assert_eq!(house.hold(), Some(Hold::Rate { until: at(62) }));
}

#[test]
fn trouble_in_a_row_opens_the_breaker_and_an_answer_between_does_not_count_as_trouble() {
    let mut house = House::new(policy());
    house.trouble(2);
    house.converse(Ended::Reached);
    house.trouble(2);
    house.converse(Ended::Untouched);
    assert_eq!(house.hold(), None, "two, an answer, two, and one that says nothing");
    house.trouble(1);
    assert_eq!(house.hold(), Some(Hold::BreakerOpen { since: at(0), until: at(30) }));
    assert_eq!(house.allowance().look_again_at, Some(at(30)));
}

#[test]
fn after_the_rest_exactly_one_tries_and_the_next_rest_is_longer_up_to_the_cap() {
    let mut house = House::new(policy());
    house.trouble(3);
    let mut rests = Vec::new();
    for _ in 0..7 {
        let before = house.now;
        house.wait();
        rests.push(house.now.duration_since(before).as_secs());
        let probe = house.begin();
        assert_eq!(house.allowance(), Allowance::none(Hold::Probing { since: house.now }, None));
        house.end(probe, TROUBLE);
    }
    assert_eq!(rests, [30, 60, 120, 240, 480, 600, 600]);
    assert_eq!(house.hold(), Some(Hold::BreakerOpen { since: at(0), until: house.now + seconds(600) }));
}

#[test]
fn the_rest_is_drawn_between_half_and_the_whole() {
    for (chance, rest) in [(0.0, 15), (0.5, 22), (1.0, 30)] {
        let mut house = House::new(policy());
        for _ in 0..3 {
            let begun = house.begin();
            house.gate.end(&house.policy, begun, TROUBLE, house.now, chance);
        }
        let Some(Hold::BreakerOpen { until, .. }) = house.hold() else { panic!("{:?}", house.hold()) };
        assert_eq!(until.duration_since(at(0)).as_secs(), rest);
    }
}

#[test]
fn one_that_tried_without_speaking_to_the_target_lets_another_try() {
    let mut house = House::new(policy());
    house.trouble(3);
    house.wait();
    house.converse(Ended::Untouched);
    house.converse(Ended::Untouched);
    assert_eq!(house.allowance().may_begin, 1);
    house.converse(Ended::Reached);
    assert!(matches!(house.hold(), Some(Hold::Ramp { .. })), "{:?}", house.hold());
}

/// What was under way when the breaker opened is no word on how the target is now.
#[test]
fn what_was_under_way_when_the_breaker_opened_neither_closes_it_nor_lengthens_its_rest() {
    let mut house = House::new(policy());
    let stragglers: Vec<_> = (0..4).map(|_| house.begin()).collect();
    house.trouble(3);
    let open = house.hold();
    for (straggler, ended) in stragglers.into_iter().zip([Ended::Reached, TROUBLE, TROUBLE, Ended::Reached]) {
        house.end(straggler, ended);
        assert_eq!(house.hold(), open, "{ended:?}");
    }
    let mut house = House::new(policy());
    let straggler = house.begin();
    house.trouble(3);
    house.wait();
    let _probe = house.begin();
    house.end(straggler, Ended::Reached);
    assert!(matches!(house.hold(), Some(Hold::Probing { .. })), "{:?}", house.hold());
}

/// Brings the target back, and returns the house on the ramp. The probe takes no time.
fn on_the_ramp(policy: Destination) -> House {
    let mut house = House::new(policy);
    house.trouble(3);
    house.wait();
    house.converse(Ended::Reached);
    house
}

/// How many begin in each second, if whatever may begin does, and ends at once.
fn profile(house: &mut House, length: usize) -> Vec<usize> {
    let start = house.now;
    let mut begun = vec![0; length];
    loop {
        let allowance = house.allowance();
        let second = usize::try_from(house.now.duration_since(start).as_secs()).unwrap();
        if second >= length {
            return begun;
        }
        begun[second] += allowance.may_begin;
        for _ in 0..allowance.may_begin {
            house.converse(Ended::Reached);
        }
        house.now = allowance.look_again_at.unwrap_or(house.now + seconds(1));
    }
}

#[test]
fn after_an_outage_the_ramp_lets_more_through_step_by_step() {
    let mut house = on_the_ramp(policy());
    let begun = profile(&mut house, 61);
    let mut expected: Vec<_> = [1, 2, 4, 8, 16, 32].into_iter().flat_map(|count| [count; 10]).collect();
    expected[0] = 0; // the one that tried it
    expected.push(1000);
    assert_eq!(begun, expected);
}

#[test]
fn the_rate_of_the_destination_holds_on_the_ramp_too() {
    let rate = Some(Rate { count: 5, per: seconds(1) });
    let mut house = on_the_ramp(Destination { rate, ..policy() });
    let begun = profile(&mut house, 61);
    assert_eq!((begun[9], begun[19], begun[29], begun[39], begun[60]), (1, 2, 4, 5, 5));
}

#[test]
fn trouble_on_the_ramp_opens_again_for_longer_and_only_a_whole_ramp_lets_rests_begin_anew() {
    let mut house = on_the_ramp(policy());
    for _ in 0..3 {
        house.wait();
        house.converse(TROUBLE);
    }
    let Some(Hold::BreakerOpen { since, until }) = house.hold() else { panic!("{:?}", house.hold()) };
    assert_eq!((since, until.duration_since(house.now).as_secs()), (at(0), 60));
    house.wait();
    house.converse(Ended::Reached);
    profile(&mut house, 61);
    house.trouble(3);
    assert_eq!(house.hold(), Some(Hold::BreakerOpen { since: house.now, until: house.now + seconds(30) }));
}

#[test]
fn without_a_ramp_the_target_gets_all_its_places_back_and_without_a_breaker_it_is_never_left_alone() {
    let mut house = on_the_ramp(Destination { ramp: None, ..policy() });
    assert_eq!(house.allowance().may_begin, 1000);
    let mut house = House::new(Destination { breaker: None, ..policy() });
    house.trouble(100);
    assert_eq!(house.allowance().may_begin, 1000);
}

#[test]
fn a_breaker_that_is_taken_out_of_the_configuration_or_given_a_shorter_rest_lets_go() {
    let mut house = House::new(policy());
    house.trouble(3);
    let mut shorter = House { gate: house.gate.clone(), policy: policy(), now: house.now };
    shorter.policy.breaker = Some(Breaker { failures: 3, rest: seconds(1), cap: seconds(2) });
    assert_eq!(shorter.allowance().look_again_at, Some(at(2)));
    house.policy.breaker = None;
    assert_eq!(house.allowance().may_begin, 1, "the ramp");
    house.policy.ramp = None;
    assert_eq!(house.allowance().may_begin, 1000);
}

#[test]
fn a_target_that_asks_to_be_left_alone_is_left_alone_at_most_a_day_and_no_answer_cancels_it() {
    let asked = |length| Ended::Troubled { retry_after: Some(seconds(length)) };
    let mut house = House::new(policy());
    let other = house.begin();
    house.converse(asked(90));
    house.end(other, Ended::Reached);
    assert_eq!(house.allowance(), Allowance::none(Hold::AskedToRest { until: at(90) }, Some(at(90))));
    house.wait();
    house.converse(asked(0));
    assert_eq!(house.hold(), None);
    house.converse(asked(1 << 40));
    let until = at(90) + seconds(86_400);
    assert_eq!(house.hold(), Some(Hold::AskedToRest { until }));
    let mut house = House::new(policy());
    house.converse(asked(5));
    house.wait();
    house.converse(asked(5));
    house.wait();
    house.converse(asked(5));
    assert!(
        matches!(house.hold(), Some(Hold::BreakerOpen { .. })),
        "it counts as trouble, and the longer rest is told"
    );
}

fn in_berlin(calendar: Calendar) -> Destination {
    let zone = TimeZoneDatabase::bundled().get("Europe/Berlin").unwrap();
    Destination { calendar: Calendar { zone, ..calendar }, ..policy() }
}

fn daily(from: i8, until: i8) -> Weekly {
    use jiff::civil::Weekday::{Monday, Sunday};
    Weekly {
        days: Weekdays::span(Monday, Sunday),
        from: Time::constant(from, 0, 0, 0),
        until: Time::constant(until, 0, 0, 0),
    }
}

#[test]
fn a_target_that_is_closed_is_not_spoken_to_and_it_is_told_why_and_until_when() {
    let now: Timestamp = "2026-03-28T22:00+01".parse().unwrap();
    let opens: Timestamp = "2026-03-29T07:00+02".parse().unwrap();
    let mut house =
        House { now, ..House::new(in_berlin(Calendar { open: vec![daily(7, 19)], ..Calendar::default() })) };
    assert_eq!(house.allowance(), Allowance::none(Hold::Hours { until: opens }, Some(opens)));
    house.wait();
    assert_eq!(house.allowance().may_begin, 1000);
    house.policy.calendar.closed.push(Closed::Weekly(daily(6, 8)));
    let until = opens + seconds(3600);
    assert_eq!(house.hold(), Some(Hold::Maintenance { until }));
    house.policy.calendar.holidays.insert("2026-03-30".parse().unwrap());
    house.now = "2026-03-30T12:00+02".parse().unwrap();
    let until = "2026-03-31T08:00+02".parse().unwrap();
    assert_eq!(house.hold(), Some(Hold::Holiday { until }));
    house.policy.calendar.closed = vec![Closed::Weekly(daily(0, 0))];
    let until = house.now + seconds(86_400);
    assert_eq!(
        house.allowance(),
        Allowance::none(Hold::Maintenance { until }, Some(until)),
        "it is looked at again"
    );
}

#[test]
fn of_two_rests_the_longer_one_is_told() {
    let mut house = House::new(in_berlin(Calendar::default()));
    house.trouble(3);
    house.policy.calendar.open.push(daily(7, 19));
    house.now = "2026-05-28T18:59:50+02".parse().unwrap();
    house.gate = Gate::default();
    house.trouble(3);
    assert!(matches!(house.hold(), Some(Hold::BreakerOpen { .. })));
    house.now += seconds(20);
    assert!(matches!(house.hold(), Some(Hold::Hours { .. })));
}

#[test]
fn a_clock_that_is_put_back_makes_no_rest_longer() {
    for back in [1, 3600, 1_000_000_000] {
        let mut house =
            House::new(Destination { rate: Some(Rate { count: 3, per: seconds(60) }), ..policy() });
        house.trouble(3);
        house.now = at(10) - seconds(back);
        assert_eq!(house.hold().map(|hold| matches!(hold, Hold::BreakerOpen { .. })), Some(true));
        house.wait();
        assert!(house.now <= at(40) - seconds(back), "what was left of the rest is left");
        house.wait();
        assert_eq!(house.allowance().may_begin, 1, "the rate's period, too");
    }
}

#[test]
fn a_clock_that_leaps_forward_takes_one_step() {
    let century = seconds(100 * 365 * 86_400);
    let mut house = House::new(policy());
    house.trouble(3);
    house.now += century;
    assert_eq!(house.allowance().may_begin, 1, "one tries");
    house.converse(Ended::Reached);
    house.now += century;
    assert_eq!(house.allowance().may_begin, 2, "the second step of the ramp");
    assert_eq!(house.allowance().may_begin, 2);
    let rate = Some(Rate { count: 3, per: seconds(60) });
    let mut house = House::new(Destination { rate, ..policy() });
    for _ in 0..3 {
        house.converse(Ended::Reached);
    }
    house.now += century;
    assert_eq!(house.allowance().may_begin, 3, "one period's worth");
}

#[test]
fn what_an_answer_says_about_the_target() {
    let status = |code, status: u16| Reason::new(code).with("status", status);
    let failed = |failure: Failure| Ended::of::<()>(&Err(failure));
    let asked = Some(seconds(7));
    let busy = Failure::Unavailable { reason: status(Code::TargetBusy, 503), retry_after: asked };
    assert_eq!(failed(busy), Ended::Troubled { retry_after: asked });
    assert_eq!(failed(Failure::unavailable(Reason::new(Code::Unreachable))), TROUBLE);
    assert_eq!(failed(Failure::Unknown(Reason::new(Code::Torn))), TROUBLE);
    assert_eq!(failed(Failure::Unknown(status(Code::UnexpectedAnswer, 502))), TROUBLE);
    assert_eq!(failed(Failure::Refused(status(Code::CredentialsRefused, 401))), TROUBLE);
    assert_eq!(failed(Failure::Refused(Reason::new(Code::HostKeyDiffers))), TROUBLE);
    assert_eq!(failed(Failure::Unknown(status(Code::UnexpectedAnswer, 200))), Ended::Reached);
    assert_eq!(failed(Failure::Refused(status(Code::TargetRefused, 422))), Ended::Reached);
    assert_eq!(Ended::of(&Ok(())), Ended::Reached);
    assert_eq!(failed(Failure::Defect(Reason::new(Code::AdapterConfiguration))), Ended::Untouched);
    assert_eq!(failed(Failure::unavailable(Reason::new(Code::HubTrouble))), Ended::Untouched);
}

#[test]
fn every_hold_is_a_reason_with_what_its_sentence_needs() {
    let (since, until) = (at(0), at(3600));
    let holds = [
        Hold::Full { under_way: 4 },
        Hold::Rate { until },
        Hold::Hours { until },
        Hold::Maintenance { until },
        Hold::Holiday { until },
        Hold::BreakerOpen { since, until },
        Hold::Probing { since },
        Hold::AskedToRest { until },
        Hold::Ramp { until },
    ];
    for hold in holds {
        let reason = hold.reason(&policy().name);
        for sentence in [reason.german(), reason.english()] {
            assert!(!sentence.contains('{'), "{hold:?}: {sentence}");
        }
    }
    let open = Hold::BreakerOpen { since, until: until + Duration::from_millis(250) }.reason(&policy().name);
    let expected =
        [("destination", "ziel"), ("since", "2026-05-28T20:26:40Z"), ("until", "2026-05-28T21:26:40Z")];
    assert!(open.params.iter().map(|(name, value)| (name.as_str(), value.as_str())).eq(expected), "{open:?}");
}

mod at_random;

#[test]
fn a_delivery_that_waits_for_its_own_earlier_call_says_nothing_against_its_target() {
    let waits = |code| {
        let answer: Result<(), _> =
            Err(Failure::Unavailable { reason: Reason::new(code), retry_after: Some(seconds(120)) });
        Ended::of(&answer)
    };
    assert_eq!(waits(Code::CallOutstanding), Ended::Reached);
    assert_eq!(waits(Code::TargetBusy), Ended::Troubled { retry_after: Some(seconds(120)) });
}
