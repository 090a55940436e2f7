// Random edits of random documents against a second evaluator, written as json/edit/edit.h says things: each path is asked for the values
// that it selects (json/path/path, which has a reference of its own), and a tree is made anew from what the sets of values say.
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

#include "json/edit/edit.h"
#include "json/path/path.h"
#include "json/writer.h"

namespace portico::json {
namespace {

using Kind = EditKind;

// The value that a step writes, the same here and there.
std::string text_for(size_t step, Value old) {
    return step % 3 == 0 && old ? "{\"old\":" + std::to_string(old.offset()) + "}" : std::to_string(1000 + step);
}

class Reference {
  public:
    Reference(const std::vector<EditStep>& steps, Value root) : steps_(steps), root_(root) {
        for (size_t i = 0; i < steps.size(); ++i) {
            const Path path = Path::compile(steps[i].path).value();
            for (const Value v : select(steps[i].path)) acts_[v.offset()].emplace_back(steps[i].kind, i);
            if (steps[i].kind == Kind::keep) {
                keeps_ = true;
                find_leads(steps[i].path);
            }
        }
    }

    std::string run() {
        std::string out;
        if (!write(root_, keeps_ ? 'k' : 'a', out)) out = root_.is_object() ? "{}" : root_.is_array() ? "[]" : "null";
        return out;
    }

  private:
    std::vector<Value> select(const std::string& path) const {
        std::vector<Value> nodes;
        EXPECT_TRUE(Path::compile(path).value().evaluate(root_, nodes));
        return nodes;
    }

    // The generator writes segments that begin with `.` or `[`, outside of any text.
    void find_leads(const std::string& path) {
        for (size_t i = 1; i < path.size(); ++i) {
            const bool descendant = path.compare(i, 2, "..") == 0;
            const bool in_brackets =
                path.rfind('[', i - 1) != std::string::npos && path.find(']', path.rfind('[', i - 1)) > i;
            if ((path[i] != '.' && path[i] != '[') || path[i - 1] == '.' || in_brackets) continue;
            if (descendant) continue;  // what it leads through stays only for what is kept there
            const bool by_name = path[i] == '.' && path[i + 1] != '*';
            const bool by_place = path[i] == '[' && path[i + 1] != '?' && path[i + 1] != '*';
            for (const Value v : select(path.substr(0, i))) {
                if ((v.is_object() && !by_place) || (v.is_array() && !by_name)) leads_.insert(v.offset());
            }
        }
    }

    bool has(Value v, Kind kind) const {
        const auto found = acts_.find(v.offset());
        if (found == acts_.end()) return false;
        return std::ranges::any_of(found->second, [&](const auto& act) { return act.first == kind; });
    }
    std::optional<size_t> last(Value v, Kind kind) const {
        std::optional<size_t> step;
        if (const auto found = acts_.find(v.offset()); found != acts_.end()) {
            for (const auto& [k, i] : found->second) {
                if (k == kind) step = i;
            }
        }
        return step;
    }
    std::optional<size_t> writer(Value v) const {
        const auto map = last(v, Kind::map);
        const auto set = last(v, Kind::set);
        return std::max(map, set);
    }
    bool write(Value v, char mode, std::string& out) {
        if (has(v, Kind::remove)) {
            mode = 'n';
        } else if (has(v, Kind::keep) && mode == 'k') {
            mode = 'a';
        }
        if (const auto step = writer(v)) {
            out += text_for(*step, v);
            return true;
        }
        if (!v.is_object() && !v.is_array()) {
            if (mode == 'a') out += v.source();
            return mode == 'a';
        }
        std::vector<std::string> parts;
        for (const Value element : v.elements()) {
            if (std::string text; write(element, mode, text)) parts.push_back(text);
        }
        write_members(v, mode, parts);
        if (mode != 'a' && parts.empty() && !(mode == 'k' && leads_.contains(v.offset()))) return false;
        out += v.is_object() ? '{' : '[';
        for (size_t i = 0; i < parts.size(); ++i) out += (i == 0 ? "" : ",") + parts[i];
        out += v.is_object() ? '}' : ']';
        return true;
    }

    void write_members(Value v, char mode, std::vector<std::string>& parts) {
        std::map<std::string, std::pair<size_t, Value>> renamed;
        for (const Member m : v.members()) {
            const auto step = last(m.value, Kind::rename);
            std::string text;
            // One that is gone displaces nothing.
            if (!step || !write(m.value, mode, text)) continue;
            const auto [place, is_new] = renamed.try_emplace(steps_[*step].to, *step, m.value);
            if (!is_new && *step >= place->second.first) place->second = {*step, m.value};
        }
        for (const Member m : v.members()) {
            const auto step = last(m.value, Kind::rename);
            const std::string name = step ? steps_[*step].to : std::string(m.name);
            const auto winner = renamed.find(name);
            if (winner != renamed.end() && winner->second.second != m.value) continue;
            std::string text;
            append_string(text, name);
            text += ':';
            if (write(m.value, mode, text)) parts.push_back(text);
        }
    }

    const std::vector<EditStep>& steps_;
    Value root_;
    bool keeps_ = false;
    std::map<size_t, std::vector<std::pair<Kind, size_t>>> acts_;  // by the value's offset
    std::set<size_t> leads_;
};

class Generator {
  public:
    explicit Generator(unsigned seed) : random_(seed) {}

    std::string document(unsigned depth = 0) {
        const size_t kind = depth > 4 ? below(2) : depth == 0 ? 2 + below(2) : below(5);
        if (kind < 2) return std::vector<std::string>{"1.50", "\"x\"", "null", "true", "7"}[below(5)];
        std::string text = kind == 2 ? "[" : "{";
        std::set<std::string> names;
        for (size_t i = below(5); i > 0; --i) {
            std::string name = this->name();
            if (kind != 2 && !names.insert(name).second) continue;
            if (text.size() > 1) text += below(2) == 0 ? "," : " , ";
            if (kind != 2) text += "\"" + name + "\":" + (below(3) == 0 ? " " : "");
            text += document(depth + 1);
        }
        return text + (kind == 2 ? "]" : "}");
    }

    std::string path(bool ends_in_name) {
        std::string text = "$";
        for (size_t i = 1 + below(3); i > 0; --i) {
            const bool last_name = ends_in_name && i == 1;
            switch (last_name ? below(2) : below(9)) {
                case 0: text += ".." + name(); break;
                case 1:
                case 2:
                case 3: text += "." + name(); break;
                case 4: text += "[*]"; break;
                case 5: text += "[" + std::to_string(static_cast<int>(below(4)) - 2) + "]"; break;
                case 6:
                    text += "[" + std::to_string(below(2)) +
                            "::" + std::vector<std::string>{"1", "2", "-1", "-2"}[below(4)] + "]";
                    break;
                case 7: text += "[?@." + name() + "]"; break;
                default: text += ".*"; break;
            }
        }
        return text;
    }

    std::vector<std::string> singular_path() {
        std::vector<std::string> path;
        for (size_t i = 1 + below(4); i > 0; --i) path.push_back(below(3) > 0 ? name() : std::to_string(static_cast<int>(below(4)) - 2));
        return path;
    }

    std::vector<EditStep> steps() {
        std::vector<EditStep> steps;
        for (size_t i = 1 + below(5); i > 0; --i) {
            constexpr Kind kKinds[] = {Kind::keep,   Kind::keep,   Kind::remove, Kind::remove,
                                       Kind::rename, Kind::rename, Kind::map,    Kind::set};
            const Kind kind = kKinds[below(std::size(kKinds))];
            // What a set would make anew is another matter: here it writes what is there.
            std::string path = kind == Kind::set ? this->path(false) + "[*]" : this->path(kind == Kind::rename);
            steps.push_back({kind, std::move(path), kind == Kind::rename ? name() : ""});
        }
        return steps;
    }

  private:
    size_t below(size_t n) { return random_() % n; }
    std::string name() { return std::string(1, static_cast<char>('a' + below(4))); }
    std::mt19937 random_;
};

class Values final : public EditValues {
    Outcome give(size_t step, Value old, std::string& out) override {
        out += text_for(step, old);
        return Outcome::value;
    }
};

std::string compact(std::string_view text) {
    const auto document = Document::parse(text);
    EXPECT_TRUE(document) << text;
    std::string out;
    if (document) append_value(out, document->root());
    return out;
}

TEST(EditReference, RandomEditsOfRandomDocumentsAgree) {
    size_t changed = 0;
    for (unsigned seed = 0; seed < 20'000; ++seed) {
        Generator generator(seed);
        const std::string text = generator.document();
        const std::vector<EditStep> steps = generator.steps();
        const auto plan = EditPlan::compile(steps);
        if (!plan) continue;
        const auto document = Document::parse(text);
        ASSERT_TRUE(document) << text;
        Values values;
        std::string out;
        const auto done = plan->apply(document->root(), values, out, {.skip_mismatches = true});
        ASSERT_TRUE(done);
        std::string said;
        for (const EditStep& step : steps) {
            said += "\n  " + std::to_string(static_cast<int>(step.kind)) + " " + step.path + " " + step.to;
        }
        Reference reference(steps, document->root());
        const std::string expected = compact(reference.run());
        ASSERT_TRUE(compact(out) == expected)
            << out << " not " << expected << ", seed " << seed << ": " << text << said;
        changed += compact(out) != compact(text);
    }
    EXPECT_GT(changed, 8000U);
}

// One `set` at a singular path, as json/edit/edit.h says it: what is missing below names is made, what stands in the way is a mismatch.
class SetReference {
  public:
    // @param path names and indexes, one after the other
    explicit SetReference(std::vector<std::string> path) : path_(std::move(path)) {}

    bool mismatch = false;

    std::string run(Value root) { return put(root, 0); }
    std::string text() const {
        std::string text = "$";
        for (const std::string& step : path_) text += is_index(step) ? "[" + step + "]" : "." + step;
        return text;
    }

  private:
    static bool is_index(const std::string& step) { return step.find_first_not_of("-0123456789") == std::string::npos; }
    bool names_only(size_t from) const { return std::none_of(path_.begin() + static_cast<ptrdiff_t>(from), path_.end(), is_index); }

    std::string put(Value v, size_t at) {
        if (at == path_.size()) return "\"set\"";
        if (v.is_null() && !is_index(path_[at])) return names_only(at) ? made(at) : "null";
        return is_index(path_[at]) ? put_element(v, at) : put_member(v, at);
    }
    std::string made(size_t at) const { return at == path_.size() ? "\"set\"" : "{\"" + path_[at] + "\":" + made(at + 1) + "}"; }

    std::string put_element(Value v, size_t at) {
        const auto size = static_cast<int64_t>(v.size());
        const int64_t index = std::stoll(path_[at]) + (path_[at].front() == '-' ? size : 0);
        if (!v.is_array() || index < 0 || index >= size) return stays(v);
        std::string out;
        int64_t i = 0;
        for (const Value element : v.elements()) out += (out.empty() ? "[" : ",") + (i++ == index ? put(element, at + 1) : std::string(element.source()));
        return out + "]";
    }
    std::string put_member(Value v, size_t at) {
        if (!v.is_object()) return stays(v);
        std::string out;
        bool found = false;
        const auto add = [&](std::string_view name, std::string_view text) { out.append(out.empty() ? "" : ",").append("\"").append(name).append("\":").append(text); };
        for (const Member m : v.members()) {
            found |= m.name == path_[at];
            add(m.name, m.name == path_[at] ? put(m.value, at + 1) : std::string(m.value.source()));
        }
        if (!found && names_only(at + 1)) add(path_[at], made(at + 1));
        return "{" + out + "}";
    }
    std::string stays(Value v) {
        mismatch = true;
        return std::string(v.source());
    }

    std::vector<std::string> path_;
};

TEST(EditReference, A22_whatASetMakesAndWhatIsInItsWayAgree) {
    class Set final : public EditValues {
        Outcome give(size_t, Value, std::string& out) override {
            out += "\"set\"";
            return Outcome::value;
        }
    };
    size_t mismatches = 0, changed = 0;
    for (unsigned seed = 0; seed < 20'000; ++seed) {
        Generator generator(seed);
        const std::string text = generator.document();
        SetReference reference(generator.singular_path());
        const std::vector<EditStep> steps{{Kind::set, reference.text(), {}}};
        const auto plan = EditPlan::compile(steps);
        ASSERT_TRUE(plan) << reference.text();
        const auto document = Document::parse(text);
        const std::string expected = compact(reference.run(document->root()));
        const std::string said = "seed " + std::to_string(seed) + ": " + text + " set " + reference.text();
        Set values;
        std::string out;
        const auto skipped = plan->apply(document->root(), values, out, {.skip_mismatches = true});
        ASSERT_TRUE(skipped) << said;
        ASSERT_EQ(compact(out), expected) << said;
        ASSERT_EQ(*skipped, reference.mismatch ? 1U : 0U) << said;
        ASSERT_EQ(plan->apply(document->root(), values, out).has_value(), !reference.mismatch) << said;
        mismatches += *skipped;
        changed += expected != compact(text);
    }
    EXPECT_GT(mismatches, 4000U);
    EXPECT_GT(changed, 2000U);
}

}  // namespace
}  // namespace portico::json
