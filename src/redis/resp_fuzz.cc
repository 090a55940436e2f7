// Properties of the reader of replies: whole equals split; it takes no more than its bounds; a list of numbers is copied as its
// elements read; and a command of ours reads as the words that were written. The first byte is the size of the pieces.
#include <algorithm>
#include <cstdint>
#include <string>

#include "base/check.h"
#include "redis/resp.h"

namespace {

using namespace portico;
using namespace portico::redis;

constexpr ReplyLimits kLimits{.depth = 4, .elements = 64, .line = 64, .string = 128, .total = 512};

void copy_and_compare(Value value) {
    std::vector<int64_t> numbers(value.size());
    bool all = value.is_array();
    for (uint32_t i = 0; i < value.size(); ++i) all = all && value[i].integer().has_value();
    PORTICO_CHECK(value.copy_integers(numbers) == all);
    for (uint32_t i = 0; all && i < value.size(); ++i) PORTICO_CHECK(numbers[i] == value[i].integer());
}

void describe(Value value, std::string& out, unsigned depth) {
    PORTICO_CHECK(depth <= kLimits.depth);
    out += static_cast<char>('0' + static_cast<int>(value.kind()));
    if (const auto number = value.integer()) out += std::to_string(*number);
    copy_and_compare(value);
    out.append("\"").append(value.text()).append("\"");
    for (uint32_t i = 0; i < value.size(); ++i) describe(value[i], out, depth + 1);
    out += ';';
}

// Every reply, then how it ended.
std::string read(std::string_view bytes, size_t step) {
    ReplyReader reader(kLimits);
    std::string out;
    for (size_t begin = 0; begin < bytes.size(); begin += step) {
        const std::string piece(bytes.substr(begin, step));
        for (size_t at = 0; at < piece.size();) {
            const auto progress = reader.read(std::string_view(piece).substr(at));
            if (!progress) {
                PORTICO_CHECK(progress.error().fault == Fault::store_protocol);
                return out + "!" + progress.error().context;
            }
            PORTICO_CHECK(progress->consumed > 0 && progress->consumed <= piece.size() - at);
            at += progress->consumed;
            PORTICO_CHECK(progress->done || at == piece.size());
            if (!progress->done) continue;
            const Reply reply = reader.take();
            std::string text;
            describe(reply.value(), text, 0);
            PORTICO_CHECK(text.size() <= kLimits.total + size_t{kLimits.elements} * 32);
            out += text;
        }
    }
    return out;
}

void write_and_read(std::string_view bytes) {
    std::vector<std::string_view> words;
    for (; !bytes.empty() && words.size() < 32; bytes.remove_prefix(std::min<size_t>(bytes.size(), 7))) words.push_back(bytes.substr(0, 7));
    std::string command;
    append_command(command, words);
    ReplyReader reader;
    const auto progress = reader.read(command);
    PORTICO_CHECK(progress && progress->done && progress->consumed == command.size());
    const Reply reply = reader.take();
    PORTICO_CHECK(reply.value().size() == words.size());
    for (uint32_t i = 0; i < words.size(); ++i) PORTICO_CHECK(reply.value()[i].text() == words[i]);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size == 0) return 0;
    const size_t step = std::max<size_t>(1, data[0]);
    const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
    const std::string split = read(bytes, step), whole = read(bytes, std::max<size_t>(1, bytes.size()));
    PORTICO_CHECK(split == whole);
    write_and_read(bytes);
    return 0;
}
