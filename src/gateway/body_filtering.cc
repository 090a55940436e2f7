#include "gateway/body_filtering.h"

#include <algorithm>
#include <array>

#include "base/meter.h"
#include "base/text.h"
#include "gateway/answer_body.h"
#include "gateway/etag.h"
#include "gateway/filter_chain.h"
#include "gateway/filtered_head.h"
#include "gateway/reply.h"
#include "json/document.h"

namespace portico::gateway {
namespace {

using http::FieldName;
using http::Framing;

// How much of a coded body is undone before it goes on.
constexpr size_t kStep = 64 << 10;

bool wants_whole(const Exchange& x) {
    return std::ranges::any_of(x.body_filters, [](const auto& f) { return f->wants_whole(); });
}

size_t most_of(const Exchange& x) {
    size_t most = SIZE_MAX;
    for (const auto& f : x.body_filters) most = std::min(most, f->max_body());
    return most;
}

Error too_large(size_t most) { return {Fault::answer_too_large, "more than " + std::to_string(most) + " bytes"}; }

Error not_made(Exchange& x, io::Jobs::End end) {
    // A filter that was told to end has failed, and has refused nothing.
    if (end == io::Jobs::End::late) x.refused_by = {};
    return Exchange::not_computed(end, Fault::answer_too_costly, "what is made of it");
}
Error no_memory() { return {Fault::memory, "the service's body"}; }

Error coding_error(http::CodingFault fault, size_t most) {
    if (fault == http::CodingFault::too_large) return too_large(most);
    return {Fault::answer_encoding, http::what(fault)};
}

// Runs the filters from `first` on. `out` is what came out of the last one.
Result<void> run_filters(Exchange& x, size_t first, std::string_view part, bool last, std::string& out) {
    for (size_t i = first; i < x.body_filters.size(); ++i) {
        BodyFilter& filter = *x.body_filters[i];
        std::string made;
        auto took = part.size() > filter.max_body() ? fail(too_large(filter.max_body())) : filter.take(part, last, made);
        while (took && filter.has_more()) took = filter.go_on(made);
        if (!took) {
            x.refused_by = filter.policy();
            return took;
        }
        out = std::move(made);
        part = out;
    }
    return {};
}

// The same over the whole of a body, and with the policies that have waited for a filter to settle the head: they see that head, and
// the length of the body that there is by then, and may put filters of their own behind.
Result<void> run_over_whole(Exchange& x, std::string_view body, std::string& out) {
    for (size_t done = 0;;) {
        std::string made;
        if (auto ran = run_filters(x, done, body, true, made); !ran) return ran;
        if (x.body_filters.size() > done) body = out = std::move(made);
        done = x.body_filters.size();
        if (!x.response_policies_wait()) return {};
        x.response.body = {Framing::length, body.size()};
        x.continue_response_policies();
        if (x.answer_error) return fail(*std::exchange(x.answer_error, std::nullopt));
    }
}

// Where no body comes that a filter could be given, the head is what the policies make of it without one.
Result<void> finish_head(Exchange& x) {
    while (x.response_policies_wait()) x.continue_response_policies();
    if (x.answer_error) return fail(*std::exchange(x.answer_error, std::nullopt));
    return {};
}

// What the head says of codings from here on. @returns the coding of the new body
std::optional<http::Coding> settle_coding(Exchange& x, const http::CodingList& came) {
    http::FieldList& fields = x.response.fields;
    if (came.empty()) return std::nullopt;
    fields.remove_if([](const http::Field& f) { return f.id == FieldName::content_encoding; });
    vary_by(fields, "Accept-Encoding");
    const auto chosen = http::choose_coding(x.accepted.value_or(http::AcceptedCodings{}), came);
    if (chosen) fields.add("Content-Encoding", http::coding_text(*chosen));
    return chosen;
}

void forget_coding(Exchange& x) { x.response.fields.remove_if([](const http::Field& f) { return f.id == FieldName::content_encoding; }); }
bool is_document(std::string_view text, size_t most) { return json::Document::parse(text, {.max_size = most, .byte_order_mark = json::ByteOrderMark::pass_over}).has_value(); }

// The client has this body already (RFC 9110 §15.4.5).
void not_modified(Exchange& x) {
    constexpr std::array<std::string_view, 4> kOfBody = {"Content-Type", "Content-Encoding", "Content-Language", "Content-Length"};
    x.response.status = 304;
    x.response.reason = {};
    x.response.fields.remove_if([&](const http::Field& f) { return std::ranges::any_of(kOfBody, [&](std::string_view name) { return iequals(name, f.name); }); });
}

// Bytes that are hashed in no more time than a head takes (10 us where the processor has no instruction for it).
constexpr size_t kShort = 2048;

// Tags the answer, and makes it a 304 where the client has it.
void tag(Exchange& x, std::string_view body) {
    const std::string_view etag = x.arena.copy(etag_of(body));
    x.response.fields.remove_if([](const http::Field& f) { return iequals(f.name, "ETag"); });
    x.response.fields.add("ETag", etag);
    const bool may_be_known = x.response.status == 200 && (x.request.method == http::Method::get || x.request.method == http::Method::head);
    if (may_be_known && (none_match(x.withheld, etag) || none_match(x.request.fields, etag))) not_modified(x);
}

bool is_tagged(const Exchange& x) { return x.response.fields.find("ETag") != nullptr; }

class Filtering {
  public:
    Filtering(Exchange& x, upstream::Connection& from, const Deadlines& deadlines, http::BodyLength length)
        : x_(x), length_(length), body_(x, from, deadlines, length), chain_(x) {}

    io::Task<PipeEnd> run();

  private:
    PipeEnd refused(Error e) const { return {PipeEnd::How::refused, std::move(e), body_.last()}; }
    PipeEnd gone() const { return {PipeEnd::How::client_failed, Error(Fault::client_gone)}; }
    io::Task<PipeEnd> whole();
    Result<void> make_whole(std::string_view all, std::string& out);
    io::Task<PipeEnd> read_all(std::string& into, std::string_view& all);
    io::Task<PipeEnd> in_parts();
    io::Task<PipeEnd> pass_part(std::optional<http::Encoder>& encoder);
    Result<bool> make_piece(std::string_view& part, std::optional<http::Encoder>& encoder, std::string& out);
    // The head with the first bytes, later only bytes.
    io::Task<bool> send(std::string_view text, bool last);

    Exchange& x_;
    http::BodyLength length_;
    AnswerBody body_;
    http::CodingList codings_;
    bool as_it_stands_ = false;  // its head names what is no coding: taken for none where it is JSON
    std::optional<http::Decoder> decoder_;
    FilterChain chain_;    // of a body that goes on in parts
    std::string decoded_;  // what it was given last, where that was coded
    bool decoded_all_ = false;
    size_t most_ = 0;
    Held held_{Holding::response_bodies};  // of the service
    Held made_{Holding::made};             // in its place, until it is sent
};

io::Task<PipeEnd> Filtering::run() {
    auto codings = http::read_content_encoding(x_.response.fields);
    as_it_stands_ = !codings && wants_whole(x_) && http::names_no_coding(x_.response.fields);
    if (!codings && !as_it_stands_) co_return refused({Fault::answer_encoding, http::explain(codings.error(), x_.response.fields)});
    if (codings) codings_ = *codings;
    most_ = most_of(x_);
    if (!codings_.empty()) {
        const Holder::Current for_client(&x_.holder());
        decoder_.emplace(codings_, http::DecoderBounds{.max_size = wants_whole(x_) ? most_ : UINT64_MAX});
    }
    co_return co_await (wants_whole(x_) ? whole() : in_parts());
}

io::Task<PipeEnd> Filtering::whole() {
    if (length_.framing == Framing::length && length_.length > most_) co_return refused(too_large(most_));
    std::string held;
    std::string_view all;
    if (PipeEnd end = co_await read_all(held, all); end.how != PipeEnd::How::whole) co_return end;
    std::string out;
    Result<void> made;
    const auto computed = co_await x_.compute([&] { made = make_whole(all, out); });
    if (computed != io::Jobs::End::whole) co_return refused(not_made(x_, computed));
    if (!made) co_return refused(std::move(made).error());
    if (!x_.holds(made_, out.size())) co_return refused({Fault::memory, "what is made of the service's body"});
    if (x_.response.status == 304) out.clear();
    x_.response.body = {Framing::length, out.size()};
    co_return co_await send(out, true) ? PipeEnd{} : gone();
}

// What is sent in place of the body, and the head that goes with it.
Result<void> Filtering::make_whole(std::string_view all, std::string& out) {
    if (as_it_stands_) {
        if (!all.empty() && !is_document(all, most_)) return fail(Fault::answer_encoding, http::explain(http::CodingFault::unknown, x_.response.fields));
        forget_coding(x_);
    }
    if (auto ran = run_over_whole(x_, all, out); !ran) return ran;
    const bool tagged = is_tagged(x_);
    forget_body(x_.response.fields);
    if (const auto coding = settle_coding(x_, codings_)) {
        std::string coded;
        http::Encoder(*coding, out.size()).take(out, http::Encoder::Flush::end, coded);
        out = std::move(coded);
    }
    if (tagged) tag(x_, out);
    return {};
}

// `all` views `into`, or what came in one piece.
io::Task<PipeEnd> Filtering::read_all(std::string& into, std::string_view& all) {
    while (!body_.last()) {
        if (PipeEnd end = co_await body_.next(); end.how != PipeEnd::How::whole) co_return end;
        if (!decoder_ && body_.last() && into.empty() && body_.part().size() <= most_) {
            all = body_.part();
            co_return PipeEnd{};
        }
        if (decoder_) {
            std::string_view part = body_.part();
            std::expected<bool, http::CodingFault> decoded;
            const auto end = co_await x_.compute([&] {
                do {
                    decoded = decoder_->take(part, body_.last(), into, kStep);
                    if (!held_.set(into.size())) return Meter::out_of_memory();
                } while (decoded && !*decoded);
            });
            if (end != io::Jobs::End::whole) co_return refused(not_made(x_, end));
            if (!decoded) co_return refused(coding_error(decoded.error(), most_));
        } else {
            if (into.empty() && length_.framing == Framing::length) into.reserve(length_.length);
            into += body_.part();
        }
        if (into.size() > most_) co_return refused(too_large(most_));
        if (!x_.holds(held_, into.size())) co_return refused(no_memory());
    }
    all = into;
    co_return PipeEnd{};
}

io::Task<PipeEnd> Filtering::in_parts() {
    forget_body(x_.response.fields);
    x_.response.fields.remove_if([](const http::Field& f) { return iequals(f.name, "ETag"); });
    x_.response.body = {Framing::until_close, 0};
    std::optional<http::Encoder> encoder;
    if (const auto coding = settle_coding(x_, codings_)) {
        const Holder::Current for_client(&x_.holder());
        encoder.emplace(*coding);
    }
    if (encoder && !encoder->has_memory()) co_return refused({Fault::memory, "coding the body"});
    // Nothing of the body is there yet: a stream's client waits for its head.
    if (!body_.is_there() && !co_await send({}, false)) co_return gone();
    while (!body_.last()) {
        if (PipeEnd end = co_await body_.next(); end.how != PipeEnd::How::whole) co_return end;
        // A stream may go on for ever: each of its parts may ask for so much.
        x_.allowance = Exchange::kMostSteps;
        if (PipeEnd end = co_await pass_part(encoder); end.how != PipeEnd::How::whole) co_return end;
    }
    co_return PipeEnd{};
}

// One part of the service's may become any number of bytes: what is made is sent after every 64 KiB or so.
io::Task<PipeEnd> Filtering::pass_part(std::optional<http::Encoder>& encoder) {
    std::string_view part = body_.part();
    for (bool all = false; !all;) {
        std::string out;
        Result<bool> made = true;
        const auto computed = co_await x_.compute([&] { made = make_piece(part, encoder, out); });
        if (computed != io::Jobs::End::whole) co_return refused(not_made(x_, computed));
        if (!made) co_return refused(std::move(made).error());
        if (!x_.holds(made_, out.size())) co_return refused({Fault::memory, "what is made of the service's body"});
        all = *made;
        const bool last = all && body_.last();
        if (out.empty() && !last && x_.response_begun) continue;
        if (!co_await send(out, last)) co_return gone();
    }
    co_return PipeEnd{};
}

// What is sent next of that part. @returns whether it was all of it
Result<bool> Filtering::make_piece(std::string_view& part, std::optional<http::Encoder>& encoder, std::string& out) {
    bool all = true;
    if (chain_.has_more()) {
        if (auto ran = chain_.go_on(out); !ran) return fail(std::move(ran).error());
        all = decoded_all_;
    } else {
        decoded_.clear();
        if (decoder_) {
            auto taken = decoder_->take(part, body_.last(), decoded_, kStep);
            if (!taken) return fail(coding_error(taken.error(), most_));
            all = *taken;
        }
        decoded_all_ = all;
        if (auto ran = chain_.take(decoder_ ? std::string_view(decoded_) : part, all && body_.last(), out); !ran) return fail(std::move(ran).error());
    }
    all = all && !chain_.has_more();
    const bool last = all && body_.last();
    if (!encoder || (out.empty() && !last)) return all;
    std::string coded;
    encoder->take(out, last ? http::Encoder::Flush::end : http::Encoder::Flush::now, coded);
    out = std::move(coded);
    return all;
}

io::Task<bool> Filtering::send(std::string_view text, bool last) {
    io::BufferPool& pool = x_.context.loop.buffers();
    io::Buffer part;
    for (;;) {
        const bool small = text.size() + kPartHeadroom + kPartTailroom <= io::kSmallBuffer;
        part.ensure(pool, small ? io::kSmallBuffer : io::kLargeBuffer, kPartHeadroom);
        part.clear(kPartHeadroom);
        text.remove_prefix(part.append(text.substr(0, part.room() - kPartTailroom)));
        const bool end = last && text.empty();
        bool sent = false;
        if (x_.response_begun) {
            sent = co_await x_.client->send_body(part, end);
        } else {
            x_.response_begun = true;
            sent = co_await x_.client->send_head(x_.response, part, end);
        }
        if (!sent || text.empty()) co_return sent;
    }
}

}  // namespace

io::Task<PipeEnd> filter_response(Exchange& x, upstream::Connection& from, const Deadlines& deadlines, http::BodyLength length) {
    // No range was asked for: what came is not the whole, and nobody could tell what is missing in what is made of it.
    if (x.upstream_head.status == 206) {
        x.refused_by = x.body_filters.front()->policy();
        co_return PipeEnd{PipeEnd::How::refused, Error(Fault::answer_mapping, "206 to a request without a range")};
    }
    if (http::never_has_body(x.response.status, x.request.method)) {
        Result<void> done;
        if (x.response_policies_take_long()) {
            const auto computed = co_await x.compute([&] { done = finish_head(x); });
            if (computed != io::Jobs::End::whole) done = fail(not_made(x, computed));
        } else {
            done = finish_head(x);
        }
        if (!done) co_return PipeEnd{PipeEnd::How::refused, std::move(done).error()};
        forget_body(x.response.fields);
        // The coding that GET would be answered with.
        if (const auto codings = http::read_content_encoding(x.response.fields)) settle_coding(x, *codings);
        else if (http::names_no_coding(x.response.fields)) forget_coding(x);
        co_return co_await pipe_response(x, from, deadlines, length);
    }
    Filtering filtering(x, from, deadlines, length);
    co_return co_await filtering.run();
}

io::Task<void> reply_answer(Exchange& x, std::string body, Tag wanted) {
    x.response.body = {Framing::length, body.size()};
    if (x.response_policies_take_long()) co_await x.run_response_policies_in_parts();
    else x.run_response_policies();
    if (!x.answer_error && !x.body_filters.empty()) {
        std::string out;
        Result<void> ran;
        const auto computed = co_await x.compute([&] { ran = run_over_whole(x, body, out); });
        if (computed != io::Jobs::End::whole) ran = fail(not_made(x, computed));
        if (ran) {
            if (is_tagged(x)) wanted = Tag::of_body;
            forget_body(x.response.fields);
            body = std::move(out);
        } else {
            x.answer_error = std::move(ran).error();
        }
    }
    if (x.answer_error) {
        co_await reply_error(x, std::move(*x.answer_error));
        co_return;
    }
    Held held(Holding::made);
    auto end = x.holds(held, body.size()) ? io::Jobs::End::whole : io::Jobs::End::no_memory;
    if (wanted == Tag::of_body && end == io::Jobs::End::whole) {
        if (body.size() <= kShort && !x.has_long_head()) tag(x, body);
        else end = co_await x.compute([&] { tag(x, body); });
    }
    if (end != io::Jobs::End::whole) {
        co_await reply_error(x, not_made(x, end));
        co_return;
    }
    if (x.response.status == 304) body.clear();
    x.response_begun = true;
    co_await reply_body(x, body);
}

}  // namespace portico::gateway
