// A call's request, and what its answer means.
#include <algorithm>

#include "base/held.h"
#include "base/keyed_hash.h"
#include "base/meter.h"
#include "base/text.h"
#include "gateway/actions.h"
#include "gateway/aggregate/aggregation.h"
#include "gateway/guarded_elsewhere.h"
#include "gateway/templates/field_value.h"
#include "gateway/snapshot.h"
#include "gateway/upstream_request.h"
#include "http/content_coding.h"
#include "http/uri.h"

namespace portico::gateway {
namespace {

// How much of a coded body is undone before what is held is counted.
constexpr size_t kPiece = size_t{64} << 10;

// The body without its content codings. @param undone holds it where there were some, counted by `held`
std::expected<std::string_view, http::CodingFault> uncoded(const upstream::CallAnswer& answer, uint32_t max_body, std::string& undone, Held& held) {
    const auto codings = http::read_content_encoding(answer.head.fields);
    // What is no coding at all says nothing about the body.
    if (!codings && http::names_no_coding(answer.head.fields)) return answer.body;
    if (!codings) return std::unexpected(codings.error());
    if (codings->empty() || answer.body.empty()) return answer.body;
    std::string_view coded = answer.body;
    http::Decoder decoder(*codings, {.max_size = max_body});
    for (bool all = false; !all;) {
        const auto taken = decoder.take(coded, true, undone, kPiece);
        if (!taken) return std::unexpected(taken.error());
        if (!held.set(undone.size())) {
            Meter::out_of_memory();
            return std::unexpected(http::CodingFault::too_costly);
        }
        all = *taken;
    }
    return std::string_view(undone);
}

// Bytes of a document that are read in one go: what is made of it is too small to be counted.
constexpr size_t kShort = 1024;

std::string too_long(const CallPair& pair) {
    return "the values of the query up to " + pair.name + " have more than " + std::to_string(kMostTargetValues) + " bytes";
}

}  // namespace

// What every call carries: who the client is, as the policies have found it, and what the request is known by.
void Aggregation::write_shared_fields() {
    http::FieldList& out = shared_fields_;
    out.reserve(x_.set_fields.size() + 7);
    for (const http::Field& f : x_.set_fields) {
        if (x_.is_managed(f.name)) out.add(f);
    }
    using http::FieldName;
    out.add("X-Forwarded-For", x_.forwarded_for, FieldName::x_forwarded_for);
    out.add("X-Forwarded-Proto", x_.forwarded_proto, FieldName::x_forwarded_proto);
    if (!x_.forwarded_host.empty()) out.add("X-Forwarded-Host", x_.forwarded_host, FieldName::x_forwarded_host);
    if (x_.epoch->snapshot->config.forwarding.via) out.add("Via", kVia, FieldName::via);
    out.add("X-Request-ID", x_.request_id, FieldName::x_request_id);
    if (x_.traceparent.empty()) return;
    // A tracestate without its traceparent says nothing (W3C Trace Context §3.3).
    out.add("traceparent", x_.traceparent, FieldName::traceparent);
    for (const http::Field& f : x_.request.fields) {
        if (f.id == FieldName::tracestate) out.add(f);
    }
}

Result<void> Aggregation::write_fields(const AggregateCall& call, const Values& values, http::FieldList& fields) {
    fields.reserve(call.headers.size());
    for (const auto& [name, text] : call.headers) {
        if (text.is_literal()) {
            fields.add(name, text.literal_text());
            continue;
        }
        if (auto added = add_field(name, text, values, fields, x_.arena); !added) return fail(std::move(added).error());
    }
    return {};
}

void Aggregation::Target::put(std::string_view name, std::string_view value) {
    text.append(1, has_query ? '&' : '?').append(name).append(1, '=');
    has_query = true;
    http::encode_query_value(value, text);
}

Result<std::string> Aggregation::target_of(const AggregateCall& call, const Values& values) {
    Arena arena;
    auto parts = call.path.build(values, x_.rules->encoded_allow, arena);
    if (!parts) return fail(std::move(parts).error());
    if (auto judged = judge_rewritten(x_, {*parts, call.service, call.method, call.method_text}); !judged) return fail(std::move(judged).error());
    Target target;
    target.text.reserve(parts->path.size() + parts->query.size() + 32 * (1 + call.query.size()));
    target.text = parts->path;
    // Without a query of its own the path would take the client's along.
    if (call.path.has_query() && parts->has_query) {
        target.text.append(1, '?').append(parts->query);
        target.has_query = true;
    }
    for (const CallPair& pair : call.query) {
        auto put = pair.values == nullptr ? put_text(pair, values, target) : put_values(call, pair, values, target);
        if (!put) return fail(std::move(put).error());
    }
    return std::move(target.text);
}

Result<void> Aggregation::put_text(const CallPair& pair, const Values& values, Target& target) {
    Arena arena;
    auto text = value_text(pair.text, values, ValuePlace::any, "the query's " + pair.name, arena);
    if (!text) return fail(std::move(text).error());
    if (!*text) return {};
    target.given += (*text)->size();
    if (target.given > kMostTargetValues) return fail(blame_of(pair.text), too_long(pair));
    target.put(pair.name, **text);
    return {};
}

// A pair for each value of a list, or for the one.
Result<void> Aggregation::put_values(const AggregateCall& call, const CallPair& pair, const Values& values, Target& target) {
    std::string text;
    if (auto rendered = pair.values->render(values, text); !rendered) return fail(blamed(call, *pair.values, std::move(rendered).error()));
    auto document = json::Document::parse(text);
    const json::Value found = document ? document->root().find("v") : json::Value();
    bool whole = document.has_value();
    // @returns whether others may follow
    const auto put = [&](json::Value one) {
        whole &= !one.is_object() && !one.is_array();
        target.given += one.source().size();
        if (!whole || target.given > kMostTargetValues || !Meter::spend(1)) return false;
        if (one && !one.is_null()) target.put(pair.name, one.is_string() ? one.string() : one.source());
        return true;
    };
    if (found.is_array()) static_cast<void>(std::ranges::all_of(found.elements(), put));
    else put(found);
    if (whole && target.given <= kMostTargetValues) return {};
    const std::string what = whole ? too_long(pair) : "a value of the query's " + pair.name + " is a list or an object";
    return fail(blamed(call, *pair.values, Error::told(Fault::answer_mapping, what, what)));
}

// A template that asks the client's body alone can fail only by that.
bool Aggregation::is_of_client(const AggregateCall& call, const std::function<bool(size_t)>& reads) const {
    for (size_t i = 0; i < action_.calls.size(); ++i) {
        if (reads(i)) return false;
    }
    const bool item = reads(action_.item_root());
    return (item && call.item_of_client) || (!item && reads(action_.body_root()));
}

// The same GET of the same service, asked on the same terms.
bool Aggregation::is_same(const Question& a, const Question& b) {
    const AggregateCall &of_a = *a.call, &of_b = *b.call;
    return a.target == b.target && of_a.method == http::Method::get && of_b.method == http::Method::get && of_a.service == of_b.service &&
           of_a.timeouts.total == of_b.timeouts.total && of_a.accept == of_b.accept && of_a.max_body == of_b.max_body &&
           std::ranges::equal(a.fields, b.fields, [](const http::Field& one, const http::Field& other) {
               return iequals(one.name, other.name) && one.value == other.value;
           });
}

uint64_t Aggregation::hash_of(const Question& q) {
    KeyedHash hash(HashKey::of_process());
    hash.add_sized(q.target);
    for (const http::Field& f : q.fields) hash.add_sized(f.value);
    return hash.finish().low;
}

// @returns nullptr where there is none, and where what `q` asks may not be asked for once only
Aggregation::Question* Aggregation::asked_before(const Question& q) {
    if (q.call->method != http::Method::get) return nullptr;
    size_t bytes = q.target.size();
    for (const http::Field& f : q.fields) bytes += f.value.size();
    // Compared with few, or hashed and compared with one that is the same; and for the hash by which others find it, since whoever spends
    // below may be left in the middle, and others would ask meanwhile.
    Meter::spend(1 + bytes / 8);
    // Most pages ask a handful of services; to hash what they ask, and to remember it, would cost more than to compare.
    constexpr size_t kFew = 8;
    if (questions_.size() <= kFew) {
        const auto at = std::ranges::find_if(questions_, [&](const auto& before) { return is_same(*before, q); });
        return at == questions_.end() ? nullptr : at->get();
    }
    for (; hashed_ < questions_.size(); ++hashed_) {
        Question* const before = questions_[hashed_].get();
        // What nobody may find has not paid for it.
        if (before->call->method == http::Method::get) by_hash_.emplace(hash_of(*before), before);
    }
    for (auto [at, end] = by_hash_.equal_range(hash_of(q)); at != end; ++at) {
        if (is_same(*at->second, q)) return at->second;
    }
    return nullptr;
}

Result<Aggregation::Asked> Aggregation::question_of(const AggregateCall& call, const Values& values) {
    auto q = std::make_unique<Question>();
    q->call = &call;
    auto target = target_of(call, values);
    if (!target) return fail(std::move(target).error());
    q->target = std::move(*target);
    if (auto written = write_fields(call, values, q->fields); !written) return fail(std::move(written).error());
    if (call.json != nullptr) {
        if (auto rendered = call.json->render(values, q->body); !rendered) return fail(blamed(call, *call.json, std::move(rendered).error()));
    } else if (call.has_body) {
        if (const TemplatePart* part = call.text.compound(values)) return fail(compound_error(*part));
        call.text.render(values, q->body);
    }
    if (Question* before = asked_before(*q)) return Asked{before, true};
    q->answer = x_.context.take_answer();
    // One for each value of a list: together they may be long.
    bytes_asked_ += q->target.size() + q->body.size();
    if (!x_.holds(held_, bytes_asked_ + x_.arena.heap_bytes())) Meter::out_of_memory();
    return Asked{questions_.emplace_back(std::move(q)).get(), false};
}

// @param shared holds the shared fields where they are not those of every call
upstream::CallRequest Aggregation::request_of(const AggregateCall& call, const Question& q, http::FieldList& shared) const {
    upstream::CallRequest request;
    request.method = call.method;
    request.method_text = call.method_text;
    request.target = q.target;
    request.fields = &q.fields;
    request.more_fields = &shared_fields_;
    request.body = q.body;
    request.has_body = call.has_body || call.method == http::Method::post || call.method == http::Method::put;
    request.max_body = call.max_body;
    request.holder = &x_.holder();
    request.timeouts = call.timeouts;
    // A field of the call stands in the place of one that a policy has set, whatever the spelling.
    const auto is_replaced = [&](const http::Field& shared_field) {
        return std::ranges::any_of(q.fields, [&](const http::Field& f) { return http::is_same_name(f.name, shared_field.name); });
    };
    if (std::ranges::none_of(shared_fields_, is_replaced)) return request;
    for (const http::Field& f : shared_fields_) {
        if (!is_replaced(f)) shared.add(f);
    }
    request.more_fields = &shared;
    return request;
}

Result<std::string> Aggregation::describe(uint32_t index, std::string_view authority) {
    const AggregateCall& call = action_.calls[index];
    write_shared_fields();
    auto q = question_of(call, values());
    if (!q) return fail(std::move(q).error());
    http::FieldList shared;
    const upstream::CallRequest request = request_of(call, *q->question, shared);
    std::string text = call.method_text + " " + std::string(request.target) + " HTTP/1.1\r\nHost: " + std::string(authority) + "\r\n";
    for (const http::FieldList* fields : {request.fields, request.more_fields}) {
        for (const http::Field& f : *fields) text.append(f.name).append(": ").append(f.value).append("\r\n");
    }
    if (request.has_body) text += "Content-Length: " + std::to_string(request.body.size()) + "\r\n";
    return text.append("\r\n").append(request.body);
}

io::Task<void> Aggregation::ask(const AggregateCall& call, const Values& values, Outcome& out) {
    const Duration left = deadline_ - loop().now();
    Result<Asked> made = fail(Fault::upstream_total_timeout);
    // What asks no document is made of a few short texts, where the client's own are.
    if (left > Duration::zero() && !call.asks_documents && !x_.has_long_head()) made = question_of(call, values);
    else if (left > Duration::zero()) note_end(co_await x_.compute([&] { made = question_of(call, values); }));
    // What was made of it is worth nothing then, and is sent to nobody.
    if (spoilt_) co_return;
    if (!made) {
        out.why = std::move(made).error();
        out.failure = failure_of(out.why.fault, true);
        co_return;
    }
    Question& q = *made->question;
    if (made->before) {
        co_await Joined(q);
    } else if (const RespondAction* answer = x_.epoch->snapshot->service_answers[static_cast<size_t>(call.service)].get()) {
        q.done = answer_call(x_, *answer, *q.answer);
        if (q.done) {
            q.status = answer->status;
            note_end(co_await x_.compute([&] { read_answer(q); }));
        }
        end_question(q);
    } else {
        http::FieldList shared;
        upstream::CallRequest request = request_of(call, q, shared);
        const Duration still_left = deadline_ - loop().now();
        request.timeouts.total = std::min(call.timeouts.total, still_left);
        // Making it may have taken all that was left: it ends then as one that was asked, for others may wait for the same answer.
        if (still_left <= Duration::zero()) q.done = fail(Fault::upstream_total_timeout);
        else q.done = co_await upstream::call(loop(), *x_.epoch->services[static_cast<size_t>(call.service)], request, *q.answer);
        if (q.done) {
            q.status = q.answer->head.status;
            // A short one takes no longer than a head does.
            if (q.answer->body.size() <= kShort && q.answer->head.fields.find("Content-Encoding") == nullptr) read_answer(q);
            else note_end(co_await x_.compute([&] { read_answer(q); }));
        }
        end_question(q);
    }
    judge(call, q, out);
}

// Whoever asked the same goes on.
void Aggregation::end_question(Question& q) {
    q.ended = true;
    while (Joined* joined = q.waiting.pop_front()) joined->waiter.resume();
}

// Takes the body apart, and lets go of what is needed no more.
void Aggregation::read_answer(Question& q) {
    // What a status that is not accepted says beside it is nobody's: an error page of each call of a list could be a long one.
    if (!q.call->accepts(q.status)) return q.answer->release_body();
    std::string undone;
    Held held(Holding::response_bodies);
    const auto body = uncoded(*q.answer, q.call->max_body, undone, held);
    q.coding = http::unknown_coding(q.answer->head.fields);
    if (!body) {
        q.miscoded = body.error();
    } else if (!body->empty()) {
        q.empty = false;
        json::ParseOptions options;
        options.max_size = q.call->max_body;
        options.byte_order_mark = json::ByteOrderMark::pass_over;
        options.goes_soon = true;
        auto document = json::Document::parse(*body, options);
        if (document) q.document = std::move(*document);
        else if (!q.coding.empty()) q.miscoded = http::CodingFault::unknown;
        else q.broken = document.error();
    }
    if (action_.keeps_heads) q.answer->release_body();
    else q.answer->release();
}

void Aggregation::judge(const AggregateCall& call, const Question& q, Outcome& out) {
    const auto from = [&] { return q.answer->endpoint.empty() ? std::string() : " from " + q.answer->endpoint; };
    out.question = &q;
    out.status = q.status;
    if (!q.done) {
        out.failure = failure_of(q.done.error().fault, loop().now() >= deadline_);
        out.why = q.done.error();
        if (out.why.context.empty()) out.why.context = "no answer" + from();
    } else if (!call.accepts(q.status)) {
        out.failure = CallFailure::status;
        out.why = Error(Fault::call_status, std::to_string(q.status) + from());
    } else if (q.miscoded) {
        const bool bound = *q.miscoded == http::CodingFault::too_large || *q.miscoded == http::CodingFault::ratio;
        out.failure = bound ? CallFailure::too_large : CallFailure::encoding;
        out.why = Error(Fault::answer_encoding, std::string(http::what(*q.miscoded)) + (q.coding.empty() ? "" : ": " + q.coding) + from());
    } else if (!q.broken && !q.empty) {
        out.document = q.document;
    } else if (q.empty || q.status >= 300) {
        out.document = *json::Document::parse("null");
    } else {
        out.failure = CallFailure::not_json;
        out.why = Error(Fault::answer_not_json, q.broken->text() + from());
    }
}

Result<std::string> describe_call(Exchange& x, const AggregateAction& action, uint32_t call, std::string_view authority) {
    return Aggregation(x, action).describe(call, authority);
}

}  // namespace portico::gateway
