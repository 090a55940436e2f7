// The writing half of http/content_coding.h.
#include <brotli/encode.h>
#include <zlib.h>

#include <algorithm>

#include "base/check.h"
#include "base/held.h"
#include "base/meter.h"
#include "http/content_coding.h"

namespace portico::http {
namespace {

constexpr size_t kStep = size_t{16} << 10;
// The most that is coded at once.
constexpr size_t kMostRead = size_t{16} << 10;
// Bytes that cost a step; a call as such costs as much as kCall of them.
constexpr size_t kBytesAStep = 8;
constexpr size_t kCall = 128;
// Both made for answers that are coded once and read once: measured on lists of JSON, higher ones take twice the time for a tenth less.
// Of memory, about.
constexpr size_t kZlibTakes = size_t{264} << 10;
constexpr size_t kBrotliTakes = size_t{1} << 20;
constexpr int kZlibLevel = 4;
constexpr uint32_t kBrotliQuality = 3;
constexpr uint32_t kBrotliWindow = 18;  // 256 KiB

}  // namespace

class Encoder::Stage {
  public:
    virtual ~Stage() = default;
    // Writes at most `room` bytes. @returns how many; less than `room` only where all of `part` was taken, and flushed as asked
    virtual size_t run(std::string_view& part, Flush flush, char* out, size_t room) = 0;

    class Zlib;
    class Brotli;
};

class Encoder::Stage::Zlib final : public Stage {
  public:
    explicit Zlib(Coding coding) {
        const int bits = coding == Coding::gzip ? 16 + MAX_WBITS : MAX_WBITS;
        PORTICO_CHECK(deflateInit2(&stream_, kZlibLevel, Z_DEFLATED, bits, 8, Z_DEFAULT_STRATEGY) == Z_OK);
    }
    Zlib(const Zlib&) = delete;
    Zlib& operator=(const Zlib&) = delete;
    ~Zlib() override { deflateEnd(&stream_); }

    size_t run(std::string_view& part, Flush flush, char* out, size_t room) override {
        const size_t taken = std::min<size_t>(part.size(), UINT32_MAX);
        stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(part.data()));
        stream_.avail_in = static_cast<uInt>(taken);
        stream_.next_out = reinterpret_cast<Bytef*>(out);
        stream_.avail_out = static_cast<uInt>(room);
        const int how = taken < part.size() || flush == Flush::none ? Z_NO_FLUSH
                        : flush == Flush::now                       ? Z_SYNC_FLUSH
                                                                    : Z_FINISH;
        PORTICO_CHECK(deflate(&stream_, how) != Z_STREAM_ERROR);
        part.remove_prefix(taken - stream_.avail_in);
        return room - stream_.avail_out;
    }

  private:
    z_stream stream_{};
};

class Encoder::Stage::Brotli final : public Stage {
  public:
    explicit Brotli(size_t size_hint) : state_(BrotliEncoderCreateInstance(nullptr, nullptr, nullptr)) {
        PORTICO_CHECK(state_ != nullptr);
        BrotliEncoderSetParameter(state_, BROTLI_PARAM_QUALITY, kBrotliQuality);
        BrotliEncoderSetParameter(state_, BROTLI_PARAM_LGWIN, kBrotliWindow);
        const size_t hint = std::min(size_hint, size_t{1} << 30);
        BrotliEncoderSetParameter(state_, BROTLI_PARAM_SIZE_HINT, static_cast<uint32_t>(hint));
    }
    Brotli(const Brotli&) = delete;
    Brotli& operator=(const Brotli&) = delete;
    ~Brotli() override { BrotliEncoderDestroyInstance(state_); }

    size_t run(std::string_view& part, Flush flush, char* out, size_t room) override {
        const auto how = flush == Flush::none  ? BROTLI_OPERATION_PROCESS
                         : flush == Flush::now ? BROTLI_OPERATION_FLUSH
                                               : BROTLI_OPERATION_FINISH;
        size_t left = part.size();
        auto* next = reinterpret_cast<const uint8_t*>(part.data());
        size_t room_left = room;
        auto* next_out = reinterpret_cast<uint8_t*>(out);
        // One call takes a block at most: as long as there is room and it goes on, it has more to do.
        while (room_left > 0) {
            const size_t left_before = left;
            const size_t room_before = room_left;
            PORTICO_CHECK(BrotliEncoderCompressStream(state_, how, &left, &next, &room_left, &next_out, nullptr) !=
                          BROTLI_FALSE);
            if (left == left_before && room_left == room_before) break;
        }
        part.remove_prefix(part.size() - left);
        return room - room_left;
    }

  private:
    BrotliEncoderState* state_;
};

Encoder::Encoder(Coding coding, size_t size_hint) : held_(std::make_unique<Held>(Holding::codings)) {
    if (!held_->set(coding == Coding::br ? kBrotliTakes : kZlibTakes)) return;
    if (coding == Coding::br) {
        stage_ = std::make_unique<Stage::Brotli>(size_hint);
    } else {
        stage_ = std::make_unique<Stage::Zlib>(coding);
    }
}

Encoder::~Encoder() = default;
Encoder::Encoder(Encoder&&) noexcept = default;
Encoder& Encoder::operator=(Encoder&&) noexcept = default;

void Encoder::take(std::string_view part, Flush flush, std::string& out) {
    if (stage_ == nullptr) return Meter::out_of_memory();
    size_t made = kStep;
    while (made == kStep || !part.empty()) {
        std::string_view piece = part.substr(0, kMostRead);
        const size_t had = piece.size();
        // Where nothing more may be spent, nobody wants the rest.
        if (!Meter::spend((kCall + had) / kBytesAStep)) return;
        const size_t before = out.size();
        out.resize_and_overwrite(before + kStep, [&](char* text, size_t) {
            made = stage_->run(piece, had < part.size() ? Flush::none : flush, text + before, kStep);
            return before + made;
        });
        part.remove_prefix(had - piece.size());
    }
}

}  // namespace portico::http
