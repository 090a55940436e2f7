#include "gateway/templates/body_changes.h"

#include <algorithm>

#include "base/text.h"
#include "config/read.h"
#include "gateway/templates/template_string.h"
#include "json/plan/number.h"

namespace portico::gateway {
namespace {

using config::Node;
using config::NodeKind;
using config::Scope;
using json::Change;
using json::ChangeName;
using json::Datum;

constexpr int64_t kMaxNumber = 10'000;  // of truncate; of round the digits that a decimal may have

bool read_cast(const Scope& scope, const Node& node, std::vector<Change>& into) {
    Change change{.kind = Change::Kind::cast};
    if (node.text == "string") change.cast = json::Kind::string;
    else if (node.text == "number" || node.text == "integer") change.cast = json::Kind::number;
    else if (node.text == "boolean") change.cast = json::Kind::boolean;
    else {
        scope.expected(node, "string, number, integer or boolean");
        return false;
    }
    change.whole = node.text == "integer";
    into.push_back(std::move(change));
    return true;
}

bool read_format(const Scope& scope, const Node* node, std::optional<json::MomentFormat>& into) {
    if (node == nullptr) {
        into = json::MomentFormat();
        return true;
    }
    std::string why = "expected iso, epoch_s, epoch_ms or a pattern such as %Y-%m-%d";
    if (node->kind == NodeKind::string) into = json::MomentFormat::parse(node->text, why);
    if (into) return true;
    scope.error(node->mark, "bad-date-format", why, "%Y %m %d %H %M %S and most others of strftime are known; docs/templates.md lists them");
    return false;
}

bool read_date(const Scope& scope, const Node& node, std::vector<Change>& into) {
    if (!node.is_mapping()) {
        scope.expected(node, "{ from: …, to: … }, each iso (the default), epoch_s, epoch_ms or a pattern such as %Y-%m-%d");
        return false;
    }
    bool good = !node.entries.empty();
    if (!good) scope.error(node.mark, "missing-key", "date needs \"from\", \"to\" or both");
    for (const config::Entry& e : node.entries) {
        if (e.key == "from" || e.key == "to") continue;
        scope.error(e.key_mark, "unknown-key", "unknown key \"" + e.key + "\" in a date", "it has from and to");
        good = false;
    }
    Change change{.kind = Change::Kind::date};
    good &= read_format(Scope(scope, "from"), node.get("from"), change.from);
    good &= read_format(Scope(scope, "to"), node.get("to"), change.to);
    into.push_back(std::move(change));
    return good;
}

// A constant: a text, a number, a boolean or null. @returns none after a fault
std::optional<Datum> read_constant(const Scope& scope, const Node& node) {
    switch (node.kind) {
        case NodeKind::null: return Datum::null();
        case NodeKind::boolean: return Datum::boolean(node.text[0] == 't' || node.text[0] == 'T');
        case NodeKind::number:
            if (json::is_number(node.text)) return Datum::number(node.text);
            break;
        case NodeKind::string: {
            const size_t before = scope.faults().errors();
            const Template text = Template::parse(scope, config::text_of(node), {.no_request = true});
            if (scope.faults().errors() != before) return std::nullopt;
            return Datum::string(std::string(text.literal_text()));
        }
        default: break;
    }
    scope.expected(node, "a constant: a text, a number that JSON can spell, true, false or null");
    return std::nullopt;
}

bool read_map(const Scope& scope, const Node& node, std::vector<Change>& into) {
    if (!node.is_mapping() || node.entries.empty()) {
        scope.expected(node, "a mapping from words to values, such as { A: active, B: blocked, default: unknown }");
        return false;
    }
    bool good = true;
    Change change{.kind = Change::Kind::map};
    for (const config::Entry& e : node.entries) {
        auto value = read_constant(Scope(scope, e.key), *e.value);
        good &= value.has_value();
        if (value && e.key == "default") change.rest = *std::move(value);
        else if (value) change.words.emplace_back(e.key, *std::move(value));
    }
    std::ranges::sort(change.words, {}, [](const auto& word) { return std::string_view(word.first); });
    into.push_back(std::move(change));
    return good;
}

bool read_argument(const Scope& scope, const ChangeName& name, const Node& node, Change& change) {
    if (name.argument == ChangeName::Argument::text) {
        const bool good = node.is_scalar() && node.kind != NodeKind::null && (name.kind == Change::Kind::join || !node.text.empty());
        if (!good) scope.expected(node, name.kind == Change::Kind::join ? "the text between the elements" : "the text between the pieces");
        change.text = node.text;
        return good;
    }
    const int64_t most = name.kind == Change::Kind::round ? 30 : kMaxNumber;
    const auto n = config::read_integer(scope, node, 0, most);
    change.number = static_cast<unsigned>(n.value_or(0));
    return n.has_value();
}

void unknown_function(const Scope& scope, config::Mark mark, const std::string& word) {
    std::vector<std::string_view> names{"cast"};
    for (const ChangeName& name : json::change_names()) names.push_back(name.name);
    std::string all;
    for (const std::string_view name : names) all.append(all.empty() ? "" : ", ").append(name);
    std::string_view near = nearest(word, names.data(), names.size());
    for (const std::string_view name : names) {
        if (near.empty() && word.starts_with(name)) near = name;
    }
    scope.error(mark, "unknown-function", "there is no function \"" + word + "\"",
                near.empty() ? "known are " + all : "did you mean \"" + std::string(near) + "\"?");
}

// A function's name, or { name: argument }.
bool read_function(const Scope& scope, const Node& node, std::vector<Change>& into) {
    const bool has_argument = node.is_mapping() && node.entries.size() == 1;
    if (!has_argument && node.kind != NodeKind::string) {
        scope.expected(node, "a function's name, or one with its argument, such as { join: \", \" }");
        return false;
    }
    const std::string& word = has_argument ? node.entries[0].key : node.text;
    const config::Mark mark = has_argument ? node.entries[0].key_mark : node.mark;
    if (has_argument && word == "cast") return read_cast(Scope(scope, word), *node.entries[0].value, into);
    const auto names = json::change_names();
    const auto found = std::ranges::find(names, word, &ChangeName::name);
    if (found == names.end()) {
        unknown_function(scope, mark, word);
        return false;
    }
    if ((found->argument == ChangeName::Argument::none) == has_argument) {
        scope.error(mark, "bad-function", "\"" + word + (has_argument ? "\" takes no argument" : "\" takes an argument"),
                    has_argument ? word : "{ " + word + (found->argument == ChangeName::Argument::text ? ": \", \" }" : ": 2 }"));
        return false;
    }
    Change change{.kind = found->kind};
    const bool good = !has_argument || read_argument(Scope(scope, word), *found, *node.entries[0].value, change);
    into.push_back(std::move(change));
    return good;
}

}  // namespace

bool read_changes(const Scope& scope, const Node& node, std::vector<Change>& into) {
    bool good = true;
    if (const Node* apply = node.get("apply")) {
        const Scope at(scope, "apply");
        if (!apply->is_sequence()) good &= read_function(at, *apply, into);
        for (size_t i = 0; i < apply->items.size(); ++i) good &= read_function(Scope(at, i), *apply->items[i], into);
    }
    if (const Node* date = node.get("date")) good &= read_date(Scope(scope, "date"), *date, into);
    if (const Node* map = node.get("map")) good &= read_map(Scope(scope, "map"), *map, into);
    if (const Node* cast = node.get("cast")) good &= read_cast(Scope(scope, "cast"), *cast, into);
    return good;
}

}  // namespace portico::gateway
