# The base is an argument, so that a mirror or a test can name its own.
ARG PYTHON_IMAGE=docker.io/library/python:3.13-slim-trixie

FROM ${PYTHON_IMAGE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_ROOT_USER_ACTION=ignore \
    UV_LINK_MODE=copy \
    UV_NO_CACHE=1 \
    UV_PYTHON_DOWNLOADS=never
WORKDIR /src
# Tools first, then dependencies, then the project: a change of the code rebuilds only the last step.
COPY requirements/build.txt requirements/run.txt requirements/
RUN python3 -m venv /build \
    && /build/bin/pip install --require-hashes --only-binary=:all: -r requirements/build.txt \
    && /build/bin/uv venv --python /usr/local/bin/python3 /app \
    && /build/bin/uv pip install --python /app/bin/python --require-hashes --compile-bytecode -r requirements/run.txt
COPY pyproject.toml README.md LICENSE ./
COPY dbs_exporter dbs_exporter
RUN /build/bin/uv build --wheel --no-build-isolation --python /build/bin/python --out-dir /dist . \
    && /build/bin/uv pip install --python /app/bin/python --no-deps --compile-bytecode /dist/*.whl

FROM ${PYTHON_IMAGE}
ARG VERSION=dev
ARG REVISION=
ARG CREATED=
LABEL org.opencontainers.image.title="dbs-exporter" \
      org.opencontainers.image.description="Prometheus exporter for Alibaba Cloud Database Backup Service" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.source="https://github.com/dbs-exporter/dbs-exporter" \
      org.opencontainers.image.documentation="https://github.com/dbs-exporter/dbs-exporter#readme" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}"
COPY --from=build /app /app
# A new volume mounted here becomes the user's, too.
RUN install -d -o 65532 -g 65532 -m 0750 /var/lib/dbs-exporter
# Bytecode is compiled already and the root file system may be read-only, so nothing but state is written at run time.
# By the variable `check` and `call` find the configuration, too.
ENV PATH=/app/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    DBS_EXPORTER_CONFIG_FILE=/etc/dbs-exporter/dbs-exporter.yml \
    DBS_EXPORTER_REVISION=${REVISION}
USER 65532:65532
EXPOSE 10033
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s CMD ["/app/bin/dbs-exporter", "healthcheck"]
ENTRYPOINT ["/app/bin/dbs-exporter"]
CMD ["run", "--storage.path=/var/lib/dbs-exporter"]
