"""(emulator, test) -> how it differs from AWS. Strict: when a gap closes, its test turns red and the line goes."""

from __future__ import annotations

_UNCHECKED = "moto checks neither keys nor signatures"

GAPS: dict[tuple[str, str], str] = {
    ("moto", "test_a_wrong_secret_is_refused"): _UNCHECKED,
    ("moto", "test_an_unknown_key_is_refused"): _UNCHECKED,
    ("moto", "test_a_stale_receipt_handle_does_not_delete"): "moto deletes by any handle the message ever had",
    ("moto", "test_a_dead_letter_says_which_queue_it_came_from"): "moto sets no DeadLetterQueueSourceArn",
    ("moto", "test_the_size_limit_counts_bytes"): "moto counts characters",
    ("moto", "test_the_depth_function_runs_and_counts"): "moto needs docker to run a function",
    ("moto", "test_metrics_need_the_exact_dimensions"): "moto answers for a subset of the dimensions",
    ("moto", "test_a_presigned_url_that_was_tampered_with_is_refused"): "moto checks no presigned signature",
    ("ministack", "test_deleting_a_message_twice_is_silent"): "ministack answers ReceiptHandleIsInvalid",
    ("ministack", "test_more_than_twelve_hours_of_visibility_are_refused"): "ministack accepts any number",
    ("ministack", "test_a_groups_instances_are_instances"): "ministack's instances are known to the group alone",
    ("ministack", "test_a_dlq_names_its_source_queues"): "ministack has no ListDeadLetterSourceQueues",
    ("ministack", "test_a_capacity_above_the_maximum_is_refused"): "ministack accepts any capacity",
    ("moto", "test_a_capacity_above_the_maximum_is_refused"): "moto accepts any capacity",
}
