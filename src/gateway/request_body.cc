#include "gateway/request_body.h"

#include "base/held.h"
#include "base/meter.h"
#include "gateway/snapshot.h"
#include "http/content_coding.h"

namespace portico::gateway {
namespace {

using http::Framing;

// From so many bytes on a client's body may not swell as it likes: JSON shrinks to a tenth or so.
constexpr uint64_t kRatioFrom = uint64_t{64} << 10;

// How much of a coded body is undone before what is held is counted.
constexpr size_t kPiece = size_t{64} << 10;

Error too_large(uint64_t max_body) {
    return {Fault::body_too_large, "more than " + std::to_string(max_body) + " bytes, which is the most that is held here"};
}

// One more part of the body, as it comes, into `part`. @returns whether there was one
io::Task<Result<bool>> read_part(Exchange& x, io::Buffer& part) {
    part.clear();
    const io::IoResult got = co_await x.client->read_body(part);
    if (!got.ok()) co_return fail(x.client->body_fault(), "reading the request's body");
    co_return !part.empty();
}

// What was said of the body as it came.
void forget_codings(http::FieldList& fields) {
    fields.remove_if([](const http::Field& f) { return f.id == http::FieldName::content_encoding || http::is_digest(f.name); });
}

}  // namespace

io::Task<Result<void>> hold_request_body(Exchange& x, uint64_t max_body) {
    if (x.request_body) {
        if (x.request_body->size() > max_body) co_return fail(too_large(max_body));
        co_return Result<void>{};
    }
    const http::BodyLength length = x.request.body;
    if (length.framing == Framing::none) co_return Result<void>{};
    if (length.framing == Framing::length && length.length > max_body) co_return fail(too_large(max_body));
    if (length.framing == Framing::length && !HeldMemory::here().may_ever_hold(length.length)) {
        co_return fail(Fault::body_too_large, "more than limits.memory lets one request hold");
    }
    // Said before it is asked for, where it can be known: else all of it would be sent for nothing.
    const bool counts = length.framing == Framing::length && length.length > Exchange::kUncounted;
    if (counts && !HeldMemory::here().has_room(length.length, &x.holder().host())) co_return fail(Fault::memory, "the request's body");
    const auto codings = http::read_content_encoding(x.request.fields);
    if (!codings) {
        const std::string why = http::explain(codings.error(), x.request.fields);
        co_return fail(Error::told(Fault::body_encoding, why, "The body cannot be read: " + why + "."));
    }
    // One is what clients send; each further one is work of which the next sees only what is left.
    if (codings->size() > 1) co_return fail(Fault::body_encoding, "more than one content coding");
    x.client->set_times(x.epoch->snapshot->config.timeouts.idle.value_or(config::EffectiveTimeouts{}.idle), io::Timer::kNever);
    if (x.request.expect_continue && !x.client->body_finished()) {
        x.request.expect_continue = false;
        if (!co_await x.client->send_interim(100, {})) co_return fail(Fault::client_gone);
    }
    std::optional<http::Decoder> decoder;
    if (!codings->empty()) {
        const Holder::Current for_client(&x.holder());
        decoder.emplace(*codings, http::DecoderBounds{.max_size = max_body, .ratio_from = kRatioFrom});
    }
    std::string body;
    if (!decoder && length.framing == Framing::length) body.reserve(length.length);
    io::Buffer part;
    part.ensure(x.context.loop.buffers(), length.framing == Framing::length && length.length <= io::kSmallBuffer / 2 ? io::kSmallBuffer : io::kLargeBuffer);
    for (uint64_t came = 0;;) {
        auto more = co_await read_part(x, part);
        if (!more) co_return fail(std::move(more).error());
        came += part.size();
        std::string_view bytes = part.view();
        if (decoder) {
            std::expected<bool, http::CodingFault> done;
            const auto end = co_await x.compute([&] {
                do {
                    done = decoder->take(bytes, !*more, body, kPiece);
                    if (!x.body_held.set(body.size())) return Meter::out_of_memory();
                } while (done && !*done && body.size() <= max_body);
            });
            if (end != io::Jobs::End::whole) co_return fail(Exchange::not_computed(end, Fault::body_too_costly, "undoing its content coding"));
            if (!done && done.error() == http::CodingFault::too_large) co_return fail(too_large(max_body));
            if (!done) co_return fail(Error::told(Fault::body_encoding, http::what(done.error()), "The body cannot be read: " + std::string(http::what(done.error())) + "."));
        } else {
            body += bytes;
        }
        if (came > max_body || body.size() > max_body) co_return fail(too_large(max_body));
        if (!x.holds(x.body_held, body.size())) co_return fail(Fault::memory, "the request's body");
        if (!*more) break;
    }
    forget_codings(x.request.fields);
    x.request_body = std::move(body);
    co_return Result<void>{};
}

}  // namespace portico::gateway
