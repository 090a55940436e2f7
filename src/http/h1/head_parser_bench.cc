// Heads as a gateway sees them: a browser-like request of ten fields, a short one, and an API's response.
#include <benchmark/benchmark.h>

#include "http/h1/parser.h"

namespace portico::http::h1 {
namespace {

constexpr std::string_view kTypical =
    "GET /users/12345/orders?limit=20&sort=created_at HTTP/1.1\r\n"
    "Host: api.example.com\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101\r\n"
    "Accept: application/json, text/plain, */*\r\n"
    "Accept-Language: en-GB,en;q=0.7\r\n"
    "Accept-Encoding: gzip, deflate, br\r\n"
    "Origin: https://www.example.com\r\n"
    "Cache-Control: no-cache\r\n"
    "Cookie: session=0123456789abcdef; theme=dark\r\n"
    "X-Request-ID: 7b1f9e0a-6f5e-4c7e-9a39\r\n"
    "Connection: keep-alive\r\n\r\n";

constexpr std::string_view kShort = "GET /users/1 HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n";

constexpr std::string_view kResponse =
    "HTTP/1.1 200 OK\r\n"
    "Server: example\r\n"
    "Date: Tue, 15 Nov 1994 08:12:31 GMT\r\n"
    "Content-Type: application/json; charset=utf-8\r\n"
    "Content-Length: 1024\r\n"
    "ETag: \"33a64df551425fcc55e4d42a148795d9f25f89d4\"\r\n"
    "Cache-Control: private, max-age=0\r\n"
    "Connection: keep-alive\r\n\r\n";

void parse_request(benchmark::State& state, std::string_view bytes) {
    HeadParser parser;
    RequestHead head;
    for (auto _ : state) {
        parser.reset();
        benchmark::DoNotOptimize(bytes);
        auto result = parser.parse_request(bytes, head);
        benchmark::DoNotOptimize(result);
    }
    state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * bytes.size()));
}
BENCHMARK_CAPTURE(parse_request, typical, kTypical);
BENCHMARK_CAPTURE(parse_request, short_one, kShort);

void parse_response(benchmark::State& state) {
    HeadParser parser;
    ResponseHead head;
    for (auto _ : state) {
        parser.reset();
        auto result = parser.parse_response(kResponse, Method::get, head);
        benchmark::DoNotOptimize(result);
    }
    state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * kResponse.size()));
}
BENCHMARK(parse_response);

}  // namespace
}  // namespace portico::http::h1
