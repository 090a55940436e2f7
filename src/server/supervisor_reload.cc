// The control thread's part of configurations: read, judged, and swapped whole once their names are known.
#include <algorithm>

#include "config/file_text.h"
#include "server/process_limits.h"
#include "server/supervisor.h"

namespace portico::server {
namespace {

// How long a reload waits for the first answers about names that it adds; the old configuration serves meanwhile.
constexpr Duration kNewNames = std::chrono::seconds(5);

void add_names(const config::Config& config, std::vector<std::string>& names) {
    for (const config::ServiceConfig& s : config.services) {
        for (const config::EndpointConfig& e : s.endpoints) {
            if (!IpAddress::parse(e.host)) names.push_back(e.host);
        }
    }
}

}  // namespace

std::shared_ptr<const gateway::Snapshot> Supervisor::load(uint64_t number) {
    config::FaultList faults;
    const config::FilesRead read;
    auto source = options_.source(faults);
    std::shared_ptr<const gateway::Snapshot> snapshot;
    if (source) snapshot = build_snapshot(*source, options_.file_name, number, resources_, faults);
    if (options_.watch) loaded_ = read.digests();
    faults.sort();
    if (!options_.demo || snapshot == nullptr) {
        operators_.write(config::render(faults, options_.file_name, source ? *source : std::string_view{}));
    }
    return snapshot;
}

Result<std::unique_ptr<observe::LogSink>> Supervisor::open_log(const config::LogConfig& log) {
    if (!log.access || (sink_ != nullptr && log.file == log_file_)) return nullptr;
    observe::LogSinkOptions options;
    options.lost_shard = &registry_.new_shard();
    options.lost = context_->cells.dropped_log_lines;
    options.say = [this](const std::string& line) { operators_.say(line); };
    return observe::LogSink::make(log.file, options);
}

void Supervisor::reload(const char* why) {
    if (draining_) return;
    if (coming_ != nullptr) {
        // Names of the one before are still looked up: this one's turn comes when that has been swapped in.
        reload_again_ = why;
        return;
    }
    operators_.say(std::string("reloading: ") + why);
    service_manager_.reloading();
    const config::PipePatience patience;
    take(load(next_number_));
}

bool Supervisor::reload_at_rest(const std::string& path, const config::FilesRead::Digests& at_rest) {
    if (draining_ || coming_ != nullptr) return false;
    const auto before = loaded_;
    operators_.say(path == options_.file_name ? "reloading: the file has changed" : "reloading: a file that it names has changed");
    service_manager_.reloading();
    const config::PipePatience patience;
    auto fresh = load(next_number_);
    // Half a file may be valid without its guards: what is taken is what was seen to rest, of each file that was known before.
    const auto unsettled = std::ranges::find_if(loaded_, [&](const auto& read) {
        const auto seen = at_rest.find(read.first);
        return seen != at_rest.end() && seen->second != read.second;
    });
    if (fresh != nullptr && unsettled != loaded_.end()) {
        const std::string written = unsettled->first;
        loaded_ = before;
        operators_.say("not reloaded: somebody is writing to " + written + "; it is read again when it rests");
        if (ready_) service_manager_.ready();
        return false;
    }
    take(std::move(fresh));
    return true;
}

void Supervisor::take(std::shared_ptr<const gateway::Snapshot> fresh) {
    if (fresh != nullptr) coming_ = prepare(std::move(fresh));
    if (coming_ == nullptr) {
        count_reload("refused");
        operators_.say("reload refused: configuration " + std::to_string(snapshot_->number) + " keeps running");
        if (ready_) service_manager_.ready();
        return;
    }
    ++next_number_;
    // Of both until the swap: the running one goes on following its names.
    std::vector<std::string> names;
    add_names(snapshot_->config, names);
    add_names(coming_->snapshot->config, names);
    names_->set_names(names, coming_->snapshot->config.dns);
    if (names_->settled()) return swap();
    coming_->swap_by = loop_->now() + kNewNames;
    coming_->ticker = std::make_unique<Ticker>(*loop_, std::chrono::milliseconds(10), [this] {
        if (coming_->due || (!names_->settled() && loop_->now() < coming_->swap_by)) return;
        coming_->due = true;
        loop_->post([this] { swap(); });  // not from within the ticker, which goes
    });
}

std::unique_ptr<Supervisor::Coming> Supervisor::prepare(std::shared_ptr<const gateway::Snapshot> fresh) {
    auto opened = open_addresses(fresh->config);
    if (!opened) return nullptr;
    auto sink = open_log(fresh->config.log);
    if (!sink) {
        operators_.say(sink.error().context);
        return nullptr;
    }
    return std::unique_ptr<Coming>(new Coming{std::move(fresh), std::move(*opened), std::move(*sink), {}, false, nullptr});
}

void Supervisor::swap() {
    if (coming_ == nullptr) return;
    const std::unique_ptr<Coming> coming = std::move(coming_);
    const config::Config& config = coming->snapshot->config;
    // Only what this swap replaced: another one may have put away a sink that its own workers have not let go yet.
    const observe::LogSink* old_sink = nullptr;
    if (coming->sink != nullptr) {
        old_sink = sink_.get();
        old_sinks_.push_back(std::exchange(sink_, std::move(coming->sink)));
        log_file_ = config.log.file;
        for (auto& w : workers_) w->log_to(sink_.get());
    }
    apply(coming->snapshot);
    serve_addresses(std::move(coming->addresses), config);
    const uint32_t most = connection_limit(config, descriptors_, workers_.size());
    const uint64_t memory = memory_limit(config, available_memory(), workers_.size());
    for (auto& w : workers_) {
        w->limit_connections(most);
        w->limit_memory(memory);
    }
    tell_what_needs_a_restart(config);
    count_reload("applied");
    // Said when it is true of every worker: whoever reads it may send the next request at once.
    const auto left = std::make_shared<size_t>(workers_.size());
    for (auto& w : workers_) {
        w->confirm([this, left, old_sink, number = coming->snapshot->number] {
            loop_->post([this, left, old_sink, number] {
                if (--*left > 0) return;
                std::erase_if(old_sinks_, [&](const auto& s) { return s == nullptr || s.get() == old_sink; });
                operators_.say("reloaded: configuration " + std::to_string(number) + " is running");
                // Another one may have begun meanwhile.
                if (ready_ && !draining_ && coming_ == nullptr) service_manager_.ready();
                if (const char* why = std::exchange(reload_again_, nullptr)) reload(why);
            });
        });
    }
}

void Supervisor::apply(std::shared_ptr<const gateway::Snapshot> snapshot) {
    if (snapshot_ != nullptr && snapshot_ != snapshot) keep_while_used(std::move(snapshot_));
    snapshot_ = std::move(snapshot);
    std::vector<std::string> names;
    add_names(snapshot_->config, names);
    names_->set_names(names, snapshot_->config.dns);
    ServiceAddresses addresses;
    for (size_t i = 0; i < snapshot_->config.services.size(); ++i) addresses.push_back(addresses_of(i));
    for (auto& w : workers_) w->apply(snapshot_, addresses);
    // The admin pages need a snapshot only for the shape of errors.
    auto epoch = std::make_shared<gateway::Epoch>();
    epoch->snapshot = snapshot_;
    epoch->route_cells.resize(snapshot_->config.routes.size() + 1);
    context_->epoch = std::move(epoch);
    const observe::Gauge gauge = registry_.gauge("portico_snapshot", "Number of the running configuration; each reload adds one.");
    context_->shard.add(gauge, static_cast<int64_t>(snapshot_->number) - static_cast<int64_t>(shown_number_));
    shown_number_ = snapshot_->number;
}

void Supervisor::keep_while_used(std::shared_ptr<const gateway::Snapshot> snapshot) {
    old_snapshots_.push_back(std::move(snapshot));
    if (old_snapshots_ticker_ != nullptr) return;
    old_snapshots_ticker_ = std::make_unique<Ticker>(*loop_, std::chrono::milliseconds(500), [this] {
        std::erase_if(old_snapshots_, [](const auto& s) { return s.use_count() == 1; });
        if (!old_snapshots_.empty()) return;
        // Not from within the ticker, which goes; and a reload may have come in between.
        loop_->post([this] {
            if (old_snapshots_.empty()) old_snapshots_ticker_.reset();
        });
    });
}

void Supervisor::tell_what_needs_a_restart(const config::Config& config) {
    if (const size_t wanted = worker_count(config); wanted != workers_.size()) {
        operators_.say("workers: " + std::to_string(wanted) + " needs a restart: " + std::to_string(workers_.size()) + " run until then");
    }
    if (io_choice(config) != io_) operators_.say("io needs a restart: " + workers_.front()->backend_name() + " is used until then");
}

void Supervisor::count_reload(const char* result) {
    context_->shard.add(registry_.counter("portico_reloads_total", "Reloads by their result.", {{"result", result}}));
}

upstream::ResolvedService Supervisor::addresses_of(size_t service) const {
    upstream::ResolvedService resolved;
    for (const config::EndpointConfig& e : snapshot_->config.services[service].endpoints) {
        upstream::ResolvedEndpoint r{e.authority, {}, {}};
        if (e.tls) r.tls = {snapshot_->service_tls[service], e.host};
        if (const auto literal = IpAddress::parse(e.host)) {
            r.addresses.push_back({*literal, e.port});
        } else {
            for (const IpAddress& ip : names_->addresses(e.host)) r.addresses.push_back({ip, e.port});
            if (r.addresses.empty()) r.trouble = names_->trouble(e.host);
        }
        resolved.push_back(std::move(r));
    }
    return resolved;
}

void Supervisor::on_name_changed(const std::string& name) {
    for (size_t i = 0; i < snapshot_->config.services.size(); ++i) {
        const config::ServiceConfig& s = snapshot_->config.services[i];
        const bool uses = std::ranges::any_of(s.endpoints, [&](const config::EndpointConfig& e) { return e.host == name; });
        if (!uses) continue;
        for (auto& w : workers_) w->set_addresses(s.name, addresses_of(i));
    }
}

}  // namespace portico::server
