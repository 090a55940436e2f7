#include "policy/fields/selection.h"

#include "base/meter.h"
#include "base/text.h"

namespace portico::policy::fields {
namespace {

// The members of a selection may be added to only while it is read: what is shared is const.
Selection& member_of(Selection& parent, std::string_view name, Arena& arena) {
    const Selection* last = nullptr;
    for (const Selection* m = parent.first; m != nullptr; m = m->next) {
        if (m->name == name) return const_cast<Selection&>(*m);
        last = m;
    }
    auto* made = arena.make<Selection>();
    made->name = name;
    ++parent.width;
    (last == nullptr ? parent.first : const_cast<Selection*>(last)->next) = made;
    return *made;
}

class Reader {
  public:
    Reader(std::string_view text, Arena& arena) : text_(text), arena_(arena) {}

    std::expected<void, std::string> read(Selection& root) {
        if (text_.size() > kMaxText) return std::unexpected("it is too long");
        if (read_list(root, 0) && at_ < text_.size()) fail("a closing parenthesis has no opening one");
        if (what_.empty()) return {};
        return std::unexpected(what_);
    }

  private:
    bool fail(std::string_view what) {
        if (what_.empty()) what_ = what;
        return false;
    }
    bool comes(char c) {
        if (at_ == text_.size() || text_[at_] != c) return false;
        ++at_;
        return true;
    }

    bool read_list(Selection& parent, unsigned depth) {
        do {
            if (!read_item(parent, depth)) return false;
        } while (comes(','));
        return true;
    }

    bool read_item(Selection& parent, unsigned depth) {
        Selection* at = &parent;
        do {
            const size_t end = std::min(text_.find_first_of(",.()", at_), text_.size());
            std::string_view name = text_.substr(at_, end - at_);
            while (name.starts_with(' ')) name.remove_prefix(1);
            while (name.ends_with(' ')) name.remove_suffix(1);
            at_ = end;
            if (name.empty()) return fail("a name is missing");
            if (++names_ > kMaxNames) return fail("it has too many names");
            if (++depth > kMaxDepth) return fail("its names go too deep");
            at = &member_of(*at, name, arena_);
        } while (comes('.'));
        if (!comes('(')) {
            at->whole = true;
            return true;
        }
        if (!read_list(*at, depth)) return false;
        if (!comes(')')) return fail("a closing parenthesis is missing");
        while (comes(' ')) {
        }
        return at_ == text_.size() || text_[at_] == ',' || text_[at_] == ')' ||
               fail("after a closing parenthesis a comma is expected");
    }

    std::string_view text_;
    Arena& arena_;
    size_t at_ = 0;
    size_t names_ = 0;
    std::string what_;
};

void append_paths(const Selection& selection, const std::string& path, size_t most, std::string& out) {
    for (const Selection* m = selection.first; m != nullptr; m = m->next) {
        if (out.size() > most) return;
        const std::string name = path.empty() ? std::string(m->name) : path + "." + std::string(m->name);
        if (m->whole) {
            out.append(out.empty() ? "" : ", ").append(name);
        } else {
            append_paths(*m, name, most, out);
        }
    }
}

void restrict_members(const Selection& allowed, Selection& asked, Arena& arena, std::string path,
                      std::string& refused) {
    if (allowed.whole) return;
    if (asked.whole) {
        asked.whole = false;
        asked.first = allowed.first;
        asked.width = allowed.width;
        return;
    }
    for (const Selection* m = asked.first; m != nullptr && refused.empty(); m = m->next) {
        const std::string name = path.empty() ? std::string(m->name) : path + "." + std::string(m->name);
        const Selection* may = allowed.find(m->name);
        if (may == nullptr) {
            refused = name;
        } else {
            restrict_members(*may, const_cast<Selection&>(*m), arena, name, refused);
        }
    }
}

}  // namespace

const Selection* Selection::find(std::string_view member) const {
    const Selection* m = first;
    while (m != nullptr && m->name != member) m = m->next;
    return m;
}

std::expected<void, std::string> read_selection(std::string_view text, Selection& root, Arena& arena) {
    return Reader(text, arena).read(root);
}

std::expected<void, std::string> restrict_to(const Selection& allowed, Selection& asked, Arena& arena) {
    std::string refused;
    restrict_members(allowed, asked, arena, {}, refused);
    if (!refused.empty()) return std::unexpected(refused);
    return {};
}

std::string text_of(const Selection& selection, size_t most) {
    std::string out;
    append_paths(selection, {}, most, out);
    if (out.size() > most) out += ", …";
    return out;
}

bool project(json::Value value, const Selection& selection, std::string& out) {
    if (selection.whole || value.is_null()) {
        out += value.source();
        return true;
    }
    if (!value.is_object() && !value.is_array()) return false;
    const size_t begin = out.size();
    out += value.is_object() ? '{' : '[';
    const auto separate = [&] {
        if (out.size() > begin + 1) out += ',';
    };
    for (const json::Value element : value.elements()) {
        if (!Meter::spend(1)) return false;
        const size_t at = out.size();
        separate();
        if (!project(element, selection, out)) out.resize(at);
    }
    for (const json::Member member : value.members()) {
        // Looked for among all that are selected.
        if (!Meter::spend(1 + selection.width / 4)) return false;
        const Selection* wanted = selection.find(member.name);
        if (wanted == nullptr) continue;
        const size_t at = out.size();
        separate();
        out.append(member.name_value.source()).append(":");
        if (!project(member.value, *wanted, out)) out.resize(at);
    }
    out += value.is_object() ? '}' : ']';
    return true;
}

}  // namespace portico::policy::fields
