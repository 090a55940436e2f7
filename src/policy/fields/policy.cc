#include "gateway/policy.h"

#include <memory>

#include "config/read.h"
#include "gateway/filtered_head.h"
#include "gateway/exchange.h"
#include "http/media_type.h"
#include "http/uri.h"
#include "policy/fields/selection.h"

namespace portico::policy::fields {
namespace {

using config::Field;
using config::Node;
using config::Scope;
using gateway::Exchange;
using gateway::ResponseOut;
using gateway::Verdict;

constexpr std::string_view kSummary = "Lets a client ask for some fields of a JSON answer: `?fields=id,name(first)`.";
constexpr size_t kMostBody = size_t{64} << 20;
constexpr size_t kToldPaths = 500;  // bytes of the allowed ones in a refusal

struct Settings {
    Arena arena;
    Selection allowed;
    Selection fallback;
    bool has_fallback = false;
    std::string parameter = "fields";
    size_t max_body = size_t{1} << 20;
};

void read_names(const Scope& scope, const Node& node, Selection& into, Arena& arena) {
    const size_t before = scope.faults().errors();
    for (const config::Text& name : config::read_texts(scope, node, "the name of a field, such as id or name.first")) {
        if (name.value.find_first_of("$[*") != std::string::npos) {
            scope.error(name.mark, "bad-field-name", "\"" + name.value + "\" is a path, and names are wanted here", "names lead through lists: items.id");
            continue;
        }
        const std::string_view text = arena.copy(name.value);
        if (auto read = read_selection(text, into, arena); !read) {
            scope.error(name.mark, "bad-field-name", "\"" + name.value + "\" does not name fields: " + read.error(),
                        "names such as id, name.first or items(id,price)");
        }
    }
    if (into.first == nullptr && scope.faults().errors() == before) scope.error(node.mark, "empty-fields", "at least one name is needed here");
}

constexpr Field<Settings> kFields[] = {
    {{"allow", "list of names", "",
      "The fields that a client may ask for: `id`, `name.first`, `items.id`. Names lead through lists.",
      R"({"$ref":"#/$defs/textOrList"})", true},
     [](const Scope& s, const Node& n, Settings& d) { read_names(s, n, d.allowed, d.arena); }},
    {{"parameter", "name", "fields", "The query parameter that asks. The service does not see it.",
      R"({"type":"string"})"},
     [](const Scope& s, const Node& n, Settings& d) {
         const auto name = config::read_string(s, n, "the name of a query parameter");
         if (name && name->empty()) s.error(n.mark, "empty-name", "the parameter needs a name");
         if (name) d.parameter = *name;
     }},
    {{"default", "list of names", "the whole answer", "What is sent where the client does not ask.",
      R"({"$ref":"#/$defs/textOrList"})"},
     [](const Scope& s, const Node& n, Settings& d) {
         d.has_fallback = true;
         read_names(s, n, d.fallback, d.arena);
     }},
    {{"max_body", "size", "1MiB", "The longest answer that fields are taken from; a longer one is refused (502).",
      R"({"$ref":"#/$defs/size"})"},
     [](const Scope& s, const Node& n, Settings& d) {
         d.max_body = config::read_size(s, n, kMostBody, false).value_or(d.max_body);
     }},
};

class Projection final : public gateway::BodyFilter {
  public:
    Projection(const Selection& selection, size_t max_body) : selection_(selection), max_body_(max_body) {}

    bool wants_whole() const override { return true; }
    size_t max_body() const override { return max_body_; }
    Result<void> take(std::string_view body, bool, std::string& out) override {
        if (body.empty()) return {};
        const auto document = json::Document::parse(body, {.max_size = max_body_, .byte_order_mark = json::ByteOrderMark::pass_over});
        if (!document) return fail(Fault::answer_not_json, document.error().what());
        if (!project(document->root(), selection_, out)) out += "null";
        return {};
    }

  private:
    const Selection& selection_;
    size_t max_body_;
};

// Takes every pair of that name off the request's query. @returns the values, decoded, joined by commas; none where there is no pair
std::optional<std::string_view> take_parameter(Exchange& x, std::string_view name) {
    std::string kept;
    std::string asked;
    bool found = false;
    http::for_each_pair(x.view.query, [&](std::string_view key, std::string_view value, std::string_view pair) {
        if (http::decode_query_value(key) == name) {
            if (found) asked += ',';
            found = true;
            asked += http::decode_query_value(value);
        } else {
            if (!kept.empty()) kept += '&';
            kept += pair;
        }
    });
    if (!found) return std::nullopt;
    x.view.query = x.arena.copy(kept);
    x.view.has_query = !kept.empty();
    return x.arena.copy(asked);
}

// What is selected of this exchange's answer.
struct Asked {
    const Selection* selection = nullptr;
};

class Fields final : public gateway::Policy {
  public:
    explicit Fields(std::unique_ptr<const Settings> settings)
        : s_(std::move(settings)), allowed_text_(text_of(s_->allowed, kToldPaths)) {}

    Verdict on_request(Exchange& x) const override {
        const auto text = take_parameter(x, s_->parameter);
        if (text) {
            auto* asked = x.arena.make<Selection>();
            if (auto done = read(*text, *asked, x.arena); !done) return Verdict::refuse(refusal(done.error()));
            x.note_for<Asked>(*this).selection = asked;
        } else if (s_->has_fallback) {
            x.note_for<Asked>(*this).selection = &s_->fallback;
        } else {
            return Verdict::proceed();
        }
        gateway::expect_filters(x);
        return Verdict::proceed();
    }

    void on_response(Exchange& x, ResponseOut& response) const override {
        const Asked* asked = x.noted<Asked>(*this);
        const bool good = !x.own_answer && response.status >= 200 && response.status < 300;
        if (asked == nullptr || !good || !http::claims_json(response.fields)) return;
        x.body_filters.push_back(std::make_unique<Projection>(*asked->selection, s_->max_body));
    }

  private:
    std::expected<void, std::string> read(std::string_view text, Selection& asked, Arena& arena) const {
        if (auto read = read_selection(text, asked, arena); !read) return read;
        if (auto restricted = restrict_to(s_->allowed, asked, arena); !restricted) {
            return std::unexpected("`" + restricted.error() + "` is not among the fields that may be asked for");
        }
        return {};
    }

    Error refusal(const std::string& why) const {
        const std::string what = "the parameter `" + s_->parameter + "`: " + why;
        return Error::told(Fault::value_refused, what, "In " + what + ". It takes: " + allowed_text_ + ".");
    }

    std::unique_ptr<const Settings> s_;
    std::string allowed_text_;
};

std::unique_ptr<gateway::Policy> make(const gateway::PolicySettings& from, config::FaultList& faults) {
    auto settings = std::make_unique<Settings>();
    const size_t before = faults.errors();
    const Scope scope(faults, from.path);
    config::read_object<Settings>(scope, from.settings, *settings, "fields", kFields);
    if (faults.errors() == before && settings->has_fallback) {
        if (auto restricted = restrict_to(settings->allowed, settings->fallback, settings->arena); !restricted) {
            scope.error(from.settings.get("default")->mark, "not-allowed",
                        "`" + restricted.error() + "` is not in allow");
        }
    }
    if (faults.errors() != before) return nullptr;
    return std::make_unique<Fields>(std::move(settings));
}

config::ObjectText describe() {
    return config::describe<Settings>("fields", "fields", kSummary, kFields);
}

}  // namespace

const gateway::PolicyType& type() {
    static const gateway::PolicyType kType{
        .name = "fields",
        .summary = kSummary,
        .can_refuse = false,
        .make = make,
        .describe = describe,
    };
    return kType;
}

}  // namespace portico::policy::fields
