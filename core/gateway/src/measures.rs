//! What is counted. Labels are words of the hub and names of the configuration, never anything handed in (H10).

use crate::problem::Kind;
use axum::extract::{MatchedPath, Request};
use axum::middleware::Next;
use axum::response::Response;
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use rohrpost_model::SourceName;
use rohrpost_model::ports::StateCount;
use std::collections::BTreeMap;
use std::fmt::Write as _;

const ACCEPTED: &str = "rohrpost_submissions_accepted_total";
const REPEATED: &str = "rohrpost_submissions_repeated_total";
const REFUSED: &str = "rohrpost_submissions_refused_total";
const ACCEPT_DURATION: &str = "rohrpost_submission_accept_duration_seconds";
const REQUESTS: &str = "rohrpost_http_requests_total";
const ROUNDS: &str = "rohrpost_source_rounds_total";
const LEFT: &str = "rohrpost_source_left";
const DELIVERIES: &str = "rohrpost_deliveries";

/// From a millisecond to ten minutes, in seconds.
const BUCKETS: [f64; 14] =
    [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 5.0, 30.0, 120.0, 600.0];

/// Installs the recorder of the process, once, and returns what renders it. Everything that counts through the
/// `metrics` crate, in any crate of the hub, appears in `/metrics` from then on.
pub fn install_metrics() -> Result<PrometheusHandle, BuildError> {
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".into()), &BUCKETS)?
        .install_recorder()?;
    describe();
    Ok(handle)
}

fn describe() {
    metrics::describe_counter!(ACCEPTED, "Submissions kept for the first time");
    metrics::describe_counter!(REPEATED, "Repetitions that were answered from the first time");
    metrics::describe_counter!(REFUSED, "Submissions refused, by the kind of problem");
    metrics::describe_histogram!(
        ACCEPT_DURATION,
        metrics::Unit::Seconds,
        "From the head of the request to the durable yes"
    );
    metrics::describe_counter!(REQUESTS, "Requests, by route and status");
    metrics::describe_counter!(ROUNDS, "Rounds of sources, by source and result");
    metrics::describe_gauge!(LEFT, "Messages that the last round of a source left at its place");
    // The store counts it.
    metrics::describe_counter!(
        "rohrpost_store_commits_total",
        "Commits of the store; many changes share one"
    );
    // The engine counts it.
    metrics::describe_counter!(
        "rohrpost_settled_total",
        "Attempts and inquiries settled, by destination and event"
    );
}

pub(crate) fn accepted(repeated: bool, took: jiff::SignedDuration) {
    metrics::counter!(if repeated { REPEATED } else { ACCEPTED }).increment(1);
    metrics::histogram!(ACCEPT_DURATION).record(took.as_secs_f64());
}

pub(crate) fn refused(kind: Kind) {
    metrics::counter!(REFUSED, "problem" => kind.slug()).increment(1);
}

pub(crate) fn round(source: &SourceName, well: bool, left: u64) {
    let result = if well { "ok" } else { "failed" };
    metrics::counter!(ROUNDS, "source" => source.to_string(), "result" => result).increment(1);
    if well {
        #[expect(clippy::cast_precision_loss, reason = "nobody has so many messages")]
        metrics::gauge!(LEFT, "source" => source.to_string()).set(left as f64);
    }
}

/// Counts every request by the route's template, so that no id or case becomes a label.
pub(crate) async fn count_requests(request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let response = next.run(request).await;
    let status = response.status().as_u16().to_string();
    metrics::counter!(REQUESTS, "route" => route.unwrap_or_else(|| "none".into()), "status" => status)
        .increment(1);
    response
}

/// Deliveries that stand in each state, as Prometheus text. Written from what the store says at this moment, so that
/// nothing can go stale. Names of destinations need no escaping.
pub(crate) fn deliveries(counts: &[StateCount]) -> String {
    let mut sums: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for count in counts {
        let destination = count.destination.as_ref().map_or("", |name| name.as_str());
        *sums.entry((destination, count.state.as_str())).or_default() += count.count;
    }
    let mut text = format!(
        "# HELP {DELIVERIES} Deliveries by destination (none while unrouted) and state\n# TYPE {DELIVERIES} gauge\n"
    );
    for ((destination, state), count) in sums {
        // Writing into a String cannot fail.
        let _ = writeln!(text, "{DELIVERIES}{{destination=\"{destination}\",state=\"{state}\"}} {count}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use rohrpost_model::State;

    #[test]
    fn deliveries_are_summed_by_destination_and_state() {
        let count = |destination: Option<&str>, state, count| StateCount {
            destination: destination.map(|name| name.parse().unwrap()),
            state,
            count,
        };
        let text = deliveries(&[
            count(Some("dms"), State::Due, 2),
            count(Some("dms"), State::Due, 3),
            count(None, State::Parked, 1),
        ]);
        assert!(text.contains("rohrpost_deliveries{destination=\"dms\",state=\"due\"} 5\n"), "{text}");
        assert!(text.contains("rohrpost_deliveries{destination=\"\",state=\"parked\"} 1\n"), "{text}");
    }
}
