"""Every setting: its section, its type, its default and the platform's environment names (contract 9)."""

from __future__ import annotations

import os
import socket
import tempfile
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

# Looking for pydantic's plug-ins reads the metadata of every installed package; we have none.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")


def setting(default: Any, *env: str, **rules: Any) -> Any:
    """A field with its environment names, the canonical one first."""
    return Field(default, json_schema_extra={"env": list(env)}, **rules)


Seconds = Annotated[int, Field(ge=0)]
Positive = Annotated[int, Field(ge=1)]
Port = Annotated[int, Field(ge=1, le=65535)]
Secret = SecretStr | None


class Section(BaseModel):
    # A bad value's text may be a secret in the wrong place: pydantic must not repeat it.
    # Built when first needed: Settings builds one validator for all sections, and theirs are then never asked for.
    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, hide_input_in_errors=True, defer_build=True
    )


class General(Section):
    production: bool = setting(False, "ACADEMYCTL_PRODUCTION", description="ask before anything destructive")
    lang: Literal["", "ko", "en"] = setting("", "ACADEMYCTL_LANG", description="ko or en; empty = from the locale")
    playbooks: str = setting("", "ACADEMYCTL_PLAYBOOKS", description="folders with playbooks of your own")


class Aws(Section):
    region: str = setting("ap-northeast-2", "AWS_REGION", "AWS_DEFAULT_REGION")
    access_key_id: str = setting("", "AWS_ACCESS_KEY_ID")
    secret_access_key: Secret = setting(None, "AWS_SECRET_ACCESS_KEY")
    session_token: Secret = setting(None, "AWS_SESSION_TOKEN")
    profile: str = setting("", "AWS_PROFILE", description="a profile of ~/.aws, when no keys are given")
    endpoint_url: str = setting("", "AWS_ENDPOINT_URL", description="empty = AWS itself")


class Queues(Section):
    video: str = setting("academy-video-jobs", "VIDEO_SQS_QUEUE_NAME")
    video_dlq: str = setting("", "VIDEO_SQS_DLQ_NAME", description="empty = from the redrive policy, else NAME-dlq")
    ai_lite: str = setting("academy-ai-jobs-lite", "AI_SQS_QUEUE_NAME_LITE")
    ai_lite_dlq: str = setting("", "AI_SQS_DLQ_NAME_LITE")
    ai_basic: str = setting("academy-ai-jobs-basic", "AI_SQS_QUEUE_NAME_BASIC")
    ai_basic_dlq: str = setting("", "AI_SQS_DLQ_NAME_BASIC")
    ai_premium: str = setting("academy-ai-jobs-premium", "AI_SQS_QUEUE_NAME_PREMIUM")
    ai_premium_dlq: str = setting("", "AI_SQS_DLQ_NAME_PREMIUM")
    messaging: str = setting("academy-messaging-jobs", "MESSAGING_SQS_QUEUE_NAME")
    messaging_dlq: str = setting("", "MESSAGING_SQS_DLQ_NAME")


class Redis(Section):
    host: str = setting("", "REDIS_HOST", description="empty = Redis is off")
    port: Port = setting(6379, "REDIS_PORT")
    password: Secret = setting(None, "REDIS_PASSWORD")
    db: Annotated[int, Field(ge=0)] = setting(0, "REDIS_DB")
    tls: bool = setting(False, "ACADEMYCTL_REDIS_TLS")
    timeout_s: float = setting(5.0, "ACADEMYCTL_REDIS_TIMEOUT", gt=0, description="connect and answer")


class Db(Section):
    host: str = setting("", "DB_HOST")
    port: Port = setting(5432, "DB_PORT")
    name: str = setting("", "DB_NAME")
    user: str = setting("", "DB_USER")
    password: Secret = setting(None, "DB_PASSWORD")
    connect_timeout_s: Positive = setting(10, "ACADEMYCTL_DB_CONNECT_TIMEOUT")
    conn_max_age_s: Seconds = setting(0, "DB_CONN_MAX_AGE", description="0 = keep a pooled connection for its life")
    sslmode: str = setting("prefer", "ACADEMYCTL_DB_SSLMODE", description="as libpq's sslmode")


class R2(Section):
    endpoint: str = setting("", "R2_ENDPOINT")
    access_key: str = setting("", "R2_ACCESS_KEY")
    secret_key: Secret = setting(None, "R2_SECRET_KEY")
    region: str = setting("auto", "R2_REGION")
    video_bucket: str = setting(
        "academy-video", "R2_BUCKET", "R2_VIDEO_BUCKET", description="uploads and published HLS"
    )
    ai_bucket: str = setting("academy-ai", "R2_AI_BUCKET")
    excel_bucket: str = setting("academy-excel", "R2_EXCEL_BUCKET", "EXCEL_BUCKET_NAME")
    storage_bucket: str = setting("academy-storage", "R2_STORAGE_BUCKET")
    admin_bucket: str = setting("academy-admin", "R2_ADMIN_BUCKET")
    public_base_url: str = setting("", "R2_PUBLIC_BASE_URL")
    admin_public_base_url: str = setting("", "R2_ADMIN_PUBLIC_BASE_URL")


class Platform(Section):
    api_base_url: str = setting("", "API_BASE_URL")
    internal_worker_token: Secret = setting(None, "INTERNAL_WORKER_TOKEN")
    lambda_internal_api_key: Secret = setting(None, "LAMBDA_INTERNAL_API_KEY")
    debug: bool = setting(False, "DEBUG", description="the platform's own: its messaging worker then sends nothing")
    cdn_hls_base_url: str = setting("", "CDN_HLS_BASE_URL")
    site_url: str = setting("", "SITE_URL")


class Video(Section):
    visibility_s: Positive = setting(60, "ACADEMYCTL_VIDEO_VISIBILITY", description="renewed while a job runs")
    lease_s: Positive = setting(60, "ACADEMYCTL_VIDEO_LEASE", description="Redis lock and row lease, renewed")
    progress_ttl_s: Positive = setting(14400, "VIDEO_PROGRESS_TTL_SECONDS", description="of the Redis progress keys")
    job_max_attempts: Positive = setting(
        5, "VIDEO_JOB_MAX_ATTEMPTS", description="messages with a job_id: attempts until DEAD"
    )
    temp_dir: Path = setting(
        Path(tempfile.gettempdir()) / "video-worker",
        "VIDEO_WORKER_TEMP_DIR",
        description="default: video-worker in the temp folder",
    )
    retry_max: Positive = setting(6, "VIDEO_WORKER_RETRY_MAX", description="tries of one download or upload")
    backoff_base_s: float = setting(0.5, "VIDEO_WORKER_BACKOFF_BASE", gt=0)
    backoff_cap_s: float = setting(10.0, "VIDEO_WORKER_BACKOFF_CAP", gt=0)
    ffmpeg_bin: str = setting("ffmpeg", "FFMPEG_BIN")
    ffprobe_bin: str = setting("ffprobe", "FFPROBE_BIN")
    ffprobe_timeout_s: Positive = setting(60, "FFPROBE_TIMEOUT_SECONDS")
    hls_time_s: Annotated[int, Field(ge=1, le=30)] = setting(4, "HLS_TIME_SECONDS", description="length of a segment")
    min_segments: Positive = setting(1, "MIN_SEGMENTS_PER_VARIANT", description="fewer fail the encode")
    upload_concurrency: Annotated[int, Field(ge=1, le=64)] = setting(
        8, "UPLOAD_MAX_CONCURRENCY", description="parallel uploads of segments"
    )
    download_timeout_s: Positive = setting(30, "DOWNLOAD_TIMEOUT_SECONDS", description="without a byte")
    download_chunk_bytes: Annotated[int, Field(ge=4096)] = setting(1048576, "DOWNLOAD_CHUNK_BYTES")
    presign_expires_s: Positive = setting(3600, "VIDEO_WORKER_PRESIGN_GET_EXPIRES")
    raw_retention_days: Seconds = setting(3, "VIDEO_RAW_RETENTION_DAYS", description="0 = delete the upload at READY")
    early_playlist: bool = setting(True, "VIDEO_EARLY_PLAYLIST", description="playable while it is still being encoded")
    preset: Literal["quality", "balanced", "fast"] = setting(
        "balanced", "VIDEO_PRESET", description="quality, balanced or fast"
    )
    audio: Literal["shared", "muxed"] = setting(
        "shared", "VIDEO_AUDIO", description="shared: one audio rendition; muxed: sound in every one"
    )
    threads: Seconds = setting(0, "VIDEO_ENCODER_THREADS", description="0 = FFmpeg decides")
    stall_s: Positive = setting(120, "VIDEO_STALL_SECONDS", description="no progress for so long stops FFmpeg")
    max_duration_s: Positive = setting(43200, "VIDEO_MAX_DURATION_SECONDS", description="longer uploads are refused")
    max_pixels: Positive = setting(8192 * 4320, "VIDEO_MAX_PIXELS", description="width x height of the source")
    max_bytes: Positive = setting(64 * 2**30, "VIDEO_MAX_BYTES", description="size of the upload")
    max_streams: Positive = setting(32, "VIDEO_MAX_STREAMS", description="in one file")


class Ai(Section):
    visibility_s: Positive = setting(60, "ACADEMYCTL_AI_VISIBILITY", description="renewed while a job runs")
    lease_s: Positive = setting(60, "ACADEMYCTL_AI_LEASE", description="lease of the job's row, renewed")
    inference_max_s: Positive = setting(3600, "AI_INFERENCE_MAX_SECONDS", description="longest time of one job")
    types: str = setting("", "ACADEMYCTL_AI_TYPES", description="job types this worker takes, by commas; empty = all")
    basic_weight: Positive = setting(
        3, "AI_WORKER_BASIC_POLL_WEIGHT", description="polls of basic per lite_weight polls of lite"
    )
    lite_weight: Positive = setting(1, "AI_WORKER_LITE_POLL_WEIGHT")
    premium_only: bool = setting(False, "AI_WORKER_PREMIUM_ONLY")
    openai_api_key: Secret = setting(
        None, "OPENAI_API_KEY", "EMBEDDING_OPENAI_API_KEY", description="of the platform; no worker here uses it"
    )
    ocr_engine: str = setting(
        "auto", "OCR_ENGINE", description="tesseract; google = left for the old worker; auto = Tesseract if installed"
    )
    google_credentials: str = setting(
        "", "GOOGLE_APPLICATION_CREDENTIALS", description="of the platform; no worker here uses it"
    )


class Excel(Section):
    username_rule: Literal["S1", "S2"] = setting(
        "S2", "ACADEMYCTL_USERNAME_RULE", description="student accounts: S2 = t{tenant}_{number}, S1 = the bare number"
    )
    password_iterations: Annotated[int, Field(ge=100_000)] = setting(
        1_000_000, "ACADEMYCTL_PASSWORD_ITERATIONS", description="of PBKDF2; Django 5.2's own default"
    )
    partial: bool = setting(False, "EXCEL_PARTIAL", description="enrol the good rows of a file that has bad ones")
    max_rows: Positive = setting(100_000, "EXCEL_MAX_ROWS", description="students in one file")
    max_bytes: Positive = setting(20 * 2**20, "EXCEL_MAX_BYTES", description="size of a file")
    read_memory_mb: Annotated[int, Field(ge=64)] = setting(
        400, "EXCEL_READ_MEMORY_MB", description="limit of the process that reads a file"
    )
    read_wall_s: Positive = setting(60, "EXCEL_READ_SECONDS", description="limit of the process that reads a file")
    source_retention_days: Seconds = setting(
        3, "EXCEL_SOURCE_RETENTION_DAYS", description="uploaded file after DONE; 0 = deleted at once"
    )
    failed_retention_days: Seconds = setting(
        30, "EXCEL_FAILED_RETENTION_DAYS", description="uploaded file after FAILED, and error workbooks"
    )
    link_s: Annotated[int, Field(ge=60, le=604800)] = setting(
        3600, "EXCEL_LINK_SECONDS", description="life of a download link"
    )


class Solapi(Section):
    api_key: str = setting("", "SOLAPI_API_KEY")
    api_secret: Secret = setting(None, "SOLAPI_API_SECRET")
    sender: str = setting("", "SOLAPI_SENDER")
    kakao_pf_id: str = setting("", "SOLAPI_KAKAO_PF_ID")
    kakao_template_id: str = setting("", "SOLAPI_KAKAO_TEMPLATE_ID")
    mock: bool = setting(False, "SOLAPI_MOCK", description="send nothing")
    base_url: str = setting("https://api.solapi.com", "SOLAPI_BASE_URL")
    wait_s: Annotated[int, Field(ge=0, le=20)] = setting(20, "MESSAGING_SQS_WAIT_SECONDS")
    low_balance: Annotated[int, Field(ge=0)] = setting(
        10000, "ACADEMYCTL_SOLAPI_LOW_BALANCE", description="in won; a diagnosis warns below it"
    )


class Worker(Section):
    id: str = setting(socket.gethostname(), "WORKER_ID", description="default: this host's name")
    wait_s: Annotated[int, Field(ge=0, le=20)] = setting(20, "ACADEMYCTL_WAIT_SECONDS")
    grace_s: Seconds = setting(8, "ACADEMYCTL_GRACE_SECONDS", description="docker stop kills after 10")
    concurrency: Annotated[int, Field(ge=1, le=64)] = setting(
        1, "ACADEMYCTL_CONCURRENCY", description="jobs at a time in one process"
    )
    idle_exit_s: Seconds = setting(0, "ACADEMYCTL_IDLE_EXIT_SECONDS", description="leave after so long idle; 0 = never")
    leave_asg: bool = setting(False, "ACADEMYCTL_LEAVE_ASG", description="end this EC2 instance with it")
    metrics_port: Annotated[int, Field(ge=0, le=65535)] = setting(
        0, "ACADEMYCTL_METRICS_PORT", description="Prometheus; 0 = off"
    )
    metrics_address: str = setting(
        "0.0.0.0",
        "ACADEMYCTL_METRICS_ADDRESS",
        description="where --metrics-port listens; a scraper is another container",
    )
    health_file: str = setting(
        "", "ACADEMYCTL_HEALTH_FILE", description="empty = one a worker kind, in the temp folder"
    )
    log_format: Literal["text", "json"] = setting("text", "ACADEMYCTL_LOG_FORMAT", description="text or json")


class Fleet(Section):
    video_asg: str = setting("academy-video-worker-asg", "VIDEO_WORKER_ASG_NAME")
    ai_asg: str = setting("academy-ai-worker-asg", "AI_WORKER_ASG_NAME")
    messaging_asg: str = setting("academy-messaging-worker-asg", "MESSAGING_WORKER_ASG_NAME")
    video_name_tag: str = setting("academy-video-worker", "VIDEO_WORKER_NAME_TAG")
    ai_name_tag: str = setting("academy-ai-worker-cpu", "AI_WORKER_NAME_TAG")
    messaging_name_tag: str = setting("academy-messaging-worker", "MESSAGING_WORKER_NAME_TAG")
    api_name_tag: str = setting("academy-api", "API_NAME_TAG")
    depth_lambda: str = setting("academy-worker-queue-depth-metric", "ACADEMYCTL_DEPTH_LAMBDA")
    depth_rule: str = setting("academy-worker-queue-depth-rate", "ACADEMYCTL_DEPTH_RULE")
    autoscale_lambda: str = setting("academy-worker-autoscale", "ACADEMYCTL_AUTOSCALE_LAMBDA")
    autoscale_rule: str = setting("academy-worker-autoscale-rate", "ACADEMYCTL_AUTOSCALE_RULE")
    metric_namespace: str = setting("Academy/Workers", "METRIC_NAMESPACE")
    metric_name: str = setting("QueueDepth", "METRIC_NAME")
    backlog_api_url: str = setting("", "VIDEO_BACKLOG_API_URL", description="what a Lambda asks for the video backlog")
    ssm_env: str = setting("/academy/workers/env", "BATCH_SSM_ENV")
    batch_queue: str = setting("academy-v1-video-batch-queue", "VIDEO_BATCH_JOB_QUEUE")
    batch_job: str = setting("academy-v1-video-batch-jobdef", "VIDEO_BATCH_JOB_DEFINITION")
    batch_compute: str = setting(
        "academy-v1-video-batch-ce",
        "VIDEO_BATCH_COMPUTE_ENVIRONMENT",
        description="looked for when the queue names none",
    )
    batch_log_group: str = setting("/aws/batch/academy-video-worker", "VIDEO_BATCH_LOG_GROUP")
    batch_lambda: str = setting("academy-sqs-to-batch", "ACADEMYCTL_BATCH_LAMBDA")
    per_worker: Positive = setting(
        1, "TARGET_MESSAGES_PER_INSTANCE", description="messages that one instance of the video group works on"
    )
    alarm_topic: str = setting("", "ACADEMYCTL_ALARM_TOPIC", description="ARN of the SNS topic that alarms notify")
    lambda_role: str = setting("academy-lambda", "ACADEMYCTL_LAMBDA_ROLE", description="name or ARN")
    state_dir: str = setting(
        "", "ACADEMYCTL_STATE_DIR", description="what changes replaced is kept here; empty = beside the audit file"
    )


# Names the platform's documents still mention. Accepted so that an old env file works, and told apart from typos.
OBSOLETE: dict[str, str] = {
    "AI_SQS_VISIBILITY_TIMEOUT": "visibility is short and renewed while the job runs (ACADEMYCTL_AI_VISIBILITY)",
    "AI_VISIBILITY_EXTEND_INTERVAL": "visibility is renewed every third of itself (ACADEMYCTL_AI_VISIBILITY)",
    "AI_JOB_LEASE_SECONDS": "the lease is short and renewed while the job runs (ACADEMYCTL_AI_LEASE)",
    "VIDEO_SQS_VISIBILITY_EXTEND": "visibility is short and renewed while the job runs (ACADEMYCTL_VIDEO_VISIBILITY)",
    "VIDEO_LOCK_TTL_SECONDS": "the lock is short and renewed while the job runs (ACADEMYCTL_VIDEO_LEASE)",
    "EXCEL_SCHEMA_INFER_MODEL": "no model guesses a column: what is unclear is asked about (job retry --map)",
    "VIDEO_WORKER_LOCK_DIR": "locks live in Redis and the database",
    "VIDEO_WORKER_LOCK_STALE_SECONDS": "a lock whose owner is gone expires by itself",
    "VIDEO_WORKER_HEARTBEAT_INTERVAL": "the heartbeat follows the lease (ACADEMYCTL_VIDEO_LEASE)",
    "VIDEO_WORKER_HTTP_TIMEOUT": "the worker makes no HTTP call to the API",
    "FFMPEG_TIMEOUT_SECONDS": "FFmpeg is stopped when it makes no progress (VIDEO_STALL_SECONDS)",
    "THUMBNAIL_AT_SECONDS": "the thumbnail's time follows the duration",
    "R2_PREFIX": "object keys follow the tenant and the video",
    "SQS_WAIT_TIME_SECONDS": "read by nothing; ACADEMYCTL_WAIT_SECONDS is",
    "EC2_IDLE_STOP_THRESHOLD": "read by nothing",
    "QUEUE_BACKEND": "read by nothing; the queue is SQS",
    "AI_WORKER_MODE": "read by nothing; AI_WORKER_PREMIUM_ONLY is",
    "RETRY_MAX_ATTEMPTS": "read by nothing; VIDEO_WORKER_RETRY_MAX is",
    "BACKOFF_BASE_SECONDS": "read by nothing; VIDEO_WORKER_BACKOFF_BASE is",
    "BACKOFF_CAP_SECONDS": "read by nothing; VIDEO_WORKER_BACKOFF_CAP is",
}

# What the embedded stack provides: with `--profile local` neither the shell nor the file's default profile gets in.
STACK_SECTIONS = frozenset({"aws", "queues", "redis", "db", "r2", "platform", "solapi", "fleet", "analysis"})

# Names of academyctl that are no setting: they choose where settings come from.
SELECTORS = frozenset({"ACADEMYCTL_PROFILE", "ACADEMYCTL_CONFIG", "ACADEMYCTL_LOCAL_DIR"})
