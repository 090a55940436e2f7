// Content codings (RFC 9110 §8.4): what Content-Encoding and Accept-Encoding say, and the codings themselves, undone and made
// while the bytes come. Layer 1: bytes in, bytes out, by zlib and brotli; it knows no message and no socket.
//
// Decided: `deflate` is read as zlib's format (which the RFC names) and as raw deflate (which some services send), and written
// as zlib's; `gzip` may be several members; what follows the end of a coding is an error, and so is an end that is missing;
// no bytes at all are an empty body under every coding. `compress` and `zstd` are not known.
//
// A Decoder and an Encoder belong to one body and one thread. They allocate when made and at a body's beginning (gzip: 40 KiB to
// decode, 264 KiB to encode; br: to decode a window as large as the part of the body seen so far, 16 MiB at most, to encode 1 MiB);
// after that nothing but the output grows.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/held.h"
#include "http/fields.h"

namespace portico::http {

enum class Coding : uint8_t { gzip, deflate, br };
inline constexpr size_t kCodings = 3;
// "gzip", "deflate", "br".
std::string_view coding_text(Coding coding);

enum class CodingFault : uint8_t {
    unknown,
    too_many,  // of a field
    corrupt,
    truncated,
    trailing,  // of the bytes
    too_large,
    ratio,  // past a bound
    too_costly,  // nothing more may be spent (base/meter.h)
};
// Such as "its content coding ends early".
std::string_view what(CodingFault fault);

// The codings of one body, in the order in which they were applied.
class CodingList {
  public:
    static constexpr size_t kMax = 3;

    bool empty() const { return size_ == 0; }
    size_t size() const { return size_; }
    Coding operator[](size_t i) const { return codings_[i]; }
    // @returns false where there are kMax already
    bool add(Coding coding);
    bool operator==(const CodingList&) const = default;

  private:
    std::array<Coding, kMax> codings_{};
    size_t size_ = 0;
};

// Reads every Content-Encoding field; `x-gzip` is gzip, `identity` and empty elements are nothing.
// @errors unknown, too_many
// @spec RFC 9110 §8.4
std::expected<CodingList, CodingFault> read_content_encoding(const FieldList& fields);

// The first element that is none of these, as it is written, cut to a length for messages; empty where there is none.
std::string_view unknown_coding(const FieldList& fields);
// Whether there are elements, and none of them is a content coding at all: `utf-8`, `none`, `binary`. What IANA lists and a Decoder does
// not know (`zstd`) is one.
// @spec RFC 9110 §16.6.1
bool names_no_coding(const FieldList& fields);
// what(fault), and for an unknown coding its name: "its content coding is not known: zstd".
std::string explain(CodingFault fault, const FieldList& fields);

// What a client accepts. Without the field it is sent no coding: the RFC would allow any, but who does not ask may not expect it.
struct AcceptedCodings {
    std::array<uint16_t, kCodings> weights{};  // by Coding; thousandths, 0: not accepted
    uint16_t identity = 1000;

    uint16_t weight(Coding coding) const { return weights[static_cast<size_t>(coding)]; }
};
// Reads every Accept-Encoding field. An element that is not well formed is passed over.
// @spec RFC 9110 §12.5.3
AcceptedCodings read_accept_encoding(const FieldList& fields);

// The Accept-Encoding for a service whose answer is to be read here: those codings that the client accepts and that a Decoder knows,
// or "identity". Lives for ever.
std::string_view narrowed_accept_encoding(const AcceptedCodings& client);

// The coding for an answer that was made anew from one coded as `came`: that, where the client accepts it, else the one of most weight;
// none where the client accepts none, or wants none more than any.
std::optional<Coding> choose_coding(const AcceptedCodings& client, const CodingList& came);

struct DecoderBounds {
    // Each of several codings is held to both, by what it gives.
    uint64_t max_size = uint64_t{16} << 20;  // bytes that come out
    // Past the first `ratio_from` bytes that come out, no more than so many for each byte of the body.
    uint32_t max_ratio = 200;
    uint64_t ratio_from = uint64_t{1} << 20;
};

class Decoder {
  public:
    // Undoes `codings`, the last one first.
    explicit Decoder(const CodingList& codings, const DecoderBounds& bounds = {});
    ~Decoder();
    Decoder(Decoder&&) noexcept;
    Decoder& operator=(Decoder&&) noexcept;

    // Takes the next part of the body and appends what comes out. It takes from the front of `part` what it has read; a part that
    // swells ends after about `enough` bytes. `last`: nothing follows `part`.
    // @returns whether it has read and given everything; otherwise to be called again with what is left of `part` (maybe nothing)
    // @errors those of the bytes and of the bounds, then on every call; what came out before is worth nothing
    std::expected<bool, CodingFault> take(std::string_view& part, bool last, std::string& out,
                                          size_t enough = SIZE_MAX);

    uint64_t bytes_in() const { return in_; }
    uint64_t bytes_out() const { return out_; }

  private:
    class Stage;
    struct Link;  // a coding, and what it reads from

    std::expected<size_t, CodingFault> pull(size_t link, char* out, size_t room);
    std::optional<CodingFault> fault_of(const Link& link) const;

    std::array<std::unique_ptr<Link>, CodingList::kMax> links_;  // the one that reads the body first
    size_t size_ = 0;
    DecoderBounds bounds_;
    size_t part_ = 0;  // of the body, as it was given
    uint64_t in_ = 0;
    uint64_t out_ = 0;
    std::optional<CodingFault> fault_;
};

class Encoder {
  public:
    enum class Flush : uint8_t {
        none,  // what it gives is up to it
        now,   // the client can read all that was taken
        end,   // nothing follows
    };

    // @param size_hint bytes of the body, 0 where it is not known
    explicit Encoder(Coding coding, size_t size_hint = 0);
    ~Encoder();
    Encoder(Encoder&&) noexcept;
    Encoder& operator=(Encoder&&) noexcept;

    // Takes the next part of the body and appends its coded form. After Flush::end it takes nothing more. What it gives is worth nothing
    // where the job that it runs in ended early (base/meter.h).
    void take(std::string_view part, Flush flush, std::string& out);
    // Else it gives nothing.
    bool has_memory() const { return stage_ != nullptr; }

  private:
    class Stage;
    std::unique_ptr<Held> held_;
    std::unique_ptr<Stage> stage_;  // nullptr: it may not be held
};

}  // namespace portico::http
