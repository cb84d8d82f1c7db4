# analogsim with the versions and hashes of the lock, on the processor of any machine:
#
#     docker build -t analogsim .
#     docker run --rm -v "$PWD:/work" --user "$(id -u):$(id -g)" analogsim demo
#
# Several GB: the locked torch carries its CUDA libraries, and does not load without them. Nothing
# here needs a GPU; where Docker is set up for one, `docker run --gpus all` uses it.
FROM python:3.12-slim-bookworm

ENV PYTHONUNBUFFERED=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1
WORKDIR /src
COPY requirements/demo.txt requirements/
RUN python -m pip install --no-deps --require-hashes --requirement requirements/demo.txt
COPY . .
RUN python -m pip install --no-deps --no-build-isolation . \
    && useradd --create-home --uid 10001 analogsim \
    && install --directory --owner analogsim /work

# Any user may be given with --user; its home, for caches, is one that all may write.
ENV HOME=/tmp
# By its number: a cluster that runs nothing as root cannot look a name up.
USER 10001
WORKDIR /work
ENTRYPOINT ["analogsim"]
CMD ["--help"]
