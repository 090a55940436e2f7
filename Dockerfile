# docker build -t portico . && docker run -p 8080:8080 -v ./portico.yaml:/etc/portico/portico.yaml:ro portico
FROM debian:12 AS build
WORKDIR /portico
COPY dev CMakeLists.txt CMakePresets.json ./
RUN ./dev setup
COPY cmake cmake
COPY src src
COPY tests/support tests/support
RUN ./dev build release && strip build/release/portico

FROM debian:12-slim
# Debian has archives of the other libraries, which are linked in: ldd shows what is left.
RUN apt-get update && apt-get install -y --no-install-recommends libstdc++6 libfmt9 libsimdjson14 ca-certificates && rm -rf /var/lib/apt/lists/*
COPY --from=build /portico/build/release/portico /usr/bin/portico
USER 65534:65534
EXPOSE 8080
STOPSIGNAL SIGTERM
ENTRYPOINT ["/usr/bin/portico"]
CMD ["run", "-c", "/etc/portico/portico.yaml"]
