"""(emulator, test) -> how it differs from AWS. Strict: when a gap closes, its test turns red and the line goes."""

from __future__ import annotations

_UNCHECKED = "moto checks neither keys nor signatures"
_NO_JOBS = "moto needs docker to run a Batch job; all of them fail"

_NO_MOVES = "moto has no move tasks"
_NO_MINIMUM = "moto lets instances leave below the group's minimum"

GAPS: dict[tuple[str, str], str] = {
    ("moto", "test_a_wrong_secret_is_refused"): _UNCHECKED,
    ("moto", "test_an_unknown_key_is_refused"): _UNCHECKED,
    ("moto", "test_a_stale_receipt_handle_does_not_delete"): "moto deletes by any handle the message ever had",
    ("moto", "test_a_dead_letter_says_which_queue_it_came_from"): "moto sets no DeadLetterQueueSourceArn",
    ("moto", "test_the_size_limit_counts_bytes"): "moto counts characters",
    ("moto", "test_the_depth_function_runs_and_counts"): "moto needs docker to run a function",
    ("moto", "test_the_code_that_runs_can_be_downloaded"): "moto's link names AWS's own host",
    ("moto", "test_a_change_against_an_old_revision_is_refused"): "moto's functions have no RevisionId",
    ("moto", "test_a_run_tells_its_answer_its_error_and_its_log"): "moto needs docker to run a function",
    ("moto", "test_metrics_need_the_exact_dimensions"): "moto answers for a subset of the dimensions",
    ("moto", "test_a_presigned_url_that_was_tampered_with_is_refused"): "moto checks no presigned signature",
    ("moto", "test_a_move_without_destination_goes_to_the_source_as_new_messages"): _NO_MOVES,
    ("moto", "test_a_letter_that_was_sent_to_the_dlq_fails_a_move_without_destination"): _NO_MOVES,
    ("moto", "test_one_move_runs_at_a_time_and_can_be_stopped"): _NO_MOVES,
    ("moto", "test_a_move_needs_a_dead_letter_queue_and_a_destination_that_is_there"): _NO_MOVES,
    ("moto", "test_idle_instances_leave_one_by_one_until_the_group_needs_the_rest"): _NO_MINIMUM,
    ("moto", "test_of_many_that_leave_at_once_as_many_stay_as_the_group_needs"): _NO_MINIMUM,
    ("ministack", "test_deleting_a_message_twice_is_silent"): "ministack answers ReceiptHandleIsInvalid",
    ("ministack", "test_more_than_twelve_hours_of_visibility_are_refused"): "ministack accepts any number",
    ("ministack", "test_a_capacity_above_the_maximum_is_refused"): "ministack accepts any capacity",
    ("moto", "test_a_capacity_above_the_maximum_is_refused"): "moto accepts any capacity",
    ("moto", "test_a_jobs_command_runs_with_its_parameters_and_environment"): _NO_JOBS,
    ("moto", "test_a_command_that_fails_is_a_failed_job_with_its_exit_code"): _NO_JOBS,
    ("moto", "test_a_parameter_that_nobody_gives_fails_the_job_before_it_runs"): _NO_JOBS,
    ("moto", "test_the_exit_decides_whether_a_job_is_tried_again"): _NO_JOBS,
    ("moto", "test_terminating_a_job_asks_its_process_to_end"): _NO_JOBS,
    ("moto", "test_jobs_wait_while_the_compute_environment_is_off"): _NO_JOBS,
    ("moto", "test_jobs_are_listed_by_status_and_by_name_in_every_status"): _NO_JOBS,
    ("moto", "test_a_queue_that_is_off_takes_no_job"): "moto takes it",
    ("moto", "test_lines_of_several_streams_come_in_order"): "moto tells one stream after the other",
    ("moto", "test_an_instance_knows_the_number_of_its_templates_version"): "moto keeps the group's first one",
    ("moto", "test_what_a_group_launched_and_ended_is_told_newest_first"): "moto tells no activities",
    ("moto", "test_a_refresh_replaces_what_is_of_another_version"): "moto has no instance refresh",
    ("moto", "test_a_refresh_waits_for_protected_instances_unless_it_ignores_them"): "moto has no instance refresh",
    ("moto", "test_a_group_collects_the_metrics_that_are_asked_for"): "moto cannot switch a group's metrics off",
    ("moto", "test_an_alarm_that_fires_runs_its_step_policy"): "moto's alarms run nothing",
}
