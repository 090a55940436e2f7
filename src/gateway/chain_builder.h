// Policies of a snapshot in the making: each built once, put into the chains of the routes that use it, and judged in its place
// there. Private to gateway/ (snapshot.cc). One thread.
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "base/text_table.h"
#include "gateway/snapshot.h"

namespace portico::gateway {

class ChainBuilder final : private PolicyBuild {
  public:
    ChainBuilder(Snapshot& snapshot, std::span<const PolicyType* const> types, Resources& resources, HeaderWrites& writes, HeaderReads& reads,
                 config::FaultList& faults)
        : s_(snapshot), types_(types), resources_(resources), writes_(writes), reads_(reads), faults_(faults) {}

    // Those under `policies`.
    void build_named();
    struct Identity {
        bool guaranteed = false;
        bool optional = false;  // one is enforced where it is there
        bool shared_subject = false;  // PolicyPlace::shared_subject
    };
    // A route's `use`, on paths that all have the parameters, and some the uneven ones; what is read from there on stands behind it.
    // @returns what its policies know of who asks
    Identity build_chain(RouteRules& rules, const config::RouteConfig& route, const std::vector<std::string>& parameters,
                         const std::vector<std::string>& uneven, const config::Scope& use);

  private:
    struct Built {
        const Policy* policy = nullptr;
        const PolicyType* type = nullptr;
        std::string_view name;
        bool shadow = false;
        uint32_t guard = 0;
        std::vector<std::string> writes;  // the request headers that it sets, with those of the policies inside of it
    };
    // Names that policies of one route write, each with the policy that wrote it first.
    using Writers = TextMap<std::pair<std::string, std::string_view>>;

    Built build(const config::PolicyConfig& policy, const std::string& path, const std::string& identity);
    // A service that folds names would read two headers as one: each is written in one spelling only.
    static void check_spellings(const Built& built, Writers& written, config::Mark mark, const config::Scope& scope);
    // @param identity of one in place
    Built of(const config::UseEntry& use, const std::string& path, const std::string& identity);

    // Limits and headers by `sub` that another route's parties share.
    void judge_shared(const Built& built, std::span<const SubjectParty> parties, bool shared_here, config::Mark mark, const config::Scope& scope);

    Resources& resources() override { return resources_; }
    const config::Config& config() const override { return s_.config; }
    int32_t service(const config::Scope& scope, const config::Node& name) override;
    int32_t store(const config::Scope& scope, const config::Node& name) override;
    void reads_of_client(const config::Scope& scope, const config::Node& header) override;
    std::vector<ChainLink> use(const config::Scope& scope, const config::Node& list) override;

    Snapshot& s_;
    std::span<const PolicyType* const> types_;
    Resources& resources_;
    HeaderWrites& writes_;
    HeaderReads& reads_;
    config::FaultList& faults_;
    std::map<std::string, Built, std::less<>> named_;
    std::map<std::string, uint32_t> guards_;
    std::map<const Policy*, std::vector<SubjectParty>> counted_;  // by limits that count by `sub`
    TextMap<std::vector<SubjectParty>> filled_;                   // headers that hold `sub`, folded
    size_t nested_ = 0;  // lists of policies that are being built, one inside the other
    std::vector<std::string>* inner_writes_ = nullptr;  // where the policies inside of the one that is being built leave theirs
};

}  // namespace portico::gateway
