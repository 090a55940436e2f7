#include <algorithm>
#include <cstring>

#include "base/text.h"
#include "http/characters.h"
#include "http/h1/parser.h"

namespace portico::http::h1 {
namespace {

constexpr size_t kMaxTrailers = 8 * 1024;
constexpr uint32_t kMaxTrailerFields = 64;
constexpr uint8_t kMaxSizeDigits = 16;
constexpr uint64_t kMaxExtensionDebt = 4 * 1024;

}  // namespace

void ChunkedDecoder::reset() {
    state_ = State::size_start;
    left_ = extension_debt_ = 0;
    digits_ = 0;
    trailer_text_.clear();
    section_.reset();
    trailers_.clear();
}

Result<ChunkedDecoder::Step> ChunkedDecoder::decode(char* bytes, size_t size) {
    size_t at = 0;
    size_t out = 0;
    while (at < size && state_ != State::done) {
        if (state_ == State::data) {
            const auto n = static_cast<size_t>(std::min<uint64_t>(left_, size - at));
            if (out != at) std::memmove(bytes + out, bytes + at, n);
            out += n;
            at += n;
            left_ -= n;
            extension_debt_ -= std::min<uint64_t>(extension_debt_, n);
            if (left_ == 0) state_ = State::data_return;
        } else if (state_ == State::trailers) {
            const auto used = read_trailers({bytes + at, size - at});
            if (!used) return fail(used.error());
            at += *used;
        } else {
            if (!header_byte(bytes[at])) return fail(Fault::bad_chunk);
            ++at;
        }
    }
    return Step{.data = out, .consumed = at, .done = state_ == State::done};
}

bool ChunkedDecoder::header_byte(char c) {
    switch (state_) {
        case State::size_start:
            left_ = digits_ = 0;
            if (!size_digit(c)) return false;
            state_ = State::size;
            return true;
        case State::size: return size_digit(c) || end_extension(c);
        case State::size_line_feed: state_ = left_ == 0 ? State::trailers : State::data; return c == '\n';
        case State::data_return: state_ = State::data_line_feed; return c == '\r';
        case State::data_line_feed: state_ = State::size_start; return c == '\n';
        default: return ++extension_debt_ <= kMaxExtensionDebt && extension_byte(c);
    }
}

bool ChunkedDecoder::size_digit(char c) {
    const int digit = hex_value(c);
    // Above 2^59 one more digit would reach 2^63, which some readers take for a negative number.
    if (digit < 0 || digits_ == kMaxSizeDigits || left_ >= uint64_t{1} << 59) return false;
    left_ = left_ * 16 + static_cast<uint64_t>(digit);
    ++digits_;
    return true;
}

bool ChunkedDecoder::extension_byte(char c) {
    switch (state_) {
        case State::name_start: state_ = State::name; return is(kTokenChar, c);
        case State::name:
            if (c != '=') return is(kTokenChar, c) || end_extension(c);
            state_ = State::value_start;
            return true;
        case State::value_start: state_ = c == '"' ? State::quoted : State::value; return c == '"' || is(kTokenChar, c);
        case State::value: return is(kTokenChar, c) || end_extension(c);
        case State::quoted:
            if (c == '"') state_ = State::quoted_end;
            if (c == '\\') state_ = State::quoted_pair;
            return c == '"' || c == '\\' || is(kQuotedChar, c);
        case State::quoted_pair: state_ = State::quoted; return is(kFieldValueChar, c);
        default: return end_extension(c);
    }
}

// The end of a size or of an extension: another extension, or the line's end.
bool ChunkedDecoder::end_extension(char c) {
    state_ = c == ';' ? State::name_start : State::size_line_feed;
    return c == ';' || c == '\r';
}

Result<size_t> ChunkedDecoder::read_trailers(std::string_view input) {
    // Line by line, so that nothing of the next message is copied.
    const size_t line = std::min(input.find('\n'), input.size() - 1) + 1;
    const size_t size = std::min(line, kMaxTrailers - trailer_text_.size());
    trailer_text_.append(input.substr(0, size));
    const auto progress = section_.parse(trailer_text_, kMaxTrailerFields, space_);
    if (!progress) {
        const Fault fault = progress.error().fault;
        return fail(fault == Fault::bad_header ? Fault::bad_chunk : fault, progress.error().context);
    }
    if (*progress == Progress::more) {
        if (trailer_text_.size() == kMaxTrailers) return fail(Fault::head_too_large, "trailers");
        return size;
    }
    for (const FieldSection::Line& field : section_.lines()) {
        using enum FieldName;
        if (field.id == content_length || field.id == transfer_encoding || field.id == host) {
            return fail(Fault::bad_chunk, "field that may not be a trailer");
        }
        trailers_.add(field.name(trailer_text_), field.value(trailer_text_), field.id);
    }
    state_ = State::done;
    return size;
}

}  // namespace portico::http::h1
