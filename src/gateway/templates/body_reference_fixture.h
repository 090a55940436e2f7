// For tests: body templates by the letter of LANGUAGE.md §4 and docs/templates.md, without any plan: the YAML is walked for each
// document, every value becomes a tree, and the tree is written out. Slow and plain, to be compared with.
//
// It does not know dates, rounding and sums: a template that has them is `unknown`.
#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "config/document.h"
#include "gateway/templates/body_reference_change_fixture.h"
#include "gateway/templates/template_string.h"
#include "json/path/path.h"

namespace portico::gateway {

class BodyReference {
  public:
    using Node = config::Node;
    using Failed = reference::Failed;
    using Unknown = reference::Unknown;
    using Tree = reference::Tree;
    using Roots = std::map<std::string, json::Value>;

    BodyReference(Roots roots, const std::vector<std::string>& calls, const std::vector<CallResult>& results)
        : roots_(std::move(roots)), calls_(calls), results_(results) {}

    // The JSON text; throws Failed where it is an error, Unknown where this does not know.
    std::string body(const Node& node) {
        const Tree tree = value(node);
        if (tree.is(json::Kind::missing)) throw Failed();
        std::string out;
        tree.write(out);
        return out;
    }

  private:
    static bool is_path(const Node& node) {
        return node.kind == config::NodeKind::string && node.as_template.empty() && !node.substituted && node.text.starts_with('$') && !node.text.starts_with("$$");
    }

    Tree value(const Node& node) {
        switch (node.kind) {
            case config::NodeKind::null: return {.kind = json::Kind::null};
            case config::NodeKind::boolean: return {.kind = json::Kind::boolean, .text = node.text[0] == 't' || node.text[0] == 'T' ? "true" : "false"};
            case config::NodeKind::number: return {.kind = json::Kind::number, .text = node.text};
            case config::NodeKind::string: return is_path(node) ? query(node.text) : text(node);
            case config::NodeKind::sequence: {
                Tree list{.kind = json::Kind::array};
                for (const Node* item : node.items) list.items.push_back(value(*item));
                return list;
            }
            case config::NodeKind::mapping: break;
        }
        if (node.get("for_each") != nullptr) return for_each(node);
        if (node.get("get") != nullptr) return get(node);
        return object(node.get("literal") != nullptr ? *node.get("literal") : node);
    }

    Tree object(const Node& node) {
        Tree object{.kind = json::Kind::object};
        for (const config::Entry& e : node.entries) {
            Tree v = value(*e.value);
            if (!v.is(json::Kind::missing)) object.members.emplace_back(e.key, std::move(v));
        }
        return object;
    }

    std::vector<json::Value> nodes_of(const std::string& path, bool& singular) {
        const auto compiled = json::Path::compile(path, {.named_roots = true});
        singular = compiled->is_singular();
        std::vector<json::Value> roots;
        for (const std::string& name : compiled->root_names()) roots.push_back(roots_.at(name));
        std::vector<json::Value> nodes;
        if (!compiled->evaluate(roots, nodes)) throw Unknown();
        return nodes;
    }

    Tree query(const std::string& path) {
        bool singular = false;
        const auto nodes = nodes_of(path, singular);
        if (singular) return nodes.empty() ? Tree() : Tree::of(nodes.front());
        Tree list{.kind = json::Kind::array};
        for (const json::Value node : nodes) list.items.push_back(Tree::of(node));
        return list;
    }

    Tree text(const Node& node) {
        if (node.as_template.empty() && node.substituted) return Tree::string(node.text);
        // Where `$${` or a variable stood, and may mean nothing more.
        const std::string& notation = node.as_template.empty() ? node.text : node.as_template;
        bool any = true;
        Tree whole = Tree::string(render(notation, any));
        const Template parsed = parse_calls(notation);
        if (parsed.is_single() && parsed.parts()[0].source == Source::call_status) {
            whole.kind = any ? json::Kind::number : json::Kind::null;
        }
        return whole;
    }

    // Only to tell what stands alone.
    Template parse_calls(const std::string& text) {
        config::FaultList faults;
        std::vector<std::string> names;
        for (const auto& [name, value] : roots_) names.push_back(name);
        TemplatePlace place{.no_request = true, .roots = &names, .calls = &calls_};
        return Template::parse(config::Scope(faults), {text, {}, true, false}, place);
    }

    // @param any  false where it is nothing but one `{…}` without a value
    std::string render(std::string in, bool& any) {
        if (in.starts_with("$$")) in = in.substr(1);
        std::string out;
        size_t values = 0;
        size_t others = 0;
        bool there = true;
        for (size_t at = 0; at < in.size();) {
            if (in.substr(at, 2) == "{{" || in.substr(at, 2) == "}}" || in[at] != '{') {
                const bool doubled = in[at] == '{' || in.substr(at, 2) == "}}";
                out += in[at];
                at += doubled ? 2 : 1;
                ++others;
                continue;
            }
            size_t end = at + 1;
            char quote = 0;
            for (; quote != 0 || in[end] != '}'; ++end) {
                if (quote != 0 && in[end] == '\\') ++end;
                else if (quote != 0) quote = in[end] == quote ? '\0' : quote;
                else if (in[end] == '\'' || in[end] == '"') quote = in[end];
            }
            const auto found = named(in.substr(at + 1, end - at - 1));
            there = found.has_value();
            out += found.value_or("");
            ++values;
            at = end + 1;
        }
        any = values != 1 || others != 0 || there;
        return out;
    }

    std::optional<std::string> named(const std::string& name) {
        if (name.starts_with('$')) {
            const Tree v = query(name);
            if (v.is(json::Kind::array) || v.is(json::Kind::object)) throw Failed();
            if (v.is(json::Kind::missing) || v.is(json::Kind::null)) return std::nullopt;
            return v.text;
        }
        if (!name.starts_with("calls.") || !name.ends_with(".status")) throw Unknown();
        const std::string call = name.substr(6, name.size() - 13);
        for (size_t i = 0; i < calls_.size(); ++i) {
            if (calls_[i] == call && results_[i].status != 0) return std::to_string(results_[i].status);
        }
        return std::nullopt;
    }

    Tree for_each(const Node& node) {
        bool singular = false;
        std::vector<json::Value> from = nodes_of(node.get("for_each")->text, singular);
        if (singular) {
            const json::Value list = from.empty() ? json::Value() : from.front();
            if (list && !list.is_null() && !list.is_array()) throw Failed();
            from.clear();
            for (const json::Value element : list.elements()) from.push_back(element);
        }
        const std::string name = node.get("as") != nullptr ? node.get("as")->text : "item";
        if (const Node* where = node.get("where")) {
            std::erase_if(from, [&](json::Value v) { return !holds(name, v, where->text); });
        }
        if (const Node* sort = node.get("sort_by")) {
            std::vector<const Node*> keys{sort};
            if (sort->is_sequence()) keys = sort->items;
            for (const Node* key : std::vector(keys.rbegin(), keys.rend())) sort_by(name, *key, from);
        }
        Tree list{.kind = json::Kind::array};
        std::set<std::string> seen;
        for (const json::Value v : from) {
            if (const Node* limit = node.get("limit"); limit != nullptr && list.items.size() >= std::stoull(limit->text)) break;
            roots_[name] = v;
            const Node* distinct = node.get("distinct");
            if (distinct == nullptr || seen.insert(reference::key_of(query(distinct->text))).second) list.items.push_back(value(*node.get("item")));
            roots_.erase(name);
        }
        return list;
    }

    bool holds(const std::string& name, json::Value v, const std::string& condition) {
        const auto compiled = json::Condition::compile(condition, {.named_roots = true});
        roots_[name] = v;
        std::vector<json::Value> roots;
        for (const std::string& root : compiled->root_names()) roots.push_back(roots_.at(root));
        roots_.erase(name);
        const auto yes = compiled->holds(roots);
        if (!yes) throw Unknown();
        return *yes;
    }

    void sort_by(const std::string& name, const Node& key, std::vector<json::Value>& values) {
        const bool descending = key.is_mapping() && key.get("order") != nullptr && key.get("order")->text == "desc";
        const std::string& path = key.is_mapping() ? key.get("by")->text : key.text;
        const auto rank = [](const Tree& t) {
            return t.is(json::Kind::number) ? 0 : t.is(json::Kind::string) ? 1 : t.is(json::Kind::boolean) ? 2 : 3;
        };
        std::vector<std::pair<Tree, json::Value>> keyed;
        for (const json::Value v : values) {
            roots_[name] = v;
            keyed.emplace_back(query(path), v);
            roots_.erase(name);
        }
        const auto less = [&](const auto& left, const auto& right) {
            const Tree& a = left.first;
            const Tree& b = right.first;
            if (rank(a) == 3 || rank(b) == 3) return rank(a) < rank(b);
            const Tree& small = descending ? b : a;
            const Tree& large = descending ? a : b;
            if (rank(small) != rank(large)) return rank(small) < rank(large);
            if (small.is(json::Kind::number)) return json::compare_numbers(small.text, large.text) < 0;
            return small.text < large.text;  // "false" stands before "true"
        };
        // Insertion keeps equal ones in their order.
        for (size_t i = 1; i < keyed.size(); ++i) {
            for (size_t j = i; j > 0 && less(keyed[j], keyed[j - 1]); --j) std::swap(keyed[j], keyed[j - 1]);
        }
        for (size_t i = 0; i < values.size(); ++i) values[i] = keyed[i].second;
    }

    Tree get(const Node& node) {
        const auto is_set = [&](const char* key) { return node.get(key) != nullptr && (node.get(key)->text[0] == 't' || node.get(key)->text[0] == 'T'); };
        const Node& source = *node.get("get");
        bool any = true;
        Tree v = is_path(source) ? query(source.text) : Tree::string(source.substituted ? source.text : render(source.text, any));
        if (!any) v = Tree();
        bool fits = true;
        if (node.get("date") != nullptr) throw Unknown();
        if (const Node* apply = node.get("apply")) {
            std::vector<const Node*> functions{apply};
            if (apply->is_sequence()) functions = apply->items;
            for (const Node* f : functions) fits = fits && reference::function(*f, v);
        }
        if (const Node* map = node.get("map")) fits = fits && reference::each(v, [&](Tree& t) { return reference::mapped(*map, t); });
        if (const Node* cast = node.get("cast")) fits = fits && reference::each(v, [&](Tree& t) { return reference::casted(cast->text, t); });
        const bool missing = !fits || v.is(json::Kind::missing) || (is_set("omit_null") && v.is(json::Kind::null));
        if (!missing) return v;
        if (node.get("default") != nullptr) return value(*node.get("default"));
        if (!fits || is_set("required")) throw Failed();
        return {};
    }

    Roots roots_;
    const std::vector<std::string>& calls_;
    const std::vector<CallResult>& results_;
};

}  // namespace portico::gateway
