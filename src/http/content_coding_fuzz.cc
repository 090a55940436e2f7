// Properties of content codings: whole equals split, whatever the pieces and however often the output is enough; no more comes out
// than the bounds allow; what our own encoder makes decodes to itself. The first byte picks the codings, the second the size of
// the pieces.
#include <algorithm>
#include <cstdint>
#include <string>

#include "base/check.h"
#include "http/content_coding.h"

namespace {

using namespace portico::http;

constexpr DecoderBounds kBounds{.max_size = 200'000, .max_ratio = 50, .ratio_from = 10'000};

struct Decoded {
    std::string text;
    std::optional<CodingFault> fault;
    bool operator==(const Decoded&) const = default;
};

Decoded decode(const CodingList& codings, std::string_view bytes, size_t step, size_t enough) {
    Decoder decoder(codings, kBounds);
    Decoded all;
    do {
        std::string_view part = bytes.substr(0, step);
        bytes.remove_prefix(part.size());
        while (true) {
            const size_t before = all.text.size();
            const auto done = decoder.take(part, bytes.empty(), all.text, enough);
            PORTICO_CHECK(decoder.bytes_out() <= kBounds.max_size + 1);
            if (!done) return {{}, done.error()};
            PORTICO_CHECK(all.text.size() - before <= enough && (!*done || part.empty()));
            if (*done) break;
        }
    } while (!bytes.empty());
    PORTICO_CHECK(all.text.size() <= kBounds.max_size);
    return all;
}

void check_round_trip(Coding coding, std::string_view text, size_t step) {
    Encoder encoder(coding);
    std::string bytes;
    for (std::string_view rest = text; !rest.empty(); rest.remove_prefix(std::min(step, rest.size()))) {
        encoder.take(rest.substr(0, step), rest.size() % 2 == 0 ? Encoder::Flush::now : Encoder::Flush::none, bytes);
    }
    encoder.take({}, Encoder::Flush::end, bytes);
    CodingList codings;
    codings.add(coding);
    PORTICO_CHECK(decode(codings, bytes, step, SIZE_MAX).text == text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size < 2 || size > 8192) return 0;
    const std::string_view bytes(reinterpret_cast<const char*>(data + 2), size - 2);
    CodingList codings;
    for (unsigned pick = data[0]; pick != 0; pick /= 4) {
        if (pick % 4 != 0) codings.add(static_cast<Coding>(pick % 4 - 1));
    }
    const size_t step = 1 + data[1] % 64;
    const Decoded whole = decode(codings, bytes, SIZE_MAX, SIZE_MAX);
    const Decoded split = decode(codings, bytes, step, SIZE_MAX);
    // A bound may be met sooner or later within a piece, and another fault before it.
    // And of several codings that are wrong, another may be found first.
    const auto is_bound = [](const Decoded& d) {
        return d.fault == CodingFault::ratio || d.fault == CodingFault::too_large;
    };
    const auto are_alike = [&](const Decoded& a, const Decoded& b) {
        return a == b || is_bound(a) || is_bound(b) || (codings.size() > 1 && a.fault && b.fault);
    };
    PORTICO_CHECK(are_alike(whole, split));
    PORTICO_CHECK(are_alike(decode(codings, bytes, step, 1 + data[1] / 2), split));
    check_round_trip(static_cast<Coding>(data[0] % 3), bytes, step);

    FieldList fields;
    fields.add("Accept-Encoding", bytes);
    fields.add("Content-Encoding", bytes);
    const AcceptedCodings accepted = read_accept_encoding(fields);
    for (const uint16_t weight : accepted.weights) PORTICO_CHECK(weight <= 1000);
    if (const auto came = read_content_encoding(fields)) {
        const auto chosen = choose_coding(accepted, *came);
        PORTICO_CHECK(!chosen || accepted.weight(*chosen) != 0);
    }
    return 0;
}
