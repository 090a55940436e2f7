// For tests: what `get` does with its value, by the letter of docs/templates.md, over plain trees (gateway/templates/body_reference_fixture.h).
#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "config/document.h"
#include "json/document.h"
#include "json/path/path_number.h"
#include "json/writer.h"

namespace portico::gateway::reference {

// The template, or what it does with a document, is an error.
struct Failed {};
// This does not know what to make of it.
struct Unknown {};

struct Tree {
    json::Kind kind = json::Kind::missing;
    std::string text{};  // decoded string, or number and boolean as written
    std::vector<Tree> items{};
    std::vector<std::pair<std::string, Tree>> members{};

    static Tree of(json::Value v) {
        Tree t{.kind = v.kind()};
        if (v.is_string()) t.text = v.string();
        else if (v.is_number() || v.is_boolean()) t.text = v.source();
        for (const json::Value e : v.elements()) t.items.push_back(of(e));
        for (const json::Member m : v.members()) t.members.emplace_back(m.name, of(m.value));
        return t;
    }
    static Tree string(std::string text) { return {.kind = json::Kind::string, .text = std::move(text)}; }
    bool is(json::Kind k) const { return kind == k; }
    void write(std::string& out) const {
        switch (kind) {
            case json::Kind::missing:
            case json::Kind::null: out += "null"; return;
            case json::Kind::string: json::append_string(out, text); return;
            case json::Kind::array:
                out += '[';
                for (const Tree& item : items) {
                    if (&item != &items.front()) out += ',';
                    item.write(out);
                }
                out += ']';
                return;
            case json::Kind::object:
                out += '{';
                for (const auto& member : members) {
                    if (&member != &members.front()) out += ',';
                    json::append_string(out, member.first);
                    out += ':';
                    member.second.write(out);
                }
                out += '}';
                return;
            default: out += text; return;
        }
    }
};

// Equal for equal values.
inline std::string key_of(const Tree& t) {
    std::string key = std::to_string(static_cast<int>(t.kind));
    if (!t.is(json::Kind::number)) {
        t.write(key);
        return key;
    }
    // Its digits without point and zeros, and where the point stands.
    std::string digits = t.text;
    long exponent = 0;
    if (const size_t e = digits.find_first_of("eE"); e != std::string::npos) {
        if (digits.size() - e > 8) throw Unknown();
        exponent = std::stol(digits.substr(e + 1));
        digits.resize(e);
    }
    const bool negative = digits.starts_with('-');
    if (negative) digits.erase(0, 1);
    if (const size_t point = digits.find('.'); point != std::string::npos) {
        exponent -= static_cast<long>(digits.size() - point - 1);
        digits.erase(point, 1);
    }
    while (!digits.empty() && digits.back() == '0') {
        digits.pop_back();
        ++exponent;
    }
    digits.erase(0, std::min(digits.find_first_not_of('0'), digits.size()));
    return digits.empty() ? key + "zero" : key + (negative ? "-" : "") + digits + "e" + std::to_string(exponent);
}

inline bool same(const Tree& a, const Tree& b) { return key_of(a) == key_of(b); }

template <class F>
bool each(Tree& t, F change) {
    if (t.is(json::Kind::missing) || t.is(json::Kind::null)) return true;
    if (!t.is(json::Kind::array)) return change(t);
    return std::ranges::all_of(t.items, [&](Tree& item) { return item.is(json::Kind::null) || change(item); });
}

inline bool mapped(const config::Node& map, Tree& t) {
    if (t.is(json::Kind::array) || t.is(json::Kind::object)) return false;
    const config::Node* found = t.text == "default" ? nullptr : map.get(t.text);
    if (found == nullptr) found = map.get("default");
    if (found == nullptr) return false;
    std::string text = found->text;
    switch (found->kind) {
        case config::NodeKind::null: t = {.kind = json::Kind::null}; return true;
        case config::NodeKind::number: t = {.kind = json::Kind::number, .text = text}; return true;
        case config::NodeKind::boolean: t = {.kind = json::Kind::boolean, .text = text[0] == 't' || text[0] == 'T' ? "true" : "false"}; return true;
        default: break;
    }
    if (text.find_first_of("${}") != std::string::npos) throw Unknown();
    t = Tree::string(text);
    return true;
}

inline bool casted(const std::string& type, Tree& t) {
    if (t.is(json::Kind::array) || t.is(json::Kind::object)) return false;
    if (type == "string") {
        t.kind = json::Kind::string;
        return true;
    }
    if (type == "boolean") {
        if (t.text != "true" && t.text != "false" && t.text != "1" && t.text != "0") return false;
        t = {.kind = json::Kind::boolean, .text = t.text == "true" || t.text == "1" ? "true" : "false"};
        return true;
    }
    if (t.is(json::Kind::boolean)) return false;
    const auto number = json::Document::parse(t.text);
    if (!number || !number->root().is_number() || number->root().source() != t.text) return false;
    if (type == "integer" && t.text.find_first_of(".eE") != std::string::npos) throw Unknown();
    if (type == "integer" && t.text.size() > 300) throw Unknown();
    t.kind = json::Kind::number;
    if (type == "integer" && t.text == "-0") t.text = "0";
    return true;
}

inline bool length(Tree& t) {
    size_t n = t.is(json::Kind::array) ? t.items.size() : t.members.size();
    if (t.is(json::Kind::string)) n = static_cast<size_t>(std::ranges::count_if(t.text, [](char c) { return (c & 0xC0) != 0x80; }));
    else if (!t.is(json::Kind::array) && !t.is(json::Kind::object)) return false;
    t = {.kind = json::Kind::number, .text = std::to_string(n)};
    return true;
}

inline bool of_object(bool keys, Tree& t) {
    if (!t.is(json::Kind::object)) return false;
    Tree list{.kind = json::Kind::array};
    for (const auto& [name, value] : t.members) list.items.push_back(keys ? Tree::string(name) : value);
    t = list;
    return true;
}

inline bool of_text(const std::string& name, const std::string& argument, Tree& t) {
    if (!t.is(json::Kind::string)) return false;
    if (name == "lower") std::ranges::transform(t.text, t.text.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 32) : c; });
    if (name == "upper") std::ranges::transform(t.text, t.text.begin(), [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c & ~32) : c; });
    const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
    if (name == "trim") {
        while (!t.text.empty() && blank(t.text.back())) t.text.pop_back();
        while (!t.text.empty() && blank(t.text.front())) t.text.erase(0, 1);
    }
    if (name != "split") return true;
    Tree list{.kind = json::Kind::array, .items = {Tree::string("")}};
    for (size_t at = 0; at < t.text.size();) {
        if (t.text.substr(at, argument.size()) == argument) {
            list.items.push_back(Tree::string(""));
            at += argument.size();
        } else {
            list.items.back().text += t.text[at++];
        }
    }
    t = list;
    return true;
}

// min, max, sort
inline bool ordered(const std::string& name, std::vector<Tree> items, Tree& t) {
    for (const Tree& item : items) {
        if (!(item.is(json::Kind::number) || item.is(json::Kind::string)) || item.kind != items.front().kind) return false;
    }
    const auto less = [](const Tree& a, const Tree& b) { return a.is(json::Kind::number) ? json::compare_numbers(a.text, b.text) < 0 : a.text < b.text; };
    for (size_t i = 1; i < items.size(); ++i) {
        for (size_t j = i; j > 0 && less(items[j], items[j - 1]); --j) std::swap(items[j], items[j - 1]);
    }
    if (name == "sort") {
        t.items = items;
        return true;
    }
    if (items.empty()) {
        t = Tree();
        return true;
    }
    // Of equal ones the first.
    Tree taken = name == "min" ? items.front() : items.back();
    if (name == "max") taken = *std::ranges::find_if(items, [&](const Tree& x) { return !less(x, taken); });
    t = taken;
    return true;
}

inline bool of_list(const std::string& name, const std::string& argument, Tree& t) {
    std::vector<Tree> items = t.items;
    if (name == "first" || name == "last") {
        t = items.empty() ? Tree() : name == "first" ? items.front() : items.back();
    } else if (name == "reverse") {
        std::ranges::reverse(t.items);
    } else if (name == "compact") {
        std::erase_if(t.items, [](const Tree& x) { return x.is(json::Kind::null); });
    } else if (name == "flatten") {
        t.items.clear();
        for (const Tree& item : items) {
            if (item.is(json::Kind::array)) t.items.insert(t.items.end(), item.items.begin(), item.items.end());
            else t.items.push_back(item);
        }
    } else if (name == "unique") {
        t.items.clear();
        for (const Tree& item : items) {
            if (item.is(json::Kind::array) || item.is(json::Kind::object)) throw Unknown();
            if (std::ranges::none_of(t.items, [&](const Tree& x) { return same(x, item); })) t.items.push_back(item);
        }
    } else if (name == "join") {
        std::string text;
        for (const Tree& item : items) {
            if (item.is(json::Kind::array) || item.is(json::Kind::object)) return false;
            if (&item != &items.front()) text += argument;
            text += item.text;
        }
        t = Tree::string(text);
    } else {
        return ordered(name, items, t);
    }
    return true;
}

inline bool function(const config::Node& node, Tree& t) {
    const std::string name = node.is_mapping() ? node.entries[0].key : node.text;
    const std::string argument = node.is_mapping() ? node.entries[0].value->text : "";
    if (t.is(json::Kind::missing) || t.is(json::Kind::null)) return true;
    if (name == "cast") return each(t, [&](Tree& x) { return casted(argument, x); });
    if (name == "lower" || name == "upper" || name == "trim" || name == "split") {
        return each(t, [&](Tree& x) { return of_text(name, argument, x); });
    }
    if (name == "length") return length(t);
    if (name == "keys" || name == "values") return of_object(name == "keys", t);
    if (name == "truncate" || name == "round" || name == "sum") throw Unknown();
    return t.is(json::Kind::array) && of_list(name, argument, t);
}

}  // namespace portico::gateway::reference
