# The base is an argument, so that a mirror or a test can name its own. Of it the image keeps Python and the libraries that are used.
ARG PYTHON_IMAGE=docker.io/library/python:3.13-slim-trixie@sha256:9d2e5553305c7c7b0097999bb17187c69b921ccd6bc9d40e4bb5ebe652c00285

FROM ${PYTHON_IMAGE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_ROOT_USER_ACTION=ignore \
    UV_LINK_MODE=copy \
    UV_NO_CACHE=1 \
    UV_PYTHON_DOWNLOADS=never
WORKDIR /src
# Tools first, then dependencies, then the project: a change of the code rebuilds only the last steps.
COPY requirements/build.txt requirements/run.txt requirements/
# A dependency without a wheel is built by what is locked, like everything else.
RUN python3 -m venv /build \
    && /build/bin/pip install --require-hashes --only-binary=:all: -r requirements/build.txt \
    && /build/bin/uv venv --python /usr/local/bin/python3 /app \
    && /build/bin/uv pip install --python /app/bin/python --require-hashes --build-constraints requirements/build.txt -r requirements/run.txt
COPY pyproject.toml README.md LICENSE ./
COPY dbs_exporter dbs_exporter
RUN /build/bin/uv build --wheel --no-build-isolation --python /build/bin/python --out-dir /dist . \
    && /build/bin/uv pip install --python /app/bin/python --no-deps /dist/*.whl
COPY tools/image_root.py tools/
RUN python3 tools/image_root.py /root-fs \
    && install -d -o 65532 -g 65532 -m 0750 /state/dbs-exporter

# `--target sbom` lists what the image's environment holds; a release takes the file out of it.
FROM build AS bill
COPY requirements/release.txt requirements/
RUN /build/bin/pip install --require-hashes --only-binary=:all: -r requirements/release.txt \
    && version=$(/app/bin/python -c 'import dbs_exporter; print(dbs_exporter.__version__)') \
    && sed -i "s/^dynamic = .*/version = \"$version\"/" pyproject.toml \
    && mkdir /bill \
    && /build/bin/cyclonedx-py environment --pyproject pyproject.toml --mc-type application --output-reproducible \
        --output-file /bill/dbs-exporter.cdx.json /app/bin/python

FROM scratch AS sbom
COPY --from=bill /bill /

FROM scratch
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
COPY --from=build /root-fs /
# A new volume mounted at /var/lib/dbs-exporter becomes the user's, too.
COPY --from=build --chown=65532:65532 /state /var/lib
# Bytecode is compiled already and the root file system may be read-only, so nothing but state is written at run time.
# By the variable `check` and `call` find the configuration, too.
ENV PATH=/app/bin \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    DBS_EXPORTER_CONFIG_FILE=/etc/dbs-exporter/dbs-exporter.yml \
    DBS_EXPORTER_REVISION=${REVISION}
USER 65532:65532
EXPOSE 10033
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s CMD ["/app/bin/dbs-exporter", "healthcheck"]
ENTRYPOINT ["/app/bin/dbs-exporter"]
CMD ["run", "--storage.path=/var/lib/dbs-exporter"]
