// The reading half of http/content_coding.h: codings undone, each over what the one before gave, in pieces of any size.
#include <brotli/decode.h>
#include <zlib.h>

#include <algorithm>

#include "base/check.h"
#include "http/content_coding.h"

namespace portico::http {
namespace {

// What a body grows by at a time, and what stands between two codings.
constexpr size_t kStep = size_t{16} << 10;

Bytef* bytes_of(const char* text) {
    return reinterpret_cast<Bytef*>(const_cast<char*>(text));  // zlib does not write to what it reads
}

}  // namespace

class Decoder::Stage {
  public:
    virtual ~Stage() = default;
    // Reads from the front of `in`, adds what it wrote at `out` to `made`. Without progress it wants more, or is at its end.
    virtual std::optional<CodingFault> run(std::string_view& in, char* out, size_t room, size_t& made) = 0;
    // Whether the bytes may end here.
    virtual bool may_end() const = 0;

    class Zlib;
    class Brotli;
    static std::unique_ptr<Stage> make(Coding coding);
};

// gzip and both kinds of deflate.
class Decoder::Stage::Zlib final : public Stage {
  public:
    explicit Zlib(Coding coding) : coding_(coding) {}
    Zlib(const Zlib&) = delete;
    Zlib& operator=(const Zlib&) = delete;
    ~Zlib() override {
        if (begun_) inflateEnd(&stream_);
    }

    std::optional<CodingFault> run(std::string_view& in, char* out, size_t room, size_t& made) override {
        if (in.empty() && (!begun_ || ended_)) return std::nullopt;
        if (ended_) {
            // gzip: the next member (RFC 1952 §2.2), which begins with this byte.
            if (coding_ != Coding::gzip || in.front() != '\x1f') return CodingFault::trailing;
            PORTICO_CHECK(inflateReset(&stream_) == Z_OK);
            ended_ = false;
        }
        if (!begun_) begin(in.front());
        return inflate_some(in, out, room, made);
    }
    bool may_end() const override { return ended_ || !begun_; }

  private:
    void begin(char first) {
        // Raw deflate never begins so: it would be a stored block with bits set where every writer leaves them clear.
        const bool zlib_format = (first & 0x0f) == Z_DEFLATED;
        const int bits = coding_ == Coding::gzip ? 16 + MAX_WBITS : zlib_format ? MAX_WBITS : -MAX_WBITS;
        PORTICO_CHECK(inflateInit2(&stream_, bits) == Z_OK);
        begun_ = true;
    }

    std::optional<CodingFault> inflate_some(std::string_view& in, char* out, size_t room, size_t& made) {
        // uInt may be smaller than size_t: what is beyond waits for the next call.
        stream_.next_in = bytes_of(in.data());
        stream_.avail_in = static_cast<uInt>(std::min<size_t>(in.size(), UINT32_MAX));
        stream_.next_out = reinterpret_cast<Bytef*>(out);
        stream_.avail_out = static_cast<uInt>(std::min<size_t>(room, UINT32_MAX));
        const int result = inflate(&stream_, Z_NO_FLUSH);
        in.remove_prefix(static_cast<size_t>(reinterpret_cast<const char*>(stream_.next_in) - in.data()));
        made += static_cast<size_t>(reinterpret_cast<char*>(stream_.next_out) - out);
        PORTICO_CHECK(result != Z_MEM_ERROR && result != Z_STREAM_ERROR);
        if (result == Z_STREAM_END) ended_ = true;
        if (result == Z_DATA_ERROR || result == Z_NEED_DICT) return CodingFault::corrupt;
        return std::nullopt;
    }

    z_stream stream_{};
    Coding coding_;
    bool begun_ = false;
    bool ended_ = false;  // a member of gzip, or all of deflate
};

class Decoder::Stage::Brotli final : public Stage {
  public:
    Brotli() : state_(BrotliDecoderCreateInstance(nullptr, nullptr, nullptr)) { PORTICO_CHECK(state_ != nullptr); }
    Brotli(const Brotli&) = delete;
    Brotli& operator=(const Brotli&) = delete;
    ~Brotli() override { BrotliDecoderDestroyInstance(state_); }

    std::optional<CodingFault> run(std::string_view& in, char* out, size_t room, size_t& made) override {
        if (BrotliDecoderIsFinished(state_) != BROTLI_FALSE) {
            if (in.empty()) return std::nullopt;
            return CodingFault::trailing;
        }
        size_t left = in.size();
        auto* next = reinterpret_cast<const uint8_t*>(in.data());
        size_t room_left = room;
        auto* next_out = reinterpret_cast<uint8_t*>(out);
        const auto result = BrotliDecoderDecompressStream(state_, &left, &next, &room_left, &next_out, nullptr);
        begun_ = begun_ || !in.empty();
        in.remove_prefix(in.size() - left);
        made += room - room_left;
        if (result == BROTLI_DECODER_RESULT_ERROR) return CodingFault::corrupt;
        return std::nullopt;
    }
    bool may_end() const override { return !begun_ || BrotliDecoderIsFinished(state_) != BROTLI_FALSE; }

  private:
    BrotliDecoderState* state_;
    bool begun_ = false;
};

std::unique_ptr<Decoder::Stage> Decoder::Stage::make(Coding coding) {
    if (coding == Coding::br) return std::make_unique<Brotli>();
    return std::make_unique<Zlib>(coding);
}

struct Decoder::Link {
    std::unique_ptr<Stage> stage;
    std::string_view in;                              // what it has not read yet
    std::unique_ptr<std::array<char, kStep>> buffer;  // where that stands; the first reads the body itself
};

Decoder::Decoder(const CodingList& codings, const DecoderBounds& bounds) : size_(codings.size()), bounds_(bounds) {
    bounds_.max_size = std::min(bounds_.max_size, UINT64_MAX - 1);
    for (size_t i = 0; i < size_; ++i) {
        links_[i] = std::make_unique<Link>();
        links_[i]->stage = Stage::make(codings[size_ - 1 - i]);
        if (i == 0) continue;
        links_[i]->buffer = std::make_unique<std::array<char, kStep>>();
    }
}

Decoder::~Decoder() = default;
Decoder::Decoder(Decoder&&) noexcept = default;
Decoder& Decoder::operator=(Decoder&&) noexcept = default;

// Fills `out` with what link `i` gives. @returns how much; less than `room` only where nothing more can come now
std::expected<size_t, CodingFault> Decoder::pull(size_t i, char* out, size_t room) {
    Link& link = *links_[i];
    size_t made = 0;
    while (made < room) {
        if (link.in.empty() && i > 0) {
            const auto came = pull(i - 1, link.buffer->data(), link.buffer->size());
            if (!came) return came;
            link.in = {link.buffer->data(), *came};
        }
        const size_t had = link.in.size();
        const size_t before = made;
        if (const auto fault = link.stage->run(link.in, out + made, room - made, made)) return std::unexpected(*fault);
        if (link.in.size() == had && made == before) break;
    }
    return made;
}

std::optional<CodingFault> Decoder::fault_now() const {
    if (out_ > bounds_.max_size) return CodingFault::too_large;
    if (out_ > bounds_.ratio_from && out_ / std::max(bounds_.max_ratio, 1U) > in_) return CodingFault::ratio;
    return std::nullopt;
}

std::expected<bool, CodingFault> Decoder::take(std::string_view& part, bool last, std::string& out, size_t enough) {
    if (fault_) return std::unexpected(*fault_);
    const size_t begin = out.size();
    while (true) {
        const size_t given = out.size() - begin;
        if (given >= enough) return false;
        // One more than what is left, so that too much is seen.
        const auto room = static_cast<size_t>(std::min<uint64_t>({kStep, enough - given, bounds_.max_size - out_ + 1}));
        const size_t had = part.size();
        std::expected<size_t, CodingFault> made = 0;
        out.resize_and_overwrite(begin + given + room, [&](char* text, size_t) {
            char* const at = text + begin + given;
            if (size_ == 0) {
                made = std::min(room, part.size());
                std::copy_n(part.data(), *made, at);
                part.remove_prefix(*made);
            } else {
                links_[0]->in = part;
                made = pull(size_ - 1, at, room);
                part = links_[0]->in;
            }
            return begin + given + made.value_or(0);
        });
        in_ += had - part.size();
        out_ += made.value_or(0);
        if (!made) fault_ = made.error();
        if (!fault_) fault_ = fault_now();
        if (fault_) return std::unexpected(*fault_);
        if (*made < room) break;
    }
    for (size_t i = 0; last && i < size_; ++i) {
        if (!links_[i]->stage->may_end()) fault_ = CodingFault::truncated;
    }
    if (fault_) return std::unexpected(*fault_);
    return true;
}

}  // namespace portico::http
