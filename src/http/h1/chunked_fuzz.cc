// Properties of the chunked decoder: whole equals split; the decoded body is never longer than its encoding; and what
// our own writer encodes decodes to itself. The first byte is the size of the pieces.
#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>

#include "base/check.h"
#include "http/h1/parser.h"
#include "http/h1/writer.h"

namespace {

using namespace portico;
using namespace portico::http::h1;

struct Decoded {
    std::string body, trailers;
    size_t consumed = 0;
    bool done = false;
    std::optional<Fault> fault;
    bool operator==(const Decoded&) const = default;
};

Decoded decode(std::string_view bytes, size_t step) {
    ChunkedDecoder decoder(SpaceBeforeColon::dropped);
    Decoded all;
    for (size_t at = 0; at < bytes.size() && !all.done; at += step) {
        std::string piece(bytes.substr(at, step));
        const auto result = decoder.decode(piece.data(), piece.size());
        if (!result) {
            Decoded refused;
            refused.fault = result.error().fault;
            return refused;
        }
        PORTICO_CHECK(result->consumed <= piece.size() && result->data <= result->consumed);
        PORTICO_CHECK(result->done || result->consumed == piece.size());
        all.body.append(piece, 0, result->data);
        all.consumed += result->consumed;
        all.done = result->done;
    }
    for (const http::Field& f : decoder.trailers()) {
        PORTICO_CHECK(http::is_token(f.name) && http::is_field_value(f.value));
        all.trailers.append(f.name).append(":").append(f.value).append("\n");
    }
    return all;
}

std::string encode(std::string_view body, size_t step) {
    std::string bytes;
    for (; !body.empty(); body.remove_prefix(std::min(step, body.size()))) {
        const std::string_view chunk = body.substr(0, step);
        char header[kChunkHeaderRoom];
        char* const end = header + sizeof header;
        bytes.append(write_chunk_header(end, chunk.size()), end).append(chunk).append(kChunkEnd);
    }
    return bytes.append(kLastChunk).append(kChunkEnd);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size < 2 || size > 16 * 1024) return 0;
    const size_t step = size_t{data[0]} + 1;
    const std::string bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
    const Decoded whole = decode(bytes, bytes.size());
    PORTICO_CHECK(decode(bytes, 1) == whole);
    PORTICO_CHECK(decode(bytes, step) == whole);

    const std::string encoded = encode(bytes, step);
    const Decoded back = decode(encoded + "GET / HTTP/1.1\r\n", 1 + step / 2);
    PORTICO_CHECK(back.done && back.body == bytes && back.consumed == encoded.size());
    return 0;
}
