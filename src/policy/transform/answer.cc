#include "policy/transform/answer.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "gateway/filtered_head.h"
#include "http/media_type.h"
#include "json/document.h"
#include "policy/transform/header_rules.h"
#include "policy/transform/line_filter.h"

namespace portico::policy::transform {
namespace {

using gateway::Exchange;
using gateway::ResponseOut;
using gateway::Values;

constexpr std::string_view kEvents = "text/event-stream";

// Where there is no body to ask: what would come of it has no value.
Values without_body(const Exchange& x) {
    static const json::Value kNone;
    Values values = x.values();
    values.roots = {&kNone, 1};
    return values;
}

// Whether nobody knows the body that GET would have: a service's HEAD. What the gateway makes itself is there for a HEAD too.
bool is_head_alone(const Exchange& x) { return x.request.method == http::Method::head && x.upstream_head.status != 0; }

bool may_have_body(const Exchange& x, const ResponseOut& response) {
    return !http::never_has_body(response.status, x.request.method == http::Method::head ? http::Method::get : x.request.method);
}

// Whether there is, or for a service's HEAD would be, a body.
bool has_body(const Exchange& x, const ResponseOut& response) {
    if (!may_have_body(x, response)) return false;
    if (is_head_alone(x)) return true;
    return response.body.framing != http::Framing::none && !(response.body.framing == http::Framing::length && response.body.length == 0);
}

bool holds_by_head(const AnswerCase& c, const ResponseOut& response) {
    if (c.when.written) return c.when.holds_for_answer(response.status, response.fields);
    // What changes bodies is for those of good answers; what changes heads alone for all.
    return !c.changes_body() || (response.status >= 200 && response.status < 300);
}

// Status, cookies and headers. @errors those of values
Result<void> change_head(const AnswerCase& c, Exchange& x, const Values& values, ResponseOut& response) {
    auto headers = render(c.headers, values, gateway::ValuePlace::header, "the header", x.arena);
    if (!headers) return fail(std::move(headers).error());
    auto cookies = render(c.cookies, values, x.arena);
    if (!cookies) return fail(std::move(cookies).error());
    if (c.status != 0 && !x.own_answer) {
        // A 304 says the length and the tag of a body that it does not have, and what stands in its place has neither.
        if (response.status == 304) gateway::forget_body(response.fields);
        response.status = c.status;
        response.reason = {};
    }
    apply_set_cookies(c.cookies, *cookies, response.fields, x.arena);
    const std::array<http::FieldList*, 1> lists = {&response.fields};
    auto applied = apply_headers(c.headers, *headers, {lists, nullptr, nullptr}, x.arena);
    if (applied && c.makes_private) {
        // What is made for one identity is nobody else's, whatever the service allowed for what it gave.
        response.fields.remove_if([](const http::Field& f) { return iequals(f.name, "Cache-Control") || iequals(f.name, "Expires"); });
        response.fields.add("Cache-Control", "private, no-cache");
    }
    for (const std::string& name : c.varies_by) gateway::vary_by(response.fields, name);
    return applied;
}

void say_json(ResponseOut& response) {
    response.fields.remove_if([](const http::Field& f) { return f.id == http::FieldName::content_type; });
    response.fields.add("Content-Type", "application/json", http::FieldName::content_type);
}

// The filter of a case that needs the whole body: to be decided, for its head, or to make another of it.
class WholeFilter final : public gateway::BodyFilter {
  public:
    // @param cases in order, of which the first whose condition on the body holds applies
    // @param head_done the only case has changed the head already
    // @param settles_head what the head is, or whether there is a body, is not known before
    WholeFilter(Exchange& x, std::vector<const AnswerCase*> cases, bool head_done, bool settles_head, const Tally& tally)
        : x_(x), cases_(std::move(cases)), head_done_(head_done), settles_head_(settles_head), tally_(tally) {
        for (const AnswerCase* c : cases_) max_body_ = std::max(max_body_, c->max_body);
    }

    bool wants_whole() const override { return true; }
    size_t max_body() const override { return max_body_; }
    bool settles_head() const override { return settles_head_; }
    Result<void> take(std::string_view body, bool, std::string& out) override;

  private:
    bool reads_body() const {
        return std::ranges::any_of(cases_, [](const AnswerCase* c) { return c->when.body != nullptr || c->head_reads_body() || c->body.reads_body(); });
    }
    Result<const AnswerCase*> choose(const Values& values, std::string_view body, std::string_view why) const;

    Exchange& x_;
    std::vector<const AnswerCase*> cases_;
    bool head_done_;
    bool settles_head_;
    const Tally& tally_;
    size_t max_body_ = 0;
};

// @param why the body is no document, where it is none
Result<const AnswerCase*> WholeFilter::choose(const Values& values, std::string_view body, std::string_view why) const {
    for (const AnswerCase* c : cases_) {
        if (c->when.body == nullptr) return c;
        // A case that may take something away is not passed over because what it is for cannot be read.
        if (!why.empty() && http::may_be_json(x_.response.fields, body)) return fail(Fault::answer_not_json, why);
        if (!why.empty() || body.empty()) continue;
        auto holds = c->when.body->holds(values);
        if (!holds) return fail(std::move(holds).error());
        if (*holds) return c;
    }
    return nullptr;
}

Result<void> WholeFilter::take(std::string_view body, bool, std::string& out) {
    json::Document document;
    std::string_view why;
    if (reads_body() && !body.empty()) {
        auto parsed = json::Document::parse(body, {.max_size = max_body_, .byte_order_mark = json::ByteOrderMark::pass_over});
        if (parsed) document = std::move(*parsed);
        else why = x_.arena.copy(parsed.error().text());
    }
    const json::Value root = document.root();
    Values values = x_.values();
    values.roots = {&root, 1};
    auto chosen = choose(values, body, why);
    if (!chosen) return fail(std::move(chosen).error());
    const AnswerCase* c = *chosen;
    // An empty body has nothing that could be changed, but a constant may take its place.
    const bool changes = c != nullptr && c->body.any() && !(body.empty() && (c->body.reads_body() || !c->when.written));
    if (c != nullptr && !why.empty() && ((changes && c->body.reads_body()) || c->head_reads_body())) return fail(Fault::answer_not_json, why);
    if (!changes) {
        out = body;
    } else {
        out.reserve(body.size());
        auto made = c->body.make(values, out);
        if (!made) return fail(std::move(made).error());
        tally_.add_mismatches(x_, *made);
    }
    if (c == nullptr || head_done_) return {};
    if (changes && c->body.shape != nullptr) say_json(x_.response);
    return change_head(*c, x_, values, x_.response);
}

// The gateway's own errors keep their status and their body; and so does what another policy has answered.
void change_own_answer(const std::vector<AnswerCase>& cases, Exchange& x, ResponseOut& response) {
    for (const AnswerCase& c : cases) {
        if (c.when.body != nullptr || c.head_reads_body() || (!c.when.written && c.changes_body()) || !holds_by_head(c, response)) continue;
        // It keeps its body, and so what that is: of another type, what it tells of a request could be markup.
        const http::Field* const typed = response.fields.find(http::FieldName::content_type);
        const std::string_view type = typed == nullptr ? std::string_view() : typed->value;
        (void)change_head(c, x, without_body(x), response);
        response.fields.remove_if([](const http::Field& f) { return f.id == http::FieldName::content_type; });
        if (!type.empty()) response.fields.add("Content-Type", type, http::FieldName::content_type);
        return;
    }
}

void push_filter(const AnswerCase& c, Exchange& x, ResponseOut& response, bool body, const Tally& tally) {
    if (c.lines.any()) {
        x.body_filters.push_back(make_line_filter(x, c, tally));
        return;
    }
    x.body_filters.push_back(std::make_unique<WholeFilter>(x, std::vector{&c}, !c.head_waits(), c.head_waits() || !body, tally));
    if (!c.head_waits() && c.body.shape != nullptr) say_json(response);
}

}  // namespace

void change_answer(const std::vector<AnswerCase>& cases, Exchange& x, ResponseOut& response, const Tally& tally) {
    if (x.own_answer) return change_own_answer(cases, x, response);
    const bool body = has_body(x, response);
    const bool head_alone = is_head_alone(x);
    const bool events = body && http::is_of_type(http::media_type(response.fields), kEvents);
    std::vector<const AnswerCase*> undecided;
    for (const AnswerCase& c : cases) {
        if (!holds_by_head(c, response)) continue;
        if (!c.when.written && c.changes_body() && !body) continue;
        if (events && c.needs_body() && !c.passes_events) {
            // Nobody reads a stream to its end before its first byte, and unread nothing of it may pass.
            x.answer_error = Error(Fault::answer_not_json, "it is an event stream (events: pass on the case lets it go by)");
            return;
        }
        if (c.when.body != nullptr) {
            if (!body || events) continue;
            if (!head_alone) undecided.push_back(&c);
            // A HEAD has no body to decide by, and the one of GET may be another than the service's.
            else gateway::forget_body(response.fields);
            continue;
        }
        if (!undecided.empty()) {
            undecided.push_back(&c);
            break;
        }
        const bool constant = !head_alone && may_have_body(x, response) && c.body.any() && !c.body.reads_body();
        const bool filters = c.needs_body() && !events && (body || constant);
        if (filters) push_filter(c, x, response, body, tally);
        if (filters && c.head_waits() && !head_alone) return;
        if (auto changed = change_head(c, x, without_body(x), response); !changed) x.answer_error = std::move(changed).error();
        return;
    }
    if (!undecided.empty()) x.body_filters.push_back(std::make_unique<WholeFilter>(x, std::move(undecided), false, true, tally));
}

}  // namespace portico::policy::transform
