# An image of the platform for one machine, and for the nodes of a Ray cluster (.cluster/). Packages go to the
# image's own Python, which every shell finds: Ray's launcher and KubeRay start theirs without an environment.
FROM python:3.11-slim-bookworm AS packages
RUN apt-get update && apt-get install -y --no-install-recommends build-essential \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /build
COPY pyproject.toml constraints.txt LICENSE ./
# Where pip is told of an index with PyTorch's builds for CPUs, it takes those: half the size, and no GPUs.
ARG PIP_EXTRA_INDEX_URL=
RUN pip install --no-cache-dir --prefix /packages -c constraints.txt '.[cluster,s3]'

FROM python:3.11-slim-bookworm
# KubeRay asks nodes for their health by wget, Ray's launcher copies files by rsync.
RUN apt-get update && apt-get install -y --no-install-recommends wget rsync procps \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 1000 --gid users ray \
    && install --directory --owner ray --group users /storage
COPY --from=packages /packages /usr/local
WORKDIR /home/ray/platform
COPY --chown=ray:users . .
ARG COMMIT=unknown
ENV COUPLED_COMMIT=$COMMIT
USER ray
CMD ["python", "-m", "platform"]
