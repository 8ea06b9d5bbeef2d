# One image with one program: docker build --build-arg PROGRAM=operator (or tokenserver, injector). `make images` builds all.
FROM --platform=$BUILDPLATFORM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG PROGRAM
ARG VERSION=dev
ARG TARGETOS
ARG TARGETARCH
RUN test -n "$PROGRAM" && CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH \
    go build -trimpath -ldflags "-s -w -X main.version=$VERSION" -o /countersign "./cmd/$PROGRAM"

# No CA certificates: a pod trusts the API server by the CA that the kubelet mounts, and calls nobody else.
FROM scratch
COPY --from=build /countersign /countersign
# A number, since runAsNonRoot cannot look at names; config/tokenserver gives its group the signing keys.
USER 65532:65532
ENTRYPOINT ["/countersign"]
