"""The section [analysis]: the pipeline that sends uploads to an analysis service (guide 004)."""

from __future__ import annotations

from academyctl.settings_model import Positive, Section, setting


class Analysis(Section):
    """Guide 004's pipeline (its own variables' names are the container's)."""

    queue: str = setting("capstone-dev-video-processing", "ANALYSIS_SQS_QUEUE_NAME")
    queue_url: str = setting("", "SQS_QUEUE_URL", description="instead of its name")
    endpoint: str = setting("", "FASTAPI_ENDPOINT", description="the analysis service")
    environment: str = setting("dev", "ENVIRONMENT")
    raw_bucket: str = setting("capstone-dev-raw", "S3_BUCKET_RAW")
    results_bucket: str = setting("", "S3_BUCKET_RESULTS", description="of result JSON; empty = the upload's bucket")
    results_prefix: str = setting("analysis-results/", "ANALYSIS_RESULTS_PREFIX")
    request_s: Positive = setting(1500, "ANALYSIS_REQUEST_SECONDS", description="longest wait for the service")
    visibility_s: Positive = setting(60, "ANALYSIS_VISIBILITY", description="renewed while the service works")
    lease_s: Positive = setting(60, "ANALYSIS_LEASE")
    batch_queue: str = setting("capstone-dev-video-processing-queue", "BATCH_JOB_QUEUE")
    batch_job: str = setting("capstone-dev-video-processor", "BATCH_JOB_DEFINITION")
    batch_log_group: str = setting("/aws/batch/capstone-video-processor", "ANALYSIS_BATCH_LOG_GROUP")
    function: str = setting("capstone-dev-sqs-to-batch", "ANALYSIS_LAMBDA")
    image: str = setting("", "ANALYSIS_IMAGE", description="of the job; empty = as its definition says")
    job_attempts: Positive = setting(3, "ANALYSIS_JOB_ATTEMPTS", description="as the Batch job definition retries")
    db_secret: str = setting("", "DB_SECRET_ARN", description="the service's database, in Secrets Manager")

    @property
    def queue_name(self) -> str:
        """The queue's name, whichever way it was said."""
        return self.queue_url.rstrip("/").rpartition("/")[2] or self.queue
