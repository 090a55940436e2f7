// The answer of an aggregate, and what the log says of its calls.
#include <algorithm>
#include <cstdio>

#include "base/text.h"
#include "gateway/aggregate/aggregation.h"
#include "gateway/filtered_head.h"
#include "gateway/templates/field_value.h"
#include "gateway/snapshot.h"
#include "json/writer.h"

namespace portico::gateway {
namespace {

int64_t microseconds(Duration d) { return std::chrono::duration_cast<std::chrono::microseconds>(d).count(); }

}  // namespace

// Optional calls have failed: the answer is good, and not the whole one.
bool Aggregation::partial() const {
    return std::ranges::any_of(runs_, [](const Run& r) { return r.outcome.failure != CallFailure::none || r.failed > 0; });
}

// The body, with the head in x_.response.
Result<std::string> Aggregation::compose() {
    const Values named = values(action_.calls.size());
    std::string body;
    if (auto rendered = action_.body->render(named, body); !rendered) return fail(std::move(rendered).error());
    if (!action_.errors.empty() && partial()) add_errors(body);
    if (auto written = write_head(); !written) return fail(std::move(written).error());
    return body;
}

Result<void> Aggregation::write_head() {
    const Values named = values(action_.calls.size());
    ResponseOut& out = x_.response;
    out.clear();
    out.status = 200;
    for (const StatusRule& rule : action_.status) {
        auto holds = rule.when == nullptr ? Result<bool>(true) : rule.when->holds(named);
        if (!holds) return fail(std::move(holds).error());
        if (!*holds) continue;
        out.status = rule.status;
        break;
    }
    bool typed = false, cached = false;
    for (const auto& [name, text] : action_.headers) {
        const auto added = add_field(name, text, named, out.fields, x_.arena);
        if (!added) return fail(added.error());
        typed |= *added && iequals(name, "content-type");
        cached |= *added && iequals(name, "cache-control");
    }
    if (!typed) out.fields.add("Content-Type", "application/json");
    // What is made for one identity is nobody else's, and no cache can see how it was established.
    if (!cached && !x_.identity_by.empty()) out.fields.add("Cache-Control", "private, no-cache");
    for (const std::string& name : action_.varies_by) vary_by(out.fields, name);
    if (action_.server_timing) add_timing();
    return {};
}

void Aggregation::add_errors(std::string& body) {
    const size_t end = body.rfind('}');
    if (end == std::string::npos) return;
    std::string member = body.find_first_not_of(" \n", 1) == end ? "" : ",";
    json::append_string(member, action_.errors);
    member += ':';
    json::Writer w(member);
    w.begin_array();
    for (size_t i = 0; i < runs_.size(); ++i) {
        const Run& run = runs_[i];
        if (run.outcome.failure == CallFailure::none && run.failed == 0) continue;
        w.begin_object().key("call").value(action_.calls[i].name);
        if (run.failed > 0) w.key("failed").value(run.failed);
        else w.key("reason").value(word_of(run.outcome.failure));
        w.end_object();
    }
    w.end_array();
    body.insert(end, member);
}

// `user;dur=12.3, orders;dur=8.1` (W3C Server Timing).
void Aggregation::add_timing() {
    std::string text;
    for (size_t i = 0; i < runs_.size(); ++i) {
        const Run& run = runs_[i];
        if (run.skipped || run.missing) continue;
        char entry[96];
        const int n = std::snprintf(entry, sizeof entry, ";dur=%.1f", static_cast<double>(microseconds(run.ended_at - run.began)) / 1000);
        if (!text.empty()) text += ", ";
        text.append(action_.calls[i].name).append(entry, static_cast<size_t>(n));
    }
    if (!text.empty()) x_.response.fields.add("Server-Timing", x_.arena.copy(text));
}

// {"user":{"status":200,"us":1234},"orders":{"reason":"timeout","us":100000}}
void Aggregation::write_log(std::string& out) const {
    json::Writer w(out);
    w.begin_object();
    for (size_t i = 0; i < runs_.size(); ++i) {
        const Run& run = runs_[i];
        const Outcome& o = run.outcome;
        w.key(action_.calls[i].name).begin_object();
        if (run.missing && o.failure == CallFailure::none) {
            w.key("reason").value("not_made").key("detail").value("what it iterates over is missing").end_object();
            continue;
        }
        if (o.status != 0) w.key("status").value(o.status);
        if (run.values > 0) w.key("values").value(run.values);
        if (run.failed > 0) w.key("failed").value(run.failed);
        const bool begun = run.began != Time{};
        if (o.failure != CallFailure::none) w.key("reason").value(word_of(o.failure));
        else if (run.skipped || !run.ended) w.key("reason").value(run.skipped ? "skipped" : begun ? "cancelled" : "not_made");
        if (!o.why.context.empty()) w.key("detail").value(o.why.context);
        if (run.ended && !run.skipped) w.key("us").value(microseconds(run.ended_at - run.began));
        w.end_object();
    }
    w.end_object();
}

}  // namespace portico::gateway
