#include "gateway/chain_builder.h"

#include <algorithm>

#include "base/text.h"
#include "config/read.h"

namespace portico::gateway {
namespace {

using config::Node;
using config::PolicyConfig;
using config::Scope;

// A node's content as text, so that two policies written alike compare equal.
void write_canonical(const Node& node, std::string& out) {
    out += static_cast<char>('0' + static_cast<int>(node.kind));
    out += node.text;
    for (const config::Entry& e : node.entries) {
        out += '\x1f' + e.key + '\x1e';
        write_canonical(*e.value, out);
    }
    for (const Node* item : node.items) {
        out += '\x1d';
        write_canonical(*item, out);
    }
    out += '\x1c';
}

// @returns -1 after a fault
template <class Named>
int32_t index_of(const Scope& scope, const Node& name, std::string_view kind, const std::vector<Named>& all) {
    const auto text = config::read_string(scope, name, "the name of a " + std::string(kind));
    if (!text) return -1;
    std::vector<std::string_view> names;
    for (const Named& one : all) {
        if (one.name == *text) return static_cast<int32_t>(names.size());
        names.push_back(one.name);
    }
    const std::string_view near = nearest(*text, names.data(), names.size());
    scope.error(name.mark, "unknown-" + std::string(kind), "there is no " + std::string(kind) + " named \"" + *text + "\"",
                near.empty() ? "" : "did you mean \"" + std::string(near) + "\"?");
    return -1;
}

// Adds those who name subjects too. @returns whether that is where they begin to mix
bool begin_to_mix(std::vector<SubjectParty>& all, std::span<const SubjectParty> more) {
    // Who has so many and none mixed has said of each whose its subjects are; comparing all with all would take long.
    constexpr size_t kMost = 64;
    const bool mixed = may_mix(all);
    for (const SubjectParty& party : more) {
        if (all.size() < kMost && std::ranges::find(all, party) == all.end()) all.push_back(party);
    }
    return !mixed && may_mix(all);
}

constexpr size_t kMostNested = 16;

class Nesting {
  public:
    explicit Nesting(size_t& depth) : depth_(depth) { ++depth_; }
    ~Nesting() { --depth_; }
    Nesting(const Nesting&) = delete;

  private:
    size_t& depth_;
};

}  // namespace

void ChainBuilder::build_named() {
    // In the order of the file, but any_of may name one that stands below it: use() builds it then.
    for (const PolicyConfig& p : s_.config.policies) {
        if (!named_.contains(p.name)) named_.emplace(p.name, build(p, "policies." + p.name, p.name));
    }
}

ChainBuilder::Built ChainBuilder::build(const PolicyConfig& p, const std::string& path, const std::string& identity) {
    const auto type = std::ranges::find_if(types_, [&](const PolicyType* t) { return t->name == p.type; });
    if (type == types_.end()) return {};  // config/ has said so
    Built built;
    built.type = *type;
    built.name = p.name.empty() ? std::string_view(p.type) : std::string_view(p.name);
    built.shadow = p.shadow;
    if (p.shadow && !built.type->can_refuse) {
        faults_.error(p.mark, path, "idle-shadow", "the policy \"" + p.type + "\" is no guard: it has no shadow mode");
    }
    const size_t before = faults_.errors();
    std::vector<std::string>* const outer = std::exchange(inner_writes_, &built.writes);
    auto made = built.type->make({built.name, *p.settings, path + "." + p.type, p.name.empty() ? identity : p.name, p.shadow, !p.name.empty(), *this}, faults_);
    inner_writes_ = outer;
    if (made != nullptr) {
        made->set_index(static_cast<uint32_t>(s_.policies.size()));
        built.policy = made.get();
        s_.policies.push_back(std::move(made));
        s_.policy_names.emplace_back(built.name);
    } else if (faults_.errors() == before) {
        // A guard that is not there must never be a guard that lets pass.
        faults_.error(p.mark, path, "policy-failed", "the policy \"" + p.type + "\" could not be built");
    }
    if (built.type->managed_headers != nullptr) {
        for (std::string& name : built.type->managed_headers(*p.settings)) {
            s_.managed.insert(name);
            built.writes.push_back(std::move(name));
        }
    }
    if (built.type->header_writes != nullptr) {
        for (HeaderWrite& write : built.type->header_writes(*p.settings)) {
            built.writes.push_back(write.name);
            writes_.add(std::move(write), path + "." + p.type);
        }
    }
    std::string canonical = p.type + (p.shadow ? "?" : "!");
    write_canonical(*p.settings, canonical);
    built.guard = guards_.try_emplace(std::move(canonical), static_cast<uint32_t>(guards_.size())).first->second;
    return built;
}

ChainBuilder::Built ChainBuilder::of(const config::UseEntry& use, const std::string& path, const std::string& identity) {
    if (use.in_place) return build(*use.in_place, path, identity);
    if (const auto found = named_.find(use.name); found != named_.end()) return found->second;
    const auto later = std::ranges::find_if(s_.config.policies, [&](const PolicyConfig& p) { return p.name == use.name; });
    if (later == s_.config.policies.end()) return {};
    // Taken as absent meanwhile, so that one that leads back to itself ends.
    named_.emplace(use.name, Built{});
    return named_[use.name] = build(*later, "policies." + use.name, use.name);
}

void ChainBuilder::judge_shared(const Built& built, std::span<const SubjectParty> parties, bool shared_here, config::Mark mark, const Scope& scope) {
    // What one route mixes is told there.
    if (built.policy->counts_by_subject() && begin_to_mix(counted_[built.policy], parties) && !shared_here) {
        warn_of_shared_subject(scope, mark, "the key of \"" + std::string(built.name) + "\", which counts another route's requests too,");
    }
    std::vector<SubjectHeader> headers;
    built.policy->subject_headers(headers);
    for (const SubjectHeader& header : headers) {
        const bool mixed = begin_to_mix(filled_[http::folded_name(header.name)], header.parties);
        if (mixed && !may_mix(parties)) warn_of_shared_subject(scope, mark, "the header " + std::string(header.name) + ", which policies of two routes fill,");
    }
}

ChainBuilder::Identity ChainBuilder::build_chain(RouteRules& rules, const config::RouteConfig& route, const std::vector<std::string>& parameters,
                               const std::vector<std::string>& uneven, const Scope& use) {
    Identity known;
    std::vector<SubjectParty> parties;
    std::string_view established_by;
    Writers written;
    http::NameSet set;
    reads_.stand_behind({});
    for (size_t i = 0; i < route.use.size(); ++i) {
        const Scope at(use, i);
        const config::UseEntry& entry = route.use[i];
        const Built built = of(entry, at.path(), route.name + "/use[" + std::to_string(i) + "]");
        if (built.policy == nullptr) {
            // Its own fault was told; what it would have guaranteed is not known.
            if (!faults_.has_errors()) at.error(entry.mark, "policy-failed", "this policy could not be built");
            known.guaranteed = true;
            continue;
        }
        if (built.type->stands_first && i != 0) {
            at.error(entry.mark, "policy-order", "\"" + std::string(built.name) + "\" stands first in use, so that every refusal bears its headers",
                     "write it before the others");
        }
        PolicyPlace place{{parameters, known.guaranteed, &uneven, &reads_}, !established_by.empty(), i, built.shadow, route.forward.has_value(),
                          route.aggregate.has_value() || (route.respond && route.respond->body != nullptr)};
        place.optional_identity = known.optional;
        place.shared_subject = known.shared_subject;
        place.before = rules.chain;
        built.policy->check_place(place, entry.mark, at);
        check_spellings(built, written, entry.mark, at);
        if (!built.writes.empty()) {
            for (const std::string& name : built.writes) set.insert(name);
            reads_.stand_behind(set);
        }
        const IdentityRole role = built.policy->identity();
        if (role != IdentityRole::none) {
            if (!established_by.empty()) {
                at.error(entry.mark, "two-identities",
                         "both \"" + std::string(established_by) + "\" and \"" + std::string(built.name) + "\" establish an identity",
                         "where either will do, write any_of: [" + std::string(established_by) + ", " + std::string(built.name) + "]");
            }
            established_by = built.name;
            built.policy->subject_parties(parties);
            known.shared_subject = may_mix(parties);
            known.guaranteed |= role == IdentityRole::guaranteed && !built.shadow;
            known.optional |= role == IdentityRole::optional && !built.shadow;
            if (role == IdentityRole::guaranteed && !built.shadow) rules.signs_in = built.guard;
        }
        judge_shared(built, parties, known.shared_subject, entry.mark, at);
        rules.chain.push_back({built.policy, built.name, built.shadow});
        rules.costly_rules += built.policy->costly_rules();
        rules.answers_preflights |= built.type->stands_first && i == 0;
        if (!built.type->can_refuse || built.shadow) continue;
        rules.guards.push_back(built.guard);
        if (!built.policy->admits_anybody()) {
            rules.keeps_out = true;
            if (role == IdentityRole::none) rules.deciding.push_back(built.guard);
        }
        // By their places among all that the route's paths have, and not among those that every path has.
        const std::vector<std::string>& all = s_.table.rules()[static_cast<size_t>(&rules - s_.routes.data())].parameters;
        for (uint32_t p = 0; p < all.size(); ++p) {
            if (built.policy->judges_parameter(all[p])) rules.judged.push_back(p);
        }
        if (built.policy->judges_parameter(kRest)) rules.judged.push_back(kMaxParameters);
    }
    for (std::vector<uint32_t>* guards : {&rules.guards, &rules.deciding}) {
        std::ranges::sort(*guards);
        guards->erase(std::unique(guards->begin(), guards->end()), guards->end());
    }
    return known;
}

void ChainBuilder::check_spellings(const Built& built, Writers& written, config::Mark mark, const Scope& scope) {
    for (const std::string& name : built.writes) {
        const auto& [spelling, by] = written.try_emplace(http::folded_name(name), name, built.name).first->second;
        if (!iequals(spelling, name)) {
            const bool one = by == built.name;
            scope.error(mark, "two-spellings",
                        "\"" + std::string(by) + "\" sets the header " + spelling + ", and " +
                            (one ? "also " : "\"" + std::string(built.name) + "\" ") + name +
                            ": services that hand headers on as variables take them for one",
                        "write " + spelling + " in both places");
        }
    }
}

int32_t ChainBuilder::service(const Scope& scope, const Node& name) { return index_of(scope, name, "service", s_.config.services); }

int32_t ChainBuilder::store(const Scope& scope, const Node& name) { return index_of(scope, name, "store", s_.stores); }

void ChainBuilder::reads_of_client(const Scope& scope, const Node& header) {
    if (header.is_scalar()) reads_.add_of_client(header.text, header.mark, scope.path());
}

std::vector<ChainLink> ChainBuilder::use(const Scope& scope, const Node& list) {
    // One that names the next, and so on for the length of a file, would outgrow the stack.
    if (nested_ == kMostNested) {
        scope.error(list.mark, "nested-any-of", "policies are built of policies here, more than " + std::to_string(kMostNested) + " deep",
                    "write the innermost ones into this list");
        return {};
    }
    const Nesting nesting(nested_);
    config::RouteConfig read;
    const size_t before = faults_.errors();
    config::read_use(scope, list, read);
    std::vector<ChainLink> links;
    for (size_t i = 0; i < read.use.size(); ++i) {
        const Scope at(scope, i);
        const config::UseEntry& entry = read.use[i];
        const std::string& wanted = entry.in_place ? entry.in_place->type : entry.name;
        // A list of its own keeps the entry: what a policy in place is called lives there.
        s_.inner_uses.push_back(entry);
        const Built built = of(s_.inner_uses.back(), at.path(), at.path());
        if (built.policy == nullptr) {
            if (faults_.errors() == before) {
                at.error(entry.mark, "unknown-policy", "there is no policy \"" + wanted + "\" that can stand here");
            }
            continue;
        }
        if (built.shadow) at.error(entry.mark, "policy-order", "a policy in shadow mode decides nothing here");
        if (inner_writes_ != nullptr) inner_writes_->insert(inner_writes_->end(), built.writes.begin(), built.writes.end());
        links.push_back({built.policy, built.name, built.shadow});
    }
    return faults_.errors() == before ? links : std::vector<ChainLink>{};
}

}  // namespace portico::gateway
