# syntax=docker/dockerfile:1
# The AI worker: class lists, exports, and Tesseract for Korean and English.
#   docker build -f deploy/docker/ai.Dockerfile -t academy-ai-worker-cpu .
# The base is named once; give a digest for a build that can be repeated: --build-arg PYTHON=python@sha256:...
ARG PYTHON=python:3.11-slim-trixie

FROM ${PYTHON} AS build
RUN pip install --no-cache-dir --disable-pip-version-check uv==0.13.8
ENV UV_PYTHON_DOWNLOADS=never UV_LINK_MODE=copy UV_NO_CACHE=1
WORKDIR /src
COPY pyproject.toml requirements.lock README.md LICENSE ./
# Only what pyproject.toml names, in the lock's versions, every file checked against the lock's hashes.
RUN python -m venv --without-pip /opt/academyctl \
 && uv pip install --python /opt/academyctl/bin/python --require-hashes -c requirements.lock -r pyproject.toml --extra ocr \
 && uv pip install --system --require-hashes -c requirements.lock hatchling
COPY academyctl academyctl
COPY checks checks
COPY workers workers
COPY playbooks playbooks
# Compiled here, once: without bytecode every start would compile a hundred modules, and the user cannot write them.
RUN python -m hatchling build -t wheel \
 && uv pip install --python /opt/academyctl/bin/python --no-deps dist/academyctl-*.whl \
 && /opt/academyctl/bin/python -m compileall -qq -j 0 --invalidation-mode unchecked-hash /opt/academyctl/lib

FROM ${PYTHON}
RUN apt-get update \
 && apt-get install -y --no-install-recommends tesseract-ocr tesseract-ocr-kor \
 && rm -rf /var/lib/apt/lists/*
RUN useradd --uid 1000 --user-group --create-home academy && install -d -o academy -g academy /scratch
COPY --from=build /opt/academyctl /opt/academyctl
ENV PATH=/opt/academyctl/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 1000:1000
WORKDIR /scratch
STOPSIGNAL SIGTERM
# The worker's own judgement of itself: its loop turns and its keeper beats.
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s --retries=3 \
  CMD ["academyctl", "worker", "health", "ai"]
CMD ["academyctl", "worker", "run", "ai"]
