#include "cli/explain_aggregate.h"

#include "base/utf8.h"
#include "cli/explain_body.h"
#include <cstdio>

#include "config/scalar.h"
#include "gateway/snapshot.h"

namespace portico::cli {
namespace {

using namespace gateway;

class Calls {
  public:
    Calls(Exchange& x, const AggregateAction& action, const Shown& shown)
        : x_(x), action_(action), shown_(shown), snapshot_(*x.epoch->snapshot), config_(*snapshot_.config.routes[x.match.route].aggregate) {}

    void print() {
        shown_.print("aggregate %zu call(s), all within %s\n", action_.calls.size(), config::duration_text(action_.timeout).c_str());
        const std::vector<uint32_t> depths = action_.graph.depths();
        for (uint32_t stage = 0; stage < depths.size(); ++stage) {
            for (uint32_t i = 0; i < depths.size(); ++i) {
                if (depths[i] == stage) call(i);
            }
        }
        std::string status;
        for (const config::StatusCase& one : config_.status) {
            status += (status.empty() ? "" : ", else ") + std::to_string(one.status);
            if (one.when != nullptr) status += " where " + one.when->text + " holds";
        }
        if (config_.status.empty() || config_.status.back().when != nullptr) status += status.empty() ? "200" : ", else 200";
        shown_.print("answer    %s: %s\n", status.c_str(), body_in_words(*action_.body).c_str());
    }

  private:
    void call(uint32_t index) {
        const AggregateCall& c = action_.calls[index];
        const config::CallConfig& written = config_.calls[index];
        std::string when;
        for (const uint32_t needed : action_.graph.needs(index)) when += (when.empty() ? "" : " and ") + action_.calls[needed].name;
        std::string said = when.empty() ? "at once" : "once " + when + " has ended";
        if (written.when != nullptr) said += ", where " + written.when->text + " holds";
        if (written.for_each != nullptr) {
            said += ", for each of " + (written.for_each->is_scalar() ? written.for_each->text : std::string("a list"));
            said += ", " + std::to_string(c.concurrency) + " at a time, at most " + std::to_string(c.max_items);
        }
        if (c.timeouts.total != kForever) said += ", within " + config::duration_text(c.timeouts.total);
        shown_.print("call      %s: %s%s\n", c.name.c_str(), said.c_str(), c.optional ? " (optional)" : "");
        request(index, c, written, when.empty() && written.for_each == nullptr);
    }

    void request(uint32_t index, const AggregateCall& c, const config::CallConfig& written, bool known) {
        const config::ServiceConfig& service = snapshot_.config.services[static_cast<size_t>(c.service)];
        if (service.respond) return line("to " + service.name + ", which gives a fixed answer: " + std::to_string(service.respond->status));
        if (!known) return line(c.method_text + " " + written.path.value + " to " + service.name);
        auto text = describe_call(x_, action_, index, service.endpoints.front().authority);
        if (!text) return line("not made: " + text.error().context);
        for (size_t at = 0; at < text->size();) {
            const size_t end = std::min(text->find("\r\n", at), text->size());
            if (end > at) shown_.print("          %s\n", shown_.head_line(std::string_view(*text).substr(at, end - at)).c_str());
            at = end + 2;
        }
    }

    void line(const std::string& text) const { shown_.print("          %s\n", printable(text, '?').c_str()); }

    Exchange& x_;
    const AggregateAction& action_;
    const Shown& shown_;
    const Snapshot& snapshot_;
    const config::AggregateConfig& config_;
};

}  // namespace

void explain_aggregate(Exchange& x, const AggregateAction& action, const Shown& shown) { Calls(x, action, shown).print(); }

}  // namespace portico::cli
