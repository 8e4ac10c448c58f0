"""Every defect of the former workers in videos, AI jobs, texts, queues or Redis has a test that names its claim.

The numbers are those of the platform's own list (contract 11). A test that is renamed or removed must be replaced here.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

TESTS = Path(__file__).parent

DEFECTS: dict[int, tuple[str, tuple[str, ...]]] = {
    1: ("deleting video 1 also deletes 10..19", ("test_deleting_video_1_keeps_10_12_and_1234",)),
    2: (
        "a dead worker's lock gets the message deleted",
        (
            "test_a_locked_video_is_given_back_not_deleted",
            "test_a_video_that_another_worker_has_is_given_back_not_deleted",
            "test_a_legacy_lock_of_an_unknown_owner_is_respected_and_its_message_is_not_deleted",
        ),
    ),
    3: (
        "a retry's cancel flag eats the retry's own message",
        (
            "test_a_retrys_own_message_is_not_eaten_by_the_flag_it_set",
            "test_a_retry_leaves_no_cancel_flag_where_no_run_lives",
        ),
    ),
    4: (
        "a failure is never retried and never reaches the dead-letter queue",
        (
            "test_a_failure_is_tried_until_the_limit_and_only_then_failed_and_dead",
            "test_a_failure_goes_through_the_queue_to_the_dead_letter_queue",
        ),
    ),
    5: (
        "a late duplicate flips a READY video",
        (
            "test_a_late_duplicate_of_a_ready_video_changes_nothing",
            "test_ready_is_never_overwritten_by_a_late_duplicate",
            "test_a_worker_that_lost_its_lease_touches_nothing_any_more",
        ),
    ),
    6: (
        "the lock is not renewed and anybody releases it",
        ("test_the_lock_of_a_long_job_is_renewed_before_it_expires", "test_only_its_owner_releases_a_lock"),
    ),
    7: (
        "errors of a deletion are swallowed",
        (
            "test_a_key_that_stays_refused_keeps_the_message",
            "test_a_refused_key_is_tried_again",
            "test_a_deletion_that_did_not_happen_is_noticed",
        ),
    ),
    8: ("the upload is deleted right after READY", ("test_the_upload_is_kept_after_ready_and_says_for_how_long",)),
    9: (
        "the master goes up before its segments, stale ones stay",
        (
            "test_a_playlist_only_ever_names_what_is_up_and_the_master_comes_last",
            "test_a_reencode_keeps_the_old_one_playable_until_the_switch_and_then_removes_it",
        ),
    ),
    10: (
        "the student's phone is registered as the parent's",
        (
            "test_a_students_number_is_never_taken_for_the_parents",
            "test_a_random_roster_is_read_right_or_asked_about",
        ),
    ),
    11: (
        "one bad row fails the file, the rows are lost, their numbers are off by one",
        (
            "test_one_bad_cell_fails_the_file_and_the_report_names_it",
            "test_a_partial_import_enrols_the_good_rows_and_accounts_for_every_other",
            "test_an_error_names_its_cell_and_keeps_its_row_out",
        ),
    ),
    12: (
        "the file is deleted whatever came of it, and a redelivery says 404",
        (
            "test_the_upload_of_a_job_stays_until_its_rule_says_otherwise",
            "test_kill_9_in_every_phase_loses_nobody_and_enrols_nobody_twice",
        ),
    ),
    13: (
        "a number without its leading zero is rejected, a short one vanishes",
        ("test_a_number_with_a_flaw_is_never_used", "test_an_error_names_its_cell_and_keeps_its_row_out"),
    ),
    14: ("gender and grade are stored as they were typed", ("test_genders", "test_grades")),
    15: (
        "a failure is saved as DONE",
        (
            "test_a_job_that_cannot_succeed_ends_failed_with_its_report_and_never_done",
            "test_what_the_rows_tier_may_not_is_failed_without_a_run",
        ),
    ),
    16: (
        "a held lock gets a text deleted",
        (
            "test_a_legacy_workers_lock_defers_a_text_and_does_not_delete_it",
            "test_a_text_behind_a_legacy_workers_lock_is_given_back_not_deleted",
        ),
    ),
    17: (
        "a text without credit is deleted",
        (
            "test_a_text_without_credit_waits_and_goes_once_there_is_some",
            "test_credit_that_does_not_come_makes_a_letter_which_goes_after_a_charge",
        ),
    ),
    18: (
        "charging 8.50 and giving it back makes 101 of 100",
        ("test_credit_comes_back_to_the_won_when_a_text_is_refused",),
    ),
    19: (
        "a row of an open transaction is taken for none and its message deleted",
        (
            "test_a_job_without_a_row_is_waited_for_not_deleted",
            "test_a_claim_waits_for_the_apis_open_transaction",
            "test_a_missing_row_is_waited_for_and_then_buried_with_the_reason",
        ),
    ),
    20: (
        "a second export is the first one's dead link",
        ("test_the_next_request_is_a_job_of_its_own", "test_a_second_export_is_a_second_job"),
    ),
    21: (
        "a redelivery or a double click sends twice",
        (
            "test_a_message_that_comes_again_is_skipped_and_the_lock_of_a_sent_text_stays",
            "test_two_messages_with_one_business_key_are_one_text_also_within_a_group",
            "test_a_double_click_goes_once_where_a_window_is_set",
        ),
    ),
    22: (
        "a crash between acceptance and delete sends and charges twice",
        (
            "test_a_text_whose_answer_was_lost_is_found_in_the_list_and_not_sent_again",
            "test_texts_that_were_claimed_and_not_sent_go_without_being_charged_again",
        ),
    ),
    23: (
        "a redelivered job runs twice, and a timed-out one writes on",
        (
            "test_the_claim_of_every_status_and_lease",
            "test_two_workers_enrol_everybody_once_and_live_through_every_hostile_file",
            "test_a_job_that_cannot_be_stopped_is_failed_and_its_thread_can_write_nothing",
        ),
    ),
    24: (
        "a killed worker hides its message for hours",
        ("test_a_killed_workers_video_is_finished_by_another_within_its_leases",),
    ),
    25: (
        "two fallbacks at once, and variables that are never filled in",
        (
            "test_an_alimtalk_carries_its_variables_and_solapis_own_sms_stays_off",
            "test_of_mode_both_a_refused_alimtalk_becomes_exactly_one_sms_paid_once",
        ),
    ),
    26: ("a connectivity check consumes a message", ("test_a_whole_diagnosis_leaves_the_world_as_it_was",)),
    27: (
        "the AI worker's lines do not appear",
        ("test_a_run_says_what_it_does_in_the_platforms_format_from_info_on",),
    ),
    28: (
        "progress and status are never written",
        (
            "test_readers_see_the_right_thing_from_the_request_to_the_end",
            "test_the_platforms_readers_see_where_the_job_is",
        ),
    ),
    29: (
        "a hung worker looks healthy",
        ("test_a_hung_worker_is_not_healthy", "test_a_deaf_worker_or_a_dead_keeper_is_not"),
    ),
    30: (
        "stale status and error survive",
        (
            "test_processing_replaces_an_old_failed_status_and_old_progress",
            "test_success_clears_the_error_and_bumps_updated_at",
        ),
    ),
    31: ("updated_at is not bumped", ("test_an_upload_becomes_ready_with_every_column_key_and_object",)),
    32: ("progress goes backwards", ("test_progress_never_goes_backwards_within_a_run",)),
    33: (
        "one Redis failure switches Redis off for good",
        (
            "test_redis_that_was_away_at_the_start_is_used_again_when_it_is_back",
            "test_a_failure_closes_the_breaker_and_time_opens_it_again",
            "test_without_redis_each_text_still_goes_once",
        ),
    ),
    34: (
        "a hot loop while SQS refuses",
        ("test_an_outage_of_eight_seconds_costs_few_calls_and_is_noticed_to_be_over",),
    ),
    35: (
        "ten failures end the process",
        ("test_ten_failures_in_a_row_do_not_end_the_worker", "test_ten_wrong_numbers_in_a_row_do_not_end_the_worker"),
    ),
    37: (
        "a failure stays in flight for the whole visibility",
        ("test_failed_work_is_hidden_for_the_back_off_and_not_burnt_at_once",),
    ),
    38: (
        "double calls, one message a receive, waiting on one queue",
        (
            "test_ten_done_messages_cost_one_receive_and_one_delete",
            "test_of_two_queues_a_message_of_either_is_taken_at_once",
        ),
    ),
    39: ("SIGTERM waits for the poll", ("test_an_idle_worker_exits_at_once_in_the_middle_of_a_long_poll",)),
    40: ("no stall detection", ("test_a_run_that_stops_moving_is_killed", "test_slow_progress_is_not_a_stall")),
    41: (
        "the aspect ratio is destroyed",
        ("test_nothing_is_upscaled_stretched_or_odd", "test_every_odd_input_comes_out_right"),
    ),
    42: (
        "unreadable sound becomes silence, short clips fail",
        (
            "test_sound_that_cannot_be_read_is_an_error_and_not_a_silent_film",
            "test_a_clip_shorter_than_a_second_is_accepted_and_counts_as_one",
        ),
    ),
    43: (
        "a cut download is taken for whole",
        (
            "test_a_cut_download_is_resumed_and_comes_out_whole",
            "test_a_download_that_never_ends_whole_is_never_taken_for_whole",
        ),
    ),
    44: ("one upload at a time", ("test_segments_go_up_in_parallel_while_ffmpeg_runs",)),
    45: (
        "receipts, phone numbers and first passwords in logs and rows",
        (
            "test_nothing_secret_reaches_the_log",
            "test_the_first_password_leaves_the_row_with_the_jobs_end_and_is_never_said",
            "test_the_log_has_the_platforms_tokens_and_nobodys_data",
            "test_what_cannot_be_read_goes_to_the_dead_letters_and_no_log_shows_a_phone_number",
        ),
    ),
    47: (
        "the message's tenant is trusted",
        (
            "test_a_message_of_another_tenant_is_rejected_and_touches_nothing",
            "test_a_message_of_another_tenant_deletes_nothing",
        ),
    ),
    48: (
        "an academy that may not send sends, and settings that are missing make texts free",
        (
            "test_an_academy_that_may_not_send_has_its_texts_kept_as_letters",
            "test_a_tenant_that_does_not_exist_makes_a_letter_and_holds_up_nobody",
            "test_solapis_settings_are_required_unless_the_worker_only_pretends",
        ),
    ),
}


@pytest.fixture(scope="module")
def claims() -> set[str]:
    """The names of all tests."""
    found: set[str] = set()
    for path in TESTS.rglob("test_*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        found |= {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    return found


@pytest.mark.parametrize("number", DEFECTS)
def test_the_defect_has_its_tests(number: int, claims: set[str]) -> None:
    what, names = DEFECTS[number]
    assert names
    assert [name for name in names if name not in claims] == [], f"defect {number}: {what}"
