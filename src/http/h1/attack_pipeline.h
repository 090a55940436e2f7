// Test support: the shortest complete reader of requests, built of the same parts as the gateway in the same order.
// Head, target, path, length, body; nothing is answered and nothing is forwarded.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/arena.h"
#include "http/h1/parser.h"
#include "http/uri.h"

namespace portico::http::h1 {

class AttackPipeline {
  public:
    enum class Stage : uint8_t { head, body };

    // Takes the next bytes of the connection. After an error it takes no more.
    Result<void> feed(std::string_view bytes) {
        for (buffer_.append(bytes);;) {
            const size_t before = buffer_.size();
            const Stage stage = stage_;
            auto read = stage_ == Stage::head ? read_head() : read_body();
            if (!read) return read;
            if (buffer_.empty() || (buffer_.size() == before && stage_ == stage)) return {};
        }
    }
    // What was being read when the last feed() ended.
    Stage stage() const { return stage_; }
    // Requests that were read to their end.
    size_t accepted() const { return accepted_; }

  private:
    static constexpr uint64_t kMaxBody = 128ULL * 1024 * 1024;

    Result<void> read_head() {
        const auto progress = parser_.parse_request(buffer_, head_);
        if (!progress) return fail(progress.error());
        if (*progress == Progress::more) return {};
        const auto target = parse_target(head_.target, head_.method);
        if (!target) return fail(target.error());
        if (target->form == TargetForm::origin || target->form == TargetForm::absolute) {
            Arena arena;
            const auto path = normalise_path(target->path, arena);
            if (!path) return fail(path.error());
            if (path->ambiguous) return fail(Fault::bad_path, "ambiguous");
        }
        body_ = head_.body;
        if (body_.length > kMaxBody) return fail(Fault::body_too_large);
        buffer_.erase(0, parser_.consumed());
        parser_.reset();
        decoder_.reset();
        stage_ = Stage::body;
        if (body_.framing == Framing::none) finish();
        return {};
    }

    Result<void> read_body() {
        if (body_.framing == Framing::length) {
            const auto n = static_cast<size_t>(std::min<uint64_t>(body_.length, buffer_.size()));
            buffer_.erase(0, n);
            body_.length -= n;
            if (body_.length == 0) finish();
            return {};
        }
        const auto step = decoder_.decode(buffer_.data(), buffer_.size());
        if (!step) return fail(step.error());
        buffer_.erase(0, step->consumed);
        if (step->done) finish();
        return {};
    }

    void finish() {
        ++accepted_;
        stage_ = Stage::head;
    }

    Stage stage_ = Stage::head;
    std::string buffer_;
    HeadParser parser_;
    RequestHead head_;
    BodyLength body_;
    ChunkedDecoder decoder_{SpaceBeforeColon::refused};
    size_t accepted_ = 0;
};

}  // namespace portico::http::h1
