// Edits compiled: paths put together, and everything that can be wrong with them said.
#include <algorithm>

#include "json/edit/edit.h"
#include "json/edit/edit_program.h"
#include "json/writer.h"

namespace portico::json {
namespace detail {
namespace {

bool is_same(const PathSelector& a, const PathSelector& b) {
    if (a.kind != b.kind) return false;
    switch (a.kind) {
        case PathSelector::Kind::name: return a.name == b.name;
        case PathSelector::Kind::index: return a.start == b.start;
        case PathSelector::Kind::wildcard: return true;
        default: return false;
    }
}

bool ends_in_one_name(const PathQuery& query) {
    if (query.segments.empty()) return false;
    const auto& selectors = query.segments.back().selectors;
    return selectors.size() == 1 && selectors.front().kind == PathSelector::Kind::name;
}

// Whether singular `inner` begins with all of singular `outer`.
bool is_inside(const PathQuery& inner, const PathQuery& outer) {
    if (inner.segments.size() < outer.segments.size()) return false;
    return std::equal(outer.segments.begin(), outer.segments.end(), inner.segments.begin(),
                      [](const auto& a, const auto& b) { return is_same(a.selectors.front(), b.selectors.front()); });
}

class EditCompiler {
  public:
    std::expected<EditProgram, EditError> compile(std::span<const EditStep> steps) {
        program_.steps.assign(steps.begin(), steps.end());
        program_.places.resize(1);
        const bool done = read_paths() && check_steps() && check_moves();
        if (!done) return std::unexpected(std::move(error_));
        for (uint32_t step = 0; step < steps.size(); ++step) put_in(step);
        sort_names();
        if (!check_writes() || !check_names()) return std::unexpected(std::move(error_));
        for (size_t i = program_.places.size(); i-- > 0;) sum_up(program_.places[i]);
        return std::move(program_);
    }

  private:
    bool fail(size_t step, std::string what, bool in_target = false, size_t offset = 0) {
        error_ = {step, in_target, offset, std::move(what)};
        return false;
    }

    bool read_path(size_t step, const std::string& text, bool in_target) {
        auto path = Path::compile(text);
        if (!path) return fail(step, std::move(path).error().what, in_target, path.error().offset);
        program_.paths.push_back(*std::move(path));
        return true;
    }

    bool read_paths() {
        if (program_.steps.size() > EditPlan::kMaxSteps) return fail(EditPlan::kMaxSteps, "there are too many edits");
        for (size_t i = 0; i < program_.steps.size(); ++i) {
            if (!read_path(i, program_.steps[i].path, false)) return false;
        }
        for (size_t i = 0; i < program_.steps.size(); ++i) {
            const EditStep& step = program_.steps[i];
            program_.targets.push_back(static_cast<uint32_t>(program_.paths.size()));
            if (step.kind == EditKind::move && !read_path(i, step.to, true)) return false;
            program_.names.emplace_back();
            if (step.kind == EditKind::rename) append_string(program_.names.back(), step.to);
            program_.keeps = program_.keeps || step.kind == EditKind::keep;
        }
        return true;
    }

    bool check_steps() {
        for (size_t i = 0; i < program_.steps.size(); ++i) {
            const PathQuery& query = program_.query(i);
            switch (program_.steps[i].kind) {
                case EditKind::remove:
                    if (query.segments.empty()) return fail(i, "the whole document cannot be removed");
                    break;
                case EditKind::rename:
                    if (!ends_in_one_name(query)) {
                        return fail(i, "only a member can be renamed: a path that ends in its name");
                    }
                    break;
                case EditKind::move:
                    if (query.segments.empty()) return fail(i, "the whole document cannot be moved");
                    if (!query.singular) return fail(i, "what is moved is one value: a path of names and indexes only");
                    if (!program_.query(program_.targets[i]).singular) {
                        return fail(i, "it is moved to one place: a path of names and indexes only", true);
                    }
                    break;
                default: break;
            }
        }
        return true;
    }

    bool check_moves() {
        for (size_t i = 0; i < program_.steps.size(); ++i) {
            if (program_.steps[i].kind != EditKind::move) continue;
            const PathQuery& target = program_.query(program_.targets[i]);
            for (size_t k = 0; k < program_.steps.size(); ++k) {
                if (program_.steps[k].kind != EditKind::move) continue;
                const PathQuery& source = program_.query(k);
                if (!is_inside(target, source)) continue;
                const bool same = target.segments.size() == source.segments.size();
                if (i == k) return fail(i, same ? "it is moved to where it is" : "it is moved into itself", true);
                if (!same) {
                    return fail(i, "it is moved into " + program_.steps[k].path + ", which is moved itself", true);
                }
            }
        }
        return true;
    }

    void put_in(uint32_t step) {
        constexpr EditAct kActs[] = {EditAct::keep,  EditAct::remove, EditAct::rename,
                                     EditAct::leave, EditAct::map,    EditAct::set};
        const EditKind kind = program_.steps[step].kind;
        put_in(step, step, kActs[static_cast<size_t>(kind)]);
        if (kind == EditKind::move) put_in(program_.targets[step], step, EditAct::arrive);
    }

    void put_in(uint32_t path, uint32_t step, EditAct act) {
        uint32_t place = 0;
        for (const PathSegment& segment : program_.query(path).segments) place = place_behind(place, segment, path);
        program_.places[place].actions.push_back({act, step});
    }

    uint32_t place_behind(uint32_t from, const PathSegment& segment, uint32_t path) {
        const bool alone = segment.selectors.size() == 1;
        const auto list_of = [&](const PathSelector& selector) -> std::vector<EditEdge>& {
            const bool named = selector.kind == PathSelector::Kind::name && !segment.descendant;
            return named ? program_.places[from].names : program_.places[from].others;
        };
        if (alone) {
            for (const EditEdge& edge : list_of(segment.selectors.front())) {
                const bool same =
                    edge.descendant == segment.descendant && is_same(*edge.selector, segment.selectors.front());
                if (edge.alone && same) return edge.to;
            }
        }
        const auto to = static_cast<uint32_t>(program_.places.size());
        program_.places.emplace_back();
        for (const PathSelector& selector : segment.selectors) {
            list_of(selector).push_back({&selector, path, to, segment.descendant, alone});
        }
        return to;
    }

    void sort_names() {
        for (EditPlace& place : program_.places) {
            std::ranges::sort(place.names, {},
                              [](const EditEdge& edge) { return std::string_view(edge.selector->name); });
        }
    }

    static bool writes(EditAct act) { return act >= EditAct::map; }

    // No place is written twice, and nothing inside of what is written.
    bool check_writes() {
        constexpr uint32_t kNone = UINT32_MAX;
        std::vector<uint32_t> writers(program_.places.size(), kNone);  // there or below
        for (size_t i = program_.places.size(); i-- > 0;) {
            uint32_t below = kNone;
            const EditPlace& place = program_.places[i];
            for (const auto* edges : {&place.names, &place.others}) {
                for (const EditEdge& edge : *edges) below = std::min(below, writers[edge.to]);
            }
            uint32_t here = kNone;
            for (const EditAction& action : place.actions) {
                if (!writes(action.act)) continue;
                const bool is_target = action.act == EditAct::arrive;
                if (here != kNone) return fail(action.step, "another edit writes the same place", is_target);
                here = action.step;
            }
            if (here != kNone && below != kNone) {
                const bool is_target = program_.steps[below].kind == EditKind::move;
                return fail(below, "it is inside of what " + program_.steps[here].path + " writes", is_target);
            }
            writers[i] = std::min(here, below);
        }
        return true;
    }

    // No name is given to two members of an object.
    bool check_names() {
        for (const EditPlace& place : program_.places) {
            std::vector<std::pair<std::string_view, uint32_t>> given;  // by renames, and those steps
            for (const EditEdge& edge : place.names) {
                for (const EditAction& action : program_.places[edge.to].actions) {
                    if (action.act == EditAct::rename) given.emplace_back(program_.steps[action.step].to, action.step);
                }
            }
            for (const auto& [name, step] : given) {
                for (const auto& [other, other_step] : given) {
                    if (step != other_step && name == other) {
                        return fail(std::max(step, other_step), "another edit gives that name");
                    }
                }
                for (const EditEdge& edge : place.names) {
                    const bool written =
                        std::ranges::any_of(program_.places[edge.to].actions, [](auto a) { return writes(a.act); });
                    if (edge.selector->name == name && written) {
                        return fail(step, "another edit writes the member of the new name");
                    }
                }
            }
        }
        return true;
    }

    // @requires all places that its edges lead to are summed up
    void sum_up(EditPlace& place) {
        for (const EditAction& action : place.actions) {
            place.keeps |= action.act == EditAct::keep;
            place.makes |= action.act == EditAct::set || action.act == EditAct::arrive;
        }
        for (const EditEdge& edge : place.names) {
            const EditPlace& to = program_.places[edge.to];
            place.creates |= to.makes || to.creates;
            place.leads_to_element |= to.needs_element || to.leads_to_element;
            place.leads_through_object |= to.keeps || to.keeps_below;
            add_below(place, to);
        }
        for (const EditEdge& edge : place.others) {
            const EditPlace& to = program_.places[edge.to];
            const PathSelector::Kind kind = edge.selector->kind;
            place.needs_element |=
                kind == PathSelector::Kind::index && !edge.descendant && (to.makes || to.creates || to.needs_element || to.leads_to_element);
            place.descends |= edge.descendant;
            if (!edge.descendant && (to.keeps || to.keeps_below)) {
                place.leads_through_array = true;
                place.leads_through_object |=
                    kind == PathSelector::Kind::wildcard || kind == PathSelector::Kind::filter;
            }
            add_below(place, to);
        }
    }

    static void add_below(EditPlace& place, const EditPlace& to) {
        for (const EditAction& action : to.actions) {
            place.changes_below |= action.act != EditAct::keep;
            place.renames_members |= action.act == EditAct::rename;
            place.writes_below |= writes(action.act);
        }
        place.keeps_below |= to.keeps || to.keeps_below;
        place.changes_below |= to.changes_below;
        place.writes_below |= to.writes_below;
    }

    EditProgram program_;
    EditError error_;
};

}  // namespace
}  // namespace detail

void detail::EditProgramDeleter::operator()(const EditProgram* program) const {
    delete program;
}

EditPlan::EditPlan(Program program) : program_(std::move(program)) {}

std::expected<EditPlan, EditError> EditPlan::compile(std::span<const EditStep> steps) {
    auto program = detail::EditCompiler().compile(steps);
    if (!program) return std::unexpected(std::move(program).error());
    return EditPlan(Program(new detail::EditProgram(*std::move(program))));
}

const std::string& EditPlan::path(size_t step) const {
    return program_->paths[step].text();
}

}  // namespace portico::json
