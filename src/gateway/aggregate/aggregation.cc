#include "gateway/aggregate/aggregation.h"

#include <algorithm>
#include <deque>

#include "base/meter.h"
#include "base/text_table.h"
#include "gateway/body_filtering.h"
#include "gateway/reply.h"
#include "gateway/request_body.h"
#include "gateway/snapshot.h"

namespace portico::gateway {
namespace {

// The most that the answers of one for_each may have together, and their list: bytes of text, and of memory once they are read, which
// is up to nine times as much.
constexpr size_t kMostJoined = size_t{16} << 20;
constexpr size_t kMostHeld = size_t{64} << 20;
// What the gateway puts around documents that came is not of their depth: the list of a for_each, and the object that it stands in.
constexpr unsigned kWrappers = 2;
constexpr unsigned kMostDepth = json::ParseOptions{}.max_depth + kWrappers;

Error not_made(io::Jobs::End end) { return Exchange::not_computed(end, Fault::answer_too_costly, "what its calls and their answers ask for"); }

}  // namespace

Aggregation::Aggregation(Exchange& x, const AggregateAction& action)
    : x_(x),
      action_(action),
      roots_(x.arena.array<json::Value>(action.calls.size() + 2)),
      calls_(x.arena.array<CallResult>(action.calls.size())),
      runs_(action.calls.size()),
      left_(action.calls.size()) {
    questions_.reserve(action.calls.size());
}

// The last word on the calls, however the exchange ended.
Aggregation::~Aggregation() {
    for (Run& run : runs_) run.fork.reset();
    const size_t route = x_.match.route;
    for (uint32_t i = 0; i < runs_.size(); ++i) {
        const Run& run = runs_[i];
        if (run.began == Time{} || run.skipped) continue;
        CallCells& cells = x_.context.call_cells(*x_.epoch, route, i);
        if (run.ended) x_.context.shard.observe(cells.seconds, run.ended_at - run.began);
    }
    for (const auto& question : questions_) {
        account(*question);
        x_.context.give_answer(std::move(question->answer));
    }
    if (x_.epoch->snapshot->config.log.access) write_log(x_.record.calls);
}

void Aggregation::account(const Question& question) {
    const upstream::CallAnswer& a = *question.answer;
    if (a.connects + a.reuses == 0) return;
    ServiceCells& cells = x_.context.service_cells(*x_.epoch, static_cast<size_t>(question.call->service));
    observe::Shard& shard = x_.context.shard;
    if (a.connects > 0) shard.add(cells.connects, a.connects);
    if (a.reuses > 0) shard.add(cells.reuses, a.reuses);
    if (a.stale > 0) shard.add(cells.stale_reuse, a.stale);
    if (a.first_byte != Time{}) shard.observe(cells.first_byte, a.first_byte - a.connected);
}

io::Task<void> Aggregation::run() {
    if (action_.reads_body) {
        auto read = co_await read_client_body();
        if (!read) {
            co_await reply_error(x_, std::move(read).error());
            co_return;
        }
    }
    deadline_ = loop().now() + action_.timeout;
    write_shared_fields();
    for (uint32_t i = 0; i < runs_.size(); ++i) runs_[i].waits = static_cast<uint32_t>(action_.graph.needs(i).size());
    for (uint32_t i = 0; i < runs_.size() && !spoilt_; ++i) {
        if (action_.graph.needs(i).empty()) begin(i);
    }
    if (!over()) co_await settled_.opened();
    // What still runs could only be thrown away.
    for (Run& run : runs_) run.fork.reset();
    if (spoilt_) {
        http::FieldList fields;
        if (!retry_after_.empty()) fields.add("Retry-After", retry_after_);
        co_await reply_error(x_, std::move(error_), &fields);
        co_return;
    }
    Result<std::string> body;
    const auto composed = co_await x_.compute([&] { body = compose(); });
    if (composed != io::Jobs::End::whole) body = fail(not_made(composed));
    Held held(Holding::made);
    if (body && !x_.holds(held, body->size())) body = fail(Fault::memory, "the body");
    if (!body) {
        co_await reply_error(x_, std::move(body).error());
        co_return;
    }
    const bool asks = x_.request.method == http::Method::get || x_.request.method == http::Method::head;
    const bool tagged = action_.etag && asks && x_.response.status == 200 && !partial();
    co_await reply_answer(x_, *std::move(body), tagged ? Tag::of_body : Tag::none);
}

void Aggregation::on_deferred() { settled_.open(); }

io::Task<Result<void>> Aggregation::read_client_body() {
    if (auto held = co_await hold_request_body(x_, action_.max_body); !held) co_return held;
    const std::string_view text = x_.request_body ? std::string_view(*x_.request_body) : std::string_view();
    if (text.empty()) co_return Result<void>{};
    json::ParseOptions options;
    options.max_size = action_.max_body;
    options.byte_order_mark = json::ByteOrderMark::pass_over;
    std::expected<json::Document, json::ParseError> document;
    const auto read = co_await x_.compute([&] { document = json::Document::parse(text, options); });
    if (read != io::Jobs::End::whole) co_return fail(Exchange::not_computed(read, Fault::body_too_costly, "reading it"));
    if (!document) co_return fail(Fault::body_not_json, document.error().text());
    client_body_ = std::move(*document);
    roots_[action_.body_root()] = client_body_.root();
    co_return Result<void>{};
}

void Aggregation::begin(uint32_t index) {
    runs_[index].began = loop().now();
    runs_[index].fork.emplace(run_call(index));
}

io::Task<void> Aggregation::run_call(uint32_t index) {
    const AggregateCall& call = action_.calls[index];
    Run& run = runs_[index];
    if (call.when != nullptr) {
        Result<bool> holds = false;
        note_end(co_await x_.compute([&] { holds = call.when->holds(values()); }));
        if (!holds) {
            run.outcome.failure = CallFailure::value;
            run.outcome.why = blamed(call, *call.when, std::move(holds).error());
        }
        run.skipped = holds && !*holds;
    }
    if (!run.skipped && run.outcome.failure == CallFailure::none && !spoilt_) {
        if (call.for_each != nullptr) co_await run_list(index);
        else co_await ask(call, values(), run.outcome);
    }
    if (run.outcome.failure != CallFailure::none) count_failure(index, run.outcome.failure);
    if (call.fallback == nullptr || spoilt_) settle(index);
    else note_end(co_await x_.compute([&] { settle(index); }));
    end(index);
}

// Once a request has had all the work that it may ask for, or its worker holds as much as it may, its answer is that.
void Aggregation::note_end(io::Jobs::End end) {
    if (end == io::Jobs::End::whole || spoilt_) return;
    spoilt_ = true;
    error_ = not_made(end);
    wake();
}

void Aggregation::count_failure(uint32_t index, CallFailure failure) {
    x_.context.count_call_failure(*x_.epoch, x_.match.route, index, failure);
}

// What the call gives to those that name it.
void Aggregation::settle(uint32_t index) {
    const AggregateCall& call = action_.calls[index];
    Run& run = runs_[index];
    Outcome& outcome = run.outcome;
    calls_[index].status = outcome.status;
    if (action_.keeps_heads && outcome.question != nullptr) calls_[index].fields = &outcome.question->answer->head.fields;
    const bool failed = outcome.failure != CallFailure::none;
    if (failed && !call.optional) return fail_call(index, outcome);
    if (!failed && !run.skipped) {
        roots_[index] = outcome.document.root();
        return;
    }
    std::string text;
    if (call.fallback == nullptr || (call.for_each != nullptr && !run.skipped) || !call.fallback->render(values(action_.item_root() + (call.for_each != nullptr ? 1 : 0)), text)) return;
    if (auto document = json::Document::parse(text)) {
        outcome.document = std::move(*document);
        roots_[index] = outcome.document.root();
    }
}

void Aggregation::fail_call(uint32_t index, const Outcome& outcome) {
    if (spoilt_) return;
    spoilt_ = true;
    const AggregateCall& call = action_.calls[index];
    const bool passed = outcome.failure == CallFailure::status && call.passes(outcome.status);
    error_ = error_of_call(call.name, outcome.failure, outcome.why, outcome.status, passed);
    if (!passed || outcome.question == nullptr) return;
    if (const http::Field* f = outcome.question->answer->head.fields.find("Retry-After")) retry_after_ = f->value;
}

void Aggregation::end(uint32_t index) {
    runs_[index].ended = true;
    runs_[index].ended_at = loop().now();
    --left_;
    for (const uint32_t waiting : action_.graph.wanted_by(index)) {
        if (--runs_[waiting].waits == 0 && !spoilt_) begin(waiting);
    }
    if (over()) wake();
}

// Outside of every call, which may go then.
void Aggregation::wake() {
    if (settled_.waited_for() && !linked()) loop().defer(*this);
}

// The list of a for_each: its distinct values into `fan`, and for each value its place among them.
Result<json::Document> Aggregation::values_of(const AggregateCall& call, Run& run, Fan& fan, std::vector<uint32_t>& places) {
    std::string text;
    if (auto rendered = call.for_each->render(values(), text); !rendered) {
        return fail(blamed(call, *call.for_each, std::move(rendered).error()));
    }
    auto document = json::Document::parse(text, {.max_depth = kMostDepth});
    if (!document) return fail(Fault::answer_too_large, "its for_each: " + std::string(document.error().what()));
    const json::Value list = document->root().find("v");
    if (list && !list.is_null() && !list.is_array()) return fail(blamed(call, *call.for_each, Error(Fault::answer_mapping, "its for_each is not a list")));
    // An empty list is what was found; a list whose document is not there is missing, as one that the document does not have.
    run.missing = !list || list.is_null();
    for (size_t root = 0; list.size() == 0 && root < action_.item_root(); ++root) run.missing |= !roots_[root] && call.for_each->reads(root);
    run.values = static_cast<uint32_t>(std::min<size_t>(list.size(), call.limit.value_or(UINT32_MAX)));
    if (run.values > call.max_items) {
        run.outcome.failure = CallFailure::too_many;
        run.outcome.why = Error(Fault::answer_mapping, std::to_string(run.values) + " values, and max_items is " + std::to_string(call.max_items));
        return std::move(*document);
    }
    TextViewMap<uint32_t> texts, others;  // texts by what they say, however they are escaped
    for (const json::Value value : list.elements()) {
        if (places.size() == run.values || !Meter::spend(Meter::steps_of(value.source().size()))) break;
        auto& seen = value.is_string() ? texts : others;
        const auto [at, fresh] = seen.try_emplace(value.is_string() ? value.string() : value.source(), static_cast<uint32_t>(fan.values.size()));
        if (fresh) fan.values.push_back(value);
        places.push_back(at->second);
    }
    return std::move(*document);
}

io::Task<void> Aggregation::run_list(uint32_t index) {
    const AggregateCall& call = action_.calls[index];
    Run& run = runs_[index];
    Fan fan{index, {}, {}};
    std::vector<uint32_t> places;
    Result<json::Document> list;
    note_end(co_await x_.compute([&] { list = values_of(call, run, fan, places); }));
    if (!list) {
        run.outcome.failure = failure_of(list.error().fault, false);
        run.outcome.why = std::move(list).error();
    }
    if (run.outcome.failure != CallFailure::none || spoilt_) co_return;
    fan.outcomes.resize(fan.values.size());
    {
        std::deque<io::Fork> takers;
        for (size_t i = 0; i < std::min<size_t>(call.concurrency, fan.values.size()); ++i) takers.emplace_back(take_values(fan));
        for (io::Fork& taker : takers) co_await taker;
    }
    if (!spoilt_) note_end(co_await x_.compute([&] { join(fan, places, run); }));
}

// Takes one value after the other until there are no more.
io::Task<void> Aggregation::take_values(Fan& fan) {
    const AggregateCall& call = action_.calls[fan.index];
    std::vector<json::Value> roots(roots_.begin(), roots_.end());
    Values named = values();
    named.roots = roots;
    while (fan.next < fan.values.size() && !spoilt_) {
        const size_t at = fan.next++;
        Outcome& outcome = fan.outcomes[at];
        roots[action_.item_root()] = fan.values[at];
        if (fan.text > kMostJoined || fan.held > kMostHeld) outcome.failure = CallFailure::too_large;
        else co_await ask(call, named, outcome);
        count(fan, outcome);
        if (outcome.failure == CallFailure::none) continue;
        ++runs_[fan.index].failed;
        count_failure(fan.index, outcome.failure);
        if (call.optional) continue;
        fail_call(fan.index, outcome);
        wake();
    }
}

// An answer that several values ask for is there once.
void Aggregation::count(Fan& fan, const Outcome& outcome) {
    if (outcome.question == nullptr || std::ranges::find(fan.counted, outcome.question) != fan.counted.end()) return;
    fan.counted.push_back(outcome.question);
    fan.text += outcome.document.text().size();
    fan.held += outcome.document.bytes();
}

// The answers as one list, in the order of the values. It may hold one of them many times: what it takes is counted before it is there.
void Aggregation::join(const Fan& fan, const std::vector<uint32_t>& places, Run& run) {
    const AggregateCall& call = action_.calls[fan.index];
    std::vector<json::Value> roots(roots_.begin(), roots_.end());
    Values named = values();
    named.roots = roots;
    std::string text = "[";
    size_t held = 0;
    run.outcome.status = 200;
    for (const uint32_t place : places) {
        if (!Meter::spend(1)) return;
        if (text.size() > 1) text += ',';
        const Outcome& one = fan.outcomes[place];
        if (one.failure == CallFailure::none) {
            const std::string_view source = one.document.root().source();
            held += one.document.bytes();
            if (text.size() + source.size() > kMostJoined || held > kMostHeld) {
                run.outcome.failure = CallFailure::too_large;
                return;
            }
            if (!Meter::spend(Meter::steps_of(source.size()))) return;
            text += source;
            continue;
        }
        run.outcome.status = one.status;
        if (run.outcome.why.context.empty()) run.outcome.why = one.why;
        roots[action_.item_root()] = fan.values[place];
        const size_t before = text.size();
        if (call.fallback != nullptr && call.fallback->render(named, text)) {
            if (text.size() <= kMostJoined) continue;
            run.outcome.failure = CallFailure::too_large;
            return;
        }
        text.resize(before);
        text += "null";
    }
    text += ']';
    json::ParseOptions options;
    options.max_size = kMostJoined;
    options.max_depth = kMostDepth;
    auto document = json::Document::parse(text, options);
    if (document) run.outcome.document = std::move(*document);
    else run.outcome.failure = CallFailure::too_large;
}

io::Task<void> aggregate(Exchange& x, const AggregateAction& action) {
    Aggregation running(x, action);
    co_await running.run();
}

}  // namespace portico::gateway
