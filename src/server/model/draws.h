// What an episode is like, drawn from its seed: everybody's manners, and the network. For tests only.
#pragma once

#include "io/sim/fate.h"
#include "io/sim/network.h"
#include "server/model/plan.h"

namespace portico::server::model {

using io::Variant;

constexpr uint64_t kManners = 0xE515;  // what an episode's own draws begin with

// Whether the connections of an episode hold next to nothing. One in which all is to be well would never come to its end.
inline bool is_narrow(uint64_t seed) { return Chance(seed ^ kManners).one_in(2) && Chance(seed ^ 0x4A44).one_in(4); }

// What some episodes are for.
inline void draw_bent(Manners& m, Chance& c, bool hurried) {
    const uint64_t bent = c.below(24);
    if (bent > 11) return;
    m.uploads = bent != 11;
    m.small_answers = bent <= 4 || bent >= 9 || (hurried && bent >= 5);
    if (bent <= 2) {
        // Long heads, long bodies behind them, early answers: buffers hold more than a part of a body.
        m.raised = m.early_answers = m.long_by_length = true;
        m.large_one_in = m.long_heads_one_in = 1;
        m.most_pad = 60'000;
        m.expects_one_in = 8;
        m.chunked_one_in = 3;
        m.together_one_in = 2;
    } else if (bent <= 4) {
        // What waits for 100, and is repeated.
        m.lawful = m.uploads = false;
        m.early_answers = true;
        m.expects_one_in = 1;
        m.long_heads_one_in = 2;
        m.most_pad = 60'000;
        m.pace = Duration{};
        m.favourite = static_cast<int>(Answer::Wrong::leaves_unanswered);
        m.slow_to_begin_one_in = 2;
    } else if (bent <= 8 && !hurried) {
        m.first = static_cast<First>(c.between(1, 3));
        m.pace = milliseconds(c.between(100, 250));
        m.large_one_in = 2;
        m.early_answers = true;
    } else if (bent == 11) {
        // Heads that services never hear to their end.
        m.lawful = false;
        m.deaf = m.early_answers = true;
        m.long_heads_one_in = 1;
        m.pace = Duration{};
    } else {
        // One long body behind the other, as fast as they go.
        m.large_one_in = 1;
        m.least_large = 150'000;
        m.large = 200'000;
        m.greedy = true;
        m.long_heads_one_in = 20;
        m.expects_one_in = m.chunked_one_in = 0;
        m.together_one_in = 1;
        m.pace = Duration{};
    }
}

inline Manners draw_manners(Chance& c, bool hurried, bool narrow) {
    Manners m;
    m.lawful = !c.one_in(2);
    m.idle_closes = c.one_in(3);
    if (c.one_in(2)) m.pace = milliseconds(hurried ? 3 : c.between(1, 250));
    if (c.one_in(4)) m.large_one_in = 3;
    if (c.one_in(3)) m.long_heads_one_in = 2;
    m.uploads = c.one_in(5);
    if (m.uploads && c.one_in(2)) m.large_one_in = 2;
    m.expects_one_in = m.uploads ? 12 : c.between(2, 5);
    m.favourite = c.one_in(2) ? static_cast<int>(c.between(1, 8)) : 0;
    if (hurried) m.stall = milliseconds(250);
    m.prompt = hurried;
    m.reloads = c.one_in(3);
    m.drains = c.one_in(6);
    m.asks_first = c.one_in(3);
    m.speaks_at_rest = !m.lawful && c.one_in(3);
    draw_bent(m, c, hurried);
    m.holds = !m.lawful && c.one_in(3);
    m.narrow = narrow && !m.lawful;
    m.crowds = !hurried && c.one_in(10);
    m.strays = m.crowds && c.one_in(4);
    if (m.narrow) {
        m.large_one_in = 0;
        m.holds = c.one_in(2);
        m.expects_one_in = 2;
        // Heads that leave room for a body behind them in their buffer, and such that do not.
        m.most_pad = c.one_in(3) ? 8300 : 300;
        m.long_heads_one_in = m.most_pad > 300 ? 1 : 3;
        m.pace = Duration{};
        m.greedy = false;
    }
    if (m.crowds) {
        // One behind the other, each may wait for what never comes.
        m.asks_first = false;
        m.first = First::nobody;
        m.long_heads_one_in = 0;
    }
    return m;
}

// What the network is like in an episode.
inline io::SimWeather draw_weather(const Variant& variant) {
    const uint64_t seed = variant.seed;
    Chance c(seed ^ 0x3EA7);
    io::SimWeather w;
    w.seed = variant.weather != 0 ? variant.weather : seed;
    w.style = c.one_in(2) ? io::SimStyle::rings : io::SimStyle::edges;
    w.least_capacity = c.one_in(3) ? 1500 : 8000;
    w.most_capacity = c.one_in(3) ? 8000 : c.one_in(2) ? 64 * 1024 : 600 * 1024;
    w.short_one_in = c.one_in(2) ? static_cast<uint32_t>(c.between(2, 20)) : 0;
    w.late_one_in = c.one_in(2) ? static_cast<uint32_t>(c.between(2, 20)) : 0;
    w.most_delay = milliseconds(c.between(1, 5));
    w.starve_one_in = c.one_in(4) ? 5 : 0;
    w.over_one_in = c.one_in(3) ? 4 : 0;
    // Both sides stay ready for many rounds.
    if (c.one_in(6)) w.most_spliced = c.between(500, 8000);
    if (!Chance(seed ^ kManners).one_in(2)) return w;
    // Not all is to be well.
    w.refuse_one_in = c.one_in(4) ? 4 : 0;
    w.swallow_one_in = c.one_in(4) ? 4 : 0;
    if (is_narrow(seed)) w.least_capacity = c.between(1, 10), w.most_capacity = c.between(10, 60);
    return w;
}

}  // namespace portico::server::model
