// The reading half of http/content_coding.h: codings undone, each over what the one before gave, in pieces of any size.
#include <brotli/decode.h>
#include <zlib.h>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <cstring>

#include "base/check.h"
#include "base/held.h"
#include "base/meter.h"
#include "http/content_coding.h"

namespace portico::http {
namespace {

// What a body grows by at a time, and what stands between two codings.
constexpr size_t kStep = size_t{16} << 10;
// The most that a coding reads at once: it may give nothing for all of it, and take long. Tables of deflate take up to 70 ns a byte, and those
// of Brotli, whose maps of contexts grow out of a few bits (RFC 7932 §7.3), 1.6 µs. So who waits for it looks at the clock each time.
constexpr size_t kMostReadOfDeflate = size_t{4} << 10;
constexpr size_t kMostReadOfBrotli = size_t{512};
// Bytes read and written that cost a step; a call as such costs as much as kCall of them.
constexpr size_t kBytesAStep = 16;
constexpr size_t kCall = 128;

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
    // Whether it was refused memory. It must not run() then.
    virtual bool lacks_memory() const = 0;
    // At once.
    virtual size_t most_read() const = 0;

    class Zlib;
    class Brotli;
    static std::unique_ptr<Stage> make(Coding coding);
};

// gzip and both kinds of deflate.
class Decoder::Stage::Zlib final : public Stage {
  public:
    explicit Zlib(Coding coding) : coding_(coding) { lacks_memory_ = !held_.set(kTakes); }
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
    size_t most_read() const override { return kMostReadOfDeflate; }
    bool may_end() const override { return ended_ || !begun_; }
    bool lacks_memory() const override { return lacks_memory_; }

  private:
    // Its state and its window.
    static constexpr size_t kTakes = size_t{44} << 10;

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
    bool lacks_memory_ = false;
    Held held_{Holding::codings};
};

class Decoder::Stage::Brotli final : public Stage {
  public:
    Brotli() : state_(BrotliDecoderCreateInstance(take, give_back, this)) {}
    Brotli(const Brotli&) = delete;
    Brotli& operator=(const Brotli&) = delete;
    ~Brotli() override {
        if (state_ != nullptr) BrotliDecoderDestroyInstance(state_);
    }

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
    size_t most_read() const override { return kMostReadOfBrotli; }
    bool may_end() const override { return !begun_ || BrotliDecoderIsFinished(state_) != BROTLI_FALSE; }
    bool lacks_memory() const override { return lacks_memory_; }

  private:
    // How much a block has stands before it.
    static constexpr size_t kHead = alignof(std::max_align_t);

    // Its window is as large as the body says: up to 16 MiB.
    static void* take(void* of, size_t size) {
        auto& self = *static_cast<Brotli*>(of);
        auto* const block = self.held_.set(self.bytes_ + size) ? static_cast<char*>(std::malloc(kHead + size)) : nullptr;
        if (block == nullptr) {
            self.lacks_memory_ = true;
            return nullptr;
        }
        self.bytes_ += size;
        std::memcpy(block, &size, sizeof size);
        return block + kHead;
    }
    static void give_back(void* of, void* address) {
        if (address == nullptr) return;
        auto& self = *static_cast<Brotli*>(of);
        char* const block = static_cast<char*>(address) - kHead;
        size_t size;
        std::memcpy(&size, block, sizeof size);
        self.bytes_ -= size;
        self.held_.set(self.bytes_);
        std::free(block);
    }

    bool begun_ = false;
    bool lacks_memory_ = false;
    size_t bytes_ = 0;
    Held held_{Holding::codings};
    BrotliDecoderState* state_;  // last: it takes memory by the others
};

std::unique_ptr<Decoder::Stage> Decoder::Stage::make(Coding coding) {
    if (coding == Coding::br) return std::make_unique<Brotli>();
    return std::make_unique<Zlib>(coding);
}

struct Decoder::Link {
    std::unique_ptr<Stage> stage;
    std::string_view in;                              // what it has not read yet
    std::unique_ptr<std::array<char, kStep>> buffer;  // where that stands; the first reads the body itself
    uint64_t out = 0;                                 // what it has given
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
        const size_t before = made;
        std::string_view next = link.in.substr(0, link.stage->most_read());
        const size_t had = next.size();
        const auto ran = link.stage->lacks_memory() ? CodingFault::too_costly : link.stage->run(next, out + made, room - made, made);
        if (link.stage->lacks_memory()) {
            Meter::out_of_memory();
            return std::unexpected(CodingFault::too_costly);
        }
        if (ran) return std::unexpected(*ran);
        const size_t read = had - next.size();
        link.in.remove_prefix(read);
        link.out += made - before;
        if (!Meter::spend((kCall + read + made - before) / kBytesAStep) || (read > 0 && !Meter::look())) return std::unexpected(CodingFault::too_costly);
        if (const auto fault = fault_of(link)) return std::unexpected(*fault);
        if (read == 0 && made == before) break;
    }
    return made;
}

// Each coding is judged by what it gives, not only the last one: what stands between two of them is work and no answer.
std::optional<CodingFault> Decoder::fault_of(const Link& link) const {
    if (link.out > bounds_.max_size) return CodingFault::too_large;
    if (link.out <= bounds_.ratio_from) return std::nullopt;
    // What of this part is read already counts.
    const uint64_t in = in_ + (part_ - links_[0]->in.size());
    return link.out / std::max(bounds_.max_ratio, 1U) > in ? std::optional(CodingFault::ratio) : std::nullopt;
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
                part_ = part.size();
                made = pull(size_ - 1, at, room);
                part = links_[0]->in;
            }
            return begin + given + made.value_or(0);
        });
        in_ += had - part.size();
        out_ += made.value_or(0);
        if (!made) fault_ = made.error();
        if (out_ > bounds_.max_size) fault_ = fault_.value_or(CodingFault::too_large);
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
