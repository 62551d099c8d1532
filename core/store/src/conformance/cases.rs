//! The list of all cases.

/// Makes a test of every case for the stand that `$stand` gives.
macro_rules! conformance {
    ($stand:expr) => {
        $crate::conformance::cases! { $stand =>
            outbox: h1_what_was_accepted_is_read_back_whole_after_a_reopening
            outbox: h3_a_repetition_gets_the_answer_of_the_first_time
            outbox: h3_of_64_racing_calls_one_is_stored_and_the_others_get_its_answer
            outbox: h2_an_unrouted_submission_waits_in_sight_and_is_routed_later
            outbox: claims_are_exclusive_due_and_the_longest_due_first
            outbox: h6_giving_back_leaves_no_trace
            outbox: h4_the_document_of_the_first_attempt_is_sent_on_every_one
            outbox: h8_the_attempt_carries_the_hashes_of_what_was_sent
            outbox: h5_a_marked_delivery_is_unknown_after_a_crash_and_an_unmarked_one_is_due
            outbox: h5_an_unknown_delivery_is_handed_out_to_be_asked_for
            outbox: h6_an_impossible_step_leaves_no_trace
            outbox: h6_only_the_holder_of_a_claim_marks_and_settles
            outbox: h6_every_change_names_its_cause_and_who
            outbox: h6_commands_are_recorded_with_who_and_why
            outbox: h6_a_command_is_refused_while_somebody_works
            outbox: the_next_due_time_is_that_of_unclaimed_work
            progress: h5_what_was_recorded_between_two_calls_is_there_after_a_crash
            progress: h6_the_history_names_what_was_recorded_and_not_its_value
            progress: h6_only_whoever_sends_records
            progress: progress_at_one_destination_is_none_at_another
            operations: tenants_take_turns
            operations: as_many_are_handed_out_as_are_wanted
            operations: while_a_destination_drains_only_what_was_sent_is_asked_about
            operations: what_is_due_beyond_every_wait_is_due_now
            operations: a_place_is_named_when_something_became_due_there
            operations: h6_a_paused_delivery_stays_what_it_is_and_is_not_handed_out
            operations: h6_mending_pins_anew_and_forgets_what_was_made
            operations: tries_count_since_a_person_asked
            operations: since_is_when_a_delivery_came_into_its_state
            operations: h2_what_has_not_left_in_time_expires_after_its_warnings
            operations: h2_nothing_expires_without_a_warning_before
            operations: h2_what_waits_for_an_expired_one_expires_with_it
            operations: h11_behind_names_the_earlier_one
            commands: h6_pauses_are_kept_with_who_and_since
            commands: h6_orders_for_many_are_kept_with_how_far_they_came
            commands: h7_counts_reach_only_into_the_scope
            configurations: h6_activations_are_kept_with_who_when_and_why
            configurations: configurations_are_forgotten_but_never_one_that_a_delivery_pins
            configurations: of_configurations_with_one_step_the_latest_is_kept_for_what_ended
            outbox: a_refused_call_does_not_disturb_the_others
            dependents: waiting_steps_are_released_when_all_are_done
            dependents: a_step_on_accepted_is_released_by_awaiting
            dependents: a_skipped_step_releases_too
            dependents: discarding_may_release_what_waits
            dependents: discarding_may_discard_what_waits
            dependents: a_blocked_delivery_is_due_when_a_person_says_so
            order: h11_later_ones_of_a_case_wait_for_earlier_ones
            order: h11_a_parked_one_holds_back_only_its_own_case_tenant_and_step
            order: h11_every_holding_state_holds_and_the_others_let_go
            order: h11_a_late_route_goes_before_what_was_accepted_after_it
            order: h11_what_falls_back_from_awaiting_holds_again
            records: h7_nobody_sees_beyond_the_scope
            records: h7_a_client_follows_what_it_handed_in
            records: h7_commands_reach_only_into_the_scope
            records: lists_are_paged_and_filtered
            records: claimed_and_due_are_told_apart
            records: one_case_id_in_two_tenants_is_two_cases
            records: counts_follow_every_change
            records: versions_are_kept_once_by_their_digest
            identifiers: what_a_target_calls_a_case_is_learned_with_its_receipt
            identifiers: h7_a_search_finds_nothing_of_another_tenant
            blobs: h8_content_of_any_size_comes_back_byte_for_byte
            blobs: h8_content_opens_only_in_its_own_place_and_under_its_own_key
            blobs: content_that_nobody_kept_is_gone
            blobs: large_content_comes_in_pieces
        }
    };
}

macro_rules! cases {
    ($stand:expr => $($module:ident: $case:ident)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                $crate::conformance::$module::$case(&$stand).await;
            }
        )*
    };
}

pub(crate) use {cases, conformance};
