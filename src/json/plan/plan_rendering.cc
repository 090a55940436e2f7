#include "json/plan/plan_rendering.h"

#include <algorithm>

#include "base/check.h"
#include "json/plan/kind_name.h"

namespace portico::json::detail {

PlanRendering::PlanRendering(const PlanProgram& program, std::span<const Value> documents, const TextSource& texts,
                             const PlanBounds& bounds, std::string& out)
    : program_(program), texts_(texts), bounds_(bounds), out_(out, bounds.max_output), steps_(bounds.max_steps) {
    PORTICO_CHECK(documents.size() == program.roots);
    if (program.frame > inside_.size()) outside_.resize(program.frame);
    frame_ = {outside_.empty() ? inside_.data() : outside_.data(), program.frame};
    std::ranges::copy(documents, frame_.begin());
}

bool PlanRendering::run() {
    const Outcome outcome = render(*program_.root);
    if (outcome == Outcome::nothing) {
        const PlanNode& root = *program_.root;
        const Fault fault = root.get != nullptr ? root.get->fault : Fault::answer_mapping;
        fail(root.path ? root.path->shown() : root.get->name, "is missing, and it is the whole body", fault);
    } else if (outcome == Outcome::written && out_.is_full()) {
        fail("the body", "would be larger than may be made");
    }
    if (error_) out_.undo();
    else out_.finish();
    return !error_;
}

bool PlanRendering::fail(std::string_view subject, std::string_view what, Fault fault) {
    if (error_) return false;
    std::string text(subject);
    text += ' ';
    text += what;
    error_ = Error::told(fault, text, text);
    return false;
}

bool PlanRendering::end_of_steps() {
    steps_.end();
    return fail("the body", "takes too many steps to make");
}

Value PlanRendering::find(const BoundPath& path) {
    uint64_t cost = 1;
    const Value found = path.find(frame_, cost);
    return spend(cost) ? found : Value();
}

inline Value PlanRendering::find(const PlanMember& member, MemberLookup& lookup) {
    uint64_t cost = 1;
    const Value parent = member.is_direct ? frame_[member.place] : member.value->path->find_parent(frame_, cost);
    if (!parent) return {};
    cost += 1 + parent.size() / 8;
    return spend(cost) ? lookup.find(parent, member.name) : Value();
}

PlanRendering::Outcome PlanRendering::render(const PlanNode& node) {
    switch (node.kind) {
        case Shape::Kind::constant: out_.put(node.constant); return Outcome::written;
        case Shape::Kind::path: return render_path(*node.path);
        case Shape::Kind::text: return render_text(node);
        case Shape::Kind::object: return render_object(node);
        case Shape::Kind::list: return render_list(node);
        case Shape::Kind::loop: return render_loop(node);
        case Shape::Kind::get: return render_get(node);
    }
    return Outcome::failed;
}

PlanRendering::Outcome PlanRendering::render_object(const PlanNode& node) {
    if (!spend(1)) return Outcome::failed;
    out_.put('{');
    MemberLookup lookup;
    size_t comma = 1;  // bytes of a prefix that are not wanted: before the first member
    for (const PlanMember& member : node.members) {
        const std::string_view prefix = member.prefix;
        const size_t before = out_.size();
        if (member.value == nullptr) {
            out_.put(prefix.substr(comma));
            continue;
        }
        if (member.is_lookup) {
            const Value found = find(member, lookup);
            if (found) {
                out_.put(prefix.substr(comma));
                if (!put(found)) return Outcome::failed;
                comma = 0;
                continue;
            }
            if (error_) return Outcome::failed;
        } else {
            out_.put(prefix.substr(comma));
            const Outcome outcome = render(*member.value);
            if (outcome == Outcome::failed) return outcome;
            if (outcome == Outcome::written) {
                comma = 0;
                continue;
            }
            out_.cut(before);
        }
        if (member.constant == 0) continue;
        out_.put(prefix.substr(comma, member.constant - comma));
        comma = 0;
    }
    out_.put('}');
    return Outcome::written;
}

bool PlanRendering::render_element(const PlanNode& node) {
    const Outcome outcome = render(node);
    if (outcome == Outcome::nothing) out_.put("null");
    return outcome != Outcome::failed;
}

PlanRendering::Outcome PlanRendering::render_list(const PlanNode& node) {
    if (!spend(1)) return Outcome::failed;
    char before = '[';
    for (const auto& item : node.items) {
        out_.put(before);
        before = ',';
        if (!render_element(*item)) return Outcome::failed;
    }
    out_.put(']');
    return Outcome::written;
}

bool PlanRendering::select(const BoundPath& path, std::vector<Value>& values) {
    uint64_t cost = 0;
    const auto done = path.evaluate(frame_, values, path_bounds(), cost);
    return done ? count(cost) : stop(path.shown(), done.error());
}

PlanRendering::Outcome PlanRendering::render_path(const BoundPath& path) {
    if (path.is_singular()) {
        const Value found = find(path);
        if (!found) return error_ ? Outcome::failed : Outcome::nothing;
        return put(found) ? Outcome::written : Outcome::failed;
    }
    std::vector<Value> values;
    if (!select(path, values)) return Outcome::failed;
    char before = '[';
    if (values.empty()) out_.put(before);
    for (const Value value : values) {
        out_.put(before);
        before = ',';
        if (!spend(1) || !put(value)) return Outcome::failed;
        if (out_.is_full()) break;
    }
    out_.put(']');
    return Outcome::written;
}

std::optional<bool> PlanRendering::make_text(uint32_t text) {
    text_.clear();
    uint64_t cost = 1;
    auto there = texts_.append_text(text, frame_, text_, cost);
    if (!there) error_ = std::move(there).error();
    if (error_ || !spend(cost + text_.size() / Meter::kBytesAStep) || !hold_text()) return std::nullopt;
    return *there;
}

bool PlanRendering::hold_text() {
    constexpr size_t kCounted = size_t{64} << 10;
    if (text_.size() < kCounted || held_text_.set(text_.size())) return true;
    Meter::out_of_memory();
    return end_of_steps();
}

PlanRendering::Outcome PlanRendering::render_text(const PlanNode& node) {
    const auto there = make_text(node.text);
    if (!there) return Outcome::failed;
    if (node.text_is_json) out_.put(*there ? std::string_view(text_) : "null");
    else out_.put_string(text_);
    return Outcome::written;
}

bool PlanRendering::passes(const LoopShape& loop, Value value, bool& yes) {
    frame_[loop.place] = value;
    if (!loop.where) return spend(1);
    uint64_t cost = 1;
    const auto holds = loop.where->holds(frame_, path_bounds(), cost);
    if (!holds) return stop(loop.where->text(), holds.error());
    yes = *holds;
    return count(cost);
}

bool PlanRendering::is_new(const LoopShape& loop, TextSet& seen, ListRoom& room) {
    const Datum datum(find(*loop.distinct));
    if (!spend(datum.cost())) return false;
    std::string key = datum.key();
    std::string why;
    if (!room.hold(key.size() + ListRoom::kOfAKey, why)) return end_of_steps();
    return seen.insert(std::move(key)).second && !error_;
}

PlanRendering::Outcome PlanRendering::render_items(const PlanNode& node, auto&& values, bool filtered) {
    const LoopShape& loop = *node.loop;
    uint64_t left = loop.limit.value_or(UINT64_MAX);
    TextSet seen;
    ListRoom room(0);  // for what was seen
    char before = '[';
    for (const Value value : values) {
        if (left == 0 || out_.is_full()) break;
        bool yes = true;
        frame_[loop.place] = value;
        if (!filtered && !passes(loop, value, yes)) return Outcome::failed;
        if (!yes || (loop.distinct && !is_new(loop, seen, room))) {
            if (error_) return Outcome::failed;
            continue;
        }
        out_.put(before);
        before = ',';
        --left;
        if (!render_element(*node.inner)) return Outcome::failed;
    }
    let_go_by_steps(seen);
    if (before == '[') out_.put(before);
    out_.put(']');
    return error_ ? Outcome::failed : Outcome::written;
}

PlanRendering::Outcome PlanRendering::render_loop(const PlanNode& node) {
    const LoopShape& loop = *node.loop;
    if (loop.sort_by.empty() && (loop.source.is_singular() || loop.source.is_children())) {
        const Value found = find(loop.source);
        if (error_) return Outcome::failed;
        if (loop.source.is_children()) return render_items(node, found.children(), false);
        if (found.is_array() || !found || found.is_null()) return render_items(node, found.elements(), false);
        fail(loop.source.shown(), "is " + std::string(name_of(found.kind())) + ", and for_each goes through a list");
        return Outcome::failed;
    }
    std::vector<Value> values;
    if (!gather(loop, values)) return Outcome::failed;
    if (loop.sort_by.empty()) return render_items(node, values, false);
    std::vector<Value> kept;
    for (const Value value : values) {
        bool yes = true;
        if (!passes(loop, value, yes)) return Outcome::failed;
        if (yes) kept.push_back(value);
    }
    sort(loop, kept);
    return error_ ? Outcome::failed : render_items(node, kept, true);
}

bool PlanRendering::gather(const LoopShape& loop, std::vector<Value>& values) {
    if (!loop.source.is_singular()) return select(loop.source, values);
    const Value found = find(loop.source);
    if (found && !found.is_null() && !found.is_array()) {
        return fail(loop.source.shown(), "is " + std::string(name_of(found.kind())) + ", and for_each goes through a list");
    }
    if (found.size() > bounds_.max_list) return fail(loop.source.shown(), "is too long a list to be sorted");
    for (const Value value : found.elements()) {
        if (!spend(1)) return false;
        values.push_back(value);
    }
    return !error_;
}

PlanRendering::Outcome PlanRendering::render_missing(const PlanNode& node) {
    if (node.inner != nullptr) return render(*node.inner);
    if (!node.get->required) return Outcome::nothing;
    fail(node.get->name, "is missing", node.get->fault);
    return Outcome::failed;
}

PlanRendering::Outcome PlanRendering::render_get(const PlanNode& node) {
    const GetShape& get = *node.get;
    if (!get.changes.empty() || !get.source) return render_changed(node);
    if (!get.source->is_singular()) return render_path(*get.source);
    const Value found = find(*get.source);
    if (error_) return Outcome::failed;
    if (!found || (get.omit_null && found.is_null())) return render_missing(node);
    return put(found) ? Outcome::written : Outcome::failed;
}

bool PlanRendering::take(const GetShape& get, Datum& datum, ListRoom& room) {
    if (!get.source) {
        const auto there = make_text(get.text);
        if (there.value_or(false)) datum = Datum::string(text_);
        return there.has_value();
    }
    if (get.source->is_singular()) {
        datum = Datum(find(*get.source));
        return !error_;
    }
    std::vector<Value> values;
    if (!select(*get.source, values)) return false;
    std::vector<Datum> items;
    std::string why;
    if (!room.make(values.size(), why)) return fail(get.name, why, get.fault);
    items.reserve(values.size());
    for (const Value value : values) {
        if (!spend(1)) return false;
        items.emplace_back(value);
    }
    datum = Datum::list(std::move(items));
    return true;
}

PlanRendering::Outcome PlanRendering::render_changed(const PlanNode& node) {
    const GetShape& get = *node.get;
    Datum datum;
    ListRoom room(bounds_.max_list);
    if (!take(get, datum, room)) return Outcome::failed;
    for (const Change& change : get.changes) {
        if (datum.is(Kind::missing)) break;
        if (datum.size() > bounds_.max_list) {
            fail(get.name, "is too long a list to be changed");
            return Outcome::failed;
        }
        if (!spend(datum.cost())) return Outcome::failed;
        std::string why;
        if (apply(change, datum, room, why)) continue;
        if (node.inner != nullptr && !room.refused()) return render(*node.inner);
        fail(get.name, why, room.lacks_memory() ? Fault::memory : get.fault);
        return Outcome::failed;
    }
    if (datum.is(Kind::missing) || (get.omit_null && datum.is(Kind::null))) return render_missing(node);
    if (!spend(datum.cost())) return Outcome::failed;
    text_.clear();
    datum.append_to(text_);
    if (!hold_text()) return Outcome::failed;
    out_.put(text_);
    return Outcome::written;
}

}  // namespace portico::json::detail
