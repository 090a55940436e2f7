#include "server/name_watch.h"

#include <algorithm>

namespace portico::server {

namespace {
constexpr Duration kFirstRetry = std::chrono::milliseconds(500);
constexpr Duration kLastRetry = std::chrono::seconds(5);
}  // namespace

class NameWatch::Name final : public std::enable_shared_from_this<Name>, private io::Timer {
  public:
    Name(NameWatch& watch, std::string name) : watch_(watch), name_(std::move(name)) {}

    void ask() {
        if (asking_) return;
        asking_ = true;
        // The answer may come when the name is no longer wanted.
        watch_.resolver_->resolve(name_, [weak = weak_from_this()](Result<io::DnsAnswer> answer) {
            if (const auto self = weak.lock()) self->on_answer(std::move(answer));
        });
    }
    // Sooner than it was going to be, where the longest time to live has become shorter.
    void clamp() {
        if (!asking_ && settled_) ask_in(std::min(deadline() - watch_.loop_.now(), watch_.dns_.max_ttl));
    }
    const std::vector<IpAddress>& addresses() const { return addresses_; }
    bool settled() const { return settled_; }
    std::string trouble() const {
        if (why_.empty()) return {};
        return name_ + " does not resolve: " + why_ + (addresses_.empty() ? "" : "; the addresses that it had are used");
    }

  private:
    void ask_in(Duration d) { set(watch_.loop_.timers(), watch_.loop_.now() + d); }

    void on_answer(Result<io::DnsAnswer> answer) {
        asking_ = false;
        settled_ = true;
        const Time now = watch_.loop_.now();
        if (answer && !answer->addresses.empty()) {
            why_.clear();
            retry_ = kFirstRetry;
            good_at_ = now;
            ask_in(std::clamp(answer->ttl, watch_.dns_.min_ttl, std::max(watch_.dns_.min_ttl, watch_.dns_.max_ttl)));
            bound(answer->addresses);
            if (answer->addresses != addresses_) {
                addresses_ = std::move(answer->addresses);
                watch_.changed_(name_);
            }
            return;
        }
        const std::string before = std::exchange(why_, {});
        why_ = answer ? "it has no addresses" : answer.error().context.empty() ? std::string(answer.error().code()) : answer.error().context;
        if (why_.starts_with(name_ + ": ")) why_.erase(0, name_.size() + 2);
        ask_in(retry_);
        retry_ = std::min(retry_ * 2, kLastRetry);
        const Duration stale = watch_.dns_.stale;
        const bool too_old = !addresses_.empty() && stale != kForever && now - good_at_ > stale;
        if (too_old) addresses_.clear();
        // Why there are none is told to whoever would use them.
        if (too_old || (addresses_.empty() && why_ != before)) watch_.changed_(name_);
    }
    // Those that are used already stay, whatever else a server adds before them.
    void bound(std::vector<IpAddress>& addresses) {
        const size_t all = addresses.size();
        const bool too_many = all > kMostAddresses;
        if (too_many) {
            const auto is_used = [this](const IpAddress& a) { return std::ranges::find(addresses_, a) != addresses_.end(); };
            size_t fresh = kMostAddresses - static_cast<size_t>(std::ranges::count_if(addresses, is_used));
            std::erase_if(addresses, [&](const IpAddress& a) { return !is_used(a) && (fresh == 0 || fresh-- == 0); });
            if (!too_many_) watch_.too_many_(name_, all);
        }
        too_many_ = too_many;
    }
    void on_timer() override { ask(); }

    NameWatch& watch_;
    std::string name_;
    std::vector<IpAddress> addresses_;
    std::string why_;  // why the last answer was none
    Time good_at_{};
    Duration retry_ = kFirstRetry;
    bool asking_ = false;
    bool settled_ = false;
    bool too_many_ = false;  // and that was said
};

NameWatch::NameWatch(io::Loop& loop, std::unique_ptr<io::Resolver> resolver, std::function<void(const std::string&)> changed,
                     std::function<void(const std::string&, size_t)> too_many)
    : loop_(loop), resolver_(std::move(resolver)), changed_(std::move(changed)), too_many_(std::move(too_many)) {}
NameWatch::~NameWatch() = default;

void NameWatch::set_names(const std::vector<std::string>& names, const config::DnsConfig& dns) {
    if (dns.servers != dns_.servers || dns.timeout != dns_.timeout) resolver_->configure({dns.servers, dns.timeout});
    dns_ = dns;
    std::map<std::string, std::shared_ptr<Name>> kept;
    std::vector<Name*> fresh;
    for (const std::string& name : names) {
        auto& slot = kept[name];
        if (slot != nullptr) continue;
        if (const auto known = names_.find(name); known != names_.end()) {
            slot = known->second;
            slot->clamp();
        } else {
            slot = std::make_shared<Name>(*this, name);
            fresh.push_back(slot.get());
        }
    }
    names_ = std::move(kept);
    for (Name* n : fresh) n->ask();
}

const std::vector<IpAddress>& NameWatch::addresses(const std::string& name) const {
    static const std::vector<IpAddress> none;
    const auto found = names_.find(name);
    return found == names_.end() ? none : found->second->addresses();
}

std::string NameWatch::trouble(const std::string& name) const {
    const auto found = names_.find(name);
    return found == names_.end() ? std::string() : found->second->trouble();
}

bool NameWatch::settled() const {
    return std::ranges::all_of(names_, [](const auto& n) { return n.second->settled(); });
}

}  // namespace portico::server
