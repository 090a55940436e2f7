// Points in time as texts and numbers write them, read and written without any locale: for `date` (json/plan/change.h). Layer 1.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace portico::json {

// UTC, the years 1 to 9999.
struct Moment {
    int64_t seconds = 0;      // since 1970
    uint32_t nanoseconds = 0;
    bool operator==(const Moment&) const = default;
};

// How a moment is written.
class MomentFormat {
  public:
    enum class Kind : uint8_t { iso, epoch_s, epoch_ms, pattern };

    // `iso`, `epoch_s`, `epoch_ms`, or a pattern of strftime's conversions: %Y %m %d %H %M %S %f %z %y %b %B %a %A %e %j %I %p %s %F
    // %T %Z %%. @param why  what is wrong with it
    static std::optional<MomentFormat> parse(std::string_view text, std::string& why);

    Kind kind() const { return kind_; }
    // As it is written in a configuration.
    std::string_view name() const;
    bool is_number() const { return kind_ == Kind::epoch_s || kind_ == Kind::epoch_ms; }

    // UTC unless the text says another offset; white space in a pattern stands for any, and what a pattern does not say is the
    // beginning of 1970. @returns none where `text` is not written so, as a whole
    std::optional<Moment> read(std::string_view text) const;
    // In UTC. An ISO text ends in Z and has a fraction where there is one.
    std::string write(const Moment& moment) const;

  private:
    Kind kind_ = Kind::iso;
    std::string pattern_;
};

}  // namespace portico::json
