# syntax=docker/dockerfile:1
# The collector, without a shell and without root. From the root of the repository:
#   docker build --file deploy/docker/collector.Dockerfile --tag gumshoe-collector .

FROM rust:1.95-slim-bookworm AS build
WORKDIR /src
COPY . .
# The caches make a second build quick; what is in a cache mount is not in the image, hence the copy.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --locked --release --package gumshoe-collector --bin gumshoe-collector \
    && cp target/release/gumshoe-collector /gumshoe-collector

FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /gumshoe-collector /usr/local/bin/gumshoe-collector
# By number, so that Kubernetes can see without a look into the image that it is not root.
USER 65532:65532
# gRPC over mTLS; admin port: /livez, /readyz, /metrics.
EXPOSE 8443 9090
ENTRYPOINT ["/usr/local/bin/gumshoe-collector"]
