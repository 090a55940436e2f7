#include "policy/transform/request.h"

#include <array>

#include "gateway/form_document.h"
#include "gateway/snapshot.h"
#include "http/credential.h"
#include "http/media_type.h"
#include "policy/transform/header_rules.h"
#include "policy/transform/query_rules.h"

namespace portico::policy::transform {
namespace {

using gateway::Exchange;
using gateway::Values;

constexpr std::string_view kForm = "application/x-www-form-urlencoded";
// Of what a form becomes as JSON: quotes and commas.
constexpr size_t kFormGrowth = 8;

// The fields that say what the body is that the request bears now: a policy before may have made another.
const http::FieldList& fields_of_type(const Exchange& x) { return http::media_type(x.set_fields).empty() ? x.request.fields : x.set_fields; }

bool is_form(const Exchange& x) { return http::claims_form(fields_of_type(x)); }

// Whether the service may read a body as JSON or a form that is neither here: it says that it is one, or says nothing and looks like it.
bool claims_document(const Exchange& x) {
    const http::FieldList& fields = fields_of_type(x);
    return http::may_be_json(fields, *x.request_body) || http::claims_form(fields);
}

// Whether the body is a form. Who sends JSON under a form's type, as tools do by default, is understood: a form writes these two
// signs as %7B and %5B.
bool holds_form(const Exchange& x) { return x.request_body && is_form(x) && !http::begins_as_json(*x.request_body); }

// Takes the byte order mark off a form, which some readers pass over and others take for a part of the first name.
// @errors body_not_json  where it is in UTF-16 or UTF-32, which those who look for a mark would read
Result<void> settle_form(Exchange& x) {
    constexpr std::string_view kMark = "\xEF\xBB\xBF";
    std::string& body = *x.request_body;
    if (body.starts_with(kMark)) body.erase(0, kMark.size());
    const std::string_view beginning = std::string_view(body).substr(0, 4);
    if (beginning.starts_with("\xFE\xFF") || beginning.starts_with("\xFF\xFE") || beginning.contains('\0')) {
        return fail(Fault::body_not_json, "the form is not in UTF-8");
    }
    return {};
}

// The request's body as a document: JSON, or a form where it says that it is one. No document where there is no body.
// @param form whether it is a form
// @errors body_not_json
Result<json::Document> document_of(const RequestRules& rules, const Exchange& x, bool form) {
    if (!x.request_body || x.request_body->empty()) return json::Document();
    std::string from_form;
    std::string_view text = *x.request_body;
    if (form) {
        if (!gateway::append_form_as_json(from_form, text)) return fail(Fault::body_not_json, "too many pairs in the form");
        text = from_form;
    }
    auto document = json::Document::parse(text, {.max_size = rules.max_body * kFormGrowth, .byte_order_mark = json::ByteOrderMark::pass_over});
    if (!document) return fail(Fault::body_not_json, document.error().text());
    return std::move(*document);
}

// A form's pair that a service may read as one that a condition asks for, where the condition does not see it.
Result<void> judge_spellings(const RequestRules& rules, const Exchange& x) {
    for (const std::string& name : rules.when.body_names) {
        size_t exact = 0;
        http::for_each_pair(*x.request_body, [&](std::string_view written, std::string_view, std::string_view pair) {
            exact += http::decode_query_value(written) == name && http::presented_in_query(pair, name).count == 1;
        });
        if (http::presented_in_query(*x.request_body, name).count > exact) {
            return fail(Fault::value_refused, "the form holds `" + name + "` in another spelling");
        }
    }
    return {};
}

// A fault of a template over the client's body is the client's.
Error of_client(Error e) {
    if (e.fault == Fault::answer_mapping) e.fault = Fault::body_mapping;
    return e;
}

// The document is the client's own, and so are the names in it.
Error of_client_document(Error e) {
    if (e.client_detail.empty() && !e.context.empty()) e.client_detail = "The document cannot be changed as this route does: " + e.context + ".";
    return of_client(std::move(e));
}

// @param came the form that it was made of, if it was
// @param decided names that no pair bears in another spelling
Result<std::string> as_form(std::string_view text, std::string_view came, std::span<const std::string> decided) {
    const auto document = json::Document::parse(text, {.max_size = json::Document::kMaxSize});
    std::string form;
    const auto written = document ? gateway::append_json_as_form(form, document->root(), came, decided) : std::unexpected(std::string("it is no JSON"));
    if (!written) return fail(Error::told(Fault::body_mapping, "as a form: " + written.error(), "The body cannot be a form: " + written.error() + "."));
    return form;
}

// @param was_form whether the client's body is a form
Result<void> set_body(const RequestRules& rules, Exchange& x, const Values& values, bool was_form, const Tally& tally) {
    std::string made;
    const auto count = rules.body.make(values, made);
    const bool edited = rules.body.edit != nullptr;
    if (!count) return fail(edited ? of_client_document(count.error()) : of_client(count.error()));
    tally.add_mismatches(x, *count);
    const bool form = rules.as_form.value_or(edited && was_form);
    if (form) {
        const auto decided = edited ? std::span<const std::string>(rules.body.edit->decided_names()) : std::span<const std::string>();
        auto text = as_form(made, edited && was_form ? std::string_view(*x.request_body) : std::string_view(), decided);
        if (!text) return fail(std::move(text).error());
        made = std::move(*text);
    }
    x.request_body = std::move(made);
    if (!edited || form != is_form(x)) x.set_field("Content-Type", form ? kForm : "application/json");
    return {};
}

// Whether there is a body to make: out of the client's, or out of nothing where the method goes with one.
Result<bool> makes_body(const RequestRules& rules, const Exchange& x, const json::Document& document) {
    if (!rules.body.any()) return false;
    if (document.root() || (x.request_body && !x.request_body->empty())) return true;
    if (!http::expects_body(rules.method_text.empty() ? x.request.method : rules.method)) return false;
    if (rules.body.reads_body()) return fail(Fault::body_not_json, "there is no body");
    return true;
}

bool is_managed(const void* who, std::string_view name) { return static_cast<const Exchange*>(who)->is_managed(name); }

Result<void> change_target(const RequestRules& rules, Exchange& x, const Values& values, const Rendered& query) {
    if (!rules.query.empty()) {
        auto changed = apply_query(rules.query, query, x.view.query, x.arena);
        if (!changed) return fail(std::move(changed).error());
        x.view.query = *changed;
        x.view.has_query = !x.view.query.empty();
    }
    if (!rules.path) return {};
    auto target = rules.path->build(values, x.rules->encoded_allow, x.arena);
    if (!target) return fail(of_client(std::move(target).error()));
    x.sent_target = *target;
    return {};
}

Result<void> apply_to_head(const RequestRules& rules, Exchange& x, const Values& values) {
    auto headers = render(rules.headers, values, gateway::ValuePlace::header, "the header", x.arena);
    if (!headers) return fail(of_client(std::move(headers).error()));
    auto query = render(rules.query, values, gateway::ValuePlace::any, "the query's", x.arena);
    if (!query) return fail(of_client(std::move(query).error()));
    auto cookies = render(rules.cookies, values, x.arena);
    if (!cookies) return fail(of_client(std::move(cookies).error()));
    if (auto changed = change_target(rules, x, values, *query); !changed) return changed;
    if (!rules.cookies.empty()) apply_cookies(rules.cookies, *cookies, x.request.fields, x.arena);
    const std::array<http::FieldList*, 2> lists = {&x.request.fields, &x.set_fields};
    if (auto applied = apply_headers(rules.headers, *headers, {lists, is_managed, &x}, x.arena); !applied) return applied;
    if (!rules.method_text.empty()) {
        x.sent_method = rules.method;
        x.sent_method_text = rules.method_text;
    }
    return {};
}

}  // namespace

bool may_apply(const RequestRules& rules, const Exchange& x) {
    if (!rules.when.written) return true;
    if (x.set_fields.empty()) return rules.when.holds_for_request(x.request.fields, x.view.query);
    // What policies before it have set is part of the request, and stands before what they leave of the client's.
    http::FieldList all = x.set_fields;
    for (const http::Field& f : x.request.fields) all.add(f);
    return rules.when.holds_for_request(all, x.view.query);
}

Result<void> apply(const RequestRules& rules, Exchange& x, const Tally& tally) {
    json::Document document;
    const bool conditional = rules.when.body != nullptr;
    const bool reads_body = conditional || rules.head_reads_body() || rules.body.reads_body();
    const bool form = reads_body && holds_form(x);
    if (form) {
        if (auto settled = settle_form(x); !settled) return settled;
    }
    if (reads_body) {
        auto read = document_of(rules, x, form);
        // A rule that may take something away is not passed over because what it is for cannot be read.
        if (!read && conditional && !claims_document(x)) return {};
        if (!read) return fail(std::move(read).error());
        document = std::move(*read);
    }
    const json::Value root = document.root();
    Values values = x.values();
    values.roots = {&root, 1};
    if (conditional) {
        if (!root) return {};
        if (form) {
            if (auto judged = judge_spellings(rules, x); !judged) return judged;
        }
        auto holds = rules.when.body->holds(values);
        if (!holds) return fail(of_client(std::move(holds).error()));
        if (!*holds) return {};
    }
    auto makes = makes_body(rules, x, document);
    if (!makes) return fail(std::move(makes).error());
    // The body first: its templates see the request as it came here.
    if (*makes) {
        if (auto set = set_body(rules, x, values, form, tally); !set) return set;
    }
    return apply_to_head(rules, x, values);
}

std::string describe_change(const RequestRules& rules, Exchange& x) {
    std::string text = "would read the request's body, at most " + std::to_string(rules.max_body) + " bytes";
    if (rules.when.body != nullptr) text += ", decide by it";
    if (rules.body.any()) {
        text += ", and send another";
        // Whose length nobody knows yet.
        x.request.body = {};
        if (rules.body.edit == nullptr || rules.as_form) x.set_field("Content-Type", rules.as_form.value_or(false) ? kForm : "application/json");
    }
    const json::Value none;
    Values values = x.values();
    values.roots = {&none, 1};
    const auto done = apply_to_head(rules, x, values);
    return done ? text : text + "; without one: " + std::string(done.error().code()) + ", " + done.error().context;
}

}  // namespace portico::policy::transform
