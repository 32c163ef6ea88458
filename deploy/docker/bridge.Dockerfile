# syntax=docker/dockerfile:1
# The bridge, without a shell and without root. From the root of the repository:
#   docker build --file deploy/docker/bridge.Dockerfile --tag gumshoe-bridge .

FROM rust:1.95-slim-bookworm AS build
WORKDIR /src
COPY . .
# The caches make a second build quick; what is in a cache mount is not in the image, hence the copy.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --locked --release --package gumshoe-bridge --bin gumshoe-bridge \
    && cp target/release/gumshoe-bridge /gumshoe-bridge

FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /gumshoe-bridge /usr/local/bin/gumshoe-bridge
# By number, so that Kubernetes can see without a look into the image that it is not root.
USER 65532:65532
# Admin port: /livez, /readyz, /metrics.
EXPOSE 9090
ENTRYPOINT ["/usr/local/bin/gumshoe-bridge"]
