// One table a kind of object: each row is a key with its type, default, bounds, sentence and the function that reads it. From
// these rows come parsing, the faults of wrong keys and values, docs/configuration.md and the JSON Schema: a new key is one
// row. Policies' folders describe their settings with the same rows.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/concealed.h"
#include "config/document.h"
#include "config/fault.h"

namespace portico::config {

// Where reading stands: the faults, and the way to this place, spelt out only when there is a fault.
class Scope {
  public:
    Scope(FaultList& faults, std::string_view root = {}) : faults_(faults), key_(root) {}
    Scope(const Scope& parent, std::string_view key) : faults_(parent.faults_), parent_(&parent), key_(key) {}
    Scope(const Scope& parent, size_t index) : faults_(parent.faults_), parent_(&parent), index_(index), is_index_(true) {}

    std::string path() const;
    FaultList& faults() const { return faults_; }
    void error(Mark mark, std::string code, std::string message, std::string hint = {}) const {
        faults_.error(mark, path(), std::move(code), std::move(message), std::move(hint));
    }
    void warning(Mark mark, std::string code, std::string message, std::string hint = {}) const {
        faults_.warning(mark, path(), std::move(code), std::move(message), std::move(hint));
    }
    // "expected a duration such as 250ms, 60s or 5m, found a list"
    void expected(const Node& node, std::string_view what, std::string hint = {}) const;

  private:
    FaultList& faults_;
    const Scope* parent_ = nullptr;
    std::string_view key_;
    size_t index_ = 0;
    bool is_index_ = false;
};

// A row, without the type of the object that it fills: what the documents are made of.
struct FieldText {
    std::string_view key;
    std::string_view type;      // for people: "duration", "list of CIDRs"
    std::string_view fallback;  // the default as it would be written; empty: none
    std::string_view doc;       // one or two sentences
    std::string_view schema;    // JSON Schema of the value
    bool required = false;
    bool secret = false;  // the value is shown to nobody; nor is what stands under a key that the object does not know
};
template <class T>
struct Field : FieldText {
    void (*read)(const Scope& scope, const Node& node, T& into) = nullptr;  // nullptr: part of the language, not of this version
};

// An object's rows as the documents see them.
struct ObjectText {
    std::string_view name;  // "a route"
    std::string_view anchor;
    std::string_view doc;
    std::vector<FieldText> fields;
    std::vector<ObjectText> parts{};  // objects inside, described behind it
};

// Says which keys are unknown, standing for another, or not there yet.
// @param above  the key above it under which nothing stands, or nullptr: what was to stand there may be this key
// @returns the row's index, or -1 after a fault
int match_key(const Scope& scope, const Entry& entry, std::string_view object, std::span<const FieldText* const> rows, const Entry* above);

// True for the object whose keys beginning with `x-` hold YAML anchors and nothing else: the file (LANGUAGE.md §1).
template <class T>
inline constexpr bool ignores_extensions = false;

// Reads a mapping by its table. `name` is "a route", "the file".
template <class T>
bool read_object(const Scope& scope, const Node& node, T& into, std::string_view name, std::span<const Field<T>> fields) {
    if (!node.is_mapping()) {
        scope.expected(node, std::string(name) + " as a mapping");
        return false;
    }
    const Entry* empty = nullptr;
    for (const Entry& e : node.entries) {
        const Field<T>* field = nullptr;
        for (const Field<T>& f : fields) {
            if (f.key == e.key) field = &f;
        }
        if (field == nullptr ? std::ranges::any_of(fields, &Field<T>::secret) : field->secret) conceal(scope.faults(), *e.value);
        if (field != nullptr) empty = e.value->kind == NodeKind::null ? &e : nullptr;
        if (field != nullptr && field->read != nullptr) {
            field->read(Scope(scope, field->key), *e.value, into);
            continue;
        }
        if (e.key.starts_with("x-") && ignores_extensions<T>) continue;
        std::vector<const FieldText*> rows;
        for (const Field<T>& f : fields) rows.push_back(&f);
        match_key(scope, e, name, rows, empty);
    }
    for (const Field<T>& f : fields) {
        if (f.required && node.get(f.key) == nullptr) {
            scope.error(node.mark, "missing-key", std::string(name) + " needs the key \"" + std::string(f.key) + "\"");
        }
    }
    return true;
}

template <class T>
ObjectText describe(std::string_view name, std::string_view anchor, std::string_view doc, std::span<const Field<T>> fields) {
    ObjectText text{name, anchor, doc, {}};
    for (const Field<T>& f : fields) text.fields.push_back(f);
    return text;
}

}  // namespace portico::config
